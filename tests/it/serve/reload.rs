//! Hot reload: a save is live, a request in flight ends with the code that it began with.

use std::thread;

use super::{Server, until};
use crate::desk::Desk;

#[test]
fn a_save_is_live() {
    let mut server = Server::with("fn handler(event) { \"one\" }");
    assert_eq!(server.get("/").body, "one");
    server.desk.folder.write("function.rhai", "fn handler(event) { \"two\" }");
    until("the new code answers", || server.get("/").body == "two");
    let said = server.wait_for("reloaded in ");
    assert!(said.contains(": `function.rhai` changed\n"), "{said}");
    // A later save as well: the watch goes on.
    server.desk.folder.write("function.rhai", "fn handler(event) { \"three\" }");
    until("the newest code answers", || server.get("/").body == "three");
}

#[test]
fn every_way_of_saving_is_seen() {
    let script = "import \"lib/words\" as words; fn handler(event) { words::one() }";
    let desk = Desk::with(script).file("lib/words.rhai", "fn one() { \"old\" }");
    let server = Server::start(desk, &[]);
    assert_eq!(server.get("/").body, "old");
    let folder = server.desk.folder.path();

    // As editors do that keep the old file until the new one is whole.
    server.desk.folder.write("lib/.words.rhai.swp", "fn one() { \"renamed\" }");
    std::fs::rename(folder.join("lib/.words.rhai.swp"), folder.join("lib/words.rhai")).unwrap();
    until("a renamed file", || server.get("/").body == "renamed");

    // A folder that was not there.
    server.desk.folder.write("more/deep/words.rhai", "fn one() { \"deep\" }");
    let script = script.replace("lib/words", "more/deep/words");
    server.desk.folder.write("function.rhai", script);
    until("a new folder", || server.get("/").body == "deep");
    server.desk.folder.write("more/deep/words.rhai", "fn one() { \"deeper\" }");
    until("a file in a new folder", || server.get("/").body == "deeper");

    // Data.
    server.desk.folder.write(
        "function.rhai",
        "const W = fs::read_text(\"w.txt\"); fn handler(event) { global::W }",
    );
    server.desk.folder.write("w.txt", "data");
    until("a script with data", || server.get("/").body == "data");
    server.desk.folder.write("w.txt", "new data");
    until("new data", || server.get("/").body == "new data");

    // Settings.
    server.desk.folder.write("function.rhai", "fn handler(event) { env::get(\"WORD\", \"none\") }");
    server.desk.folder.write("rhai-lambda.toml", "[environment]\nWORD = \"set\"\n");
    until("settings", || server.get("/").body == "set");
}

#[test]
fn a_folder_that_is_made_anew_is_watched_again() {
    let desk = Desk::new().file("orders/function.rhai", "fn handler(event) { \"one\" }");
    let server = Server::start(desk, &["orders"]);
    assert_eq!(server.get("/").body, "one");
    let folder = server.desk.folder.path().join("orders");
    std::fs::rename(&folder, server.desk.folder.path().join("away")).unwrap();
    server.desk.folder.write("orders/function.rhai", "fn handler(event) { \"two\" }");
    until("the new folder", || server.get("/").body == "two");
    server.desk.folder.write("orders/function.rhai", "fn handler(event) { \"three\" }");
    until("a save in the new folder", || server.get("/").body == "three");
}

#[test]
fn a_request_in_flight_survives_a_save() {
    let script = |word: &str| {
        format!(
            "fn handler(event) {{ if event.rawPath == \"/slow\" {{ print(\"begun\"); sleep(2); }} \"{word}\" }}"
        )
    };
    let mut server = Server::start(Desk::with(&script("old")), &["--timeout", "30"]);
    let url = server.url("/slow");
    let slow = thread::spawn(move || super::reply(super::agent().get(url).call()));
    server.wait_for("\tbegun\n");
    server.desk.folder.write("function.rhai", script("new"));
    until("the new code answers", || server.get("/").body == "new");
    let reply = slow.join().unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (200, "old"));
}

#[test]
fn a_script_that_does_not_load_says_so_everywhere_until_it_is_mended() {
    let mut server = Server::with("fn handler(event) { \"one\" }");
    assert_eq!(server.get("/").body, "one");
    server.desk.folder.write("function.rhai", "fn handler(event) {\n    let = 1;\n}\n");
    let drawing = "2 |     let = 1;\n  |         ^\n";
    let said = server.wait_for(drawing);
    assert!(said.contains("does not load: `function.rhai` changed\n"), "{said}");
    assert!(said.contains("error[Runtime.UserCodeSyntaxError]: "), "{said}");

    let program = server.get("/");
    assert_eq!((program.status, program.body.as_str()), (502, "Internal Server Error"));
    let browser = server.get_with("/", &[("accept", "text/html")]);
    assert!(browser.body.contains(drawing), "{}", browser.body);
    let name = server.get("/_/api/state").json()["functions"][0]["name"].clone();
    let invoked = server.invoke(name.as_str().unwrap(), "{}");
    assert_eq!(invoked.json()["errorType"], "Runtime.UserCodeSyntaxError");
    assert_eq!(invoked.header("x-amz-function-error"), "Unhandled");
    let function = server.get("/_/api/state").json()["functions"][0].clone();
    assert_eq!(function["state"], "broken");
    assert!(function["problem"].as_str().unwrap().contains(drawing), "{function}");

    server.desk.folder.write("function.rhai", "fn handler(event) { \"mended\" }");
    let said = server.wait_for(" loads again");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(server.get("/").body, "mended");
    assert_eq!(server.get("/_/api/state").json()["functions"][0]["state"], "ready");
}

#[test]
fn broken_settings_are_told_and_the_old_ones_stay() {
    let mut server = Server::with("fn handler(event) { \"one\" }");
    server.desk.folder.write("rhai-lambda.toml", "timeuot = 3\n");
    let said = server.wait_for("did you mean `timeout`?");
    assert!(said.contains("`rhai-lambda.toml` changed\nerror: "), "{said}");
    assert_eq!(server.get("/").body, "one");
    assert_eq!(server.get("/_/api/state").json()["functions"][0]["state"], "broken");
    server.desk.folder.write("rhai-lambda.toml", "timeout = 5\n");
    server.wait_for(" loads again");
    assert_eq!(server.get("/_/api/state").json()["functions"][0]["timeout"], 5);
}

#[test]
fn a_script_that_never_loaded_is_drawn_at_the_start() {
    let mut server = Server::with("fn handler(event) { event.id + }");
    let said = server.wait_for("1 | fn handler(event) { event.id + }\n");
    assert!(said.contains("does not load\n"), "{said}");
}
