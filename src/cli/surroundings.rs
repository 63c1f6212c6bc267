//! What the command takes from its own environment, and what it passes on to a function.

use std::ffi::{OsStr, OsString};

/// The region where nothing else says one.
const REGION: &str = "us-east-1";

/// What scripts need to reach AWS as the user would, and the runtime's own settings. All else of the
/// user's environment stays outside, as it would on Lambda.
const PASSED_ON: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONTAINER_*",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_*",
    "RHAI_LAMBDA_*",
];

/// The variables that a function gets to see.
pub(super) fn passed_on() -> Vec<(OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| is_passed_on(name)).collect()
}

fn is_passed_on(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    PASSED_ON.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    })
}

/// The region of the user's own AWS settings.
pub(super) fn region() -> String {
    ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|region| !region.is_empty()))
        .unwrap_or_else(|| REGION.to_owned())
}

/// Whether the user asks for text without colours: `NO_COLOR`, or a terminal that has none.
pub(super) fn refuses_colour() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_some() || set("TERM").is_some_and(|terminal| terminal == "dumb")
}

#[cfg(test)]
mod tests {
    use super::is_passed_on;

    #[test]
    fn only_what_is_named_is_passed_on() {
        for name in ["AWS_SESSION_TOKEN", "RHAI_LAMBDA_MAX_MODULES", "AWS_ENDPOINT_URL_S3"] {
            assert!(is_passed_on(name.as_ref()), "{name}");
        }
        for name in ["HOME", "PATH", "AWS_LAMBDA_RUNTIME_API", "AWS_SESSION_TOKEN_2", "_HANDLER"] {
            assert!(!is_passed_on(name.as_ref()), "{name}");
        }
    }
}
