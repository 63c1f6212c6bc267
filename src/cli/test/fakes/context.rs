//! `fake::context`: a context with some fields of one's own, the rest as Lambda would have it.

use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use rhai::{Dynamic, EvalAltResult, Map};

use super::{Stage, misused};
use crate::config::Config;
use crate::context::{Context, ContextValue, Function, PROPERTIES};
use crate::payload;
use crate::suggest::nearest;
use crate::world;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Sets the deadline from now on, rather than by a point in time.
const REMAINING: &str = "remaining_time_ms";

/// The request, where nothing else is said.
const REQUEST: &str = "11111111-2222-4333-8444-555555555555";

/// A value for the second parameter of a handler.
pub(super) fn value(stage: &Stage, fields: &Map) -> Fallible<Dynamic> {
    let (context, config) = read(stage, stage.root.timeout, fields)?;
    let function = Rc::new(Function::from(&config));
    Ok(Dynamic::from(ContextValue::new(Rc::new(context), function)))
}

/// An invocation's part of a context, and a configuration with the function's part of it.
pub(in crate::cli::test) fn read(
    stage: &Stage,
    timeout: Duration,
    fields: &Map,
) -> Fallible<(Context, Config)> {
    let now = world::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = |left: Duration| u64::try_from((now + left).as_millis()).ok();
    let mut context = Context {
        aws_request_id: REQUEST.to_owned(),
        invoked_function_arn: Some(stage.root.arn.clone()),
        deadline_ms: deadline(timeout),
        ..Context::default()
    };
    let mut config = stage.root.config.clone();
    for (name, value) in fields {
        let name = name.as_str();
        match name {
            "aws_request_id" => context.aws_request_id = text(name, value)?,
            "function_name" => config.function_name = text(name, value)?,
            "function_version" => config.function_version = text(name, value)?,
            "invoked_function_arn" => context.invoked_function_arn = optional(name, value)?,
            "memory_limit_in_mb" => config.memory_mb = number(name, value)?,
            "log_group_name" => config.log_group = text(name, value)?,
            "log_stream_name" => config.log_stream = text(name, value)?,
            "deadline_ms" if value.is_unit() => context.deadline_ms = None,
            "deadline_ms" => context.deadline_ms = Some(number(name, value)?),
            REMAINING => {
                context.deadline_ms = deadline(Duration::from_millis(number(name, value)?));
            }
            "trace_id" => context.trace_id = optional(name, value)?,
            "client_context" => context.client_context = json(name, value)?,
            "identity" => context.identity = json(name, value)?,
            "tenant_id" => context.tenant_id = optional(name, value)?,
            _ => return Err(unknown(name)),
        }
    }
    Ok((context, config))
}

fn unknown(name: &str) -> Box<EvalAltResult> {
    let hint = match nearest(name, PROPERTIES.into_iter().chain([REMAINING])) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    misused(format!("a context has no `{name}`{hint}"))
}

fn text(name: &str, value: &Dynamic) -> Fallible<String> {
    let text = value.as_immutable_string_ref().map(|text| text.to_string());
    text.map_err(|found| misused(format!("`{name}` is a string, not a {found}")))
}

fn optional(name: &str, value: &Dynamic) -> Fallible<Option<String>> {
    if value.is_unit() { Ok(None) } else { text(name, value).map(Some) }
}

fn number(name: &str, value: &Dynamic) -> Fallible<u64> {
    let number = value.as_int().ok().and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| misused(format!("`{name}` is a whole number, 0 or above")))
}

/// Lambda hands these over as JSON.
fn json(name: &str, value: &Dynamic) -> Fallible<Option<String>> {
    if value.is_unit() {
        return Ok(None);
    }
    let mut json = Vec::new();
    payload::write(&mut json, value, 64, payload::Style::Compact)
        .map_err(|error| misused(error.describe(name)))?;
    Ok(Some(String::from_utf8_lossy(&json).into_owned()))
}
