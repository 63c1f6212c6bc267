//! What was packed and what was not, with sizes: a table, or JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::archive::Archive;
use super::contents::Contents;
use super::limits::{Limit, grouped};
use crate::cli::misuse::Misuse;
use crate::cli::terminal::{Ending, Terminal, print};

/// A table with more files than this shows the largest.
const ROWS: usize = 40;

/// What there is to say of a zip.
pub(super) struct Report<'a> {
    pub(super) arguments: &'a super::Arguments,
    pub(super) contents: &'a Contents,
    pub(super) archive: &'a Archive,
}

impl Report<'_> {
    /// Writes it to standard output, unless the zip goes there.
    pub(super) fn show(&self, terminal: Terminal) -> Result<(), Misuse> {
        let text = match self.arguments.json {
            true => format!("{:#}\n", self.document()),
            false => self.table(),
        };
        if self.arguments.is_piped() {
            terminal.text(&text);
            return Ok(());
        }
        print(text.as_bytes(), Ending::Newline)
            .map_err(|error| Misuse::new(format!("failed to write to standard output: {error}")))
    }

    /// The file that was written, if one was.
    fn file(&self) -> Option<&Path> {
        let written = !self.arguments.list && !self.arguments.is_piped();
        written.then_some(&self.arguments.output)
    }

    fn document(&self) -> Value {
        let Contents { files, left_out, warnings, .. } = self.contents;
        let files = files.iter().zip(&self.archive.zipped).map(|(file, zipped)| {
            json!({
                "name": file.name,
                "size": file.size,
                "zipped": zipped,
                "executable": file.is_executable,
            })
        });
        let left_out = left_out.iter().map(|out| {
            let verdict = out.verdict.as_ref();
            json!({
                "name": out.name,
                "pattern": verdict.map(|verdict| &verdict.pattern),
                "file": verdict.and_then(|verdict| verdict.file.as_ref()),
            })
        });
        let mut all_warnings = warnings.clone();
        all_warnings.extend(self.archive.warnings());
        json!({
            "file": self.file(),
            "size": self.archive.bytes.len(),
            "codeSha256": self.archive.code_sha256(),
            "unzipped": self.archive.unzipped,
            "limits": { "size": Limit::ZIPPED.bytes, "unzipped": Limit::UNZIPPED.bytes },
            "files": files.collect::<Vec<_>>(),
            "leftOut": left_out.collect::<Vec<_>>(),
            "warnings": all_warnings,
        })
    }

    fn table(&self) -> String {
        let mut rows: Vec<_> = self.contents.files.iter().zip(&self.archive.zipped).collect();
        let all = rows.len();
        if all > ROWS && !self.arguments.list {
            rows.sort_by_key(|(file, _)| std::cmp::Reverse(file.size));
            rows.truncate(ROWS);
            rows.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        }
        let mut text = format!("{:>15} {:>15}  file\n", "size", "zipped");
        let mut row = |size: u64, zipped: u64, what: &str| {
            let (size, zipped) = (grouped(size), grouped(zipped));
            // Writing to a string does not fail.
            let _ = writeln!(text, "{size:>15} {zipped:>15}  {what}");
        };
        for (file, zipped) in &rows {
            row(file.size, **zipped, &file.name);
        }
        if rows.len() < all {
            let shown: u64 = rows.iter().map(|(file, _)| file.size).sum();
            let shown_zipped: u64 = rows.iter().map(|(_, zipped)| **zipped).sum();
            let zipped: u64 = self.archive.zipped.iter().sum();
            let others = format!("{} smaller ones: see `--list`", all - rows.len());
            row(self.archive.unzipped - shown, zipped - shown_zipped, &others);
        }
        let size = self.archive.bytes.len() as u64;
        row(self.archive.unzipped, size, "in all");
        let share = |share: f64, limit: &Limit| format!("{share:.1} % of {} MB", limit.bytes >> 20);
        let _ = writeln!(
            text,
            "{:>15} {:>15}  Lambda's limits",
            share(Limit::UNZIPPED.share(self.archive.unzipped), &Limit::UNZIPPED),
            share(Limit::ZIPPED.share(size), &Limit::ZIPPED),
        );
        if self.arguments.list {
            self.left_out(&mut text);
        }
        if let Some(file) = self.file() {
            let _ = writeln!(text, "wrote `{}`", file.display());
        }
        text
    }

    fn left_out(&self, text: &mut String) {
        if !self.contents.left_out.is_empty() {
            text.push_str("\nleft out:\n");
        }
        for out in &self.contents.left_out {
            let why = match &out.verdict {
                Some(verdict) => verdict.to_string(),
                None => "the zip itself".to_owned(),
            };
            let _ = writeln!(text, "  {}  ({why})", out.name);
        }
    }
}
