//! `Handler::invoke`, without a process and without a Runtime API: the pure core.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::SystemTime;

use rhai_lambda::{Config, Context, Error, Handler};

use super::case::{Case, Reply};
use super::{Backend, Environment};
use crate::process::PATIENCE;
use crate::scratch::Scratch;

pub struct Library {
    /// `RHAI_LAMBDA_BYTECODE`: whether loops of numbers become bytecode.
    pub bytecode: &'static str,
}

type Outcome = Result<Vec<u8>, Error>;

impl Backend for Library {
    fn start(&self, case: &Case) -> Option<Box<dyn Environment>> {
        // The memory is that of the whole process, which runs other tests meanwhile; and how large a
        // response may be is Lambda's business.
        if case.expects_error_type("OutOfMemory")
            || case.expects_error_type("DataTooLarge")
            || case.expects_error_type("ResponseTooLarge")
            || case.env_names("RHAI_LAMBDA_MAX_MEMORY_MB")
            || case.name.ends_with("init-memory")
        {
            return None;
        }
        let root = Scratch::new();
        root.copy_from(&case.folder);
        let mut env = case.env_in(root.path());
        // The environment and standard error are those of the process, not of the case.
        if case.name.ends_with("env-module") || case.name.ends_with("log-module") {
            return None;
        }
        env.push(("LAMBDA_TASK_ROOT".into(), root.path().to_str().unwrap().into()));
        env.push(("AWS_LAMBDA_LOG_LEVEL".into(), "FATAL".into()));
        env.push(("RHAI_LAMBDA_MAX_MEMORY_MB".into(), "8192".into()));
        env.push(("RHAI_LAMBDA_BYTECODE".into(), self.bytecode.into()));
        env.push(("_HANDLER".into(), "function.handler".into()));
        let (events, inbox) = channel();
        let (outbox, outcomes) = channel();
        std::thread::spawn(move || serve(&env, inbox, &outbox));
        Some(Box::new(Running { events, outcomes, timeout: case.timeout(), _root: root }))
    }
}

/// Loads the function and handles events until there are no more.
fn serve(env: &[(String, String)], events: Receiver<(Vec<u8>, Context)>, out: &Sender<Outcome>) {
    let variable = |name: &str| {
        let found = env.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let served = Config::from_vars(&variable).and_then(|config| {
        let copy = config.clone();
        Handler::with_stack(&config, move || {
            let handler = Handler::load(&copy)?;
            for (event, context) in events {
                let outcome = handler.invoke(&event, context).map(|answer| answer.body);
                if out.send(outcome).is_err() {
                    break;
                }
            }
            Ok(())
        })
    });
    if let Err(error) = served {
        // Nobody listens when the test has ended.
        let _ = out.send(Err(error));
    }
}

struct Running {
    events: Sender<(Vec<u8>, Context)>,
    outcomes: Receiver<Outcome>,
    timeout: std::time::Duration,
    /// Kept as long as the function runs.
    _root: Scratch,
}

impl Environment for Running {
    fn invoke(&mut self, event: &str) -> Reply {
        let deadline = SystemTime::now() + self.timeout;
        let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let context = Context {
            aws_request_id: "request-1".into(),
            deadline_ms: Some(deadline as u64),
            ..Context::default()
        };
        // Nobody takes the event when init has failed: the error is waiting then.
        let _ = self.events.send((event.as_bytes().to_vec(), context));
        match self.outcomes.recv_timeout(PATIENCE).expect("an answer in time") {
            Ok(body) => Reply {
                text: String::from_utf8_lossy(&body).into_owned(),
                is_error: Some(false),
                header: None,
            },
            Err(error) => Reply {
                text: error.to_json().to_string(),
                is_error: Some(true),
                header: Some(error.header()),
            },
        }
    }
}
