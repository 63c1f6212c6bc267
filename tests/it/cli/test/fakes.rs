//! `fake::` and `invoke`, asserted by the very tests that use them.

use super::failure;
use crate::desk::Desk;
use crate::web_server::WebServer;

/// Runs tests of a function that answers with what it sees of the world.
fn passes(script: &str) {
    let function = "const AT_START = env::get(\"PLACE\", \"nowhere\");\n\
                    fn handler(event, context) {\n\
                        if event.throws != () { throw #{ errorType: \"Bad\", errorMessage: event.throws, n: 7 }; }\n\
                        if event.raw != () { return lambda::raw(event.raw, \"text/plain\"); }\n\
                        if event.blob != () { return lambda::raw(blob(1, event.blob), \"image/png\"); }\n\
                        if event.exit != () { exit(event.exit); }\n\
                        if event.get != () { return http::get(event.get).json(); }\n\
                        if event.count != () { return cache::get_or(\"n\", 60, || time::now_ms()); }\n\
                        #{ place: global::AT_START, left: context.remaining_time_ms(), id: context.aws_request_id,\n\
                           tenant: context.tenant_id, name: context.function_name, client: context.client_context }\n\
                    }\n\
                    fn other(event) { \"other\" }\n\
                    fn wrong(event) { || 1 }\n";
    let desk = Desk::with(function).file("world_test.rhai", script);
    let said = desk.test(0, &["--timeout", "20"]);
    assert!(said.contains(" passed, "), "{said}");
}

