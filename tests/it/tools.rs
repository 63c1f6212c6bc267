//! Where the programs under test and their real counterparts are.
//!
//! `cargo test` alone has no counterparts: a test that needs one says so and passes. `tests/run`
//! installs them and sets `IT_TESTS=all`, and then a missing one fails the test.

use std::path::{Path, PathBuf};

/// The folder of `Cargo.toml`.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The runtime: the one that `tests/run` built alone, as for the layer, or else cargo's own.
pub fn bootstrap() -> PathBuf {
    std::env::var_os("IT_BOOTSTRAP")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_bootstrap")), |path| root().join(path))
}

/// The command.
pub fn rhai_lambda() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_rhai-lambda"))
}

/// The real counterparts that `tests/install-tools` installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// AWS's own Lambda emulator.
    Rie,
    /// The aws CLI.
    Aws,
    /// An AWS in one process.
    Moto,
}

impl Tool {
    /// Every tool, for the summary.
    pub const ALL: [Self; 3] = [Self::Rie, Self::Aws, Self::Moto];

    fn program(self) -> &'static str {
        match self {
            Self::Rie => "bin/aws-lambda-rie",
            Self::Aws => "bin/aws",
            Self::Moto => "bin/moto_server",
        }
    }

    fn path(self) -> PathBuf {
        folder().join(self.program())
    }
}

/// Where `tests/install-tools` puts everything.
pub fn folder() -> PathBuf {
    std::env::var_os("IT_TOOLS")
        .map_or_else(|| root().join("target/tools"), |folder| root().join(folder))
}

/// Whether a missing tool is a failure.
pub fn everything_asked_for() -> bool {
    std::env::var_os("IT_TESTS").is_some_and(|value| value == "all")
}

/// Where `tool` is; `None` when it is not installed, after saying that `what` was left out.
///
/// # Panics
/// When everything was asked for: nothing is left out silently then.
pub fn require(tool: Tool, what: &str) -> Option<PathBuf> {
    let path = tool.path();
    if path.exists() {
        return Some(path);
    }
    assert!(
        !everything_asked_for(),
        "`{}` is missing, so {what} cannot run\nhint: `tests/install-tools` installs it",
        path.display()
    );
    say(&format!("left out: {what} (no `{}`)\nhint: `tests/run` runs everything", path.display()));
    None
}

/// Prints past the capture of the test harness, which hides what a passing test says.
pub fn say(text: &str) {
    use std::io::Write as _;

    let mut out = std::io::stderr().lock();
    writeln!(out, "\n{text}").expect("standard error is open");
}

/// The summary of what `cargo test` alone leaves out, in one place and on every run.
#[test]
fn tools_are_installed_or_named() {
    let missing: Vec<&str> =
        Tool::ALL.iter().filter(|tool| !tool.path().exists()).map(|tool| tool.program()).collect();
    if missing.is_empty() {
        return;
    }
    assert!(
        !everything_asked_for(),
        "missing below the tools' folder: {}\nhint: `tests/install-tools` installs them",
        missing.join(", ")
    );
    say(&format!(
        "left out: every test that needs {}\nhint: `tests/run` installs them and runs everything",
        missing.join(", ")
    ));
}
