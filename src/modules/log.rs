//! `log::` writes log lines; `print` and `debug` write them as well.
//!
//! # `log::trace(message)`, `log::dbg(message)`, `log::info(message)`, `log::warn(message)`, `log::error(message)`, `log::fatal(message)`
//!
//! Write a line of their level: TRACE, DEBUG (`debug` is a reserved word of Rhai), INFO, WARN, ERROR or
//! FATAL. `message` is any value; what is not a string is written as JSON. All of them take a map of
//! fields as second argument, `log::info(message, fields)`.
//!
//! ```rhai
//! log::info("pricing", #{ order: 17, items: ["tea"] });
//! log::warn([1, 2]);
//! ```
//!
//! # `print(value)`, `debug(value)`
//!
//! Write a line of level INFO, and one of level DEBUG with the place of the call in the field
//! `location`.
//!
//! ```rhai
//! print("hello");
//! debug(#{ a: 1 });
//! ```

use rhai::{Dynamic, Engine, Map, Module};
use serde_json::Value;

use crate::config::LogLevel;
use crate::modules::Host;
use crate::payload;

/// Deeper values are cut: a log line is for reading.
const MAX_DEPTH: usize = 16;

const FUNCTIONS: [(&str, LogLevel); 6] = [
    ("trace", LogLevel::Trace),
    ("dbg", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warn", LogLevel::Warn),
    ("error", LogLevel::Error),
    ("fatal", LogLevel::Fatal),
];

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    for (name, level) in FUNCTIONS {
        let logger = host.logger.clone();
        module.set_native_fn(name, move |message: Dynamic| {
            if logger.writes(level) {
                logger.line(level, &text_of(&message), serde_json::Map::new());
            }
            Ok(())
        });
        let logger = host.logger.clone();
        module.set_native_fn(name, move |message: Dynamic, fields: Map| {
            if logger.writes(level) {
                logger.line(level, &text_of(&message), payload::fields(&fields, MAX_DEPTH));
            }
            Ok(())
        });
    }
    engine.register_static_module("log", module.into());
}

/// `print` and `debug`, which scripts call without a module.
pub(crate) fn register_print(engine: &mut Engine, host: &Host) {
    let logger = host.logger.clone();
    engine.on_print(move |text| logger.line(LogLevel::Info, text, serde_json::Map::new()));
    let logger = host.logger.clone();
    engine.on_debug(move |text, file, place| {
        let mut fields = serde_json::Map::new();
        let (line, column) = (place.line().unwrap_or(0), place.position().unwrap_or(0));
        let location = format!("{}:{line}:{column}", file.unwrap_or("<script>"));
        fields.insert("location".to_owned(), Value::String(location));
        logger.line(LogLevel::Debug, text, fields);
    });
}

fn text_of(message: &Dynamic) -> String {
    match message.as_immutable_string_ref() {
        Ok(text) => text.to_string(),
        Err(_) => {
            let mut json = Vec::new();
            payload::write_lossy(&mut json, message, MAX_DEPTH);
            String::from_utf8_lossy(&json).into_owned()
        }
    }
}
