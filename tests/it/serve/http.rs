//! Addresses and front doors: which function a request reaches, and what its client gets.

use std::io::Read as _;

use super::{Server, agent};
use crate::desk::Desk;
use crate::tools;

/// Says its name and what it was asked.
fn script(name: &str) -> String {
    format!("fn handler(event) {{ `{name} ${{event.rawPath ?? event.path}}` }}")
}

#[test]
fn the_terminal_says_where_it_is_and_what_to_try() {
    let desk =
        Desk::new().file("orders/function.rhai", script("o")).file("orders/event.json", "{}");
    let server = Server::start(desk, &["orders"]);
    let said = server.process.stderr();
    let port = server.port;
    for line in [
        format!(
            "serving at http://127.0.0.1:{port}/\n  orders  http://orders.localhost:{port}/  function.handler in "
        ),
        format!(
            "\nsee and send   http://127.0.0.1:{port}/_/\ncall by HTTP   curl http://127.0.0.1:{port}/\n"
        ),
        format!("\ninvoke         aws lambda invoke --endpoint-url http://127.0.0.1:{port} "),
        "--function-name orders --payload fileb://".to_owned(),
        "every save is live; Ctrl-C ends\n".to_owned(),
    ] {
        assert!(said.contains(&line), "`{line}` is missing in:\n{said}");
    }
    let document: serde_json::Value = serde_json::from_str(&server.process.stdout()).unwrap();
    assert_eq!(document["address"], format!("http://127.0.0.1:{port}/"));
    assert_eq!(document["functions"][0]["name"], "orders");
    assert!(document["functions"][0]["folder"].as_str().unwrap().ends_with("/orders"));
}

#[test]
fn functions_are_reached_by_host_by_path_and_by_name() {
    let desk = Desk::new()
        .file("orders/function.rhai", script("orders"))
        .file("users/function.rhai", script("users"))
        .file("users/rhai-lambda.toml", "name = \"People\"\n[http]\nkind = \"v1\"\n");
    let server = Server::start(desk, &["orders", "users"]);
    assert_eq!(server.get("/a/b").body, "orders /a/b");
    assert_eq!(server.get_at("orders.localhost", "/a").body, "orders /a");
    assert_eq!(server.get_at("people.localhost", "/a").status, 502, "a REST API wants a response");
    assert_eq!(server.get("/_/url/People/x/y?z=1").body, "People /x/y".replace("People", "users"));
    assert_eq!(server.get("/_/v2/orders").body, "orders /");
    assert_eq!(server.get("/_/v1/orders/x").status, 502);
    assert_eq!(server.get("/_/alb/orders/x").status, 502);
    assert_eq!(server.invoke("orders", "{\"rawPath\":\"/7\"}").body, "\"orders /7\"");
    assert_eq!(server.invoke("People", "{\"path\":\"/7\"}").body, "\"users /7\"");

    let unknown = server.get_at("order.localhost", "/");
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.body, "there is no function `order`\nhint: there is `orders`, `People`\n");
    let nowhere = server.get("/_/other");
    assert_eq!(
        (nowhere.status, nowhere.body.lines().next()),
        (404, Some("there is nothing at `/_/other`"))
    );
}

#[test]
fn requests_and_responses_are_whole() {
    let server = Server::with(
        "fn handler(event) { #{ statusCode: 201, headers: #{ \"x-method\": event.requestContext.http.method }, \
         cookies: [\"a=1\", \"b=2\"], body: `${event.rawQueryString} ${event.body ?? \"-\"}` } }",
    );
    let posted = server.post("/p?q=%20&r", &[("content-type", "application/json")], "{}");
    assert_eq!((posted.status, posted.body.as_str()), (201, "q=%20&r {}"));
    assert_eq!(posted.header("x-method"), "POST");
    // A map keeps one of the two.
    assert!(["a=1", "b=2"].contains(&posted.header("set-cookie")), "{posted:?}");
}

