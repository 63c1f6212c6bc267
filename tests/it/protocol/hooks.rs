//! `on_init`, `on_shutdown`, `on_before_snapshot`, `on_after_restore`.

use std::time::{Duration, Instant};

use crate::process::Exit;
use crate::runtime_api::{Answer, INIT_ERROR, RuntimeApi};
use crate::session::{Function, Session};

/// A Runtime API that takes extensions, too.
fn with_extensions() -> RuntimeApi {
    let api = RuntimeApi::start();
    let registered = Answer::status(200).header("Lambda-Extension-Identifier", "extension-1");
    api.post("/2020-01-01/extension/register", registered);
    api
}

/// Sends SIGTERM and waits for the end.
fn terminate(session: Session) -> Exit {
    session.process.signal("TERM");
    let start = Instant::now();
    let exit = session.process.wait();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(!exit.stderr.contains("panicked"), "{exit:?}");
    exit
}

fn paths(session: &Session) -> Vec<String> {
    session.api.requests().into_iter().map(|request| request.path).collect()
}

#[test]
fn on_init_runs_once_before_the_first_event() {
    let script = r#"
        const NAME = "tea";
        fn on_init() { log::info(`init of ${global::NAME}`); cache::set("ready", global::NAME); }
        fn handler(event) { cache::get("ready") }"#;
    let mut session = Function::new(script).start();
    session.wait_until_idle(1);
    session.process.wait_for_stderr("line of `on_init`", |log| log.contains("init of tea"));
    for _ in 0..3 {
        assert_eq!(session.invoke("1").text(), "\"tea\"");
    }
    assert_eq!(session.process.stderr().matches("init of").count(), 1);
}

#[test]
fn an_on_init_that_fails_is_an_init_error() {
    for (body, message) in [
        ("throw \"no table\";", "no table"),
        ("loop { }", "RHAI_LAMBDA_INIT_TIMEOUT_MS"),
        ("let a = [1]; a[3]", "index"),
    ] {
        let function =
            Function::new(format!("fn on_init() {{ {body} }}\nfn handler(event) {{ 1 }}"));
        let (_, requests) = function.env("RHAI_LAMBDA_INIT_TIMEOUT_MS", "300").run_to_end();
        assert_eq!((requests.len(), requests[0].path.as_str()), (1, INIT_ERROR), "{requests:?}");
        let error = requests[0].json();
        assert_eq!(error["errorType"], "Runtime.InitError", "{error}");
        assert!(error["errorMessage"].as_str().unwrap().contains(message), "{error}");
    }
}

#[test]
fn a_hook_that_takes_something_is_an_init_error() {
    for hook in
        ["on_init(x)", "on_shutdown(reason)", "on_before_snapshot(a, b)", "on_after_restore(x)"]
    {
        let (_, requests) =
            Function::new(format!("fn {hook} {{ 1 }}\nfn handler(event) {{ 1 }}")).run_to_end();
        let name = hook.split('(').next().unwrap();
        let message = requests[0].json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!("`fn {name}()`")), "{message}");
    }
}

const SHUTDOWN: &str = r#"
fn on_shutdown() { log::info(`bye after ${cache::get("count", 0)}`); }
fn handler(event) {
    cache::set("count", cache::get("count", 0) + 1);
    log::info("at work");
    sleep(event);
    event
}
"#;

