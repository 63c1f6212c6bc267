//! `bootstrap` under AWS's own emulator, which is the referee.

use std::path::PathBuf;

use super::case::{Case, Reply};
use super::{Backend, Environment};
use crate::rie::Emulator;
use crate::scratch::Scratch;
use crate::tools::{self, Tool};

pub struct Rie {
    pub program: PathBuf,
}

/// The emulator answers this caller itself, whatever the runtime reports.
const NOT_FORWARDED: &str = "tests/cases/response-too-large";

/// The emulator, when it is installed.
pub fn program() -> Option<PathBuf> {
    tools::require(Tool::Rie, "every case through AWS's emulator")
}

impl Backend for Rie {
    fn start(&self, case: &Case) -> Option<Box<dyn Environment>> {
        if case.name == NOT_FORWARDED {
            return None;
        }
        let root = Scratch::new();
        root.copy_from(&case.folder);
        let handler = case.env.get("_HANDLER").map_or("function.handler", String::as_str);
        let mut env = vec![("LAMBDA_TASK_ROOT", root.path().to_str().unwrap())];
        env.push(("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"));
        let own = case.env_in(root.path());
        env.extend(own.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let emulator = Emulator::start(&self.program, handler, &env);
        Some(Box::new(Running { emulator, _root: root }))
    }
}

struct Running {
    emulator: Emulator,
    /// Kept as long as the function runs.
    _root: Scratch,
}

impl Environment for Running {
    fn invoke(&mut self, event: &str) -> Reply {
        let answer = self.emulator.invoke(event.as_bytes());
        // A result and an error both come with 200 and nothing else that tells them apart.
        Reply { text: answer.text(), is_error: None, header: None }
    }
}
