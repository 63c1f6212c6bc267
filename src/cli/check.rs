//! `rhai-lambda check`: everything that can be known of a function before it is deployed.
//!
//! It compiles with the engine, the modules and the limits of `bootstrap`, and runs nothing.

mod calls;
mod constants;
mod facts;
mod flow;
mod formats;
mod handler;
mod imports;
mod items;
mod natives;
mod problems;
mod program;
mod qualified;
mod report;
mod results;
mod rules;
mod script;
mod settings;
mod walk;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::diagnostic::Severity;
use crate::engine::on_engine_stack;

use super::misuse::Misuse;
use super::target::Target;
use super::terminal::{Ending, Terminal, print};
use program::Program;
use rules::Rule;

pub(super) use report::{Report, counted};

/// Finds mistakes in a function without running it.
///
/// Scripts are compiled with the engine, the modules and the limits of the runtime; nothing of them
/// runs. All of the folder's scripts are looked at: the handler's, those that it imports, and tests.
///
/// An error is what fails whenever it is reached; a warning may be meant. The exit status is 1 if
/// there are errors, 2 when the command was used wrongly.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda check                            the function of this folder
  rhai-lambda check functions/*                several functions
  rhai-lambda check --deny-warnings            for CI: warnings count as errors
  rhai-lambda check --format sarif > check.sarif
  rhai-lambda check --explain wrong-arguments
")]
pub(super) struct Arguments {
    /// Folders with `function.rhai`, or scripts with `fn handler`
    #[arg(value_name = "DIR | SCRIPT.rhai | FILE.FUNCTION", default_value = ".")]
    targets: Vec<PathBuf>,

    /// How to write what was found; JSON and SARIF go to standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,

    /// End with status 1 if there are warnings
    #[arg(long)]
    deny_warnings: bool,

    /// Say what a finding means, and end
    #[arg(long, value_name = "FINDING", value_parser = rule)]
    explain: Option<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Drawn with the source, on standard error
    Text,
    /// One object
    Json,
    /// SARIF 2.1.0, as code scanning takes it
    Sarif,
}

fn rule(name: &str) -> Result<Rule, String> {
    let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    found.ok_or_else(|| {
        let near = crate::suggest::nearest(name, Rule::ALL.iter().map(|rule| rule.name()));
        match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
                format!("there are {}", names.join(", "))
            }
        }
    })
}

pub(super) fn command(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode, Misuse> {
    if let Some(rule) = arguments.explain {
        let text = format!("{}: {}\n\n{}", rule.name(), rule.summary(), rule.explanation());
        return written(print(text.as_bytes(), Ending::Newline), terminal);
    }
    let targets: Vec<Target> =
        arguments.targets.iter().map(|path| Target::find(path)).collect::<Result<_, _>>()?;
    let reports: Vec<Report> = targets.iter().map(run).collect();
    match arguments.format {
        Format::Text => {
            for report in &reports {
                terminal.report(report);
            }
            terminal.note(&report::summary(&reports));
        }
        Format::Json => {
            written(print(formats::json(&reports).as_bytes(), Ending::Newline), terminal)?;
        }
        Format::Sarif => {
            written(print(formats::sarif(&reports).as_bytes(), Ending::Newline), terminal)?;
        }
    }
    let fails = |report: &Report| {
        report.has_errors() || arguments.deny_warnings && report.count(Severity::Warning) > 0
    };
    Ok(if reports.iter().any(fails) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn written(done: std::io::Result<()>, terminal: Terminal) -> Result<ExitCode, Misuse> {
    if let Err(error) = done {
        terminal.error(&format!("failed to write to standard output: {error}"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks the function that `target` names.
pub(super) fn run(target: &Target) -> Report {
    let mut findings = Vec::new();
    let config = settings::config(target, &mut findings);
    let limits = config.limits.clone();
    let checked = on_engine_stack(&limits, move || {
        let mut program = Program::load(config, &target.settings);
        findings.append(&mut program.findings);
        handler::check(&program, &mut findings);
        imports::check(&program, &mut findings);
        qualified::check(&program, &mut findings);
        calls::check(&program, &mut findings);
        constants::check(&program, &mut findings);
        results::check(&program, &mut findings);
        flow::check(&program, &mut findings);
        Report::new(&target.folder, program.sources(), findings)
    });
    checked.unwrap_or_else(|error| {
        let message = format!("cannot start a thread for the scripts: {error}");
        Report::new(
            &target.folder,
            std::collections::BTreeMap::new(),
            vec![settings::finding(message)],
        )
    })
}
