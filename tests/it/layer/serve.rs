//! The built layer where Lambda puts it: unpacked to `/opt`, the function's zip to `/var/task`,
//! and AWS's emulator, which is told of neither and finds `/opt/bootstrap`.
//!
//! A private mount namespace shows it those two folders; the machine's own are not touched.

use std::path::Path;

use serde_json::Value;

use super::{archive, is_asked_for, layer};
use crate::cases::case::readable;
use crate::rie::{Emulator, assert_can_mount};
use crate::scratch::Scratch;
use crate::tools::{self, Tool};

/// A machine with the layer in `/opt` and one function in `/var/task`.
struct Lambda {
    folder: Scratch,
}

impl Lambda {
    /// Unpacks the layer and puts the emulator beside it; `None` when this was not asked for.
    fn new(what: &str) -> Option<Self> {
        if !is_asked_for(what) {
            return None;
        }
        let rie = tools::require(Tool::Rie, what)?;
        assert_can_mount();
        let folder = Scratch::new();
        archive::unpack(layer(), &folder.path().join("opt"));
        std::fs::create_dir_all(folder.path().join("var/task")).unwrap();
        std::fs::copy(rie, folder.path().join("var/aws-lambda-rie")).unwrap();
        Some(Self { folder })
    }

    /// Puts the function there as a zip, as it is deployed.
    fn deploy(&self, sources: &Path, names: &[&str]) {
        let code = self.folder.path().join("code.zip");
        let task = self.folder.path().join("var/task");
        std::fs::remove_dir_all(&task).unwrap();
        archive::pack(&code, sources, names);
        archive::unpack(&code, &task);
    }

    /// Starts the emulator.
    fn start(&self, handler: &str) -> Emulator {
        Emulator::start_inside(self.folder.path(), handler, &[])
    }
}

#[test]
fn the_emulator_finds_the_layer_and_a_zip_of_two_scripts() {
    let Some(lambda) = Lambda::new("the layer in `/opt` under AWS's emulator") else { return };
    let sources = Scratch::new();
    sources.write(
        "function.rhai",
        r#"import "lib/greeting" as greeting;
        fn handler(event) { greeting::hello(event.name) }"#,
    );
    sources.write("lib/greeting.rhai", r#"fn hello(name) { `Hello ${name} from /var/task` }"#);
    lambda.deploy(sources.path(), &["function.rhai", "lib"]);

    let mut emulator = lambda.start("function.handler");
    for name in ["Ada", "Grace"] {
        let answer = emulator.invoke(format!(r#"{{"name": "{name}"}}"#).as_bytes());
        assert_eq!(answer.status, 200, "{}, it says: {}", answer.text(), emulator.log());
        assert_eq!(answer.text(), format!(r#""Hello {name} from /var/task""#));
    }
}

#[test]
fn the_examples_answer_as_they_say() {
    let Some(lambda) = Lambda::new("the examples in the layer under AWS's emulator") else {
        return;
    };
    let mut served = Vec::new();
    for entry in std::fs::read_dir(tools::root().join("examples")).unwrap() {
        let example = entry.unwrap().path();
        // One that brings its own `bootstrap` is nothing for the layer's.
        if !example.join("function.rhai").is_file() || example.join("Cargo.toml").exists() {
            continue;
        }
        lambda.deploy(&example, &["."]);
        let answer = lambda
            .start("function.handler")
            .invoke(&std::fs::read(example.join("event.json")).unwrap());
        let expected = std::fs::read(example.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let got: Value = serde_json::from_str(&readable(&answer.text())).unwrap();
        assert_eq!((answer.status, &got), (200, &expected), "{}", example.display());
        served.push(example.file_name().unwrap().to_owned());
    }
    for name in ["echo", "http"] {
        assert!(served.iter().any(|example| example == name), "`examples/{name}` was not served");
    }
}
