//! `context.stream()`: an answer that is sent while the handler makes it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, Map};

use crate::answer::{Answer, Collector, NotSent, Sink, StreamHead};
use crate::context::ContextValue;
use crate::engine::{Guard, raise};
use crate::modules::bytes::with_article;
use crate::modules::options::Options;
use crate::modules::{Host, put};
use crate::payload;

/// What AWS calls an answer that begins with its status and headers as JSON.
const HTTP: &str = "application/vnd.awslambda.http-integration-response";

/// What stands between those and the body.
const PRELUDE_END: [u8; 8] = [0; 8];

/// Lambda delivers no more of a stream.
const MAX_STREAM: u64 = 200 << 20;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// How far the stream of the invocation that is running has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The handler has not asked for one.
    Unused,
    /// It has, and nothing is sent yet.
    Open,
    /// The first bytes are on their way.
    Sending,
    /// Nobody takes any more.
    Broken,
}

/// The streams of one engine, of which an invocation has one at most.
pub(crate) struct Streams {
    sink: RefCell<Rc<dyn Sink>>,
    phase: Cell<Phase>,
    head: RefCell<Option<StreamHead>>,
    sent: Cell<u64>,
    /// Counts invocations, to know a stream of an earlier one.
    invocation: Cell<u64>,
}