#[test]
fn the_clock_stands_still_and_moves_when_told() {
    passes(
        r#"
        fn test_clock() {
            fake::clock("2026-01-01T00:00:00Z");
            assert_eq(time::now(), "2026-01-01T00:00:00.000Z");
            cache::set("a", 1, 60);
            sleep(59);
            assert_eq(cache::get("a"), 1);
            fake::advance(1000);
            assert_eq(cache::get("a"), ());
            assert_eq(time::now(), "2026-01-01T00:01:00.000Z");
            sleep(1.5);
            assert_eq(time::now_ms(), time::parse("2026-01-01T00:01:01.500Z"));
            fake::clock(0);
            assert_eq(time::now_ms(), 0);
        }
        fn test_tokens_expire() {
            fake::clock("2026-01-01");
            let secret = "32 bytes or more, for the sake of it";
            let token = crypto::jwt_sign(#{}, secret, #{ algorithm: "HS256", expires_in_seconds: 60 });
            let verify = || crypto::jwt_verify(token, secret, #{ algorithms: ["HS256"] });
            assert_eq(verify.call().iat, time::now_ms() / 1000);
            fake::advance(60000);
            assert_throws(verify, "CryptoError");
        }
        fn test_real_without_a_fake() {
            assert(time::now_ms() > time::parse("2026-01-01"));
            assert_throws(|| fake::advance(1), "FakeError");
            fake::clock(time::now());
            assert_throws(|| fake::advance(-1), "FakeError");
            assert_throws(|| fake::clock("soon"), "FakeError");
            assert_throws(|| fake::clock(-1), "FakeError");
        }
        fn test_the_cache_of_an_environment() {
            fake::clock(1000);
            assert_eq(invoke(#{ count: 1 }), 1000);
            fake::advance(59999);
            assert_eq(invoke(#{ count: 1 }), 1000);
            fake::advance(1);
            assert_eq(invoke(#{ count: 1 }), 61000);
        }
        "#,
    );
}

#[test]
fn a_context_has_the_fields_that_it_is_given() {
    passes(
        r#"
        import "function" as function;
        fn test_given() {
            fake::clock(0);
            let context = fake::context(#{
                tenant_id: "t", function_name: "orders", memory_limit_in_mb: 512,
                remaining_time_ms: 2000, client_context: #{ app: "a" }, identity: (),
            });
            assert_eq(context.remaining_time_ms(), 2000);
            sleep(1.5);
            assert_eq(context.remaining_time_ms(), 500);
            assert_eq(context.deadline_ms, 2000);
            assert_eq(context.memory_limit_in_mb, 512);
            let seen = function::handler(#{}, context);
            assert_eq([seen.tenant, seen.name, seen.client.app], ["t", "orders", "a"]);
        }
        fn test_not_given() {
            let context = fake::context();
            assert(context.remaining_time_ms() > 10000);
            assert_eq(context.aws_request_id.len(), 36);
            assert_eq(context.function_version, "$LATEST");
            assert(context.invoked_function_arn.starts_with("arn:aws:lambda:"));
            assert_eq(context.tenant_id, ());
            assert_eq(fake::context(#{ deadline_ms: () }).remaining_time_ms(), ());
        }
        fn test_wrong() {
            let error = assert_throws(|| fake::context(#{ tenant: 1 }), "FakeError");
            assert_eq(error.errorMessage, "a context has no `tenant`");
            let error = assert_throws(|| fake::context(#{ tenantid: 1 }), "FakeError");
            assert_eq(error.errorMessage, "a context has no `tenantid`; did you mean `tenant_id`?");
            assert_throws(|| fake::context(#{ memory_limit_in_mb: "x" }), "FakeError");
        }
        "#,
    );
}

#[test]
fn variables_are_those_of_the_function() {
    passes(
        r#"
        fn test_set() {
            fake::env("PLACE", "home");
            assert_eq(env::get("PLACE"), "home");
            assert_eq(env::require("PLACE"), "home");
            assert_eq(invoke(#{}).place, "home");
            import "function" as function;
            assert_eq(function::handler(#{}, fake::context()).place, "home");
            fake::env("PLACE", ());
            assert_eq(env::get("PLACE"), ());
            assert_throws(|| fake::env("PLACE", 1), "FakeError");
        }
        fn test_not_set() {
            assert_eq(env::get("PLACE"), ());
            // Nothing of who runs the tests.
            assert_eq(env::get("HOME"), ());
            assert_eq(env::all().AWS_LAMBDA_FUNCTION_MEMORY_SIZE, "128");
        }
        "#,
    );
}

#[test]
fn requests_are_answered_by_the_test() {
    passes(
        r#"
        fn test_answers() {
            fake::http("GET", "https://api.example.com/rates", #{ json: #{ eur: 1.5 } });
            fake::http("*", "https://api.example.com/items/*", |request| #{
                status: 201, headers: #{ "X-Id": request.url, "set-cookie": ["a=1", "b=2"] },
                body: request.method + request.body + request.headers["x-a"],
            });
            assert_eq(invoke(#{ get: "https://api.example.com/rates?base=usd" }), #{ eur: 1.5 });
            let answer = http::put("https://api.example.com/items/7", #{ body: "{}", headers: #{ "x-a": "b" } });
            assert_eq(answer.status, 201);
            assert_eq(answer.body, "PUT{}b");
            assert_eq(answer.headers["x-id"], "https://api.example.com/items/7");
            assert_eq(answer.headers["set-cookie"], ["a=1", "b=2"]);
            let sent = fake::http_calls();
            assert_eq(sent.map(|call_of| call_of.method), ["GET", "PUT"]);
            assert_eq(sent[0].url, "https://api.example.com/rates?base=usd");
            assert_eq(sent[1].headers["x-a"], "b");
            assert_eq(sent[1].body, "{}");
        }
        fn test_the_latest_answer_stands_before_others() {
            fake::http("GET", "https://a.example", #{ body: "first" });
            fake::http("GET", "https://a.example?x=*", #{ body: "query" });
            assert_eq(http::get("https://a.example").body, "first");
            assert_eq(http::get("https://a.example", #{ query: #{ x: 1 } }).body, "query");
            fake::http("GET", "https://a.example", #{ body: blob(2, 255) });
            assert_eq(http::get("https://a.example/?x=1").bytes(), blob(2, 255));
            fake::http("GET", "https://a.example", || #{ body: "computed" });
            assert_eq(http::get("https://a.example").body, "computed");
        }
        fn test_tries_and_redirects_are_real() {
            fake::clock(0);
            fake::http("GET", "https://a.example/", [#{ status: 503 }, #{ failure: "closed" }, #{ body: "ok" }]);
            let options = #{ retry: #{ attempts: 3, on: ["5xx", "closed"] } };
            assert_eq(http::get("https://a.example/", options).body, "ok");
            assert_eq(http::get("https://a.example/", options).body, "ok");
            fake::http("GET", "https://a.example/", #{ status: 302, headers: #{ location: "/there" } });
            fake::http("GET", "https://a.example/there", #{ status: 404 });
            let error = assert_throws(|| http::get("https://a.example/", #{ error_for_status: true }), "HttpError");
            assert_eq([error.status, error.url], [404, "https://a.example/there"]);
        }
        fn test_failures() {
            for reason in ["connect", "tls", "closed", "timeout"] {
                fake::http("GET", "https://a.example/", #{ failure: reason });
                assert_eq(assert_throws(|| http::get("https://a.example/"), "HttpError").reason, reason);
            }
        }
        fn test_wrong() {
            for answer in [1, [], [1], #{ status: 99 }, #{ stauts: 1 }, #{ failure: "x" }, #{ headers: 1 }, #{ body: 1 }, #{ json: || 1 }] {
                assert_throws(|| fake::http("GET", "https://a.example/", answer), "FakeError");
            }
            fake::http("GET", "https://a.example/", |request| 1);
            assert_throws(|| http::get("https://a.example/"), "FakeError");
        }
        fn test_nothing_is_left_of_another_test() {
            assert_eq(fake::http_calls(), []);
            assert_eq(assert_throws(|| http::get("https://a.example/"), "HttpError").reason, "not_faked");
        }
        "#,
    );
}

#[test]
fn a_request_that_nobody_answers_does_not_leave() {
    let drawing = failure("fn test_it() { http::get(\"https://a.example/x?key=1\"); }");
    assert!(
        drawing.starts_with(
            "error[HttpError]: GET https://a.example/x: no `fake::http` answers this, and tests do \
             not reach the network\n"
        ),
        "{drawing}"
    );
    let hint = "hint: `fake::http(\"GET\", \"https://a.example/x\", #{ json: #{} })` before it, or \
                `--allow-network`";
    assert!(drawing.ends_with(hint), "{drawing}");
    // Told also when the function hides it.
    let drawing = failure(
        "fn test_it() { try { http::get(\"https://a.example/x?key=1\"); } catch { } fail(\"\"); }",
    );
    let note = "note: `GET https://a.example/x` was requested, no `fake::http` answers it";
    assert!(drawing.ends_with(note), "{drawing}");
}

#[test]
fn the_network_is_there_for_those_who_ask() {
    let server = WebServer::start();
    let script = format!(
        "fn test_it() {{ assert_eq(http::get(\"{}/echo\").status, 200); }}",
        server.origin()
    );
    let desk = Desk::with("").file("a_test.rhai", script);
    desk.test(1, &[]);
    desk.test(0, &["--allow-network", "--timeout", "60"]);
}

#[test]
fn invoke_goes_the_whole_way_of_an_event() {
    passes(
        r#"
        fn test_result() {
            let seen = invoke(#{}, #{ context: #{ tenant_id: "t", remaining_time_ms: 9000 } });
            assert_eq(seen.tenant, "t");
            assert(seen.left > 0 && seen.left <= 9000);
            assert_eq(invoke(#{ raw: "a b" }), "a b");
            assert_eq(invoke(#{ blob: 255 }), blob(1, 255));
            assert_eq(invoke(#{ exit: 5 }), 5);
            assert_eq(invoke((), #{ handler: "function.other" }), "other");
        }
        fn test_errors() {
            let error = assert_throws(|| invoke(#{ throws: "m" }), "Bad");
            assert_eq(error, #{ errorType: "Bad", errorMessage: "m", n: 7 });
            assert_throws(|| invoke((), #{ handler: "function.wrong" }), "InvalidResult");
            assert_throws(|| invoke(#{ f: || 1 }), "InvalidEvent");
            assert_throws(|| invoke((), #{ handler: "function.nowhere" }), "Runtime.HandlerNotFound");
            assert_throws(|| invoke((), #{ contxt: 1 }), "InvokeError");
        }
        "#,
    );
}

#[test]
fn an_error_of_the_function_keeps_its_place() {
    let desk = Desk::new()
        .file("function.rhai", "fn handler(event) {\n    throw \"boo\";\n}\n")
        .file("a_test.rhai", "fn test_it() { invoke(1); }\n");
    let said = desk.test(1, &[]);
    let drawing = "error[Error]: boo\n \
                   --> function.rhai:2:5\n  \
                   |\n\
                   1 | fn handler(event) {\n\
                   2 |     throw \"boo\";\n  \
                   |     ^\n\
                   3 | }\n  \
                   at test_it (a_test.rhai:1:16)\n";
    assert!(said.contains(drawing), "{said}");
}

#[test]
fn the_log_of_an_invocation_has_its_request() {
    let desk = Desk::with("fn handler(event) { log::info(\"inside\"); }").file(
        "a_test.rhai",
        "fn test_it() { log::info(\"before\"); \
         invoke(1, #{ context: #{ aws_request_id: \"r-1\" } }); log::info(\"after\"); }",
    );
    let said = desk.test(0, &["--show-output"]);
    let logged: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("  log: "))
        .map(|line| line.split_once('\t').unwrap().1)
        .collect();
    assert_eq!(logged, ["-\tINFO\tbefore", "r-1\tINFO\tinside", "-\tINFO\tafter"]);
}
