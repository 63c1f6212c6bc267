//! `tests/scripts/*.rhai`: what the modules for scripts do, asserted by scripts; and the examples in
//! the modules' documentation, run.
//!
//! `rhai-lambda test` runs all of it, so what these scripts may call is what tests of functions may.
//! `https://api.example.com` in a script is the address of a [`WebServer`] of its own, which runs while
//! it does.

use serde_json::Value;

use crate::desk::Desk;
use crate::tools;
use crate::web_server::WebServer;

/// What stands for the server in scripts.
const SERVER: &str = "https://api.example.com";

/// Scripts of tests, put together.
struct Collection {
    desk: Desk,
    servers: Vec<WebServer>,
}

impl Collection {
    fn new() -> Self {
        Self { desk: Desk::new(), servers: Vec::new() }
    }

    fn add(&mut self, name: &str, script: &str) {
        if !script.contains(SERVER) {
            self.desk.folder.write(name, script);
            return;
        }
        let server = WebServer::start();
        self.desk.folder.write(name, script.replace(SERVER, &server.origin()));
        self.servers.push(server);
    }

    /// Runs all of them; every one must pass.
    fn run(self) {
        // The time is that of a loaded machine.
        let arguments = ["test", "--json", "--allow-network", "--timeout", "300"];
        let exit = self.desk.run(&arguments);
        let document: Value =
            serde_json::from_str(&exit.stdout).unwrap_or_else(|error| panic!("{error}: {exit:?}"));
        let tests = document["tests"].as_array().unwrap();
        let failed: Vec<String> = tests
            .iter()
            .filter(|test| test["status"] != "passed")
            .map(|test| format!("{}: {}", test["name"], test["error"]))
            .collect();
        assert!(!tests.is_empty(), "no tests were found");
        assert!(
            failed.is_empty(),
            "{} of {} failed:\n{}",
            failed.len(),
            tests.len(),
            failed.join("\n")
        );
        assert!(exit.status.success(), "{exit:?}");
    }
}

/// The names of a script's functions that start with `test_`.
fn tests_of(script: &str) -> Vec<&str> {
    script
        .lines()
        .filter_map(|line| line.strip_prefix("fn ")?.split('(').next())
        .filter(|name| name.starts_with("test_"))
        .collect()
}

#[test]
fn every_script_asserts_what_it_says() {
    let folder = tools::root().join("tests/scripts");
    let mut collection = Collection::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let script = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if !script.contains(SERVER) {
            collection.add(&format!("{name}_test.rhai"), &script);
            continue;
        }
        // The server counts what is asked of it: each test has one of its own.
        for test in tests_of(&script) {
            let others = script.replace("\nfn test_", "\nfn untested_");
            let this = test.replacen("test_", "\nfn untested_", 1);
            let alone = others.replace(&format!("{this}("), &format!("\nfn {test}("));
            collection.add(&format!("{name}-{test}_test.rhai"), &alone);
        }
    }
    collection.run();
}

#[test]
fn the_documentations_examples_run() {
    let mut collection = Collection::new();
    for (module, text) in crate::reference::modules() {
        for (number, example) in crate::reference::examples(&text).iter().enumerate() {
            let test = match example {
                // A whole script: its handler is called.
                example if example.contains("fn handler(event, context)") => {
                    format!("{example}\nfn test_example() {{ handler((), fake::context()); }}")
                }
                example if example.contains("fn handler(") => {
                    format!("{example}\nfn test_example() {{ handler(()); }}")
                }
                example => {
                    let start =
                        "fn test_example() { let event = (); let context = fake::context();";
                    format!("{start}\n{example}\n}}\n")
                }
            };
            collection.add(&format!("{module}-{}_test.rhai", number + 1), &test);
        }
    }
    collection.run();
}
