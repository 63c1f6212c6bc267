//! What the environment decides, read once: the function, its logs and its limits.
//!
//! This is the only place (beside the scripts' own `env::` module) where the environment is read.
//! Nothing writes it.

mod network;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::secrets::Secrets;
use crate::suggest::nearest;

pub use network::{HostPattern, Network};

/// Everything that `bootstrap` takes from its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `AWS_LAMBDA_RUNTIME_API`: host and port of the Runtime API.
    pub runtime_api: Option<String>,
    /// `_HANDLER`: `path/to/file.function`.
    pub handler: String,
    /// `LAMBDA_TASK_ROOT`: where the function's zip is unpacked.
    pub task_root: PathBuf,
    /// `RHAI_LAMBDA_IMPORT_ROOT`: where shared scripts of other layers are.
    pub import_root: PathBuf,
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    pub function_name: String,
    /// `AWS_LAMBDA_FUNCTION_VERSION`.
    pub function_version: String,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` in MB.
    pub memory_mb: u64,
    /// `AWS_LAMBDA_MAX_CONCURRENCY`: how many events come at once, on Managed Instances.
    pub max_concurrency: Option<usize>,
    /// Whether `AWS_LAMBDA_INITIALIZATION_TYPE` is `snap-start`: a snapshot is taken after init.
    pub snap_start: bool,
    /// `AWS_LAMBDA_LOG_GROUP_NAME`.
    pub log_group: String,
    /// `AWS_LAMBDA_LOG_STREAM_NAME`.
    pub log_stream: String,
    /// `AWS_LAMBDA_LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `AWS_LAMBDA_LOG_LEVEL`.
    pub log_level: LogLevel,
    /// `_LAMBDA_TELEMETRY_LOG_FD`: the descriptor on which Lambda takes framed log records.
    pub telemetry_fd: Option<i32>,
    /// The function's credentials, which no log and no error shows.
    pub secrets: Secrets,
    /// What scripts may reach over the network.
    pub network: Network,
    /// `RHAI_LAMBDA_METRICS_NAMESPACE`: the namespace of `metrics::`, unless a call names another.
    pub metrics_namespace: Option<String>,
    /// `AWS_XRAY_DAEMON_ADDRESS`: where spans are sent.
    pub xray_daemon: Option<String>,
    /// `RHAI_LAMBDA_BYTECODE`: whether loops and functions of numbers become bytecode; `off`
    /// has all of them walked.
    pub bytecode: bool,
    /// The limits of a script.
    pub limits: Limits,
    /// What is set and does nothing, in words; logged at the start.
    pub warnings: Vec<String>,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Columns, for people.
    Text,
    /// One JSON object a line, for Lambda's own filters and for programs.
    Json,
}

/// The importance of a log line; lines below the configured one are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For the author of the function.
    Debug,
    /// What `print` writes.
    Info,
    /// Something is off, the invocation goes on.
    Warn,
    /// The invocation failed.
    Error,
    /// The environment failed.
    Fatal,
}

impl LogLevel {
    /// The name as AWS writes it: `INFO`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal]
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

/// How far a script may go. Each limit is named in the error that it raises.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `RHAI_LAMBDA_DEADLINE_MARGIN_MS`: a script is stopped this long before Lambda's deadline.
    pub deadline_margin: Duration,
    /// `RHAI_LAMBDA_INIT_TIMEOUT_MS`: how long loading and the top level may take.
    pub init_timeout: Duration,
    /// `RHAI_LAMBDA_MAX_MEMORY_MB`: what a script may allocate, in bytes here.
    pub max_memory: usize,
    /// `RHAI_LAMBDA_MAX_OPERATIONS`: steps of the engine in one invocation; 0 means no limit.
    pub max_operations: u64,
    /// `RHAI_LAMBDA_MAX_CALL_DEPTH`: nested function calls.
    pub max_call_depth: usize,
    /// `RHAI_LAMBDA_MAX_EXPR_DEPTH`: nested expressions and blocks.
    pub max_expr_depth: usize,
    /// `RHAI_LAMBDA_MAX_MODULES`: scripts that one function may import.
    pub max_modules: usize,
    /// `RHAI_LAMBDA_MAX_MODULE_DEPTH`: imports within imports.
    pub max_module_depth: usize,
    /// `RHAI_LAMBDA_MAX_JSON_DEPTH`: nested arrays and maps in a result.
    pub max_json_depth: usize,
}

