//! What Lambda knows of a function: its code, its settings, and the environment it runs in.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::sandbox::Scale;

/// The account in the ARNs of functions that have none.
const ACCOUNT: &str = "123456789012";

/// The only version that is not published.
const VERSION: &str = "$LATEST";

/// A function as it would be configured on AWS.
#[derive(Clone, Debug)]
pub struct Function {
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    pub name: String,
    /// `_HANDLER`.
    pub handler: String,
    /// Where the code lies; `LAMBDA_TASK_ROOT`, and the directory that `bootstrap` starts in.
    pub task_root: PathBuf,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`.
    pub memory_mb: u32,
    /// The region in ARNs and in `AWS_REGION`.
    pub region: String,
    /// The runtime: the program, `bootstrap`, and its arguments.
    pub runtime: Vec<OsString>,
    /// The function's own environment variables. They win over Lambda's own.
    pub variables: Vec<(OsString, OsString)>,
}

impl Function {
    /// The ARN that the function would have.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", self.region, self.name)
    }

    /// The version that is invoked.
    pub fn version(&self) -> &'static str {
        VERSION
    }

    /// The whole environment of the child, built from nothing, as the developer guide lists it.
    ///
    /// Left out are the names that only managed runtimes have (`AWS_EXECUTION_ENV`), that would
    /// promise something this machine lacks (`AWS_XRAY_DAEMON_ADDRESS`), or that would change how
    /// programs of this machine start (`LD_LIBRARY_PATH`).
    pub(crate) fn environment(
        &self,
        runtime_api: &str,
        log_stream: &str,
    ) -> Vec<(OsString, OsString)> {
        self.environment_for(Scale::OneEvent, runtime_api, log_stream)
    }

    /// The same for a process that may have several events at once.
    pub(super) fn environment_for(
        &self,
        scale: Scale,
        runtime_api: &str,
        log_stream: &str,
    ) -> Vec<(OsString, OsString)> {
        let memory = self.memory_mb.to_string();
        let initialization_type = match scale {
            Scale::OneEvent => "on-demand",
            Scale::Workers(_) => "lambda-managed-instances",
        };
        let log_group = format!("/aws/lambda/{}", self.name);
        let lambda = [
            ("_HANDLER", self.handler.as_str()),
            ("AWS_DEFAULT_REGION", &self.region),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_LAMBDA_FUNCTION_NAME", &self.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", VERSION),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization_type),
            ("AWS_LAMBDA_LOG_FORMAT", "Text"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream),
            ("AWS_REGION", &self.region),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LANG", "en_US.UTF-8"),
            ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
            ("TZ", ":UTC"),
        ];
        let mut all: Vec<(OsString, OsString)> =
            lambda.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        all.push(("LAMBDA_TASK_ROOT".into(), self.task_root.clone().into()));
        all.extend(self.variables.iter().cloned());
        if let Scale::Workers(count) = scale {
            all.push(("AWS_LAMBDA_MAX_CONCURRENCY".into(), count.to_string().into()));
            // There is no other format there: lines of text would not say whose they are.
            all.push(("AWS_LAMBDA_LOG_FORMAT".into(), "JSON".into()));
        }
        // Last: whatever a user sets, the child has to find this emulator.
        all.push(("AWS_LAMBDA_RUNTIME_API".into(), runtime_api.into()));
        all
    }
}
