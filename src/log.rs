//! Log lines: text or JSON, one line an event, on stderr or on Lambda's telemetry descriptor.
//!
//! A line belongs to the invocation that is running. Whatever a script logs stays on its line: line
//! breaks and other control characters are escaped.

use std::cell::RefCell;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::calendar::rfc3339_millis;
use crate::config::{Config, LogFormat, LogLevel};
use crate::error::Error;
use crate::secrets::Secrets;

#[cfg(feature = "cli")]
pub(crate) mod kept;

/// Writes the log of one worker.
#[derive(Debug)]
pub(crate) struct Logger {
    format: LogFormat,
    level: LogLevel,
    secrets: Secrets,
    sink: RefCell<Sink>,
    invocation: RefCell<Option<Invocation>>,
}

#[derive(Debug)]
struct Invocation {
    request_id: String,
    tenant_id: Option<String>,
}

enum Sink {
    /// Lines as they are: standard error, unless a test keeps them.
    Lines(Box<dyn Write>),
    /// The descriptor, opened at the first line.
    UnopenedTelemetry(i32),
    Telemetry(File),
}

impl Sink {
    fn stderr() -> Self {
        Self::Lines(Box::new(std::io::stderr()))
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// The keys of a JSON line that are the runtime's own.
const RESERVED: [&str; 5] = ["timestamp", "level", "message", "requestId", "tenantId"];

impl Logger {
    pub(crate) fn new(config: &Config) -> Self {
        Self::with_sink(
            config,
            match config.telemetry_fd {
                Some(fd) => Sink::UnopenedTelemetry(fd),
                None => Sink::stderr(),
            },
        )
    }

    fn with_sink(config: &Config, sink: Sink) -> Self {
        Self {
            format: config.log_format,
            level: config.log_level,
            secrets: config.secrets.clone(),
            sink: RefCell::new(sink),
            invocation: RefCell::new(None),
        }
    }

    /// The lines from here on belong to this invocation.
    pub(crate) fn enter(&self, request_id: &str, tenant_id: Option<&str>) {
        *self.invocation.borrow_mut() = Some(Invocation {
            request_id: request_id.to_owned(),
            tenant_id: tenant_id.map(ToOwned::to_owned),
        });
    }

    /// The lines from here on belong to no invocation.
    pub(crate) fn leave(&self) {
        *self.invocation.borrow_mut() = None;
    }

    /// Whether a line of `level` would be written.
    pub(crate) fn writes(&self, level: LogLevel) -> bool {
        level >= self.level
    }

    /// Writes one line, if its level is high enough.
    pub(crate) fn line(&self, level: LogLevel, message: &str, fields: Map<String, Value>) {
        if !self.writes(level) {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = rfc3339_millis(now.as_millis() as i64);
        let line = match self.format {
            LogFormat::Text => self.text(&timestamp, level, message, fields),
            LogFormat::Json => self.json(&timestamp, level, message, fields),
        };
        self.write(level, self.format, now.as_micros() as u64, self.secrets.mask(line));
    }

    /// The request id of the invocation that is running.
    pub(crate) fn request_id(&self) -> Option<String> {
        self.invocation.borrow().as_ref().map(|invocation| invocation.request_id.clone())
    }

    /// Writes a JSON object as a line of its own, with nothing added: what reads it (CloudWatch, for
    /// metrics) takes it only so. No level holds it back.
    pub(crate) fn raw(&self, object: &Value) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = self.secrets.mask(object.to_string());
        self.write(LogLevel::Info, LogFormat::Json, now.as_micros() as u64, line);
    }

    /// Logs an error that ends an invocation, or init, with its stack.
    pub(crate) fn error(&self, level: LogLevel, error: &Error) {
        let mut fields = error.fields().clone();
        if let Value::Object(body) = error.to_json() {
            fields.extend(body);
        }
        self.line(level, &error.to_string(), fields);
    }

    fn text(
        &self,
        timestamp: &str,
        level: LogLevel,
        message: &str,
        mut fields: Map<String, Value>,
    ) -> String {
        let invocation = self.invocation.borrow();
        let request_id = invocation.as_ref().map_or("-", |invocation| &invocation.request_id);
        if let Some(tenant) = invocation.as_ref().and_then(|i| i.tenant_id.as_ref()) {
            fields.insert("tenantId".to_owned(), json!(tenant));
        }
        let mut line = format!("{timestamp}\t{request_id}\t{}\t", level.name());
        escape_into(&mut line, message);
        if !fields.is_empty() {
            line.push('\t');
            escape_into(&mut line, &Value::Object(fields).to_string());
        }
        line
    }

    fn json(
        &self,
        timestamp: &str,
        level: LogLevel,
        message: &str,
        fields: Map<String, Value>,
    ) -> String {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), json!(timestamp));
        line.insert("level".to_owned(), json!(level.name()));
        line.insert("message".to_owned(), json!(message));
        if let Some(invocation) = self.invocation.borrow().as_ref() {
            line.insert("requestId".to_owned(), json!(invocation.request_id));
            if let Some(tenant) = &invocation.tenant_id {
                line.insert("tenantId".to_owned(), json!(tenant));
            }
        }
        for (mut key, value) in fields {
            if RESERVED.contains(&key.as_str()) {
                key.push('_');
            }
            line.insert(key, value);
        }
        Value::Object(line).to_string()
    }

