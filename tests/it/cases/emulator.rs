//! `bootstrap` under our own emulator, the one behind `rhai-lambda invoke`.

use std::sync::Arc;

use rhai_lambda::emulator::{self, Answer, Invocation};
use tokio::runtime::{Builder, Runtime};

use super::case::{Case, Reply};
use super::{Backend, Environment};
use crate::scratch::Scratch;
use crate::tools;

pub struct Emulator;

impl Backend for Emulator {
    fn start(&self, case: &Case) -> Option<Box<dyn Environment>> {
        let root = Scratch::new();
        root.copy_from(&case.folder);
        let handler = case.env.get("_HANDLER").map_or("function.handler", String::as_str);
        let variables = case.env_in(root.path());
        let function = emulator::Function {
            name: "test".into(),
            handler: handler.into(),
            task_root: root.path().into(),
            timeout: case.timeout(),
            memory_mb: 128,
            region: "us-east-1".into(),
            runtime: vec![tools::bootstrap().into()],
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        // Its tasks are spawned while the environment is at work, so it lives inside the runtime.
        let _inside = runtime.enter();
        let environment = emulator::Environment::new(function, Arc::new(drop));
        Some(Box::new(Running { environment, runtime, _root: root }))
    }
}

struct Running {
    // Dropped before its runtime.
    environment: emulator::Environment,
    runtime: Runtime,
    /// Kept as long as the function runs.
    _root: Scratch,
}

impl Environment for Running {
    fn invoke(&mut self, event: &str) -> Reply {
        let invocation = Invocation::new(event.to_owned());
        let outcome = self.runtime.block_on(self.environment.invoke(invocation));
        let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
        match outcome.answer {
            Answer::Response { body, .. } => {
                Reply { text: text(&body), is_error: Some(false), header: None }
            }
            Answer::Error { body, error_type } => {
                Reply { text: text(&body), is_error: Some(true), header: Some(error_type) }
            }
        }
    }
}
