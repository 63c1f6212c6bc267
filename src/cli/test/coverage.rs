//! Coverage: the lines that could have run, and those that did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rhai::{AST, ASTNode, Engine, Expr, Stmt};

use super::lines;
use super::suite::{Root, Suite, Test, scripts_below};
use super::trial::Outcome;
use crate::engine::on_engine_stack;
use crate::handler::Script;
use crate::log::Logger;
use crate::log::kept::Kept;
use crate::modules::Host;

/// The scripts of all functions, those of the tests left out.
pub(super) struct Coverage {
    files: BTreeMap<PathBuf, File>,
}

/// One script.
pub(super) struct File {
    /// As the user would name it.
    pub(super) shown: String,
    /// The lines that can run, and how often they did.
    lines: BTreeMap<usize, u64>,
}

impl Coverage {
    /// What there is to cover in the functions of `suite`.
    pub(super) fn of(suite: &Suite) -> Self {
        let mut files = BTreeMap::new();
        for root in &suite.roots {
            for path in scripts_below(&root.folder) {
                let name = path.strip_prefix(&root.folder).unwrap_or(&path);
                if let Some(found) = lines_of(root, name) {
                    let shown = root.shown.join(name).display().to_string();
                    let shown = shown.strip_prefix("./").unwrap_or(&shown).to_owned();
                    let lines = found.into_iter().map(|line| (line, 0)).collect();
                    files.insert(path, File { shown, lines });
                }
            }
        }
        Self { files }
    }

    /// Adds what `tests` ran.
    pub(super) fn add(&mut self, tests: &[&Test], outcomes: &[Option<Outcome>]) {
        for (test, outcome) in tests.iter().zip(outcomes) {
            let hits = outcome.iter().flat_map(|outcome| &outcome.hits);
            for (name, counted) in hits {
                let Some(file) = self.files.get_mut(&test.root.folder.join(name)) else { continue };
                for (line, count) in counted {
                    if let Some(hits) = file.lines.get_mut(line) {
                        *hits += count;
                    }
                }
            }
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// Lines that ran, and all of them.
    pub(super) fn total(&self) -> (usize, usize) {
        self.files().map(File::count).fold((0, 0), |sum, (hit, all)| (sum.0 + hit, sum.1 + all))
    }

    /// The tracefile that lcov and its relatives read.
    pub(super) fn lcov(&self) -> String {
        let mut out = String::new();
        for file in self.files() {
            let _ = writeln!(out, "TN:\nSF:{}", file.shown);
            for (line, count) in &file.lines {
                let _ = writeln!(out, "DA:{line},{count}");
            }
            let (hit, all) = file.count();
            let _ = writeln!(out, "LF:{all}\nLH:{hit}\nend_of_record");
        }
        out
    }
}

impl File {
    /// Lines that ran, and all of them.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.lines.values().filter(|count| **count > 0).count(), self.lines.len())
    }

    /// The lines that did not run, as `3, 7-9`: lines between which none could have run are one range.
    pub(super) fn missed(&self) -> String {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        let mut is_open = false;
        for (&line, &count) in &self.lines {
            match ranges.last_mut() {
                Some(range) if is_open && count == 0 => range.1 = line,
                _ if count == 0 => ranges.push((line, line)),
                _ => {}
            }
            is_open = count == 0;
        }
        let shown = |(first, last): &(usize, usize)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        ranges.iter().map(shown).collect::<Vec<_>>().join(", ")
    }
}

/// The lines of a script that can run; `None` if it cannot be compiled.
fn lines_of(root: &Root, name: &Path) -> Option<BTreeSet<usize>> {
    let name = name.with_extension("");
    let name = name.to_str()?;
    let compile = || {
        let logger = Rc::new(Logger::keeping(&root.config, Kept::default()));
        let script =
            Script::compile(&root.config, name, logger, None::<fn(&mut Engine, &Host)>).ok()?;
        Some(statements(&script.ast))
    };
    on_engine_stack(&root.config.limits, compile).ok().flatten()
}

/// The lines on which statements start, and those of the arms of `switch`.
fn statements(ast: &AST) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(statement)) = path.last() {
            match statement {
                Stmt::Noop(_) | Stmt::Block(_) => {}
                Stmt::Expr(expression) => {
                    if !lines::is_end(ASTNode::Expr(expression)) {
                        lines.extend(expression.start_position().line());
                    }
                }
                Stmt::Switch(parts, place) => {
                    lines.extend(place.line());
                    for arm in &parts.1.expressions {
                        // A block has statements of its own.
                        if !matches!(arm.rhs, Expr::Stmt(_)) {
                            lines.extend(arm.rhs.start_position().line());
                        }
                    }
                }
                other => lines.extend(other.position().line()),
            }
        }
        true
    });
    lines
}
