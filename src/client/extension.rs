//! The Extensions API, as far as it takes to be told of the end: Lambda sends SIGTERM only to
//! environments that have an extension, and a runtime may be one itself.
//!
//! Source: the chapter "Using the Lambda Extensions API" of AWS's developer guide.

use std::io::Write;
use std::thread;

use crate::client::connection::Patience;
use crate::client::head::headers;
use crate::client::{Client, put_header};

const NAME: &str = "lambda-extension-name";
const IDENTIFIER: &str = "lambda-extension-identifier";

/// It asks for no events: all it wants is to be there.
const EVENTS: &[u8] = br#"{"events":[]}"#;

impl Client {
    /// Registers this process as an extension. The client is used up: it waits for events of the
    /// extension, of which there are none, as Lambda expects before it calls init done.
    ///
    /// # Errors
    /// What Lambda said, in words.
    pub(crate) fn into_extension(mut self) -> Result<(), String> {
        let request = &mut self.connection.request;
        request.clear();
        // Writing into memory cannot fail.
        let _ = write!(request, "POST /2020-01-01/extension/register HTTP/1.1\r\n{}", self.common);
        put_header(request, NAME, "rhai-lambda");
        put_header(request, "content-type", "application/json");
        put_header(request, "content-length", &EVENTS.len().to_string());
        let reply = self.connection.exchange(EVENTS, Patience::Limited);
        let reply = reply.map_err(|error| error.to_string())?;
        if reply.status != 200 {
            return Err(self.describe(&reply));
        }
        let head = &self.connection.received()[reply.head.clone()];
        let identifier = headers(head)
            .flatten()
            .find(|(name, _)| name.eq_ignore_ascii_case(IDENTIFIER.as_bytes()));
        let identifier = identifier.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        let identifier = identifier.ok_or("no identifier came back")?;
        let request = &mut self.connection.request;
        request.clear();
        let _ = write!(request, "GET /2020-01-01/extension/event/next HTTP/1.1\r\n{}", self.common);
        put_header(request, IDENTIFIER, &identifier);
        let wait = move || {
            // Comes back when the environment ends, at the earliest.
            let _ = self.connection.exchange(&[], Patience::Endless);
        };
        let thread = thread::Builder::new().name("extension".to_owned()).spawn(wait);
        thread.map(|_| ()).map_err(|error| error.to_string())
    }
}
