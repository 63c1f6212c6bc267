//! CSV (RFC 4180) to rows and back.

use std::collections::BTreeSet;

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::{Fallible, Items, Output, fail, fail_at};
use crate::engine::Guard;
use crate::modules::shorten;
use crate::suggest::nearest;

/// What a script may say about a text to be read.
pub(super) struct Reading {
    header: bool,
    delimiter: char,
}

impl Reading {
    pub(super) fn new(options: &Map) -> Fallible<Self> {
        let mut reading = Self { header: false, delimiter: ',' };
        for (name, value) in options {
            match name.as_str() {
                "header" => reading.header = flag(name, value)?,
                "delimiter" => reading.delimiter = delimiter(value)?,
                _ => return Err(unknown_option(name, &["header", "delimiter"])),
            }
        }
        Ok(reading)
    }

    /// The rows of `text`: arrays, or maps by the names in the first row.
    pub(super) fn parse(&self, text: &str, guard: &Guard) -> Fallible<Array> {
        let mut reader = Reader {
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            line: 1,
            delimiter: self.delimiter,
        };
        let mut rows = Array::new();
        let mut names: Option<Vec<ImmutableString>> = None;
        while !reader.rest.is_empty() {
            let line = reader.line;
            let Some(row) = reader.row(guard)? else { continue };
            rows.push(match &names {
                None if self.header => {
                    names = Some(header(row, line)?);
                    continue;
                }
                None => Dynamic::from_array(row),
                Some(names) => Dynamic::from_map(named(names, row, line)?),
            });
        }
        Ok(rows)
    }
}

fn header(row: Array, line: i64) -> Fallible<Vec<ImmutableString>> {
    let mut seen = BTreeSet::new();
    let names: Vec<ImmutableString> =
        row.into_iter().filter_map(|name| name.into_immutable_string().ok()).collect();
    for name in &names {
        if !seen.insert(name) {
            let name = shorten(name);
            return Err(fail_at(line, format!("line {line}: there are two columns `{name}`")));
        }
    }
    Ok(names)
}

fn named(names: &[ImmutableString], row: Array, line: i64) -> Fallible<Map> {
    if row.len() != names.len() {
        let (found, expected) = (row.len(), names.len());
        let message = format!("line {line}: {found} fields, where the header has {expected}");
        return Err(fail_at(line, message));
    }
    Ok(names.iter().map(|name| name.as_str().into()).zip(row).collect())
}

/// Reads a text from its start.
struct Reader<'t> {
    rest: &'t str,
    /// From 1.
    line: i64,
    delimiter: char,
}

impl Reader<'_> {
    /// The fields of the next line or lines; `None` for an empty line.
    fn row(&mut self, guard: &Guard) -> Fallible<Option<Array>> {
        guard.check_time()?;
        let mut fields = Items::new(guard);
        let mut empty = true;
        loop {
            let quoted = self.rest.starts_with('"');
            if quoted {
                fields.push(&self.quoted(guard)?)?;
            } else {
                let ends = [self.delimiter, '\r', '\n'];
                let end = self.rest.find(ends).unwrap_or(self.rest.len());
                let (field, rest) = self.rest.split_at(end);
                self.rest = rest;
                empty &= field.is_empty();
                fields.push(field)?;
            }
            empty &= !quoted;
            let Some(after) = self.rest.strip_prefix(self.delimiter) else { break };
            self.rest = after;
            empty = false;
        }
        let ends = ["\r\n", "\n", "\r"];
        if let Some(after) = ends.into_iter().find_map(|end| self.rest.strip_prefix(end)) {
            self.rest = after;
            self.line += 1;
        }
        Ok((!empty).then(|| fields.into_array()))
    }

    fn quoted(&mut self, guard: &Guard) -> Fallible<String> {
        let start = self.line;
        let mut field = Output::new(guard);
        let mut rest = &self.rest[1..];
        loop {
            let Some(end) = rest.find('"') else {
                return Err(fail_at(start, format!("line {start}: the quoted field never ends")));
            };
            field.push(&rest[..end])?;
            rest = &rest[end + 1..];
            let Some(after) = rest.strip_prefix('"') else { break };
            field.push("\"")?;
            rest = after;
        }
        let field = field.into_string();
        self.line += field.matches('\n').count() as i64;
        self.rest = rest;
        if !rest.is_empty() && !rest.starts_with([self.delimiter, '\r', '\n']) {
            let line = self.line;
            return Err(fail_at(
                line,
                format!(
                    "line {line}: `{}` follows a quoted field; within one, quotes are doubled",
                    shorten(rest.lines().next().unwrap_or(""))
                ),
            ));
        }
        Ok(field)
    }
}

/// What a script may say about rows to be written.
pub(super) struct Writing {
    header: bool,
    delimiter: char,
    columns: Option<Vec<ImmutableString>>,
    escape_formulas: bool,
}

impl Writing {
    pub(super) fn new(options: &Map) -> Fallible<Self> {
        let mut writing =
            Self { header: true, delimiter: ',', columns: None, escape_formulas: false };
        for (name, value) in options {
            match name.as_str() {
                "header" => writing.header = flag(name, value)?,
                "delimiter" => writing.delimiter = delimiter(value)?,
                "columns" => writing.columns = Some(columns(value)?),
                "escape_formulas" => writing.escape_formulas = flag(name, value)?,
                _ => {
                    let known = ["header", "delimiter", "columns", "escape_formulas"];
                    return Err(unknown_option(name, &known));
                }
            }
        }
        Ok(writing)
    }

