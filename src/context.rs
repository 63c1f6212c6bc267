//! What a script learns of the invocation it handles: the `context` parameter.

mod stream;

use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use rhai::{Dynamic, Engine, EvalAltResult, Map};

use crate::config::Config;
use crate::engine::raise;
use crate::payload;
use crate::suggest::nearest;
use crate::world;

pub(crate) use stream::{Streams, register as register_stream};

/// Everything that Lambda says about one invocation.
///
/// The names are those that scripts see.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Identifies the request.
    pub aws_request_id: String,
    /// The ARN that was invoked.
    pub invoked_function_arn: Option<String>,
    /// When Lambda ends the invocation, in milliseconds since 1970. One that has passed counts as
    /// none: `cargo lambda watch` sends a constant.
    pub deadline_ms: Option<u64>,
    /// The X-Ray trace header.
    pub trace_id: Option<String>,
    /// What a client of the mobile SDKs says about itself, as JSON.
    pub client_context: Option<String>,
    /// The Cognito identity that invoked the function, as JSON.
    pub identity: Option<String>,
    /// The tenant, of functions with tenant isolation.
    pub tenant_id: Option<String>,
}

impl Context {
    /// The time that Lambda leaves until the deadline; `None` if there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = UNIX_EPOCH.checked_add(Duration::from_millis(self.deadline_ms?))?;
        deadline.duration_since(world::now()).ok().filter(|left| !left.is_zero())
    }
}

/// The part of the context that stays the same for every invocation of an environment.
#[derive(Debug)]
pub(crate) struct Function {
    name: String,
    version: String,
    memory_mb: u64,
    log_group: String,
    log_stream: String,
}

impl From<&Config> for Function {
    fn from(config: &Config) -> Self {
        Self {
            name: config.function_name.clone(),
            version: config.function_version.clone(),
            memory_mb: config.memory_mb,
            log_group: config.log_group.clone(),
            log_stream: config.log_stream.clone(),
        }
    }
}

/// The names of [`ContextValue`]'s properties, for the hint after a slip.
pub(crate) const PROPERTIES: [&str; 12] = [
    "aws_request_id",
    "function_name",
    "function_version",
    "invoked_function_arn",
    "memory_limit_in_mb",
    "log_group_name",
    "log_stream_name",
    "deadline_ms",
    "trace_id",
    "client_context",
    "identity",
    "tenant_id",
];

/// The context as the engine passes it around: cheap to copy, its properties made when asked for.
#[derive(Clone, Debug)]
pub(crate) struct ContextValue {
    context: Rc<Context>,
    function: Rc<Function>,
}

impl ContextValue {
    pub(crate) fn new(context: Rc<Context>, function: Rc<Function>) -> Self {
        Self { context, function }
    }

    /// All properties; what JSON and the logs see.
    pub(crate) fn to_map(&self) -> Map {
        PROPERTIES
            .iter()
            .map(|&name| (name.into(), self.property(name).unwrap_or(Dynamic::UNIT)))
            .collect()
    }

    fn property(&self, name: &str) -> Option<Dynamic> {
        let text = |value: &str| Dynamic::from(value.to_owned());
        let optional = |value: &Option<String>| value.as_deref().map_or(Dynamic::UNIT, text);
        // These two arrive as JSON; whatever does not parse is passed on as it came.
        let parsed = |value: &Option<String>| match value {
            None => Dynamic::UNIT,
            Some(json) => {
                payload::read(json.as_bytes(), 64, isize::MAX).unwrap_or_else(|_| text(json))
            }
        };
        let (context, function) = (&*self.context, &*self.function);
        Some(match name {
            "aws_request_id" => text(&context.aws_request_id),
            "function_name" => text(&function.name),
            "function_version" => text(&function.version),
            "invoked_function_arn" => optional(&context.invoked_function_arn),
            "memory_limit_in_mb" => (function.memory_mb as i64).into(),
            "log_group_name" => text(&function.log_group),
            "log_stream_name" => text(&function.log_stream),
            "deadline_ms" => context.deadline_ms.map_or(Dynamic::UNIT, |ms| (ms as i64).into()),
            "trace_id" => optional(&context.trace_id),
            "client_context" => parsed(&context.client_context),
            "identity" => parsed(&context.identity),
            "tenant_id" => optional(&context.tenant_id),
            _ => return None,
        })
    }

    fn get(&mut self, name: &str) -> Result<Dynamic, Box<EvalAltResult>> {
        self.property(name).ok_or_else(|| {
            let hint = match nearest(name, PROPERTIES) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            raise(("PropertyNotFound", format!("the context has no `{name}`{hint}")))
        })
    }

    /// Milliseconds until the deadline; `()` without one.
    fn remaining_time_ms(&mut self) -> Dynamic {
        match self.context.deadline_ms {
            None => Dynamic::UNIT,
            Some(_) => {
                let left = self.context.remaining().unwrap_or_default();
                (left.as_millis() as i64).into()
            }
        }
    }
}

/// Teaches `engine` the type of the context.
pub(crate) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<ContextValue>("context")
        // One indexer answers for all properties: a getter each would cost every start.
        .register_indexer_get(ContextValue::get)
        .register_fn("remaining_time_ms", ContextValue::remaining_time_ms)
        .register_fn("to_string", |context: &mut ContextValue| {
            format!("context of {}", context.context.aws_request_id)
        });
}
