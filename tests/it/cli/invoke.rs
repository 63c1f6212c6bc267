//! `rhai-lambda invoke`: what it prints, its exit statuses, its messages.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::desk::Desk;
use crate::process::Process;
use crate::tools;

/// A line of Lambda's, split at its tabs, each figure replaced by `#`.
fn shape(line: &str) -> Vec<String> {
    let is_figure = |word: &str| word.parse::<f64>().is_ok();
    let hide = |word| if is_figure(word) { "#" } else { word };
    line.split('\t').map(|field| field.split(' ').map(hide).collect::<Vec<_>>().join(" ")).collect()
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines()
        .find(|line| line.starts_with(start))
        .unwrap_or_else(|| panic!("no line starts with `{start}` in:\n{text}"))
}

#[test]
fn the_result_is_on_standard_output_and_the_rest_is_not() {
    let desk = Desk::with("fn handler(event) { print(\"pricing\"); event }");
    let exit = desk.invoke(&["-d", "{\"id\":1}"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert_eq!(exit.stdout, "{\"id\":1}\n");

    let lines: Vec<&str> = exit.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{}", exit.stderr);
    let id = lines[0].strip_prefix("START RequestId: ").unwrap();
    let id = id.strip_suffix(" Version: $LATEST").unwrap();
    assert_eq!(id.len(), 36, "{id}");
    assert!(lines[1].contains(id) && lines[1].ends_with("pricing"), "{}", lines[1]);
    assert_eq!(lines[2], format!("END RequestId: {id}"));
    let report = shape(lines[3]);
    assert_eq!(report[0], format!("REPORT RequestId: {id}"));
    let figures = ["Duration: # ms", "Billed Duration: # ms", "Memory Size: # MB"];
    assert_eq!(report[1..4], figures, "{}", lines[3]);
    // The peak of memory needs `/proc`.
    assert_eq!(report.contains(&"Max Memory Used: # MB".to_owned()), cfg!(target_os = "linux"));
    assert_eq!(report.last().unwrap(), "Init Duration: # ms");
}

#[test]
fn bytes_that_are_not_json_are_left_as_they_are() {
    let desk = Desk::with("fn handler(event) { lambda::raw(\"a b\", \"text/plain\") }");
    assert_eq!(desk.result(&[]), "a b");
}

#[test]
fn the_event_comes_from_where_it_is_said() {
    let desk = Desk::with("fn handler(event) { event }").file("other.json", "\"other\"");
    assert_eq!(desk.result(&[]), "{}\n");
    assert_eq!(desk.result(&["-d", "[1, 2.0]"]), "[1,2.0]\n");
    assert_eq!(desk.result(&["-e", "other.json"]), "\"other\"\n");
    let mut command = desk.command(&["invoke", "-e", "-"]);
    let stdin = File::open(desk.folder.path().join("other.json")).unwrap();
    let piped = Process::spawn_with_input(&mut command, Stdio::from(stdin)).wait();
    assert_eq!(piped.stdout, "\"other\"\n", "{piped:?}");
    let desk = desk.file("event.json", "\"own\"");
    assert_eq!(desk.result(&[]), "\"own\"\n");
    assert_eq!(desk.result(&["-d", "1"]), "1\n");
}

#[test]
fn a_function_is_named_in_three_ways() {
    let script =
        "fn handler(event) { \"handler\" } fn list(event, context) { context.function_name }";
    let desk = Desk::new().file("orders/function.rhai", script).file("orders/more.rhai", script);
    for target in ["orders", "orders/function.rhai", "orders/more.rhai", "orders/more.handler"] {
        assert_eq!(desk.result(&[target]), "\"handler\"\n", "{target}");
    }
    assert_eq!(desk.result(&["orders/more.list"]), "\"orders\"\n");
}

#[test]
fn another_runtime_can_be_given() {
    let desk = Desk::with("fn handler(event) { event }");
    let real = tools::bootstrap();
    assert_eq!(desk.result(&["--bootstrap", real.to_str().unwrap(), "-d", "7"]), "7\n");
}

#[test]
fn the_settings_reach_the_function() {
    let desk = Desk::with(
        "fn handler(event, context) { [context.memory_limit_in_mb, context.remaining_time_ms() > 10000, \
         env::get(\"TABLE\"), env::get(\"AWS_REGION\"), env::get(\"HOME\"), env::get(\"LEAK\"), \
         env::get(\"AWS_SESSION_TOKEN\"), env::get(\"RHAI_LAMBDA_MAX_MODULES\")] }",
    );
    let arguments = ["invoke", "--memory", "256", "--timeout", "20", "--env", "TABLE=a=b"];
    let mut command = desk.command(&arguments);
    command.env("LEAK", "1").env("AWS_REGION", "eu-west-1").env("AWS_SESSION_TOKEN", "t");
    command.env("RHAI_LAMBDA_MAX_MODULES", "9");
    let exit = Process::spawn(&mut command).wait();
    assert_eq!(exit.stdout, "[256,true,\"a=b\",\"eu-west-1\",null,null,\"t\",\"9\"]\n", "{exit:?}");
}

#[test]
fn an_error_is_drawn_and_told_as_aws_would() {
    let desk = Desk::with(
        "fn check(event) {\n    throw #{ errorType: \"BadOrder\", errorMessage: \"id is missing\" };\n}\n\
         \nfn handler(event) {\n    check(event)\n}\n",
    );
    let exit = desk.invoke(&[]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let error: serde_json::Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!(error["errorType"], "BadOrder");
    assert_eq!(error["errorMessage"], "id is missing");
    assert!(exit.stdout.ends_with("}\n"), "{}", exit.stdout);
    let drawing = "\
error[BadOrder]: id is missing
 --> function.rhai:2:5
  |
1 | fn check(event) {
2 |     throw #{ errorType: \"BadOrder\", errorMessage: \"id is missing\" };
  |     ^
3 | }
  at handler (function.rhai:6:5)
";
    assert!(exit.stderr.ends_with(drawing), "{}", exit.stderr);
    assert!(!exit.stderr.contains("warning:"), "{}", exit.stderr);
    assert!(!exit.stderr.contains('\u{1b}'), "colours in a pipe: {}", exit.stderr);
    // The function failed; the environment did not.
    assert!(!line(&exit.stderr, "REPORT").contains("Status"), "{}", exit.stderr);
}

#[test]
fn a_script_that_does_not_load_is_an_init_error() {
    let desk = Desk::with("fn handler(event) {\n    let = 1;\n}\n");
    let exit = desk.invoke(&[]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let error: serde_json::Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!(error["errorType"], "Runtime.UserCodeSyntaxError");
    let init = shape(line(&exit.stderr, "INIT_REPORT"));
    let expected = [
        "INIT_REPORT Init Duration: # ms",
        "Phase: init",
        "Status: error",
        "Error Type: Runtime.UserCodeSyntaxError",
    ];
    assert_eq!(init, expected, "{}", exit.stderr);
    assert!(exit.stderr.contains("error[Runtime.UserCodeSyntaxError]: "), "{}", exit.stderr);
    assert!(exit.stderr.contains("2 |     let = 1;\n  |         ^\n"), "{}", exit.stderr);
}

/// A handler that is busy for long enough that something can happen to its process, and that says
/// that it is, by a file of which only its test knows.
fn busy(mark: &Path) -> String {
    format!("fn handler(event) {{ fs::write({mark:?}, \"\"); sleep(20); event }}")
}

/// The name of a file that nobody else has, and a wait for it in a shell.
fn mark(name: &str) -> (PathBuf, String) {
    let path = Path::new("/tmp").join(format!("{name}-{}", std::process::id()));
    let wait = format!("until [ -e {0} ]; do sleep 0.05; done; rm {0}", path.display());
    (path, wait)
}

#[test]
fn a_runtime_that_hangs_is_killed_at_the_timeout() {
    // The real runtime, stopped while it has the event.
    let (mark, begun) = mark("hang");
    let script =
        format!("$BOOTSTRAP & child=$!; {begun}; kill -STOP $child; echo $child > pid; sleep 99");
    let desk = Desk::with(&busy(&mark)).program("hang", &script);
    let exit = desk.invoke(&["--bootstrap", "hang", "--timeout", "2"]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.took < Duration::from_secs(10), "{exit:?}");
    let start = line(&exit.stderr, "START");
    let id = start.split(' ').nth(2).unwrap();
    let expected = format!(
        "{{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: {id} Error: Task timed out \
         after 2.00 seconds\"}}"
    );
    let found: serde_json::Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!(found, serde_json::from_str::<serde_json::Value>(&expected).unwrap());
    assert!(line(&exit.stderr, "REPORT").ends_with("\tStatus: timeout"), "{}", exit.stderr);
    assert!(exit.stderr.contains("hint: `--timeout SECONDS` allows more"), "{}", exit.stderr);
    assert_ended(&desk);
}

#[test]
fn a_runtime_that_crashes_is_told_in_lambdas_words() {
    let (mark, begun) = mark("crash");
    let desk = Desk::with(&busy(&mark))
        .program("at-init", "echo oh; exit 3")
        .program("busy", &format!("$BOOTSTRAP & echo $! > pid; {begun}; exit 7"))
        .program("silent", "exit 0");
    for (program, message) in [
        ("at-init", "Error: Runtime exited with error: exit status 3"),
        ("busy", "Error: Runtime exited with error: exit status 7"),
        ("silent", "Error: Runtime exited without providing a reason"),
    ] {
        let exit = desk.invoke(&["--bootstrap", program, "--timeout", "20"]);
        assert_eq!(exit.status.code(), Some(1), "{exit:?}");
        let error: serde_json::Value = serde_json::from_str(&exit.stdout).unwrap();
        assert_eq!(error["errorType"], "Runtime.ExitError");
        let text = error["errorMessage"].as_str().unwrap();
        assert!(text.starts_with("RequestId: ") && text.ends_with(message), "{text}");
        let report = line(&exit.stderr, "REPORT");
        assert!(report.ends_with("\tStatus: error\tError Type: Runtime.ExitError"), "{report}");
        assert_eq!(exit.stderr.contains("INIT_REPORT"), program != "busy", "{}", exit.stderr);
        assert_eq!(exit.stderr.contains("oh\n"), program == "at-init", "{}", exit.stderr);
    }
    assert_ended(&desk);
}

#[test]
fn an_interrupt_ends_the_child_too() {
    let desk = Desk::with("fn handler(event) { sleep(20); event }")
        .program("busy", "$BOOTSTRAP & echo $! > pid; wait");
    let arguments = ["invoke", "--bootstrap", "busy", "--timeout", "60"];
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let mut process = Process::spawn(&mut desk.command(&arguments));
        process.wait_for_stderr("START", |text| text.contains("START"));
        process.signal(signal);
        let exit = process.wait();
        assert_eq!(exit.status.code(), Some(status), "{exit:?}");
        assert_eq!(exit.stdout, "");
        assert_ended(&desk);
    }
}

/// The process whose number is in `pid` is gone.
fn assert_ended(desk: &Desk) {
    let pid = std::fs::read_to_string(desk.folder.path().join("pid")).unwrap();
    let gone = || {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        // One that nobody has waited for yet is as good as gone.
        status.map_or(true, |status| status.contains(") Z "))
    };
    let give_up = std::time::Instant::now() + Duration::from_secs(5);
    while !gone() {
        assert!(std::time::Instant::now() < give_up, "process {pid} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn wrong_use_gets_one_message() {
    let desk = Desk::new()
        .file("echo/function.rhai", "fn handler(event) { event }")
        .file("other/orders.rhai", "")
        .file("empty/readme.txt", "")
        .file("bad.json", "{\n  \"a\": x\n}")
        .file("plain", "");
    let general = "hint: `rhai-lambda invoke --help` explains its options\n";
    let with_general = |text: &str| format!("{text}\n{general}");
    let table: [(&[&str], String); 20] = [
        (
            &["invoke", "--env", "_HANDLER=x"],
            with_general(
                "error: invalid value `_HANDLER=x` for `--env <NAME=VALUE>`: `_HANDLER` is no name \
                 that Lambda takes: a letter, then letters, digits, `_`",
            ),
        ),
        (
            &["invoke", "--memory", "all\n\nof it"],
            with_general(
                "error: invalid value `all\\n\\nof it` for `--memory <MB>`: expected a whole number",
            ),
        ),
        (
            &["completions"],
            "error: the following required arguments were not provided: <SHELL>\n\
             hint: `rhai-lambda completions --help` explains its options\n"
                .to_owned(),
        ),
        (&["invok"], "error: there is no command `invok`\nhint: did you mean `invoke`?\nhint: `rhai-lambda help` lists the commands\n".to_owned()),
        (
            &["invoke", "--tmeout", "3"],
            with_general("error: unexpected argument `--tmeout` found\nhint: did you mean `--timeout`?"),
        ),
        (
            &["invoke", "-d", "1", "-e", "x"],
            with_general("error: the argument `--data <JSON>` cannot be used with `--event <FILE>`"),
        ),
        (
            &["invoke", "--timeout", "0"],
            with_general("error: invalid value `0` for `--timeout <SECONDS>`: expected 1 to 900"),
        ),
        (
            &["invoke", "--env", "A"],
            with_general("error: invalid value `A` for `--env <NAME=VALUE>`: expected NAME=VALUE"),
        ),
        (&["invoke", "ecoh"], "error: `ecoh` does not exist\nhint: did you mean `echo`?\n".to_owned()),
        (
            &["invoke", "echo/funktion.rhai"],
            "error: `echo/funktion.rhai` does not exist\nhint: did you mean `echo/function.rhai`?\n".to_owned(),
        ),
        (
            &["invoke", "echo/list.all"],
            "error: `echo/list.rhai` does not exist\n\
             hint: `echo/list.all` means the function `all` of that script\n"
                .to_owned(),
        ),
        (
            &["invoke", "other/orders"],
            "error: `other/orders` does not exist\nhint: did you mean `other/orders.rhai`?\n".to_owned(),
        ),
        (
            &["invoke", "echo.handler"],
            "error: `echo.rhai` does not exist\nhint: did you mean `echo/function.handler`?\n".to_owned(),
        ),
        (
            &["invoke", "other"],
            "error: folder `other` has no `function.rhai`\n\
             hint: name the script: `other/orders.rhai`\n"
                .to_owned(),
        ),
        (
            &["invoke", "empty"],
            "error: folder `empty` has no `function.rhai`\n\
             hint: put `fn handler(event) { … }` into that file\n"
                .to_owned(),
        ),
        (
            &["invoke", "bad.json"],
            "error: `bad.json` is not a script\n\
             hint: scripts end in `.rhai`; an event goes to `rhai-lambda invoke -e FILE`\n"
                .to_owned(),
        ),
        (
            &["invoke", "echo", "-e", "baad.json"],
            "error: `baad.json` does not exist\nhint: did you mean `bad.json`?\n".to_owned(),
        ),
        (
            &["invoke", "echo", "-e", "bad.json"],
            "error: the event is not JSON: expected value, at line 2 column 8 of `bad.json`\n".to_owned(),
        ),
        (
            &["invoke", "echo", "-d", "{id: 1}"],
            "error: the event is not JSON: key must be a string, at line 1 column 2 of `-d`\n\
             hint: put single quotes around JSON in a shell: `-d '{\"id\": 1}'`\n"
                .to_owned(),
        ),
        (
            &["invoke", "echo", "--bootstrap", "plain"],
            "error: `plain` is not executable\nhint: `chmod +x plain`\n".to_owned(),
        ),
    ];
    for (arguments, expected) in table {
        assert_eq!(desk.misuse(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn a_native_of_another_bootstrap_is_not_taken_for_a_mistake() {
    let desk = Desk::with("fn handler(event) { ean13(1) }")
        .file("rhai-lambda.toml", "natives = ['ean13']");
    let exit = desk.invoke(&[]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let hint = "\nhint: a `bootstrap` of your own has it, as `rhai-lambda.toml` says: `--bootstrap PATH`\n";
    assert!(exit.stderr.contains(hint), "{exit:?}");
    let desk = desk.file("event.json", "{}").file("expected.json", "1");
    let exit = desk.run(&["test"]);
    assert!(
        exit.stdout
            .contains("\nhint: a `bootstrap` of your own has it, and tests run in the layer's"),
        "{exit:?}"
    );
}

#[test]
fn an_event_beyond_lambdas_limit_is_refused() {
    let large = format!("\"{}\"", "x".repeat(6 << 20));
    let desk = Desk::with("fn handler(event) { 1 }").file("large.json", large);
    let message = desk.misuse(&["invoke", "-e", "large.json"]);
    assert!(message.starts_with("error: the event has 6291458 bytes"), "{message}");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let desk = Desk::with("fn handler(event) { event }");
    let script = "\"$0\" invoke 2>&1 >/dev/full | tail -n 1; \"$0\" invoke 2>/dev/null | true";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(tools::rhai_lambda()).current_dir(desk.folder.path());
    let exit = Process::spawn(&mut command).wait();
    let start = "error: failed to write the result to standard output: ";
    assert!(exit.stdout.starts_with(start), "{exit:?}");
    assert_eq!(exit.stdout.lines().count(), 1, "{exit:?}");
}

#[test]
fn help_shows_examples_and_the_version_is_the_crates() {
    let desk = Desk::new();
    let help = desk.run(&["invoke", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(help.stdout.contains("Examples:\n  rhai-lambda invoke"), "{}", help.stdout);
    // The runtime inside is for the command itself.
    assert!(!desk.run(&["--help"]).stdout.contains("bootstrap"));
    let version = desk.run(&["--version"]);
    assert_eq!(version.stdout, format!("rhai-lambda {}\n", env!("CARGO_PKG_VERSION")));
}
