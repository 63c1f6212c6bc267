//! `text::` searches, fills in and takes apart text.
//!
//! All functions throw `TextError`, with the field `line` where a template or a table is wrong.
//!
//! Regular expressions are those of Rust's `regex-lite`: as in Perl, without backreferences and
//! look-around, so that no text and no pattern makes them slow. `\d`, `\w`, `\s`, `\b` and `(?i)` mean
//! ASCII, `.` is any character but a line break; `(?i)`, `(?m)`, `(?s)` and `(?x)` in front set flags.
//! Write patterns in backticks, where Rhai has no escapes. A pattern may have 8192 bytes, 31 groups
//! and 64 kB when compiled; the larger it is, the shorter the text must be: 8 MB for small ones, 128 kB
//! for the largest. What a pattern compiles to is kept.
//!
//! # `text::regex_is_match(text, pattern)`
//!
//! Returns whether the pattern is found anywhere in the text. `^` and `$` tie it to start and end.
//!
//! ```rhai
//! assert(text::regex_is_match("order-17", `^order-\d+$`));
//! assert(!text::regex_is_match("reorder-17", `^order-\d+$`));
//! assert_throws(|| text::regex_is_match("", `(`), "TextError");
//! ```
//!
//! # `text::regex_find(text, pattern)`, `text::regex_find_all(text, pattern)`
//!
//! Return the first part of the text that matches, or `()`; and an array of all such parts.
//!
//! ```rhai
//! assert_eq(text::regex_find("from 12 to 34", `\d+`), "12");
//! assert_eq(text::regex_find("from here", `\d+`), ());
//! assert_eq(text::regex_find_all("from 12 to 34", `\d+`), ["12", "34"]);
//! ```
//!
//! # `text::regex_captures(text, pattern)`
//!
//! Returns a map of what the groups of the first match hold, by number as text (`"0"` is the whole
//! match) and by name, or `()` if there is no match. A group that took no part is `()`.
//!
//! ```rhai
//! let arn = text::regex_captures("arn:aws:sqs:eu-west-1:123:jobs", `^arn:aws:(?<service>\w+):([^:]*)`);
//! assert_eq(arn.service, "sqs");
//! assert_eq(arn["2"], "eu-west-1");
//! assert_eq(text::regex_captures("jobs", `^arn:(.*)`), ());
//! ```
//!
//! # `text::regex_replace(text, pattern, replacement)`
//!
//! Returns the text with every match replaced. In the replacement `$1`, `$name` and `${name}` stand for
//! groups and `$$` for `$`.
//!
//! ```rhai
//! assert_eq(text::regex_replace("2026-11-23", `(\d+)-(\d+)-(\d+)`, "$3.$2.$1"), "23.11.2026");
//! assert_eq(text::regex_replace("a  b   c", `\s+`, " "), "a b c");
//! ```
//!
//! # `text::regex_split(text, pattern)`
//!
//! Returns an array of what is between the matches.
//!
//! ```rhai
//! assert_eq(text::regex_split("a, b;c", `[,;]\s*`), ["a", "b", "c"]);
//! ```
//!
//! # `text::regex_escape(text)`
//!
//! Returns a pattern that matches just this text.
//!
//! ```rhai
//! assert_eq(text::regex_replace("1+1=2", text::regex_escape("1+1"), "2"), "2=2");
//! ```
//!
//! # `text::render(template, data)`
//!
//! Returns the template, filled with the values of the map `data`. It is a
//! [Mustache](https://mustache.github.io/mustache.5.html) template:
//!
//! - `{{name}}` is a value, escaped for HTML, and `{{{name}}}` or `{{& name}}` one as it is. `a.b` goes into
//!   maps. What is missing is empty; maps and arrays are written as JSON.
//! - `{{#name}}…{{/name}}` is a section. It is left out if the value is missing, `()`, `false`, `""` or `[]`;
//!   repeated for each item of an array, where the names of the item come first and `{{.}}` is the item;
//!   else shown once, with the names of the value first.
//! - `{{^name}}…{{/name}}` is shown if the section would be left out.
//! - `{{! … }}` is a comment.
//!
//! Sections and comments on a line of their own take that line with them. There are no partials, no
//! other delimiters and no functions. Throws for a template that is not well-formed, and for values
//! that JSON cannot express.
//!
//! ```rhai
//! let page = text::render("<b>{{title}}</b>:{{#items}} {{count}} {{name}};{{/items}}{{^items}} nothing{{/items}}", #{
//!     title: "Tea & Co",
//!     items: [#{ name: "Assam", count: 2 }, #{ name: "Sencha", count: 1 }],
//! });
//! assert_eq(page, "<b>Tea &amp; Co</b>: 2 Assam; 1 Sencha;");
//! assert_throws(|| text::render("{{#items}}", #{}), "TextError");
//! ```
//!
//! # `text::escape_html(text)`
//!
//! Returns the text with `&`, `<`, `>`, `"` and `'` escaped, safe in HTML between tags and in quoted
//! attributes.
//!
//! ```rhai
//! assert_eq(text::escape_html(`<a href="x">`), "&lt;a href=&quot;x&quot;&gt;");
//! ```
//!
//! # `text::csv_parse(text)`, `text::csv_parse(text, options)`
//!
//! Returns the rows of a CSV text (RFC 4180), each an array of its fields; with `#{ header: true }` each a
//! map by the names in the first row. Fields are strings always. `delimiter` is a comma unless the
//! options say otherwise. Lines end in CRLF, LF or CR; empty ones and a byte order mark are skipped.
//!
//! Throws for a quote that is never closed, for text after a closing quote and, with a header, for rows
//! that have more or fewer fields than it, and for two columns of one name.
//!
//! ```rhai
//! assert_eq(text::csv_parse("id,note\n1,\"a, \"\"b\"\"\"\n"), [["id", "note"], ["1", `a, "b"`]]);
//! let rows = text::csv_parse("id;total\n7;9.50\n", #{ header: true, delimiter: ";" });
//! assert_eq(rows[0].total.parse_float(), 9.5);
//! assert_throws(|| text::csv_parse("id\n\"1"), "TextError");
//! ```
//!
//! # `text::csv_stringify(rows)`, `text::csv_stringify(rows, options)`
//!
//! Returns rows as CSV (RFC 4180), with CRLF after each. Rows are arrays, or maps, whose names are
//! written above them. A field is a string, a number, a boolean, a character or `()`, which is empty.
//! Options:
//!
//! | option | default | |
//! |---|---|---|
//! | `columns` | all keys of the maps, sorted | the columns, in order; for arrays the names above them |
//! | `header` | `true` | whether the names are written |
//! | `delimiter` | `","` | one character |
//! | `escape_formulas` | `false` | puts a `'` before strings that start with `=`, `+`, `-`, `@`, tab or CR |
//!
//! A spreadsheet takes such strings for formulas and runs them. Where a table is for people and holds
//! what strangers wrote, set `escape_formulas`; where a program reads it, leave it off.
//!
//! Throws for other values, which it names.
//!
//! ```rhai
//! let rows = [#{ id: 1, note: "a, b" }, #{ id: 2, note: () }];
//! assert_eq(text::csv_stringify(rows), "id,note\r\n1,\"a, b\"\r\n2,\r\n");
//! assert_eq(text::csv_stringify([["=1+1", -1]], #{ escape_formulas: true }), "'=1+1,-1\r\n");
//! assert_throws(|| text::csv_stringify([[[]]]), "TextError");
//! ```

