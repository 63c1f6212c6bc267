//! The data behind the page: what it tells, how much is kept, and who may not have it.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use super::{Reply, Server, agent, until};
use crate::desk::Desk;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn invocations(server: &Server) -> Vec<Value> {
    server.get("/_/api/state").json()["invocations"].as_array().unwrap().clone()
}

fn detail(server: &Server, id: &Value) -> Value {
    server.get(&format!("/_/api/invocations/{}", id.as_str().unwrap())).json()
}

/// Waits for the end of the invocation that `begun` tells of.
fn ended(server: &Server, begun: &Reply) -> Value {
    assert_eq!(begun.status, 202, "{begun:?}");
    let id = begun.json()["id"].clone();
    let path = format!("/_/api/invocations/{}", id.as_str().unwrap());
    let is_over = || {
        let reply = server.get(&path);
        reply.status == 200 && reply.json()["status"] != "running"
    };
    until("the invocation is over", is_over);
    detail(server, &id)
}

#[test]
fn an_invocation_is_told_whole() {
    let desk = Desk::new().file(
        "orders/function.rhai",
        "fn handler(event) { print(\"pricing\"); if event.fail == true { throw #{ errorType: \"BadOrder\", \
         errorMessage: \"no id\" } } event.id }",
    );
    let server = Server::start(desk, &["orders"]);
    // More digits than a browser's numbers have.
    assert_eq!(server.invoke("orders", "{\"id\":9007199254740993}").body, "9007199254740993");
    let all = invocations(&server);
    assert_eq!(
        (all.len(), &all[0]["status"], &all[0]["source"]),
        (1, &"ok".into(), &"Invoke API".into())
    );
    let told = detail(&server, &all[0]["id"]);
    assert_eq!(told["event"]["text"], "{\"id\":9007199254740993}");
    assert_eq!(told["result"]["text"], "9007199254740993");
    assert_eq!((&told["memory"], &told["function"]), (&128.into(), &"orders".into()));
    for figure in ["duration", "billed", "started", "init"] {
        assert!(told[figure].as_f64().is_some_and(|figure| figure > 0.0), "{figure}: {told}");
    }
    let kinds: Vec<&str> = told["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["platform", "log", "platform", "platform"]);

    let path = "/_/api/functions/orders/invocations";
    let failed = ended(&server, &server.post(path, &JSON, "{\"fail\":true}"));
    assert_eq!(
        (&failed["status"], &failed["errorType"]),
        (&"error".into(), &"Function.BadOrder".into())
    );
    assert_eq!(failed["source"], "this page");
    assert!(
        failed["drawing"]
            .as_str()
            .unwrap()
            .starts_with("error[BadOrder]: no id\n --> function.rhai:1:")
    );

    let first = all[0]["id"].as_str().unwrap();
    let again = server.post(&format!("/_/api/invocations/{first}/replay"), &JSON, "");
    let again = ended(&server, &again);
    assert_eq!(again["result"]["text"], "9007199254740993");
    assert_eq!(again["source"], format!("replay of {}", &first[..8]));

    assert_eq!(server.get("/a?b=1").status, 200);
    let latest = &invocations(&server)[0];
    assert_eq!((&latest["source"], &latest["httpStatus"]), (&"GET /a?b=1".into(), &200.into()));

    let cleared = super::reply(agent().delete(server.url("/_/api/invocations")).call());
    assert_eq!(cleared.status, 204);
    assert_eq!(invocations(&server).len(), 0);
}

#[test]
fn the_newest_200_are_kept() {
    let desk = Desk::new().file("f/function.rhai", "fn handler(event) { event }");
    let server = Server::start(desk, &["f"]);
    for number in 0..205 {
        assert_eq!(server.invoke("f", &number.to_string()).status, 200);
    }
    let all = invocations(&server);
    assert_eq!(all.len(), 200);
    assert_eq!(detail(&server, &all[0]["id"])["event"]["text"], "204");
    assert_eq!(detail(&server, &all[199]["id"])["event"]["text"], "5");
    assert_eq!(server.get("/_/api/invocations/unknown").status, 404);
}

#[test]
fn what_happens_is_told_at_once() {
    let server = Server::with("fn handler(event) { 1 }");
    let live = agent().get(server.url("/_/api/live")).call().unwrap();
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    let mut lines = BufReader::new(live.into_body().into_reader()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "retry: 1000");
    assert_eq!(server.get("/").status, 200);
    let told: Value = loop {
        let line = lines.next().unwrap();
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let data: Value = serde_json::from_str(data).unwrap();
        if data["status"] == "ok" {
            break data;
        }
    };
    assert_eq!(told["source"], "GET /");
}

#[test]
fn samples_are_the_folders_own() {
    let desk = Desk::with("fn handler(event) { event }")
        .file("event.json", "{\"own\": 1}")
        .file("events/more.json", "{\"more\": 1}")
        .file("secret.json", "{}");
    let server = Server::start(desk, &[]);
    let function = server.get("/_/api/state").json()["functions"][0].clone();
    assert_eq!(function["samples"], serde_json::json!(["event.json", "events/more.json"]));
    let name = function["name"].as_str().unwrap();
    let sample = |path: &str| server.get(&format!("/_/api/functions/{name}/samples/{path}"));
    assert_eq!(sample("event.json").body, "{\"own\": 1}");
    assert_eq!(sample("events/more.json").body, "{\"more\": 1}");
    for path in ["secret.json", "function.rhai", "..%2F..%2Fetc%2Fpasswd", "events/../secret.json"]
    {
        assert_eq!(sample(path).status, 404, "{path}");
    }
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let desk = Desk::new().file("f/function.rhai", "fn handler(event) { event }");
    let server = Server::start(desk, &["f"]);
    let send = |name: &str, body: &str| {
        let reply = server.post(&format!("/_/api/functions/{name}/invocations"), &JSON, body);
        (reply.status, reply.body)
    };
    assert_eq!(send("g", "{}"), (404, "there is no function `g`".to_owned()));
    let (status, why) = send("f", "{");
    assert_eq!(status, 400);
    assert!(why.starts_with("the event is not JSON: "), "{why}");
    assert_eq!(invocations(&server).len(), 0);
}

/// Everything that a page can ask of the data, as a page of another site would: none may pass, and
/// nothing may have been invoked.
#[test]
fn a_foreign_web_page_has_no_way_in() {
    let desk = Desk::new().file("f/function.rhai", "fn handler(event) { print(\"invoked\"); 1 }");
    let server = Server::start(desk, &["f"]);
    let own = format!("localhost:{}", server.port);
    let foreign: [&[(&str, &str)]; 5] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        // Its own name, bent to this machine.
        &[("host", "evil.example")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
    ];
    for headers in foreign {
        for path in ["/_/api/state", "/_/api/live", "/_/api/invocations/x", "/", "/_/url/f/"] {
            let reply = server.get_with(path, headers);
            assert_eq!(reply.status, 403, "{path} {headers:?}");
            assert!(!reply.headers.contains_key("access-control-allow-origin"), "{reply:?}");
        }
        let posts = [
            "/_/api/functions/f/invocations",
            "/_/api/invocations/x/replay",
            "/2015-03-31/functions/f/invocations",
            "/2021-11-15/functions/f/response-streaming-invocations",
            "/",
        ];
        for path in posts {
            for content_type in ["application/json", "text/plain"] {
                let headers = [headers, &[("content-type", content_type)]].concat();
                assert_eq!(server.post(path, &headers, "{}").status, 403, "{path} {headers:?}");
            }
        }
    }
    // What needs no permission of the browser to be sent does not count as JSON.
    let simple =
        server.post("/_/api/functions/f/invocations", &[("content-type", "text/plain")], "{}");
    assert_eq!(simple.status, 415);
    assert_eq!(invocations(&server).len(), 0);
    assert!(!server.process.stderr().contains("invoked"));

    // The page itself passes, and a site of this machine reaches functions and not the data.
    let page = [("host", own.as_str()), ("origin", &format!("http://{own}")), JSON[0]];
    assert_eq!(server.post("/_/api/functions/f/invocations", &page, "{}").status, 202);
    let local = [("origin", "http://localhost:3000")];
    assert_eq!(server.get_with("/", &local).status, 200);
    assert_eq!(server.get_with("/_/api/state", &local).status, 403);
}

#[test]
fn another_name_can_be_allowed() {
    let desk = Desk::with("fn handler(event) { 1 }");
    let server = Server::start(desk, &["--allow-host", "*.tunnel.example"]);
    assert_eq!(server.get_with("/", &[("host", "a.tunnel.example")]).status, 200);
    let refused = server.get_with("/", &[("host", "a.example")]);
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.body,
        "`a.example` is not a name of this machine\nhint: `--allow-host a.example` allows it\n"
    );
}

#[test]
fn the_page_may_do_nothing_but_its_work() {
    let server = Server::with("fn handler(event) { 1 }");
    let page = server.get("/_/");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("inline") && !policy.contains("eval"), "{policy}");
    let text = [page.body, server.get("/_/page.js").body, server.get("/_/style.css").body].concat();
    for foreign in ["https://", "//cdn", "@import", "innerHTML", "insertAdjacentHTML", "eval("] {
        assert!(!text.contains(foreign), "`{foreign}` in the page");
    }
    for (path, content_type) in [
        ("detail.js", "text/javascript"),
        ("compose.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let file = server.get(&format!("/_/{path}"));
        assert!(file.header("content-type").starts_with(content_type), "{path}: {file:?}");
        assert!(!file.body.contains("innerHTML"), "{path}");
    }
    let short = super::reply(agent().get(server.url("/_")).call());
    assert!(short.body.contains("<title>rhai-lambda"), "`/_` leads to the page");
}