/// What a 6 MB event and its answer need, whatever the function's memory.
const MIN_MEMORY_LIMIT: usize = 64 << 20;

/// Depths beyond these do not fit the stack that the engine runs on; see `engine::stack`.
const MAX_DEPTH_SETTING: u64 = 256;

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// `Runtime.InitError` for a setting that cannot be understood, naming it and its value.
    pub fn from_env() -> Result<Self, Error> {
        let text = |text: OsString| match text.into_string() {
            Ok(text) => text,
            Err(text) => text.to_string_lossy().into_owned(),
        };
        // Read in one go: to look each setting up in the process's environment takes twice as long.
        let vars: Vec<_> =
            std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
        let mut config = Self::from_vars(&|name| {
            let (_, value) = vars.iter().find(|(other, _)| other == name)?;
            Some(value.clone())
        })?;
        config.warnings = vars.iter().filter_map(|(name, _)| unknown_setting(name)).collect();
        Ok(config)
    }

    /// Whether loops and functions of numbers become bytecode, which does not count operations as the
    /// walker does.
    pub(crate) fn uses_bytecode(&self) -> bool {
        self.bytecode && self.limits.max_operations == 0
    }

    /// The process's environment without the settings that can be wrong, numbers mostly: with this,
    /// one that is wrong can be reported.
    pub(crate) fn without_numbers() -> Self {
        let is_text = |name: &&str| {
            !name.starts_with("RHAI_LAMBDA_MAX_")
                && !name.ends_with("_MS")
                && *name != "RHAI_LAMBDA_BYTECODE"
                && *name != "RHAI_LAMBDA_NET_ALLOW"
                && *name != "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
                && *name != "AWS_LAMBDA_MAX_CONCURRENCY"
        };
        let var = |name: &str| {
            let value = Some(name).filter(is_text).and_then(std::env::var_os)?;
            Some(value.to_string_lossy().into_owned())
        };
        Self::from_vars(&var).expect("what can be wrong is left out")
    }

    /// Reads the settings through `var`, which answers as the environment would.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_vars(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let vars = Vars { var };
        let memory_mb = vars.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1..=1 << 20, 128)?;
        let max_concurrency = match vars.text("AWS_LAMBDA_MAX_CONCURRENCY") {
            Some(_) => Some(vars.number("AWS_LAMBDA_MAX_CONCURRENCY", 1..=1600, 1)? as usize),
            None => None,
        };
        // Each event gets its part of what all may have.
        let half = ((memory_mb as usize) << 19) / max_concurrency.unwrap_or(1);
        let log_format = match vars.text("AWS_LAMBDA_LOG_FORMAT") {
            Some(name) if name.eq_ignore_ascii_case("json") => LogFormat::Json,
            // Managed Instances take nothing else.
            _ if max_concurrency.is_some() => LogFormat::Json,
            _ => LogFormat::Text,
        };
        // Lambda sets a level only together with JSON; in text, what a script prints is shown.
        let default_level = match log_format {
            LogFormat::Json => LogLevel::Info,
            LogFormat::Text => LogLevel::Debug,
        };
        Ok(Self {
            runtime_api: vars.text("AWS_LAMBDA_RUNTIME_API"),
            handler: vars.text("_HANDLER").unwrap_or_default(),
            task_root: vars.path("LAMBDA_TASK_ROOT", "/var/task"),
            import_root: vars.path("RHAI_LAMBDA_IMPORT_ROOT", "/opt/rhai"),
            function_name: vars.text("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
            function_version: vars.text("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default(),
            memory_mb,
            max_concurrency,
            snap_start: vars.text("AWS_LAMBDA_INITIALIZATION_TYPE").as_deref()
                == Some("snap-start"),
            log_group: vars.text("AWS_LAMBDA_LOG_GROUP_NAME").unwrap_or_default(),
            log_stream: vars.text("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_default(),
            log_format,
            log_level: vars
                .text("AWS_LAMBDA_LOG_LEVEL")
                .and_then(|name| LogLevel::parse(&name))
                .unwrap_or(default_level),
            telemetry_fd: vars.text("_LAMBDA_TELEMETRY_LOG_FD").and_then(|fd| fd.parse().ok()),
            secrets: Secrets::new(
                ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
                    .into_iter()
                    .filter_map(|name| vars.text(name)),
            ),
            network: vars.network()?,
            metrics_namespace: vars.text("RHAI_LAMBDA_METRICS_NAMESPACE"),
            xray_daemon: vars.text("AWS_XRAY_DAEMON_ADDRESS"),
            bytecode: vars.switch("RHAI_LAMBDA_BYTECODE")?,
            limits: vars.limits(half.max(MIN_MEMORY_LIMIT))?,
            warnings: Vec::new(),
        })
    }
}

/// Every setting that is ours.
const SETTINGS: [&str; 15] = [
    "RHAI_LAMBDA_BYTECODE",
    "RHAI_LAMBDA_CA_FILE",
    "RHAI_LAMBDA_DEADLINE_MARGIN_MS",
    "RHAI_LAMBDA_IMPORT_ROOT",
    "RHAI_LAMBDA_INIT_TIMEOUT_MS",
    "RHAI_LAMBDA_MAX_CALL_DEPTH",
    "RHAI_LAMBDA_MAX_EXPR_DEPTH",
    "RHAI_LAMBDA_MAX_JSON_DEPTH",
    "RHAI_LAMBDA_MAX_MEMORY_MB",
    "RHAI_LAMBDA_MAX_MODULES",
    "RHAI_LAMBDA_MAX_MODULE_DEPTH",
    "RHAI_LAMBDA_MAX_OPERATIONS",
    "RHAI_LAMBDA_METRICS_NAMESPACE",
    "RHAI_LAMBDA_NET_ALLOW",
    "RHAI_LAMBDA_WARMUP",
];

/// The warning for a variable that looks like a setting and is none.
fn unknown_setting(name: &str) -> Option<String> {
    if !name.starts_with("RHAI_LAMBDA_") || SETTINGS.contains(&name) {
        return None;
    }
    let hint = match nearest(name, SETTINGS) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    Some(format!("`{name}` is no setting of this runtime{hint}"))
}

struct Vars<'a> {
    var: &'a dyn Fn(&str) -> Option<String>,
}

