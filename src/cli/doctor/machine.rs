//! This machine: what running, serving and deploying functions needs.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Findings;
use crate::cli::surroundings;
use crate::config::Config;

/// Where `serve` listens unless it is told otherwise.
const PORT: u16 = 9000;

pub(super) fn examine(findings: &mut Findings) {
    let version = env!("CARGO_PKG_VERSION");
    findings
        .ok(format!("rhai-lambda {version} runs functions in the runtime that it brings along"));
    port(findings);
    settings(findings);
    aws_cli(findings);
    credentials(findings);
    findings.ok(format!("functions see the region {}", surroundings::region()));
}

fn port(findings: &mut Findings) {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)) {
        Ok(_) => findings.ok(format!("port {PORT} is free for `rhai-lambda serve`")),
        Err(error) => findings.warning(format!(
            "port {PORT} cannot be had for `rhai-lambda serve`: {error}\n\
             hint: end what listens there, or `rhai-lambda serve --port {}`",
            PORT + 1
        )),
    }
}

/// The runtime's own settings reach functions from the user's shell as well.
fn settings(findings: &mut Findings) {
    let own: Vec<(String, String)> = surroundings::passed_on()
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("RHAI_LAMBDA_"))
        .collect();
    if own.is_empty() {
        return;
    }
    let value =
        |name: &str| own.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
    match Config::from_vars(&value) {
        Ok(_) => {
            let names: Vec<String> = own.iter().map(|(name, _)| format!("`{name}`")).collect();
            findings.ok(format!("functions see {} of this shell", names.join(", ")));
        }
        Err(error) => findings.error(format!(
            "{}\nhint: no function loads with it: `unset` it in this shell",
            error.message()
        )),
    }
}

fn aws_cli(findings: &mut Findings) {
    match in_path("aws") {
        Some(path) => findings.ok(format!("the aws CLI is `{}`", path.display())),
        None => findings.warning(
            "the aws CLI is not in PATH\n\
             hint: only publishing layers and creating functions needs it; AWS's user guide says how \
             to install it",
        ),
    }
}

fn in_path(program: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(is_program)
}

/// Where credentials would come from. Their values are of no interest.
fn credentials(findings: &mut Findings) {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match (is_set("AWS_ACCESS_KEY_ID"), is_set("AWS_SECRET_ACCESS_KEY")) {
        (true, true) => return findings.ok("AWS credentials are in the environment"),
        (false, false) => {}
        (has_id, _) => {
            let (set, unset) = match has_id {
                true => ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
                false => ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
            };
            return findings.error(format!(
                "`{set}` is set and `{unset}` is not\nhint: set both, or none and a profile"
            ));
        }
    }
    let containers =
        ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
    if containers.into_iter().any(is_set) {
        return findings.ok("AWS credentials come from this container");
    }
    let files =
        [("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), ("AWS_CONFIG_FILE", ".aws/config")];
    let files: Vec<PathBuf> =
        files.into_iter().filter_map(|(name, own)| file_of(name, own)).collect();
    let profile = std::env::var("AWS_PROFILE").ok().filter(|profile| !profile.is_empty());
    let name = profile.as_deref().unwrap_or("default");
    match (files.iter().any(|file| has_profile(file, name)), &profile) {
        (true, _) => findings.ok(format!("AWS credentials come from the profile `{name}`")),
        (false, Some(_)) => findings.error(format!(
            "`AWS_PROFILE` is `{name}`, and there is no such profile\n\
             hint: `aws configure list-profiles` lists them"
        )),
        (false, None) => findings.warning(
            "there are no AWS credentials\n\
             hint: only what calls AWS needs them: `aws configure` or `aws sso login`",
        ),
    }
}

fn file_of(variable: &str, own: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(own)))
}

/// Whether `[name]` or `[profile name]` stands in the file.
fn has_profile(file: &Path, name: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(file) else { return false };
    text.lines().any(|line| {
        let section = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let section = section.map(|(section, _)| section.trim());
        section.is_some_and(|section| {
            section == name || section.strip_prefix("profile").map(str::trim) == Some(name)
        })
    })
}
