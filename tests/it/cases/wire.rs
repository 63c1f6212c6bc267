//! `bootstrap` against the scripted Runtime API: bytes and headers.

use std::time::Duration;

use super::case::{Case, Reply};
use super::{Backend, Environment};
use crate::process::PATIENCE;
use crate::session::{Function, Session};

pub struct Wire;

impl Backend for Wire {
    fn start(&self, case: &Case) -> Option<Box<dyn Environment>> {
        let mut function = Function::from_folder(&case.folder);
        for (name, value) in case.env_in(function.root()) {
            function = function.env(&name, &value);
        }
        Some(Box::new(Running { session: function.start(), timeout: case.timeout() }))
    }
}

struct Running {
    session: Session,
    timeout: Duration,
}

impl Environment for Running {
    fn invoke(&mut self, event: &str) -> Reply {
        let mut request = self.session.invoke_within(event, self.timeout);
        // A response that is refused is followed by an error.
        if request.path.ends_with("/response") && request.body.len() > 6 << 20 {
            let error = request.path.replace("/response", "/error");
            let followed = self.session.api.wait_for(PATIENCE, |request| request.path == error);
            request = followed.expect("an error follows");
        }
        let is_error = !request.path.ends_with("/response");
        let header = request.header("Lambda-Runtime-Function-Error-Type").map(str::to_owned);
        assert_eq!(is_error, header.is_some(), "an error has its header: {}", request.head);
        Reply {
            text: String::from_utf8_lossy(&request.body).into_owned(),
            is_error: Some(is_error),
            header,
        }
    }

    fn log(&mut self) -> Option<String> {
        // The answer is sent after the last line is written, but the lines come through a pipe.
        std::thread::sleep(Duration::from_millis(20));
        let log = self.session.process.stderr();
        let lines = log.lines().map(|line| match line.split_once('\t') {
            Some((_, rest)) => format!("<time>\t{rest}\n"),
            None => format!("{line}\n"),
        });
        Some(lines.collect())
    }
}