impl Vars<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.var)(name).filter(|value| !value.is_empty())
    }

    /// What is on unless it is switched off.
    fn switch(&self, name: &str) -> Result<bool, Error> {
        match self.text(name).as_deref() {
            None | Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(text) => {
                let message = format!("`{name}` is `{text}`, expected `on` or `off`");
                Err(Error::init("Runtime.InitError", message))
            }
        }
    }

    /// Values separated by commas.
    fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
        values.map(str::to_owned).collect()
    }

    fn path(&self, name: &str, default: &str) -> PathBuf {
        self.text(name).map_or_else(|| PathBuf::from(default), PathBuf::from)
    }

    fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, Error> {
        let Some(text) = self.text(name) else { return Ok(default) };
        match text.trim().parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => {
                let (low, high) = (range.start(), range.end());
                let message = match *high {
                    u64::MAX => format!("`{name}` is `{text}`, expected a whole number"),
                    _ => format!(
                        "`{name}` is `{text}`, expected a whole number from {low} to {high}"
                    ),
                };
                Err(Error::init("Runtime.InitError", message))
            }
        }
    }

    fn network(&self) -> Result<Network, Error> {
        let pattern = |text: &str| {
            HostPattern::parse(text).ok_or_else(|| {
                let message = format!(
                    "`RHAI_LAMBDA_NET_ALLOW` has `{}`, expected hosts such as `api.example.com`, \
                     `*.example.com` or `127.0.0.1:8080`, separated by commas",
                    text.trim()
                );
                Error::init("Runtime.InitError", message)
            })
        };
        let hosts = self.text("RHAI_LAMBDA_NET_ALLOW");
        let hosts = hosts.as_deref().map(|hosts| hosts.split(','));
        let allow =
            hosts.map(|hosts| hosts.filter(|host| !host.trim().is_empty()).map(pattern).collect());
        Ok(Network {
            allow: allow.transpose()?,
            ca_file: self.text("RHAI_LAMBDA_CA_FILE").map(PathBuf::from),
            roots_file: self.text("SSL_CERT_FILE").map(PathBuf::from),
            warmup: self.list("RHAI_LAMBDA_WARMUP"),
            runtime_api: self.text("AWS_LAMBDA_RUNTIME_API"),
        })
    }

    fn limits(&self, default_memory: usize) -> Result<Limits, Error> {
        let count = |name, max, default: usize| {
            self.number(name, 1..=max, default as u64).map(|number| number as usize)
        };
        let millis = |name, default| {
            self.number(name, 0..=u64::from(u32::MAX), default).map(Duration::from_millis)
        };
        let default_mb = default_memory >> 20;
        Ok(Limits {
            deadline_margin: millis("RHAI_LAMBDA_DEADLINE_MARGIN_MS", 50)?,
            init_timeout: millis("RHAI_LAMBDA_INIT_TIMEOUT_MS", 9500)?,
            max_memory: count("RHAI_LAMBDA_MAX_MEMORY_MB", 1 << 20, default_mb)? << 20,
            max_operations: self.number("RHAI_LAMBDA_MAX_OPERATIONS", 0..=u64::MAX, 0)?,
            max_call_depth: count("RHAI_LAMBDA_MAX_CALL_DEPTH", MAX_DEPTH_SETTING, 128)?,
            max_expr_depth: count("RHAI_LAMBDA_MAX_EXPR_DEPTH", MAX_DEPTH_SETTING, 128)?,
            max_modules: count("RHAI_LAMBDA_MAX_MODULES", 1 << 20, 256)?,
            max_module_depth: count("RHAI_LAMBDA_MAX_MODULE_DEPTH", 64, 32)?,
            max_json_depth: count("RHAI_LAMBDA_MAX_JSON_DEPTH", 1024, 128)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{SETTINGS, unknown_setting};

    #[test]
    fn every_setting_that_is_read_is_known() {
        let source = include_str!("config.rs").split("mod tests").next().unwrap();
        let read = source.split('"').filter(|text| text.starts_with("RHAI_LAMBDA_"));
        for name in read.filter(|name| !name.ends_with('_')) {
            assert!(SETTINGS.contains(&name), "`{name}` is missing in SETTINGS");
        }
    }

    #[test]
    fn a_slip_in_a_setting_is_answered_with_its_name() {
        let slip = "RHAI_LAMBDA_MAX_JSON_DEPTH".replace("PT", "TP");
        let warning = unknown_setting(&slip).unwrap();
        assert!(warning.ends_with("did you mean `RHAI_LAMBDA_MAX_JSON_DEPTH`?"), "{warning}");
        assert_eq!(unknown_setting("RHAI_LAMBDA_MAX_MODULES"), None);
        assert_eq!(unknown_setting("PATH"), None);
    }
}