mod csv;
mod regex;
mod template;

use std::rc::Rc;

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Map, Module,
    NativeCallContext,
};

use crate::engine::{Guard, placed, raise, raise_with};
use crate::modules::Host;
use csv::{Reading, Writing};
use regex::Patterns;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    register_patterns(&mut module, host);
    register_templates(&mut module, host);
    register_tables(&mut module, host);
    engine.register_static_module("text", module.into());
}

fn register_patterns(module: &mut Module, host: &Host) {
    let patterns = Rc::new(Patterns::new(host.guard.clone()));
    let kept = patterns.clone();
    module.set_native_fn(
        "regex_is_match",
        move |context: NativeCallContext, text: &str, pattern: &str| {
            placed(context.call_position(), kept.is_match(text, pattern))
        },
    );
    let kept = patterns.clone();
    module.set_native_fn(
        "regex_find",
        move |context: NativeCallContext, text: &str, pattern: &str| {
            placed(context.call_position(), kept.first(text, pattern))
        },
    );
    let kept = patterns.clone();
    module.set_native_fn(
        "regex_find_all",
        move |context: NativeCallContext, text: &str, pattern: &str| {
            placed(context.call_position(), kept.all(text, pattern))
        },
    );
    let kept = patterns.clone();
    module.set_native_fn(
        "regex_captures",
        move |context: NativeCallContext, text: &str, pattern: &str| {
            placed(context.call_position(), kept.captures(text, pattern))
        },
    );
    let kept = patterns.clone();
    module.set_native_fn(
        "regex_split",
        move |context: NativeCallContext, text: &str, pattern: &str| {
            placed(context.call_position(), kept.split(text, pattern))
        },
    );
    module.set_native_fn(
        "regex_replace",
        move |context: NativeCallContext, text: &str, pattern: &str, replacement: &str| {
            placed(context.call_position(), patterns.replace(text, pattern, replacement))
        },
    );
    let guard = host.guard.clone();
    module.set_native_fn("regex_escape", move |context: NativeCallContext, text: &str| {
        // At most a backslash before each character.
        placed(context.call_position(), guard.reserve(text.len() * 2))?;
        Ok(regex_lite::escape(text))
    });
}

