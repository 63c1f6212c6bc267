//! The one error type: what failed, where in the scripts, and how Lambda is told.
//!
//! An [`Error`] is plain data. It knows the three renderings that AWS defines (body, header and
//! X-Ray cause) but neither Rhai nor HTTP. Drawing one for people is the job of
//! [`diagnostic`](crate::diagnostic).

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::secrets::Secrets;

/// The X-Ray cause is cropped to this many bytes, as AWS asks of runtimes.
const XRAY_CAUSE_LIMIT: usize = 64 * 1024;

/// More frames than this are counted, not listed: a runaway recursion is not worth a megabyte.
const STACK_TRACE_LIMIT: usize = 64;

/// Who is at fault, which decides the first half of `Lambda-Runtime-Function-Error-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The function's own code, while handling an event: `Function.…`.
    Function,
    /// The runtime, or anything that happens before the first event: `Runtime.…`.
    Runtime,
}

/// One place on the call stack of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The function's name; `<script>` for the top level of a file, `<closure>` for a closure.
    pub function: String,
    /// The file, relative to the task root when it lies below it.
    pub file: String,
    /// Line, from 1; 0 when the engine does not know it.
    pub line: usize,
    /// Column, from 1; 0 when the engine does not know it.
    pub column: usize,
}

impl Frame {
    /// The name that stands for the top level of a file.
    pub const TOP_LEVEL: &'static str = "<script>";

    /// Reads a frame back from the form in which [`Display`](fmt::Display) writes it.
    ///
    /// ```
    /// use rhai_lambda::Frame;
    ///
    /// let frame = Frame::parse("at deep (lib/prices.rhai:3:5)").unwrap();
    /// assert_eq!((frame.file.as_str(), frame.line, frame.column), ("lib/prices.rhai", 3, 5));
    /// assert_eq!(frame.to_string(), "at deep (lib/prices.rhai:3:5)");
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (function, place) = text.strip_prefix("at ")?.strip_suffix(')')?.split_once(" (")?;
        let mut parts = place.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        let file = parts.next()?.to_owned();
        Some(Self { function: function.to_owned(), file, line, column })
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ({}:{}:{})", self.function, self.file, self.line, self.column)
    }
}

/// A failure of a script, of its result or of the runtime, in the shape that Lambda reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    // Boxed: results are returned by value on the invocation path, and errors are the rare case.
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    origin: Origin,
    error_type: Cow<'static, str>,
    message: String,
    frames: Vec<Frame>,
    fields: Map<String, Value>,
}

