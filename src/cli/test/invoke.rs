//! `invoke(event)` for tests: the whole way of an event, from JSON through the handler to JSON.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext, Position};
use serde_json::Value;

use super::assertions;
use super::fakes::{Stage, read_context};
use super::lines;
use crate::config::Config;
use crate::engine::{placed, raise};
use crate::error::Frame;
use crate::handler::Handler;
use crate::log::Logger;
use crate::payload::{self, Style};
use crate::suggest::nearest;
use crate::{Answer, Context, Error};

/// What the second argument may say.
const OPTIONS: [&str; 2] = ["context", "handler"];

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Teaches `engine` the function `invoke`.
pub(super) fn register(engine: &mut Engine, stage: &Rc<Stage>) {
    let on = Rc::clone(stage);
    engine.register_fn("invoke", move |call: NativeCallContext, event: Dynamic| {
        placed(call.call_position(), invoke(&on, &call, &event, &Map::new()))
    });
    let on = Rc::clone(stage);
    engine.register_fn("invoke", move |call: NativeCallContext, event: Dynamic, options: Map| {
        placed(call.call_position(), invoke(&on, &call, &event, &options))
    });
}

fn invoke(
    stage: &Stage,
    call: &NativeCallContext,
    event: &Dynamic,
    options: &Map,
) -> Fallible<Dynamic> {
    let misused = |message: String| raise(("InvokeError", message));
    let mut config = stage.root.config.clone();
    let mut fields = Map::new();
    for (name, value) in options {
        match name.as_str() {
            "handler" => {
                let handler = value.as_immutable_string_ref();
                config.handler = handler
                    .map_err(|found| misused(format!("`handler` is a string, not a {found}")))?
                    .to_string();
            }
            "context" => {
                fields = value.clone().try_cast().ok_or_else(|| {
                    misused("`context` is a map, as `fake::context` takes".into())
                })?;
            }
            other => {
                let hint = match nearest(other, OPTIONS) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => "; there are `context` and `handler`".to_owned(),
                };
                return Err(misused(format!("`invoke` has no option `{other}`{hint}")));
            }
        }
    }
    let (context, settings) = read_context(stage, stage.root.timeout, &fields)?;
    config = Config { handler: config.handler, ..settings };
    let mut json = Vec::new();
    payload::write(&mut json, event, config.limits.max_json_depth, Style::Compact).map_err(
        |error| {
            // What it goes on to advise is for results.
            let message = error.describe("event");
            let message = message.split(": encode it").next().unwrap_or(&message).to_owned();
            raise(("InvalidEvent", message))
        },
    )?;
    let answer = environment(stage, &config)
        .and_then(|environment| environment.invoke(&json, context))
        .map_err(|error| thrown(error, call.call_position()))?;
    Ok(value_of(&answer, config.limits.max_json_depth))
}

/// What a streamed response with status and headers is, and what stands between those and the body.
const STREAMED_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";
const DELIMITER: [u8; 8] = [0; 8];

/// A handler that was started, and its log.
pub(super) struct Environment {
    handler: Handler,
    logger: Rc<Logger>,
}

impl Environment {
    /// Starts the handler of `config`.
    pub(super) fn start(stage: &Stage, config: &Config) -> Result<Self, Error> {
        let config = &stage.settings(config);
        let logger = Rc::new(Logger::keeping(config, stage.kept.clone()));
        let counting =
            stage.hits.as_ref().map(|hits| |engine: &mut Engine| lines::register(engine, hits));
        let handler = Handler::load_logging(config, Rc::clone(&logger), counting)?;
        Ok(Self { handler, logger })
    }

    /// Handles one event.
    pub(super) fn invoke(&self, event: &[u8], context: Context) -> Result<Answer, Error> {
        self.logger.enter(&context.aws_request_id, context.tenant_id.as_deref());
        let answer = self.handler.invoke(event, context);
        self.logger.leave();
        answer
    }
}