    /// The text of `rows`, which are all arrays or all maps.
    pub(super) fn stringify(&self, rows: &Array, guard: &Guard) -> Fallible<String> {
        let mut out = Output::new(guard);
        let of_maps = rows.first().is_some_and(Dynamic::is_map);
        let gathered: Vec<ImmutableString>;
        let columns = match &self.columns {
            Some(columns) => Some(columns),
            None if of_maps => {
                gathered = keys_of(rows);
                Some(&gathered)
            }
            None => None,
        };
        if let Some(columns) = columns.filter(|_| self.header) {
            let names = columns.iter().map(|name| Some(Dynamic::from(name.clone())));
            self.line(&mut out, names, &|at| format!("columns[{at}]"))?;
        }
        for (index, row) in rows.iter().enumerate() {
            guard.check_time()?;
            if let (true, Ok(map), Some(columns)) = (of_maps, row.as_map_ref(), columns) {
                let fields = columns.iter().map(|name| map.get(name.as_str()).cloned());
                self.line(&mut out, fields, &|at| format!("rows[{index}].{}", columns[at]))?;
            } else if let (false, Ok(array)) = (of_maps, row.as_array_ref()) {
                if let Some(expected) = columns.map(Vec::len).filter(|&len| len != array.len()) {
                    let found = array.len();
                    return Err(fail(format!(
                        "`rows[{index}]` has {found} fields, where `columns` has {expected}"
                    )));
                }
                let fields = array.iter().cloned().map(Some);
                self.line(&mut out, fields, &|at| format!("rows[{index}][{at}]"))?;
            } else {
                let found = row.type_name();
                return Err(fail(format!(
                    "`rows[{index}]` is of type {found}, expected rows that are all arrays or all maps"
                )));
            }
        }
        Ok(out.into_string())
    }

    fn line(
        &self,
        out: &mut Output<'_>,
        fields: impl ExactSizeIterator<Item = Option<Dynamic>>,
        name: &dyn Fn(usize) -> String,
    ) -> Fallible<()> {
        let single = fields.len() == 1;
        for (at, field) in fields.enumerate() {
            if at > 0 {
                out.push(self.delimiter.encode_utf8(&mut [0; 4]))?;
            }
            let field = field.unwrap_or(Dynamic::UNIT);
            if let Ok(text) = field.as_immutable_string_ref() {
                let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
                match formula && self.escape_formulas {
                    true => self.field(out, &format!("'{}", *text), single)?,
                    false => self.field(out, &text, single)?,
                }
            } else if field.is_unit() {
                self.field(out, "", single)?;
            } else if field.is_int() || field.is_float() || field.is_bool() || field.is_char() {
                self.field(out, &field.to_string(), single)?;
            } else {
                return Err(fail(format!(
                    "`{}` is of type {}, which a field cannot hold; `json::stringify` makes text of it",
                    name(at),
                    field.type_name()
                )));
            }
        }
        out.push("\r\n")
    }

    fn field(&self, out: &mut Output<'_>, text: &str, single: bool) -> Fallible<()> {
        // A line of one empty field would be an empty line, which is no row.
        let quoted = single && text.is_empty();
        if !quoted && !text.contains([self.delimiter, '"', '\r', '\n']) {
            return out.push(text);
        }
        out.push("\"")?;
        for (at, part) in text.split('"').enumerate() {
            if at > 0 {
                out.push("\"\"")?;
            }
            out.push(part)?;
        }
        out.push("\"")
    }
}

/// Every key that one of the maps has, in order.
fn keys_of(rows: &Array) -> Vec<ImmutableString> {
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for row in rows {
        let Ok(map) = row.as_map_ref() else { continue };
        for key in map.keys() {
            if !keys.contains(key.as_str()) {
                keys.insert(key.to_string());
            }
        }
    }
    keys.into_iter().map(Into::into).collect()
}

fn flag(name: &str, value: &Dynamic) -> Fallible<bool> {
    let wrong = |found| fail(format!("the option `{name}` takes true or false, not a {found}"));
    value.as_bool().map_err(wrong)
}

fn delimiter(value: &Dynamic) -> Fallible<char> {
    let text = value.to_string();
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(delimiter), None)
            if (value.is_string() || value.is_char()) && !"\"\r\n".contains(delimiter) =>
        {
            Ok(delimiter)
        }
        _ => Err(fail(
            "the option `delimiter` takes one character that is no quote and no line break",
        )),
    }
}

fn columns(value: &Dynamic) -> Fallible<Vec<ImmutableString>> {
    let names = value.as_array_ref().ok().and_then(|names| {
        names
            .iter()
            .map(|name| name.as_immutable_string_ref().ok().map(|name| name.clone()))
            .collect()
    });
    names.ok_or_else(|| fail("the option `columns` takes an array of names"))
}

fn unknown_option(name: &str, known: &[&str]) -> Box<rhai::EvalAltResult> {
    let short = shorten(name);
    fail(match nearest(&short, known.iter().copied()) {
        Some(near) => format!("there is no option `{short}`; did you mean `{near}`?"),
        None => format!("there is no option `{short}`, only `{}`", known.join("`, `")),
    })
}
