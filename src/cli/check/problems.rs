//! Syntax errors as findings, in the runtime's own words.

use rhai::{Expr, ParseError, ParseErrorType, Position, Stmt};

use crate::diagnostic::Severity;
use crate::engine::explained;
use crate::suggest::nearest;

use super::items::Item;
use super::report::{Finding, Place};
use super::rules::Rule;
use super::script::Parsed;
use super::walk::{self, Node};

/// The problems of one file.
pub(super) struct Problems<'a> {
    file: &'a str,
    text: &'a str,
    /// Where each line starts.
    lines: Vec<usize>,
    pub(super) found: Vec<Finding>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { file, text, lines, found: Vec::new() }
    }

    /// Where the error is, in bytes.
    pub(super) fn offset(&self, error: &ParseError) -> usize {
        let place = error.position();
        let line = place.line().unwrap_or(self.lines.len());
        let Some(&start) = self.lines.get(line - 1) else { return self.text.len() };
        let rest = &self.text[start..];
        let column = place.position().unwrap_or(1) - 1;
        start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
    }

    /// Says that the first error comes of `item`, which lacks a bracket.
    pub(super) fn blame(&mut self, item: &Item) {
        let Some(first) = self.found.first_mut() else { return };
        if first.place.line != item.line {
            let (name, line) = (&item.name, item.line);
            first
                .help
                .push(format!("a bracket of the function `{name}` in line {line} is not closed"));
        }
    }

    /// Adds an error of the parser, unless there is one at its place.
    pub(super) fn add(&mut self, error: &ParseError) {
        let at = self.offset(error);
        let (line, column) = match error.position().line() {
            Some(line) => (line, error.position().position().unwrap_or(1)),
            // The end of the file.
            None => (
                self.lines.len(),
                self.text[self.lines[self.lines.len() - 1]..].chars().count() + 1,
            ),
        };
        let place = Place {
            file: self.file.to_owned(),
            line,
            column,
            end_column: column + word_length(&self.text[at..]),
        };
        if self
            .found
            .iter()
            .any(|finding| (finding.place.line, finding.place.column) == (line, column))
        {
            return;
        }
        let message = explained(error.clone(), self.text).0.to_string();
        let (message, help) = split_hint(&message);
        let rule = match &*error.0 {
            ParseErrorType::VariableUndefined(_) => Rule::UnknownVariable,
            ParseErrorType::ModuleUndefined(_) => Rule::UnknownModule,
            ParseErrorType::Reserved(_) => Rule::ReservedWord,
            ParseErrorType::AssignmentToConstant(_) => Rule::ConstantAssigned,
            _ => Rule::SyntaxError,
        };
        self.found.push(Finding { rule, severity: Severity::Error, message, help, place });
    }
}

/// Says of the variables that do not exist what may be meant.
pub(super) fn advise(parsed: &Parsed, findings: &mut [Finding]) {
    let facts = &parsed.facts;
    for finding in findings.iter_mut().filter(|finding| finding.rule == Rule::UnknownVariable) {
        let Some((message, _)) = finding.message.split_once(" (inside a function") else {
            continue;
        };
        let message = message.to_owned();
        let name = message.split('`').nth(1).unwrap_or_default().to_owned();
        finding.message = message;
        let help = if facts.constants.contains(&name) {
            Some(format!("inside a function, a constant of the top level is `global::{name}`"))
        } else if facts.variables.contains(&name) {
            Some(format!(
                "variables of the top level do not outlive it: make it `const {name} = …;`, which \
                 is `global::{name}` inside a function"
            ))
        } else {
            let names = facts.locals.keys().map(String::as_str);
            let near = nearest(&name, names.filter(|near| *near != name));
            near.map(|near| format!("did you mean `{near}`?"))
        };
        finding.help.extend(help);
    }
}

/// How many characters the word at the start of `text` has; 1 if there is none.
fn word_length(text: &str) -> usize {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').count().max(1)
}

/// The way out that a message of the runtime ends with, on its own.
pub(super) fn split_hint(message: &str) -> (String, Vec<String>) {
    if let Some((message, hint)) = message.split_once("; did you mean ") {
        return (message.to_owned(), vec![format!("did you mean {hint}")]);
    }
    match message.split_once("; there are ") {
        Some((message, names)) => (message.to_owned(), vec![format!("there are {names}")]),
        None => (message.to_owned(), Vec::new()),
    }
}

/// Adds the variables that do not exist, of a script that was compiled without asking for them.
pub(super) fn undefined(parsed: &Parsed, problems: &mut Problems<'_>) {
    let mut missing: Vec<(String, Position)> = Vec::new();
    walk::script(parsed, &mut |node, around| {
        // What a closure lacks it captures: then it is missing where the closure is made.
        if around.in_closure() {
            return;
        }
        match node {
            Node::Expr(Expr::Variable(parts, None, place))
                if parts.0.is_none()
                    && parts.2.is_empty()
                    && parsed.named(&parts.1).next().is_none()
                    && !parsed.broken.contains(parts.1.as_str()) =>
            {
                missing.push((parts.1.to_string(), *place));
            }
            Node::Stmt(Stmt::Share(shared)) => {
                let lost = shared.iter().filter(|(_, index)| index.is_none());
                missing.extend(lost.map(|(ident, _)| (ident.name.to_string(), ident.pos)));
            }
            _ => {}
        }
    });
    for (name, place) in missing {
        let kind = ParseErrorType::VariableUndefined(name);
        problems.add(&ParseError(Box::new(kind), place));
    }
}
