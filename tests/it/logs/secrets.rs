//! Secrets never reach a log or an error, whatever fails.

use crate::session::Function;

const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";

fn with_secrets(function: Function) -> Function {
    function
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", KEY)
        .env("AWS_SESSION_TOKEN", TOKEN)
        .env("AWS_LAMBDA_LOG_LEVEL", "TRACE")
}

fn assert_clean(what: &str, text: &str) {
    assert!(!text.contains(KEY), "the secret key is in {what}: {text}");
    assert!(!text.contains(TOKEN), "the session token is in {what}: {text}");
}

#[test]
fn what_the_environment_holds_is_not_printed_by_a_failure() {
    for script in [
        "fn handler(event) { env::require(\"NOPE\") }",
        "fn handler(event) { throw \"x\"; }",
        "fn handler(event) { env::all().NOPE.x }",
        "fn handler(event) { blob(2) }",
        "fn handler(event) { undefined_function(event) }",
        "fn handler(event) { env::get(1) }",
    ] {
        for format in ["Text", "JSON"] {
            let function = Function::new(script).env("AWS_LAMBDA_LOG_FORMAT", format);
            let mut session = with_secrets(function).start();
            let request = session.invoke("{}");
            assert!(request.path.ends_with("/error"), "{script}: {}", request.text());
            assert_clean("the error", &format!("{} {}", request.head, request.text()));
            session.process.signal("KILL");
            assert_clean("the log", &session.process.wait().stderr);
        }
    }
}

#[test]
fn a_script_that_throws_or_logs_a_secret_is_masked() {
    let script = r#"fn handler(event) {
        let key = env::get("AWS_SECRET_ACCESS_KEY");
        print("key " + key);
        log::info("fields", #{ token: env::get("AWS_SESSION_TOKEN"), all: env::all() });
        debug(key);
        throw #{ errorType: "Leak", errorMessage: "with " + key, token: env::get("AWS_SESSION_TOKEN") };
    }"#;
    for format in ["Text", "JSON"] {
        let function = Function::new(script).env("AWS_LAMBDA_LOG_FORMAT", format);
        let mut session = with_secrets(function).start();
        let request = session.invoke("{}");
        assert_clean("the error", &format!("{} {}", request.head, request.text()));
        session.process.signal("KILL");
        assert_clean("the log", &session.process.wait().stderr);
    }
}

#[test]
fn an_init_error_does_not_print_the_environment() {
    for script in
        ["throw \"x\";", "let x = env::require(\"NOPE\");", "fn handler(", "import \"x\" as x;"]
    {
        let (exit, requests) = with_secrets(Function::new(script)).run_to_end();
        assert_eq!(requests.len(), 1, "{script}: {exit:?}");
        assert_clean("the error", &format!("{} {}", requests[0].head, requests[0].text()));
        assert_clean("the log", &exit.stderr);
    }
}