/// The environment of a handler: started by the first event, kept for the further ones of a test.
fn environment(stage: &Stage, config: &Config) -> Result<Rc<Environment>, Error> {
    // Its function's part of the context is fixed when it starts.
    let (name, version) = (&config.function_name, &config.function_version);
    let key = format!(
        "{}\n{name}\n{version}\n{}\n{}\n{}",
        config.handler, config.memory_mb, config.log_group, config.log_stream
    );
    if let Some(known) = stage.environments.borrow().get(&key) {
        return Ok(Rc::clone(known));
    }
    let started = Rc::new(Environment::start(stage, config)?);
    stage.environments.borrow_mut().insert(key, Rc::clone(&started));
    Ok(started)
}

/// The context of an invocation of which nothing is said.
pub(super) fn context(stage: &Stage, timeout: Duration) -> Context {
    read_context(stage, timeout, &Map::new()).map(|(context, _)| context).unwrap_or_default()
}

/// What a caller of the function would make of the answer.
fn value_of(answer: &Answer, max_depth: usize) -> Dynamic {
    let json = json_of(answer).and_then(|json| payload::read(&json, max_depth, isize::MAX).ok());
    json.unwrap_or_else(|| match std::str::from_utf8(&answer.body) {
        Ok(text) => text.into(),
        Err(_) => Dynamic::from_blob(answer.body.clone()),
    })
}

/// The same as JSON: what is not JSON is text.
pub(super) fn as_json(answer: &Answer) -> Value {
    let json = json_of(answer).and_then(|json| serde_json::from_slice(&json).ok());
    json.unwrap_or_else(|| Value::from(String::from_utf8_lossy(&answer.body).into_owned()))
}

/// The answer if it is JSON, or can be written as such.
fn json_of(answer: &Answer) -> Option<Cow<'_, [u8]>> {
    if is_json(answer) {
        return Some(Cow::Borrowed(&answer.body));
    }
    streamed_response(answer).map(|response| Cow::Owned(response.to_string().into_bytes()))
}

/// A streamed HTTP response as one that is not streamed: its head with the whole body in it.
fn streamed_response(answer: &Answer) -> Option<Value> {
    if answer.content_type != STREAMED_RESPONSE {
        return None;
    }
    let end = answer.body.windows(DELIMITER.len()).position(|bytes| bytes == DELIMITER)?;
    let mut response: Value = serde_json::from_slice(&answer.body[..end]).ok()?;
    let body = &answer.body[end + DELIMITER.len()..];
    let fields = response.as_object_mut()?;
    match std::str::from_utf8(body) {
        Ok(text) => fields.insert("body".to_owned(), text.into()),
        Err(_) => {
            fields.insert("isBase64Encoded".to_owned(), true.into());
            fields.insert("body".to_owned(), STANDARD.encode(body).into())
        }
    };
    Some(response)
}

fn is_json(answer: &Answer) -> bool {
    answer.content_type.starts_with("application/json")
}

/// The function's error, thrown where the test called `invoke`, with the function's own stack below.
fn thrown(error: Error, call: Position) -> Box<EvalAltResult> {
    let frames = error.frames().to_vec();
    let place = |frame: Option<&Frame>| match frame {
        Some(frame) if frame.line > 0 => {
            let short = |number| u16::try_from(number).unwrap_or(u16::MAX);
            Position::new(short(frame.line), short(frame.column))
        }
        Some(_) => Position::NONE,
        None => call,
    };
    let map = assertions::to_map(error);
    let mut thrown = Box::new(EvalAltResult::ErrorRuntime(map.into(), place(frames.first())));
    for (at, frame) in frames.iter().enumerate() {
        thrown = Box::new(EvalAltResult::ErrorInFunctionCall(
            frame.function.clone(),
            frame.file.clone(),
            thrown,
            place(frames.get(at + 1)),
        ));
    }
    thrown
}
