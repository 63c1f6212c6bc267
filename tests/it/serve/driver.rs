//! A browser that is told what to do: Chromium without a window, by the WebDriver protocol.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{PATIENCE, Process};
use crate::scratch::Scratch;
use crate::tools::{self, Tool};

/// How WebDriver names an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window.
pub struct Browser {
    // Held for its end: dropping it stops the driver and with it the browser.
    _process: Process,
    session: String,
    _profile: Scratch,
}

impl Browser {
    /// Starts a browser with a window of this size; `None` when there is none, after saying so.
    pub fn start(what: &str, width: u32, height: u32) -> Option<Self> {
        let driver = tools::require(Tool::Chromium, what)?;
        let profile = Scratch::new();
        let mut command = Command::new(driver);
        // No display, no settings and no account of the user's.
        command.arg("--port=0").env("HOME", profile.path()).env_remove("DISPLAY");
        let process = Process::spawn(&mut command);
        let start = Instant::now();
        let port = loop {
            let said = process.stdout();
            let port =
                said.split("successfully on port ").nth(1).and_then(|rest| rest.split('.').next());
            if let Some(port) = port {
                break port.trim().to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "no driver: {said} {}", process.stderr());
            std::thread::sleep(Duration::from_millis(5));
        };
        let options = json!({ "args": [
            "--headless=new",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Root has no other way, and what it shows is ours.
            "--no-sandbox",
            // Nothing but this machine.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost",
            "--proxy-server=direct://",
            format!("--user-data-dir={}", profile.path().join("profile").display()),
            format!("--window-size={width},{height}"),
        ] });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let root = format!("http://127.0.0.1:{port}/session");
        let made = ask(&root, &wanted);
        let session = format!("{root}/{}", made["sessionId"].as_str().unwrap());
        Some(Self { _process: process, session, _profile: profile })
    }

    /// Goes to an address and waits until it is there.
    pub fn open(&self, url: &str) {
        self.ask("url", &json!({ "url": url }));
    }

    /// The value of an expression in the page.
    pub fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.ask("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Clicks as a person does: the element has to be in sight.
    pub fn click(&self, selector: &str) {
        self.wait(selector, &format!("document.querySelector({}) !== null", json!(selector)));
        let element = self.ask("element", &json!({ "using": "css selector", "value": selector }));
        let element = element[ELEMENT].as_str().unwrap().to_owned();
        self.ask(&format!("element/{element}/click"), &json!({}));
    }

    /// Types into an element.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.ask("element", &json!({ "using": "css selector", "value": selector }));
        let element = element[ELEMENT].as_str().unwrap().to_owned();
        self.ask(&format!("element/{element}/clear"), &json!({}));
        self.ask(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Waits until an expression in the page is true.
    pub fn wait(&self, what: &str, expression: &str) {
        let start = Instant::now();
        while self.value(expression) != json!(true) {
            let text = self.value("document.body.innerText");
            assert!(start.elapsed() < PATIENCE, "never: {what}; the page shows: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until an element shows `text`.
    pub fn wait_for_text(&self, selector: &str, text: &str) {
        let expression = format!(
            "document.querySelector({})?.innerText.includes({}) === true",
            json!(selector),
            json!(text)
        );
        self.wait(&format!("`{text}` in `{selector}`"), &expression);
    }

    /// What the page complained of.
    pub fn complaints(&self) -> Vec<Value> {
        let log = self.ask("se/log", &json!({ "type": "browser" }));
        log.as_array().cloned().unwrap_or_default()
    }

    fn ask(&self, command: &str, body: &Value) -> Value {
        ask(&format!("{}/{command}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // In a panic the driver may be what failed; its group is killed in any case.
        let _ = ureq::delete(&self.session).call();
    }
}

fn ask(url: &str, body: &Value) -> Value {
    let reply = super::reply(super::agent().post(url).send(body.to_string()));
    assert_eq!(reply.status, 200, "{url} {body}: {}", reply.body);
    reply.json()["value"].clone()
}
