//! The handler: found by `_HANDLER`, compiled once, called for every event.
//!
//! [`Handler::invoke`] is the pure core of the runtime: bytes in, bytes or an error out. It ends no
//! process and knows no Runtime API.

use std::borrow::Cow;
use std::rc::Rc;

use rhai::{AST, Dynamic, Engine, EvalAltResult, FnAccess, Module, Scope};
use serde_json::Map;

use crate::answer::{Answer, Sink};
use crate::config::{Config, LogLevel};
use crate::context::{Context, ContextValue, Function};
use crate::engine::{self, EndMark, Kernels, Missing, Phase, Roots, Source, Sources};
use crate::error::{Error, Frame};
use crate::log::Logger;
use crate::modules::Host;
use crate::modules::bytes::with_article;
use crate::modules::lambda::Raw;
use crate::payload::{self, Style};
use crate::suggest::nearest;

mod hooks;
#[cfg(feature = "cli")]
mod test;

pub(crate) use hooks::Hook;
use hooks::Hooks;

/// A compiled handler with the engine that runs it.
///
/// It belongs to the thread that loaded it, which should have a deep stack: see
/// [`Handler::with_stack`].
pub struct Handler {
    engine: Engine,
    host: Host,
    roots: Rc<Roots>,
    /// The script's path without extension, as `_HANDLER` has it.
    name: String,
    /// The script as errors name it.
    file: String,
    function: String,
    takes_context: bool,
    /// What does not change from one invocation to the next.
    environment: Rc<Function>,
    /// Bytes allocated when the first event arrives.
    baseline: isize,
    hooks: Hooks,
}

impl Handler {
    /// Reads, compiles and starts the script of `config.handler`: its top level runs here, once, and
    /// then its `on_init`, if it has one.
    ///
    /// # Errors
    /// One of AWS's types for what goes wrong before the first event: `Runtime.MalformedHandlerName`,
    /// `Runtime.HandlerNotFound`, `Runtime.UserCodeSyntaxError`, `Runtime.ImportModuleError` or
    /// `Runtime.InitError`.
    ///
    /// ```
    /// use rhai_lambda::{Config, Context, Handler};
    ///
    /// let mut config = Config::from_env()?;
    /// config.task_root = "examples/echo".into();
    /// config.handler = "function.handler".into();
    /// let answer = Handler::with_stack(&config, || {
    ///     Handler::load(&config)?.invoke(br#"{"name":"Ada"}"#, Context::default())
    /// })?;
    /// assert!(String::from_utf8_lossy(&answer.body).starts_with("\"Echoing request"));
    /// # Ok::<(), rhai_lambda::Error>(())
    /// ```
    pub fn load(config: &Config) -> Result<Self, Error> {
        Self::load_logging(config, Rc::new(Logger::new(config)), None::<fn(&mut Engine)>)
    }