impl Default for Streams {
    /// They are collected, for the one who invoked the handler.
    fn default() -> Self {
        Self {
            sink: RefCell::new(Rc::new(Collector::default())),
            phase: Cell::new(Phase::Unused),
            head: RefCell::new(None),
            sent: Cell::new(0),
            invocation: Cell::new(0),
        }
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl Streams {
    /// Sends streams there from now on.
    pub(crate) fn connect(&self, sink: Rc<dyn Sink>) {
        self.sink.replace(sink);
    }

    /// Starts an invocation.
    pub(crate) fn begin(&self) {
        self.phase.set(Phase::Unused);
        self.sent.set(0);
        self.invocation.set(self.invocation.get() + 1);
    }

    /// Whether the invocation has asked for a stream.
    pub(crate) fn is_used(&self) -> bool {
        self.phase.get() != Phase::Unused
    }

    /// Ends the stream of an invocation. One without a piece is an empty answer.
    pub(crate) fn finish(&self, guard: &Guard) -> Fallible<Answer> {
        if self.phase.get() == Phase::Open {
            self.send(&[], guard)?;
        }
        Ok(self.sink.borrow().finish())
    }

    fn open(&self, head: StreamHead) -> Fallible<Stream> {
        if self.is_used() {
            return Err(fail("an invocation has one stream, and this one is open already".into()));
        }
        self.head.replace(Some(head));
        self.phase.set(Phase::Open);
        Ok(Stream { invocation: self.invocation.get() })
    }

    fn write(&self, stream: &Stream, piece: &[u8], guard: &Guard) -> Fallible<()> {
        if stream.invocation != self.invocation.get() {
            return Err(fail("the stream has ended with its invocation".into()));
        }
        if self.sent.get() + piece.len() as u64 > MAX_STREAM {
            let most = MAX_STREAM >> 20;
            return Err(fail(format!("Lambda delivers no more than {most} MB of a stream")));
        }
        self.send(piece, guard)
    }

    fn send(&self, piece: &[u8], guard: &Guard) -> Fallible<()> {
        guard.check_time()?;
        let sink = self.sink.borrow();
        match self.phase.get() {
            Phase::Unused | Phase::Broken => {
                return Err(fail("the stream has ended; nobody takes any more of it".into()));
            }
            Phase::Open => {
                if let Some(head) = self.head.take() {
                    sink.start(head);
                }
                self.phase.set(Phase::Sending);
            }
            Phase::Sending if piece.is_empty() => return Ok(()),
            Phase::Sending => {}
        }
        match sink.send(piece, guard.stops_at()) {
            Ok(()) => {
                self.sent.set(self.sent.get() + piece.len() as u64);
                Ok(())
            }
            Err(why) => {
                self.phase.set(Phase::Broken);
                Err(match why {
                    NotSent::Refused(why) => fail(format!("the stream broke off: {why}")),
                    NotSent::Late => match guard.check_time() {
                        Err(late) => late,
                        Ok(()) => fail("the stream broke off: its time was up".into()),
                    },
                })
            }
        }
    }
}

/// A stream as scripts have it.
#[derive(Clone, Debug)]
struct Stream {
    invocation: u64,
}

fn fail(message: String) -> Box<EvalAltResult> {
    raise(("StreamError", message))
}

/// Teaches `engine` `context.stream` and what it returns.
pub(crate) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Stream>("stream");
    let streams = Rc::clone(&host.streams);
    engine.register_fn("stream", move |_: &mut ContextValue| {
        let content_type = Cow::Borrowed("application/octet-stream");
        streams.open(StreamHead { content_type, prelude: Vec::new() })
    });
    let (streams, depth) = (Rc::clone(&host.streams), host.limits.max_json_depth);
    engine.register_fn("stream", move |_: &mut ContextValue, options: Map| {
        streams.open(head(&options, depth)?)
    });
    let (streams, guard) = (Rc::clone(&host.streams), Rc::clone(&host.guard));
    engine.register_fn("write", move |stream: &mut Stream, piece: Dynamic| {
        if let Ok(text) = piece.as_immutable_string_ref() {
            return streams.write(stream, text.as_bytes(), &guard);
        }
        if let Ok(blob) = piece.as_blob_ref() {
            return streams.write(stream, &blob, &guard);
        }
        let found = with_article(piece.type_name());
        Err(fail(format!("`write` takes a string or a blob, not {found}; `to_json()` makes text")))
    });
}

/// The head that a script asks for.
fn head(options: &Map, depth: usize) -> Fallible<StreamHead> {
    const NAMES: [&str; 4] = ["content_type", "cookies", "headers", "statusCode"];

    let given = Options::new(options, &NAMES, fail)?;
    if let Some(content_type) = given.text("content_type")? {
        if options.len() > 1 {
            let message = "`content_type` is for a stream without HTTP; with `statusCode`, \
                           `headers` or `cookies`, put `content-type` into `headers`";
            return Err(fail(message.to_owned()));
        }
        if !content_type.contains('/') || !is_printable(&content_type) {
            return Err(fail(format!("{:?} is not a content type", content_type.as_str())));
        }
        let content_type = Cow::Owned(content_type.to_string());
        return Ok(StreamHead { content_type, prelude: Vec::new() });
    }
    let mut prelude = Map::new();
    let status = given.integer("statusCode")?.unwrap_or(200);
    if !(200..=599).contains(&status) {
        return Err(fail(format!("`statusCode` is {status}, expected one from 200 to 599")));
    }
    put(&mut prelude, "statusCode", status.into());
    if let Some(headers) = given.value("headers") {
        put(&mut prelude, "headers", Dynamic::from_map(header_map(headers)?));
    }
    if let Some(cookies) = given.texts("cookies")? {
        if let Some(odd) = cookies.iter().find(|cookie| !is_printable(cookie)) {
            return Err(fail(format!("{:?} is not a cookie", odd.as_str())));
        }
        let cookies: Vec<Dynamic> = cookies.into_iter().map(Dynamic::from).collect();
        put(&mut prelude, "cookies", Dynamic::from_array(cookies));
    }
    let mut bytes = Vec::new();
    payload::write(&mut bytes, &Dynamic::from_map(prelude), depth, payload::Style::Compact)
        .map_err(|error| fail(error.describe("options")))?;
    bytes.extend_from_slice(&PRELUDE_END);
    Ok(StreamHead { content_type: Cow::Borrowed(HTTP), prelude: bytes })
}

/// The headers of an answer; numbers are written out, as `content-length` is one.
fn header_map(headers: &Dynamic) -> Fallible<Map> {
    let Ok(headers) = headers.as_map_ref() else {
        let found = with_article(headers.type_name());
        return Err(fail(format!("the option `headers` takes a map, not {found}")));
    };
    let mut written = Map::new();
    for (name, value) in headers.iter() {
        let text = match value.as_int() {
            Ok(number) => number.to_string(),
            Err(_) => match value.as_immutable_string_ref() {
                Ok(text) => text.to_string(),
                Err(found) => {
                    let found = with_article(found);
                    return Err(fail(format!("the header `{name}` takes a string, not {found}")));
                }
            },
        };
        let is_name = !name.is_empty() && name.bytes().all(|c| c.is_ascii_graphic() && c != b':');
        if !is_name || !is_printable(&text) {
            let name = name.as_str();
            return Err(fail(format!("{name:?}: {text:?} is not a header")));
        }
        put(&mut written, name, text.into());
    }
    Ok(written)
}

/// Whether a text stays on its line.
fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