fn register_templates(module: &mut Module, host: &Host) {
    let guard = host.guard.clone();
    module.set_native_fn(
        "render",
        move |context: NativeCallContext, template: ImmutableString, data: Map| {
            let data = Dynamic::from_map(data);
            placed(context.call_position(), template::render(&template, &data, &guard))
        },
    );
    let guard = host.guard.clone();
    module.set_native_fn("escape_html", move |context: NativeCallContext, text: &str| {
        let mut out = Output::new(&guard);
        placed(context.call_position(), out.push_escaped(text))?;
        Ok(out.into_string())
    });
}

fn register_tables(module: &mut Module, host: &Host) {
    let guard = host.guard.clone();
    let parse = move |context: &NativeCallContext, text: &str, options: &Map| {
        let rows = Reading::new(options).and_then(|reading| reading.parse(text, &guard));
        placed(context.call_position(), rows)
    };
    let plain = parse.clone();
    module.set_native_fn("csv_parse", move |context: NativeCallContext, text: &str| {
        plain(&context, text, &Map::new())
    });
    module
        .set_native_fn("csv_parse", move |context: NativeCallContext, text: &str, options: Map| {
            parse(&context, text, &options)
        });
    let guard = host.guard.clone();
    let stringify = move |context: &NativeCallContext, rows: &Array, options: &Map| {
        let text = Writing::new(options).and_then(|writing| writing.stringify(rows, &guard));
        placed(context.call_position(), text)
    };
    // Pure: a constant can be written as well.
    let pure = || FuncRegistration::new("csv_stringify").with_purity(true);
    let plain = stringify.clone();
    pure().set_into_module(module, move |context: NativeCallContext, rows: &mut Array| {
        plain(&context, rows, &Map::new())
    });
    pure().set_into_module(
        module,
        move |context: NativeCallContext, rows: &mut Array, options: Map| {
            stringify(&context, rows, &options)
        },
    );
}

fn fail(message: impl Into<String>) -> Box<EvalAltResult> {
    raise(("TextError", message))
}

fn fail_at(line: i64, message: impl Into<String>) -> Box<EvalAltResult> {
    raise_with("TextError", message, [("line", line.into())])
}

/// Text that grows within the memory of a script.
struct Output<'g> {
    text: String,
    guard: &'g Guard,
}

impl<'g> Output<'g> {
    fn new(guard: &'g Guard) -> Self {
        Self { text: String::new(), guard }
    }

    fn push(&mut self, text: &str) -> Fallible<()> {
        if self.text.capacity() - self.text.len() < text.len() {
            // It grows to the double at least.
            self.guard.reserve(self.text.len().max(text.len()))?;
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Pushes what shows as `text` in HTML.
    fn push_escaped(&mut self, text: &str) -> Fallible<()> {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            self.push(&rest[..at])?;
            self.push(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        self.push(rest)
    }

    fn into_string(self) -> String {
        self.text
    }
}

/// Strings in an array that grows within the memory and the time of a script.
struct Items<'g> {
    array: Array,
    guard: &'g Guard,
}

impl<'g> Items<'g> {
    /// Items between two looks at memory and clock.
    const STEP: usize = 256;

    /// What a string takes, its short text included.
    const SIZE: usize = size_of::<Dynamic>() + 64;

    fn new(guard: &'g Guard) -> Self {
        Self { array: Array::new(), guard }
    }

    fn push(&mut self, text: &str) -> Fallible<()> {
        if self.array.len().is_multiple_of(Self::STEP) || text.len() > 4096 {
            self.guard.check_time()?;
            // The array grows to the double at least.
            let grown = self.array.len() * size_of::<Dynamic>();
            self.guard
                .reserve(grown + Self::STEP.min(self.array.len() + 1) * Self::SIZE + text.len())?;
        }
        self.array.push(ImmutableString::from(text).into());
        Ok(())
    }

    fn into_array(self) -> Array {
        self.array
    }
}