    /// As [`load`](Self::load), with an engine that `extend` may teach more functions.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(config: &Config, extend: impl FnOnce(&mut Engine)) -> Result<Self, Error> {
        Self::load_logging(config, Rc::new(Logger::new(config)), Some(extend))
    }

    /// As [`load_with`](Self::load_with), with the log of the worker that it is for.
    pub(crate) fn load_logging(
        config: &Config,
        logger: Rc<Logger>,
        extend: Option<impl FnOnce(&mut Engine)>,
    ) -> Result<Self, Error> {
        let (path, function) = split_name(&config.handler)?;
        let extend = extend.map(|extend| |engine: &mut Engine, _: &Host| extend(engine));
        let script = Script::compile(config, path, logger, extend)?;
        let takes_context = takes_context(&script.ast, function, &script.source.file)?;
        let hooks = Hooks::find(&script.ast, &script.source.file)?;
        let handler = Self { hooks, ..script.start(config, function, takes_context)? };
        handler.call_hook(Hook::Init)?;
        Ok(handler)
    }

    /// Sends what the script streams there, instead of putting it into the answer.
    pub(crate) fn stream_into(&self, sink: Rc<dyn Sink>) {
        self.host.streams.connect(sink);
    }

    /// Handles one event. An answer that the script streams is returned when it is whole.
    ///
    /// # Errors
    /// What the script threw, a limit that it reached, an event that is not JSON or a result that
    /// JSON cannot express.
    pub fn invoke(&self, event: &[u8], context: Context) -> Result<Answer, Error> {
        let guard = &self.host.guard;
        guard.start_invocation(context.remaining());
        self.host.streams.begin();
        self.host.trace.begin(&context);

        let max_depth = self.host.limits.max_json_depth;
        let event = match event {
            // Emulators let clients send nothing.
            b"" => Dynamic::UNIT,
            _ => payload::read(event, max_depth, guard.memory_ceiling()).map_err(|what| {
                Error::runtime("InvalidEvent", format!("the event is not usable JSON: {what}"))
            })?,
        };
        self.host.web.begin(&event);
        let result: Result<Dynamic, Box<EvalAltResult>> = if self.takes_context {
            let context = ContextValue::new(Rc::new(context), Rc::clone(&self.environment));
            self.engine.eval_fn_call(&self.function, None, (event, context))
        } else {
            self.engine.eval_fn_call(&self.function, None, (event,))
        };
        let value = match result {
            Ok(value) => value,
            Err(error) => engine::conclude(*error, &self.file, guard, Phase::Invocation)
                .map_err(|error| self.placed(error))?,
        };
        if let Some(trip) = guard.tripped() {
            // Something swallowed the error: what came out is not what the script meant.
            let (error_type, message) = guard.describe(trip);
            return Err(self.placed(Error::function(error_type, message)));
        }
        if self.host.streams.is_used() {
            self.streamed(value)
        } else {
            self.answer(value, max_depth)
        }
    }

    fn streamed(&self, value: Dynamic) -> Result<Answer, Error> {
        if !value.is_unit() {
            let message = format!(
                "the handler streamed its answer and returned {} as well; end it with `()`",
                with_article(value.type_name())
            );
            return Err(Error::function("InvalidResult", message));
        }
        match self.host.streams.finish(&self.host.guard) {
            Ok(answer) => Ok(answer),
            Err(error) => {
                // Only `exit` would be no error, and no script runs here.
                let _: Dynamic =
                    engine::conclude(*error, &self.file, &self.host.guard, Phase::Invocation)
                        .map_err(|error| self.placed(error))?;
                Ok(Answer::default())
            }
        }
    }

    /// The error with the handler as its place, if it has none of its own: a script that is stopped
    /// between two variables has lost its stack.
    fn placed(&self, error: Error) -> Error {
        if !error.frames().is_empty() {
            return error;
        }
        let source = self.roots.read_handler(&self.name).map(|source| source.text);
        let (line, column) =
            source.ok().and_then(|text| find_function(&text, &self.function)).unwrap_or((0, 0));
        let (function, file) = (self.function.clone(), self.file.clone());
        error.with_frames(vec![Frame { function, file, line, column }])
    }

    fn answer(&self, value: Dynamic, max_depth: usize) -> Result<Answer, Error> {
        if value.is::<Raw>() {
            let Raw { body, content_type } = value.cast();
            return Ok(Answer { body, content_type: Cow::Owned(content_type) });
        }
        let mut body = Vec::new();
        payload::write(&mut body, &value, max_depth, Style::Compact)
            .map_err(|error| Error::function("InvalidResult", error.describe("result")))?;
        Ok(Answer { body, content_type: Cow::Borrowed("application/json") })
    }

    /// Whether values that contain themselves, which are never freed, have filled the memory that a
    /// script may have: then a new environment is better than another event.
    pub fn is_worn_out(&self) -> bool {
        self.host.guard.is_worn_out(self.baseline)
    }

    /// Runs `work` on a thread whose stack is deep enough for the limits of `config`.
    ///
    /// # Errors
    /// What `work` returns, or `Runtime.InitError` when the machine has no thread to give.
    ///
    /// # Panics
    /// If `work` panics.
    pub fn with_stack<T: Send>(
        config: &Config,
        work: impl FnOnce() -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        engine::on_engine_stack(&config.limits, work).unwrap_or_else(|error| {
            let message = format!("cannot start a thread for the script: {error}");
            Err(Error::init("Runtime.InitError", message))
        })
    }
}

/// A script that is compiled, its top level not yet run.
pub(crate) struct Script {
    engine: Engine,
    host: Host,
    kernels: Rc<Kernels>,
    roots: Rc<Roots>,
    /// Its path without extension.
    name: String,
    source: Source,
    pub(crate) ast: AST,
}

impl Script {
    /// Reads and compiles the script `path` of the task root, with an engine that `extend` may teach
    /// more functions.
    pub(crate) fn compile(
        config: &Config,
        path: &str,
        logger: Rc<Logger>,
        extend: Option<impl FnOnce(&mut Engine, &Host)>,
    ) -> Result<Self, Error> {
        let roots = Rc::new(Roots::new(config));
        let source = roots.read_handler(path).map_err(|missing| match missing {
            Missing::Absent => absent(&roots, config, path),
            Missing::Refused(why) if why.contains("UTF-8") => {
                Error::init("Runtime.UserCodeSyntaxError", why)
            }
            Missing::Refused(why) => Error::init("Runtime.HandlerNotFound", why),
        })?;
        let end_mark = Rc::new(EndMark::new());
        let sources = Sources::gather(&roots, &source.text);
        let sources = if extend.is_some() { sources.shared() } else { sources };
        let (mut engine, host, kernels) =
            engine::build(config, Rc::clone(&roots), path, logger, Rc::clone(&end_mark), &sources);
        if let Some(extend) = extend {
            extend(&mut engine, &host);
            kernels.leave_natives();
        }

        let mut ast = engine::compile(&engine, &source.text).map_err(|error| {
            let place = Frame {
                function: Frame::TOP_LEVEL.to_owned(),
                file: source.file.clone(),
                line: error.position().line().unwrap_or(0),
                column: error.position().position().unwrap_or(0),
            };
            let message = engine::explained(error, &source.text).0.to_string();
            Error::init("Runtime.UserCodeSyntaxError", message).with_frames(vec![place])
        })?;
        ast.set_source(source.file.as_str());
        end_mark.append_to(&mut ast);
        Ok(Self { engine, host, kernels, roots, name: path.to_owned(), source, ast })
    }