#[test]
fn an_error_is_told_to_clients_as_aws_does_and_to_developers_as_it_is() {
    let script =
        "fn handler(event) {\n    throw #{ errorType: \"BadOrder\", errorMessage: \"<b>id\" };\n}";
    let mut server = Server::with(script);
    let program = server.get_with("/", &[("accept", "*/*")]);
    assert_eq!((program.status, program.body.as_str()), (502, "Internal Server Error"));
    assert_eq!(program.header("x-rhai-lambda-error"), "BadOrder: <b>id");

    let browser = server.get_with("/", &[("accept", "text/html,application/xhtml+xml")]);
    assert_eq!(browser.status, 502);
    assert!(browser.header("content-type").starts_with("text/html"), "{browser:?}");
    let drawing = "error[BadOrder]: &lt;b&gt;id\n --&gt; function.rhai:2:5\n";
    assert!(browser.body.contains(drawing), "{}", browser.body);
    assert!(browser.body.contains("<code>502 Bad Gateway</code> and <code>Internal Server Error"));

    let said = server.wait_for("error[BadOrder]: <b>id\n --> function.rhai:2:5\n");
    assert!(said.contains("HTTP 502 GET /\n"), "{said}");
}

#[test]
fn a_result_that_is_no_response_is_explained() {
    let mut server = Server::with("fn handler(event) { #{ statusCode: \"many\", body: 1 } }");
    let reply = server.get("/");
    assert_eq!(reply.status, 502, "{reply:?}");
    assert!(reply.header("x-rhai-lambda-error").contains("statusCode"), "{reply:?}");
    let said = server.wait_for("warning: the result is no HTTP response: ");
    assert!(said.contains("`statusCode`"), "{said}");
}

#[test]
fn functions_take_their_settings_from_the_command_line() {
    let script =
        "fn handler(event, context) { `${env::get(\"TABLE\")} ${context.memory_limit_in_mb}` }";
    let server = Server::start(Desk::with(script), &["--env", "TABLE=orders", "--memory", "256"]);
    assert_eq!(server.get("/").body, "orders 256");
}

#[test]
fn a_function_that_runs_too_long_is_stopped() {
    let server = Server::start(Desk::with("fn handler(event) { sleep(30) }"), &["--timeout", "1"]);
    let reply = server.get("/");
    assert_eq!(reply.status, 502);
    assert!(reply.header("x-rhai-lambda-error").starts_with("DeadlineExceeded"), "{reply:?}");
}

#[test]
fn environments_take_as_many_events_as_they_are_told() {
    let script = "fn handler(event) { env::get(\"AWS_LAMBDA_MAX_CONCURRENCY\", \"one\") }";
    let server = Server::start(Desk::with(script), &[]);
    assert_eq!(server.get("/").body, "one");
    let server = Server::start(Desk::with(script), &["--concurrency", "2"]);
    assert_eq!(server.get("/").body, "2");
}

#[test]
fn the_example_of_streaming_is_served_as_its_readme_says() {
    let folder = tools::root().join("examples/streaming");
    let server = Server::start(Desk::new(), &[folder.to_str().unwrap()]);
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("new EventSource(\"events\")"), "{page:?}");
    let events = server.get("/events?pause=0.01");
    assert_eq!((events.status, events.header("content-type")), (200, "text/event-stream"));
    assert!(events.body.contains("\"tea is ready\""), "{events:?}");
}

/// Waits for the client between two writes, so that one who buffers never gets the second.
const STREAM: &str = "\
fn handler(event, context) {
    let out = context.stream(#{ statusCode: 201, headers: #{ \"x-parts\": \"2\" } });
    out.write(\"one \");
    while !fs::exists(\"/tmp/\" + event.rawPath) { sleep(0.01); }
    out.write(\"two\");
    if event.rawQueryString == \"fail\" { throw \"late\" }
}
";

#[test]
fn a_stream_is_passed_on_as_it_comes() {
    let desk = Desk::with(STREAM).file("rhai-lambda.toml", "timeout = 60\n[http]\nstream = true\n");
    let mut server = Server::start(desk, &[]);
    for query in ["", "?fail"] {
        let name = format!("rhai-lambda-it-{}{}", server.port, query.len());
        let flag = std::path::Path::new("/tmp").join(&name);
        let response = agent().get(server.url(&format!("/{name}{query}"))).call().unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["x-parts"], "2");
        let mut body = response.into_body().into_reader();
        let mut first = [0; 4];
        body.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"one ");
        // The function goes on when the client has seen that.
        std::fs::write(&flag, "").unwrap();
        let mut rest = String::new();
        let ended = body.read_to_string(&mut rest);
        let _ = std::fs::remove_file(&flag);
        // A function that fails cuts its client off: there is no other way to tell.
        assert_eq!(ended.is_ok(), query.is_empty(), "{query}: {ended:?}");
        if query.is_empty() {
            assert_eq!(rest, "two");
        }
    }
    server.wait_for("error[Error]: late");
}