#[test]
fn on_shutdown_runs_when_lambda_ends_the_environment() {
    let mut session = Function::new(SHUTDOWN).start_on(with_extensions());
    session.invoke("0");
    session.invoke("0");
    session.wait_until_idle(3);
    // It waits for the extension's events before Lambda calls init done.
    let waits = session.api.wait_for(Duration::from_secs(10), |r| r.path.ends_with("event/next"));
    let waits = waits.expect("the extension asks for events");
    assert_eq!(waits.path, "/2020-01-01/extension/event/next");
    assert_eq!(waits.header("Lambda-Extension-Identifier"), Some("extension-1"));
    let registered = session.api.requests().into_iter().find(|r| r.path.ends_with("register"));
    let registered = registered.expect("an extension is registered");
    assert_eq!(registered.path, "/2020-01-01/extension/register");
    assert_eq!(registered.header("Lambda-Extension-Name"), Some("rhai-lambda"));
    assert_eq!(registered.text(), r#"{"events":[]}"#);
    assert_eq!(registered.header("Content-Type"), Some("application/json"));

    let exit = terminate(session);
    assert!(exit.stderr.contains("bye after 2"), "{exit:?}");
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
}

#[test]
fn an_event_in_hand_is_answered_before_the_end() {
    let mut session = Function::new(SHUTDOWN).start_on(with_extensions());
    session.api.next(Answer::event("slow", "1"));
    session.process.wait_for_stderr("line", |log| log.contains("at work"));
    session.process.signal("TERM");
    let exit = session.process.wait();
    assert!(exit.stderr.contains("bye after 1"), "{exit:?}");
    let answers = session.api.posts();
    assert!(answers.iter().any(|post| post.path.ends_with("/slow/response")), "{answers:?}");
}

#[test]
fn without_the_hook_there_is_no_extension() {
    let mut session = Function::echo().start();
    session.still_echoes();
    assert!(
        paths(&session).iter().all(|path| !path.contains("extension")),
        "{:?}",
        paths(&session)
    );
    // The signal ends it as it ends any process.
    assert_eq!(terminate(session).status.code(), None);
}

#[test]
fn a_hook_that_fails_or_never_ends_still_ends() {
    for (body, logged) in [("throw \"lost\";", "lost"), ("loop { }", "DeadlineExceeded")] {
        let script = format!("fn on_shutdown() {{ {body} }}\nfn handler(event) {{ event }}");
        let mut session = Function::new(script).start_on(with_extensions());
        session.still_echoes();
        let exit = terminate(session);
        assert!(exit.stderr.contains(logged) || exit.stderr.contains("timeout"), "{exit:?}");
        assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    }
}

#[test]
fn an_extension_that_is_refused_is_no_reason_to_end() {
    let api = RuntimeApi::start();
    api.post("/extension/register", Answer::status(403));
    let mut session = Function::new(SHUTDOWN).start_on(api);
    session.invoke("0");
    session.process.wait_for_stderr("refusal", |log| log.contains("403"));
    assert!(terminate(session).stderr.contains("bye after 1"));
}

#[test]
fn several_workers_have_one_last_word() {
    let function = Function::new(SHUTDOWN)
        .env("AWS_LAMBDA_MAX_CONCURRENCY", "4")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048");
    let session = function.start_on(with_extensions());
    session.wait_until_idle(4);
    let registered = paths(&session).iter().filter(|path| path.ends_with("register")).count();
    assert_eq!(registered, 1);
    let exit = terminate(session);
    assert_eq!(exit.stderr.matches("bye after").count(), 1, "{exit:?}");
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
}

const SNAPSHOT: &str = r#"
fn on_before_snapshot() { log::info("before"); cache::set("order", ["before"]); }
fn on_after_restore() {
    let order = cache::get("order");
    order.push("after");
    cache::set("order", order);
}
fn handler(event) { cache::get("order") }
"#;

#[test]
fn a_snapshot_is_taken_between_its_hooks() {
    let mut function = Function::new(SNAPSHOT);
    function = function.env("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start");
    let mut session = function.start();
    assert_eq!(session.invoke("1").text(), r#"["before","after"]"#);
    let requests = session.api.requests();
    assert_eq!(requests[0].path, "/2018-06-01/runtime/restore/next");
    assert_eq!(requests[0].method, "GET");
    assert!(requests[1].is_next());
}

#[test]
fn without_a_snapshot_its_hooks_are_not_called() {
    let mut session = Function::new(SNAPSHOT).start();
    assert_eq!(session.invoke("1").text(), "null");
    assert!(session.api.requests()[0].is_next());
}

#[test]
fn a_hook_of_a_snapshot_that_fails_is_told() {
    for (hook, path, error_type) in [
        ("on_before_snapshot", "/2018-06-01/runtime/init/error", "Runtime.BeforeSnapshotError"),
        ("on_after_restore", "/2018-06-01/runtime/restore/error", "Runtime.AfterRestoreError"),
    ] {
        let script = format!("fn {hook}() {{ throw \"no\"; }}\nfn handler(event) {{ event }}");
        let function = Function::new(script).env("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start");
        let (exit, requests) = function.run_to_end();
        let told = requests.last().expect("a request");
        assert_eq!(told.path, path, "{requests:?}");
        assert_eq!(told.header("Lambda-Runtime-Function-Error-Type"), Some(error_type));
        assert_eq!(told.json()["errorMessage"], "no");
        assert!(requests.iter().all(|request| !request.is_next()), "{requests:?}");
        assert!(exit.status.code().is_some_and(|code| code != 0), "{exit:?}");
    }
}