    /// Runs the top level; `function` is what is called then.
    pub(crate) fn start(
        self,
        config: &Config,
        function: &str,
        takes_context: bool,
    ) -> Result<Handler, Error> {
        let Self { mut engine, host, kernels, roots, name, source, ast } = self;
        host.guard.start_init();
        let ast = kernels.accelerate(&engine, ast, &source.text);
        let module = Module::eval_ast_as_new(Scope::new(), &ast, &engine);
        if let Some(trip) = host.guard.tripped()
            && module.is_ok()
        {
            return Err(Error::init("Runtime.InitError", host.guard.describe(trip).1));
        }
        let module = match module {
            Ok(module) => module,
            Err(error) => {
                let _: Dynamic = engine::conclude(*error, &source.file, &host.guard, Phase::Init)?;
                let message = "the top level called `exit`; only a handler can";
                return Err(Error::init("Runtime.InitError", message));
            }
        };
        engine.register_global_module(module.into());
        drop(ast);
        for failure in host.http.warm_up(&config.network.warmup) {
            let message = format!("`RHAI_LAMBDA_WARMUP`: no connection to {failure}");
            host.logger.line(LogLevel::Warn, &message, Map::new());
        }

        let baseline = crate::memory::allocated();
        let environment = Rc::new(Function::from(config));
        let function = function.to_owned();
        let file = source.file;
        Ok(Handler {
            engine,
            host,
            roots,
            name,
            file,
            function,
            takes_context,
            environment,
            baseline,
            hooks: Hooks::default(),
        })
    }
}

/// Splits `path/to/file.function` at its last dot.
pub(crate) fn split_name(handler: &str) -> Result<(&str, &str), Error> {
    let expected = "expected `file.function`, such as `function.handler`";
    let malformed = |what: String| {
        Err(Error::init("Runtime.MalformedHandlerName", format!("{what}, {expected}")))
    };
    if handler.is_empty() {
        return malformed("`_HANDLER` is not set".to_owned());
    }
    match handler.rsplit_once('.') {
        Some((path, function)) if !path.is_empty() && is_name(function) => Ok((path, function)),
        _ => malformed(format!("`_HANDLER` is `{handler}`")),
    }
}

fn is_name(function: &str) -> bool {
    function.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && function.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Line and column, from 1, of the first `fn name`.
fn find_function(text: &str, name: &str) -> Option<(usize, usize)> {
    text.lines().enumerate().find_map(|(at, line)| {
        let start = line.find("fn ")?;
        let rest = line[start + 3..].trim_start().strip_prefix(name)?;
        let is_code = !line.trim_start().starts_with("//");
        (is_code && rest.trim_start().starts_with('('))
            .then(|| (at + 1, line[..start].chars().count() + 1))
    })
}

pub(crate) fn absent(roots: &Roots, config: &Config, path: &str) -> Error {
    let hint = match roots.nearest(path) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    let root = config.task_root.display();
    let message =
        format!("no file `{path}.rhai` in `{root}` for the handler `{}`{hint}", config.handler);
    Error::init("Runtime.HandlerNotFound", message)
}

/// Whether the handler takes the context beside the event.
pub(crate) fn takes_context(ast: &AST, name: &str, file: &str) -> Result<bool, Error> {
    let not_found = |message| Err(Error::init("Runtime.HandlerNotFound", message));
    let named = || ast.iter_functions().filter(|function| function.name == name);
    let callable = |arity| {
        named().any(|function| {
            function.access == FnAccess::Public
                && function.this_type.is_none()
                && function.params.len() == arity
        })
    };
    if callable(2) {
        return Ok(true);
    }
    if callable(1) {
        return Ok(false);
    }
    let expected = "expected one (event) or two (event, context)";
    match named().next() {
        Some(function) if function.access == FnAccess::Private => not_found(format!(
            "`{name}` in `{file}` is private; a handler is a plain `fn {name}(event)`"
        )),
        Some(function) => not_found(match function.params.len() {
            0 => format!("`{name}` in `{file}` takes no parameters, {expected}"),
            1 | 2 => format!("`{name}` in `{file}` is a method; a handler is `fn {name}(event)`"),
            count => format!("`{name}` in `{file}` takes {count} parameters, {expected}"),
        }),
        None => {
            let names = ast.iter_functions().filter(|f| f.access == FnAccess::Public);
            let hint = match nearest(name, names.map(|function| function.name)) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            not_found(format!(
                "no function `{name}` in `{file}`, expected `fn {name}(event)`{hint}"
            ))
        }
    }
}