impl Error {
    /// An error of the function's own code while it handles an event.
    pub fn function(error_type: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Origin::Function, error_type.into(), message.into())
    }

    /// An error of the runtime's side of an invocation, such as an event that is not JSON.
    pub fn runtime(error_type: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Origin::Runtime, error_type.into(), message.into())
    }

    /// An error before the first event; `error_type` is one of AWS's, such as `Runtime.InitError`.
    pub fn init(error_type: &'static str, message: impl Into<String>) -> Self {
        Self::new(Origin::Runtime, Cow::Borrowed(error_type), message.into())
    }

    fn new(origin: Origin, error_type: Cow<'static, str>, message: String) -> Self {
        let inner = Inner { origin, error_type, message, frames: Vec::new(), fields: Map::new() };
        Self { inner: Box::new(inner) }
    }

    /// The same error with its call stack, innermost frame first.
    #[must_use]
    pub fn with_frames(mut self, frames: Vec<Frame>) -> Self {
        self.inner.frames = frames;
        self
    }

    /// The same error with what else the script threw; it is logged, Lambda has no place for it.
    #[must_use]
    pub fn with_fields(mut self, fields: Map<String, Value>) -> Self {
        self.inner.fields = fields;
        self
    }

    /// The same failure seen from init, where AWS has names of its own for it.
    #[must_use]
    pub fn into_init(mut self, error_type: &'static str) -> Self {
        self.inner.origin = Origin::Runtime;
        self.inner.error_type = Cow::Borrowed(error_type);
        self
    }

    /// The same error without the secrets that it may quote.
    #[must_use]
    pub(crate) fn masked(mut self, secrets: &Secrets) -> Self {
        self.inner.message = secrets.mask(self.inner.message);
        self.inner.error_type = match self.inner.error_type {
            Cow::Owned(error_type) => Cow::Owned(secrets.mask(error_type)),
            fixed => fixed,
        };
        self
    }

    /// The same error with a message of at most `max` characters.
    pub(crate) fn clipped(&self, max: usize) -> Self {
        let mut clipped = self.clone();
        clipped.inner.message = self.message().chars().take(max).collect();
        clipped
    }

    /// The type exactly as the script named it, or the noun for what the engine found.
    pub fn error_type(&self) -> &str {
        &self.inner.error_type
    }

    /// The message exactly as the script threw it.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Whether the function or the runtime is at fault.
    pub fn origin(&self) -> Origin {
        self.inner.origin
    }

    /// The call stack, innermost frame first.
    pub fn frames(&self) -> &[Frame] {
        &self.inner.frames
    }

    /// The further fields of the map that the script threw.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.inner.fields
    }

    /// The value of `Lambda-Runtime-Function-Error-Type`.
    ///
    /// AWS keeps it only if it matches `(Runtime|Function)\.[A-Z][a-zA-Z]+` and otherwise reports
    /// `Runtime.Unknown`, so whatever the script called its error is cleaned to that form.
    ///
    /// ```
    /// use rhai_lambda::Error;
    ///
    /// assert_eq!(Error::function("BadOrder", "").header(), "Function.BadOrder");
    /// assert_eq!(Error::function("my-error 42", "").header(), "Function.MyError");
    /// assert_eq!(Error::function("404", "").header(), "Function.Error");
    /// assert_eq!(Error::init("Runtime.InitError", "").header(), "Runtime.InitError");
    /// ```
    pub fn header(&self) -> String {
        let (prefix, name) = match self.inner.origin {
            Origin::Function => ("Function.", self.error_type()),
            Origin::Runtime => (
                "Runtime.",
                self.error_type().strip_prefix("Runtime.").unwrap_or(self.error_type()),
            ),
        };
        let mut header = String::from(prefix);
        let mut start_of_word = true;
        for c in name.chars() {
            if !c.is_ascii_alphabetic() {
                start_of_word = true;
            } else if start_of_word {
                header.push(c.to_ascii_uppercase());
                start_of_word = false;
            } else {
                header.push(c);
            }
        }
        // AWS asks for two letters at least.
        if header.len() < prefix.len() + 2 {
            header.truncate(prefix.len());
            header.push_str("Error");
        }
        header
    }

    /// The call stack as AWS takes it: one string a frame, innermost first.
    pub fn stack_trace(&self) -> Vec<String> {
        let frames = self.frames();
        let mut trace: Vec<String> =
            frames.iter().take(STACK_TRACE_LIMIT).map(ToString::to_string).collect();
        if frames.len() > STACK_TRACE_LIMIT {
            trace.push(format!("… {} more", frames.len() - STACK_TRACE_LIMIT));
        }
        trace
    }

    /// The body of `/error` and `/init/error`.
    pub fn to_json(&self) -> Value {
        json!({
            "errorMessage": self.message(),
            "errorType": self.error_type(),
            "stackTrace": self.stack_trace(),
        })
    }

    /// Reads an error back from the body in which [`to_json`](Self::to_json) writes it.
    ///
    /// Whatever a body lacks is left empty, since other runtimes and Lambda itself leave out fields;
    /// `None` is for a value that is no error at all. Entries of the stack that have another form
    /// than a [`Frame`]'s are dropped.
    ///
    /// ```
    /// use rhai_lambda::Error;
    ///
    /// let error = Error::function("BadOrder", "id is missing");
    /// assert_eq!(Error::from_json(&error.to_json()), Some(error));
    /// ```
    pub fn from_json(body: &Value) -> Option<Self> {
        let text = |name| body.get(name).and_then(Value::as_str);
        let (error_type, message) = (text("errorType"), text("errorMessage"));
        if error_type.is_none() && message.is_none() {
            return None;
        }
        let error_type = error_type.unwrap_or("Error").to_owned();
        let origin = match error_type.split_once('.') {
            Some(("Runtime", _)) => Origin::Runtime,
            _ => Origin::Function,
        };
        let frames = body.get("stackTrace").and_then(Value::as_array);
        let frames = frames.into_iter().flatten().filter_map(Value::as_str);
        let error = Self::new(origin, error_type.into(), message.unwrap_or_default().to_owned());
        Some(error.with_frames(frames.filter_map(Frame::parse).collect()))
    }

    /// The value of `Lambda-Runtime-Function-XRay-Error-Cause`, at most 64 KiB of JSON.
    ///
    /// ASCII throughout, since it travels as a header. Frames are dropped from the outer end, then
    /// the message is cut, until it fits.
    pub fn xray_cause(&self, working_directory: &str) -> String {
        let stack: Vec<Value> = self
            .frames()
            .iter()
            .take(STACK_TRACE_LIMIT)
            .map(|frame| json!({ "path": frame.file, "line": frame.line, "label": frame.function }))
            .collect();
        let mut paths: Vec<&str> = Vec::new();
        for frame in self.frames() {
            if !paths.contains(&frame.file.as_str()) {
                paths.push(&frame.file);
            }
        }
        let render = |message: &str, stack: &[Value], paths: &[&str]| {
            let cause = json!({
                "working_directory": working_directory,
                "exceptions": [{ "type": self.error_type(), "message": message, "stack": stack }],
                "paths": paths,
            });
            to_ascii(&cause.to_string())
        };
        let whole = render(self.message(), &stack, &paths);
        if whole.len() <= XRAY_CAUSE_LIMIT {
            return whole;
        }
        // A character grows to 12 bytes at most (an escaped pair of surrogates).
        let keep = XRAY_CAUSE_LIMIT / 32;
        let message: String = self.message().chars().take(keep).collect();
        let cut = render(&message, &stack[..stack.len().min(8)], &[]);
        if cut.len() <= XRAY_CAUSE_LIMIT { cut } else { render("", &[], &[]) }
    }
}

/// Escapes everything beyond ASCII, which a header cannot carry.
fn to_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\x7f' {
            out.push(c);
        } else {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// One line: type and message. The stack is in [`Error::frames`].
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type(), self.message())
    }
}

impl std::error::Error for Error {}
