//! `rhai-lambda serve`: a running server, asked as its users ask it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::desk::Desk;
use crate::process::{Exit, PATIENCE, Process};

// Addresses, front doors, errors, what is said on the terminal.
mod http;
// Saving a file: new code, requests in flight, scripts that do not load.
mod reload;
// The data behind the page, and who may not have it.
mod data;
// Many at once, the aws CLI, boto3.
mod clients;
// Wrong uses, Ctrl-C, what is left behind: nothing.
mod ends;
// The page and the gateway in a browser.
mod browser;
mod driver;

/// A server that runs until the test ends.
struct Server {
    process: Process,
    port: u16,
    desk: Desk,
}

/// What a client got.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Server {
    /// Serves what is on the desk, at a free port.
    fn start(desk: Desk, arguments: &[&str]) -> Self {
        let arguments = [&["serve", "--port", "0", "--json"], arguments].concat();
        let mut process = Process::spawn(&mut desk.command(&arguments));
        let start = Instant::now();
        let port = loop {
            if let Some(line) = process.stdout().lines().next() {
                let document: Value = serde_json::from_str(line).unwrap();
                break u16::try_from(document["port"].as_u64().unwrap()).unwrap();
            }
            let said = process.stderr();
            assert!(process.is_running() && start.elapsed() < PATIENCE, "no server: {said}");
            std::thread::sleep(Duration::from_millis(5));
        };
        Self { process, port, desk }
    }

    /// One function, with a script.
    fn with(script: &str) -> Self {
        Self::start(Desk::with(script), &[])
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = agent().get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.call())
    }

    /// Asks another name than that of the address.
    fn get_at(&self, host: &str, path: &str) -> Reply {
        self.get_with(path, &[("host", &format!("{host}:{}", self.port))])
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
        let mut request = agent().post(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.send(body.as_ref()))
    }

    /// Lambda's own API.
    fn invoke(&self, name: &str, event: &str) -> Reply {
        self.post(&format!("/2015-03-31/functions/{name}/invocations"), &[], event)
    }

    /// Waits until the terminal shows `text`; returns all that it shows.
    fn wait_for(&mut self, text: &str) -> String {
        self.process.wait_for_stderr(text, |shown| shown.contains(text))
    }

    /// Ends it as Ctrl-C does.
    fn interrupt(self) -> Exit {
        self.process.signal("INT");
        self.process.wait()
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(PATIENCE)).build().into()
}

fn reply(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut response = response.unwrap();
    let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap_or("?").to_owned();
    let headers = response.headers().iter();
    Reply {
        status: response.status().as_u16(),
        headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: response.body_mut().read_to_string().unwrap(),
    }
}

/// Asks until the answer is the one that is waited for.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
