//! What a function is run with: `rhai-lambda.toml`, files of variables, and which of them wins.

use crate::desk::Desk;

/// A function that tells its settings.
const TELL: &str = "fn tell(event, context) { [context.function_name, context.memory_limit_in_mb, \
                    context.remaining_time_ms() > 60000, env::get(\"_HANDLER\"), env::get(\"STAGE\"), \
                    env::get(\"TABLE\")] }";

const SETTINGS: &str = "\
name = \"orders-api\"
handler = \"src/api/list.tell\"
timeout = 90
memory = 256

[environment]
STAGE = \"dev\"
TABLE = \"orders\"
";

#[test]
fn the_folder_of_the_settings_is_the_functions() {
    let desk = Desk::new()
        .file("app/rhai-lambda.toml", SETTINGS)
        .file("app/event.json", "7")
        .file("app/lib/a.rhai", "fn f() { 1 }")
        .file("app/src/api/list.rhai", format!("import \"lib/a\" as a;\n{TELL}"));
    let expected = "[\"orders-api\",256,true,\"src/api/list.tell\",\"dev\",\"orders\"]\n";
    // However the function is named: by its folder, its script, or the script's function.
    for target in ["app", "app/src/api/list.tell"] {
        assert_eq!(desk.result(&[target]), expected, "{target}");
    }
    let desk = desk.file("app/src/api/other.rhai", "fn handler(event) { event }");
    assert_eq!(
        desk.result(&["app/src/api/other.rhai"]),
        "7\n",
        "the event of the function's folder"
    );
}

#[test]
fn the_command_line_wins_over_a_file_and_that_over_the_settings() {
    let desk = Desk::new()
        .file(
            "rhai-lambda.toml",
            "handler = \"f.tell\"\n[environment]\nSTAGE = \"toml\"\nTABLE = \"toml\"\n",
        )
        .file("f.rhai", TELL)
        .file("dev.env", "# of the team\nexport STAGE='from file'\nTABLE=file # not this\n")
        .file("own.env", "TABLE=\"own\\tfile\"\n");
    let tail = |arguments: &[&str]| {
        let result = desk.result(arguments);
        result.trim_end().rsplit_once("\"f.tell\",").expect("the handler").1.to_owned()
    };
    assert_eq!(tail(&[]), "\"toml\",\"toml\"]");
    assert_eq!(tail(&["--env-file", "dev.env"]), "\"from file\",\"file\"]");
    let both = ["--env-file", "dev.env", "--env-file", "own.env"];
    assert_eq!(tail(&both), "\"from file\",\"own\\tfile\"]");
    assert_eq!(tail(&["--env", "STAGE=line", "--env-file", "dev.env"]), "\"line\",\"file\"]");
    let memory = desk.result(&["--memory", "512", "--timeout", "100"]);
    assert!(memory.contains(",512,true,"), "{memory}");
}

#[test]
fn the_timeout_of_the_settings_holds() {
    let desk = Desk::new()
        .file("rhai-lambda.toml", "timeout = 1\n")
        .file("function.rhai", "fn handler(event) { sleep(30); event }");
    let exit = desk.invoke(&[]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.stdout.contains("\"errorType\":\"DeadlineExceeded\""), "{exit:?}");
}

#[test]
fn what_is_wrong_is_placed() {
    let desk = Desk::with("fn handler(event) { event }")
        .file("misspelt/rhai-lambda.toml", "memory = 128\ntimout = 3\n")
        .file("misspelt/function.rhai", "fn handler(event) { event }")
        .file("gone/rhai-lambda.toml", "handler = \"api.handler\"\n")
        .file("a.env", "A=1\n\nB\n")
        .file("b.env", "A='1\nB=2\n")
        .file("c.env", "A-B=1\n")
        .file("d.env", [0xff, 0xfe]);
    for (arguments, expected) in [
        (
            &["invoke", "misspelt"][..],
            "error: `misspelt/rhai-lambda.toml`, line 2 column 1: there is no setting `timout`\n\
             hint: did you mean `timeout`?\n",
        ),
        (
            &["invoke", "gone"],
            "error: `gone/api.rhai` does not exist\n\
             hint: `handler` in `gone/rhai-lambda.toml` is `api.handler`\n",
        ),
        (
            &["invoke", "--env-file", "a.env"],
            "error: `a.env`, line 3 column 1: expected `NAME=VALUE`\n",
        ),
        (
            &["invoke", "--env-file", "b.env"],
            "error: `b.env`, line 1 column 3: the quote `'` is not closed\n",
        ),
        (
            &["invoke", "--env-file", "c.env"],
            "error: `c.env`, line 1 column 1: `A-B` is no name that Lambda takes: a letter, then \
             letters, digits, `_`\n",
        ),
        (&["invoke", "--env-file", "d.env"], "error: `d.env` is not UTF-8\n"),
        (
            &["invoke", "--env-file", "e.env"],
            "error: `e.env` does not exist\nhint: did you mean `a.env`?\n",
        ),
    ] {
        assert_eq!(desk.misuse(arguments), expected, "{arguments:?}");
    }
}
