//! Wrong uses, and the end: nobody waits for an answer in vain, and no process is left behind.

use std::net::TcpListener;
use std::path::Path;
use std::thread;

use super::{Server, agent, reply, until};
use crate::desk::Desk;
use crate::process::Process;

#[test]
fn a_port_in_use_is_one_clear_message() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let said =
        Desk::with("fn handler(event) { 1 }").misuse(&["serve", "--port", &port.to_string()]);
    let expected = format!(
        "error: port {port} of 127.0.0.1 is in use\nhint: `--port {}` takes another one, `--port 0` any that is free\n",
        port + 1
    );
    assert_eq!(said, expected);
}

#[test]
fn what_cannot_be_served_is_one_clear_message() {
    let function = "fn handler(event) { 1 }";
    let desk = Desk::new()
        .file("a/orders/function.rhai", function)
        .file("b/orders/function.rhai", function)
        .file("empty/note.txt", "")
        .file("bad/function.rhai", function)
        .file("bad/rhai-lambda.toml", "timeout = \n");
    let both = desk.misuse(&["serve", "a/orders", "b/orders"]);
    assert_eq!(
        both,
        "error: `a/orders` and `b/orders` are both called `orders`\n\
         hint: `name` in `rhai-lambda.toml` gives a function another name\n"
    );
    let empty = desk.misuse(&["serve", "empty"]);
    assert!(empty.starts_with("error: folder `empty` has no `function.rhai`\nhint: "), "{empty}");
    let among = desk.misuse(&["serve", "a"]);
    assert_eq!(
        among,
        "error: folder `a` has no `function.rhai`\nhint: name its functions: `rhai-lambda serve a/orders`\n"
    );
    let missing = desk.misuse(&["serve", "emty"]);
    assert_eq!(missing, "error: `emty` does not exist\nhint: did you mean `empty`?\n");
    let broken = desk.misuse(&["serve", "bad"]);
    assert!(broken.contains("rhai-lambda.toml`, line 1"), "{broken}");
    let host = desk.misuse(&["serve", "a/orders", "--host", "203.0.113.1"]);
    assert!(host.starts_with("error: 203.0.113.1 is no address of this machine\nhint: "), "{host}");
    assert!(desk.misuse(&["serve", "--port", "x"]).contains("invalid value `x`"));
}

#[test]
fn being_open_to_others_is_a_warning() {
    let mut server = Server::start(Desk::with("fn handler(event) { 1 }"), &["--host", "0.0.0.0"]);
    let said = server
        .process
        .wait_for_stderr("the address", |said| said.contains("serving at http://localhost:"));
    assert!(
        said.starts_with("warning: `--host 0.0.0.0`: whoever reaches this machine can "),
        "{said}"
    );
}

/// A runtime that leaves its process id behind.
fn noted(script: &str) -> Desk {
    Desk::with(script).program("noting", "echo $$ > \"${0%/*}/pid\"; exec \"$BOOTSTRAP\"")
}

fn runtime_id(folder: &Path) -> String {
    let read = || std::fs::read_to_string(folder.join("pid")).unwrap_or_default();
    until("the runtime has started", || read().ends_with('\n'));
    read().trim().to_owned()
}

fn lives(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // One that has ended and was not asked for yet is no process any more.
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn ctrl_c_lets_a_request_finish_and_leaves_nothing_behind() {
    let desk = noted("fn handler(event) { print(\"begun\"); sleep(1); \"done\" }");
    let mut server = Server::start(desk, &["--bootstrap", "noting", "--timeout", "30"]);
    let url = server.url("/");
    let request = thread::spawn(move || reply(agent().get(url).call()));
    // A page that stays open must not hold the end up.
    let live = agent().get(server.url("/_/api/live")).call().unwrap();
    server.wait_for("\tbegun\n");
    let id = runtime_id(server.desk.folder.path());
    assert!(lives(&id));
    let exit = server.interrupt();
    assert_eq!(exit.status.code(), Some(130), "{exit:?}");
    let reply = request.join().unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (200, "done"));
    until("the runtime is gone", || !lives(&id));
    drop(live);
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let desk = noted("fn handler(event) { print(\"begun\"); sleep(600); }");
    let mut server = Server::start(desk, &["--bootstrap", "noting", "--timeout", "900"]);
    let url = server.url("/");
    let request = thread::spawn(move || agent().get(url).call().is_ok_and(|r| r.status() == 200));
    server.wait_for("\tbegun\n");
    let id = runtime_id(server.desk.folder.path());
    server.process.signal("INT");
    server.wait_for("Ctrl-C again");
    let exit = server.interrupt();
    assert_eq!(exit.status.code(), Some(130), "{exit:?}");
    assert!(!request.join().unwrap());
    until("the runtime is gone", || !lives(&id));
}

#[test]
fn the_runtime_does_not_outlive_a_server_that_is_killed() {
    let desk = noted("fn handler(event) { 1 }");
    let server = Server::start(desk, &["--bootstrap", "noting"]);
    assert_eq!(server.get("/").status, 200);
    let id = runtime_id(server.desk.folder.path());
    server.process.signal("KILL");
    until("the runtime is gone", || !lives(&id));
}

#[test]
fn a_function_is_told_of_its_end() {
    let script = |word: &str| {
        format!(
            "fn on_shutdown() {{ print(`{word} is over`); }} fn handler(event) {{ \"{word}\" }}"
        )
    };
    let mut server = Server::with(&script("one"));
    assert_eq!(server.get("/").body, "one");
    server.desk.folder.write("function.rhai", script("two"));
    server.wait_for("\tone is over\n");
    until("the new code answers", || server.get("/").body == "two");
    let exit = server.interrupt();
    assert!(exit.stderr.contains("\ttwo is over\n"), "{}", exit.stderr);
}

#[test]
fn other_signals_end_it_too() {
    let server = Server::with("fn handler(event) { 1 }");
    server.process.signal("TERM");
    assert_eq!(server.process.wait().status.code(), Some(143));
}

#[test]
fn help_has_examples() {
    let desk = Desk::new();
    let help = Process::spawn(&mut desk.command(&["serve", "--help"])).wait();
    assert_eq!(help.status.code(), Some(0));
    for text in
        ["rhai-lambda serve orders users", "--allow-host", "/_/url/NAME/", "[default: 9000]"]
    {
        assert!(help.stdout.contains(text), "`{text}` is missing in:\n{}", help.stdout);
    }
}
