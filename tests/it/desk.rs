//! A folder in which `rhai-lambda` is run as a person would.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::process::{Exit, Process};
use crate::scratch::Scratch;
use crate::tools;

/// A folder in which the command is run.
pub struct Desk {
    pub folder: Scratch,
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: Scratch::new() }
    }

    /// A folder with `function.rhai`.
    pub fn with(script: &str) -> Self {
        Self::new().file("function.rhai", script)
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.folder.write(name, content);
        self
    }

    /// A script for the shell that can be given as `--bootstrap`; `$BOOTSTRAP` is the real one.
    pub fn program(self, name: &str, script: &str) -> Self {
        let real = tools::bootstrap();
        let text = format!("#!/bin/sh\nBOOTSTRAP='{}'\n{script}\n", real.display());
        let desk = self.file(name, text);
        let path = desk.folder.path().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        desk
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tools::rhai_lambda());
        command.args(arguments).current_dir(self.folder.path());
        // What a developer has set must not change what the tests see.
        for name in ["NO_COLOR", "AWS_REGION", "AWS_DEFAULT_REGION", "RHAI_LAMBDA_MAX_MODULES"] {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Exit {
        Process::spawn(&mut self.command(arguments)).wait()
    }

    pub fn invoke(&self, arguments: &[&str]) -> Exit {
        self.run(&[&["invoke"], arguments].concat())
    }

    /// The result of an invocation that works.
    pub fn result(&self, arguments: &[&str]) -> String {
        let exit = self.invoke(arguments);
        assert_eq!(exit.status.code(), Some(0), "{arguments:?}: {exit:?}");
        exit.stdout
    }

    /// What a wrong use is answered with.
    pub fn misuse(&self, arguments: &[&str]) -> String {
        let exit = self.run(arguments);
        assert_eq!(exit.status.code(), Some(2), "{arguments:?}: {exit:?}");
        assert_eq!(exit.stdout, "", "{arguments:?}");
        exit.stderr
    }
}
