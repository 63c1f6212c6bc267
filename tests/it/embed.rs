//! `examples/embed`: a `bootstrap` of one's own, built and run.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::tools;

fn folder() -> PathBuf {
    tools::root().join("examples/embed")
}

/// The example's `bootstrap`, built at the first use.
static BOOTSTRAP: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = tools::root().join("target/embed");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--target-dir"])
        .arg(&target)
        .current_dir(folder())
        // Its dependencies are those of our own `bootstrap`: cargo finds those that `tests/run` has
        // built, from version 1.91 on. Older ones build them anew.
        .env("CARGO_BUILD_BUILD_DIR", tools::root().join("target/bootstrap"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(
        built.status.success(),
        "{said}\nhint: after a change of dependencies, run `cargo update --workspace` in `examples/embed`"
    );
    target.join("debug/bootstrap")
});

/// The example's function, invoked as its README says.
fn invoke(arguments: &[&str]) -> Output {
    Command::new(tools::rhai_lambda())
        .args(["invoke", "--timeout", "20", "--bootstrap"])
        .arg(&*BOOTSTRAP)
        .args(arguments)
        .current_dir(folder())
        .output()
        .unwrap()
}

#[test]
fn a_script_calls_a_function_of_rust() {
    let output = invoke(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&String::from_utf8_lossy(&output.stdout)), value(&expected));
}

#[test]
fn its_error_is_an_error_of_the_script() {
    let output = invoke(&["-d", r#"{"articles": ["12"]}"#]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({
        "errorMessage": "`12` is not twelve digits",
        "errorType": "Error",
        "stackTrace": ["at handler (function.rhai:5:29)"],
    });
    assert_eq!(error, expected);
}

#[test]
fn it_is_built_from_the_same_versions() {
    let packages = |file: PathBuf| -> Vec<String> {
        let lock = std::fs::read_to_string(file).unwrap();
        let fields = |package: &str| package.lines().take(3).collect::<Vec<_>>().join(" ");
        lock.split("[[package]]\n").skip(1).map(fields).collect()
    };
    let ours = packages(tools::root().join("Cargo.lock"));
    let mut others = packages(folder().join("Cargo.lock"));
    others.retain(|package| !package.starts_with("name = \"embed\"") && !ours.contains(package));
    assert!(others.is_empty(), "not in our `Cargo.lock`: {others:#?}");
}