    /// A log that cannot be written has nowhere to say so; the invocation goes on.
    fn write(&self, level: LogLevel, format: LogFormat, micros: u64, mut line: String) {
        let mut sink = self.sink.borrow_mut();
        if let Sink::UnopenedTelemetry(fd) = *sink {
            // A descriptor becomes a `File` by its name: taking it over by number is `unsafe`.
            let file = OpenOptions::new().append(true).open(format!("/proc/self/fd/{fd}"));
            *sink = file.map_or_else(|_| Sink::stderr(), Sink::Telemetry);
        }
        // Held for frames too: pipes take only short ones whole, and other workers write as well.
        let _alone = std::io::stderr().lock();
        let _ = match &mut *sink {
            Sink::Telemetry(file) => file.write_all(&frame(level, format, micros, &line)),
            Sink::Lines(lines) => {
                line.push('\n');
                lines.write_all(line.as_bytes())
            }
            Sink::UnopenedTelemetry(_) => Ok(()),
        };
    }
}

/// A record of `_LAMBDA_TELEMETRY_LOG_FD`: type, length, microseconds, then the message.
fn frame(level: LogLevel, format: LogFormat, micros: u64, line: &str) -> Vec<u8> {
    let level = match level {
        // Lambda's table has no TRACE of its own.
        LogLevel::Trace | LogLevel::Debug => 0x0A,
        LogLevel::Info => 0x0E,
        LogLevel::Warn => 0x12,
        LogLevel::Error => 0x16,
        LogLevel::Fatal => 0x1A,
    };
    let text = u32::from(format == LogFormat::Text);
    let mut frame = Vec::with_capacity(16 + line.len());
    frame.extend_from_slice(&(0xA55A_0000_u32 | level | text).to_be_bytes());
    frame.extend_from_slice(&(line.len() as u32).to_be_bytes());
    frame.extend_from_slice(&micros.to_be_bytes());
    frame.extend_from_slice(line.as_bytes());
    frame
}

/// Appends `text` with its control characters escaped, so that it stays on one line.
fn escape_into(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            // Unicode's own line breaks count as well.
            '\u{2028}' | '\u{2029}' => line.push_str(&format!("\\u{:04x}", c as u32)),
            c if c.is_control() => line.push_str(&format!("\\u{:04x}", c as u32)),
            c => line.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::escape_into;

    #[test]
    fn a_message_cannot_start_a_line() {
        let mut line = String::new();
        escape_into(&mut line, "a\nb\r\t\u{1b}[31m\u{2028}é");
        assert_eq!(line, "a\\nb\\r\\t\\u001b[31m\\u2028é");
    }
}
