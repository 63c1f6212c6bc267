//! Draws an [`Error`] for people: the source line, a caret below the place, the rest of the stack.
//!
//! It makes text and nothing else: whoever calls it has the sources and knows the terminal.

use std::fmt::Write;

use crate::error::{Error, Frame};

/// Longer lines are cut around the place, so that the caret stays below what it points at.
const LINE_WIDTH: usize = 100;

/// How far apart tabs are drawn.
const TAB_WIDTH: usize = 4;

/// More frames than this are counted: the first ones tell the story.
const FRAMES: usize = 16;

/// What a message may end with, on a line of its own, to say how to go on.
const HINT: &str = "hint: ";

/// How the drawing is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only, for files and pipes.
    Plain,
    /// ANSI escape sequences, for terminals.
    Coloured,
}

impl Style {
    const RED: &str = "1;31";
    const BLUE: &str = "1;34";
    const CYAN: &str = "1;36";
    const BOLD: &str = "1";
    const DIM: &str = "2";

    fn paint(self, colour: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured if text.is_empty() => String::new(),
            Self::Coloured => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
        }
    }

    /// `error: …`, without a place: what a command line says of its own use.
    pub fn error(self, message: &str) -> String {
        labelled(self, &self.paint(Self::RED, "error"), message)
    }

    /// `warning: …`.
    pub fn warning(self, message: &str) -> String {
        labelled(self, &self.paint("1;33", "warning"), message)
    }

    /// Text that says that something is well.
    pub fn good(self, text: &str) -> String {
        self.paint("1;32", text)
    }

    /// Text that says that something is not well.
    pub fn bad(self, text: &str) -> String {
        self.paint(Self::RED, text)
    }

    /// Text that stands back behind the rest.
    pub fn faint(self, text: &str) -> String {
        self.paint(Self::DIM, text)
    }
}

/// Draws `error`; `source_of` answers with the text of a script, named as in the error's frames.
///
/// ```
/// use rhai_lambda::diagnostic::{Style, render};
/// use rhai_lambda::{Error, Frame};
///
/// let frame = Frame::parse("at handler (function.rhai:2:5)").unwrap();
/// let error = Error::function("BadOrder", "id is missing").with_frames(vec![frame]);
/// let source = "fn handler(event) {\n    throw event;\n}";
/// let drawing = render(&error, &|_| Some(source.to_owned()), Style::Plain);
/// assert_eq!(drawing, "\
/// error[BadOrder]: id is missing
///  --> function.rhai:2:5
///   |
/// 1 | fn handler(event) {
/// 2 |     throw event;
///   |     ^
/// 3 | }
/// ");
/// ```
pub fn render(error: &Error, source_of: &dyn Fn(&str) -> Option<String>, style: Style) -> String {
    let (message, hints) = split_hints(error.message());
    let label = format!("error[{}]", clean(error.error_type()));
    let mut out = headline(style, &style.paint(Style::RED, &label), message);
    let (place, callers) = match error.frames() {
        [innermost, callers @ ..] => (Some(innermost), callers),
        [] => (None, &[][..]),
    };
    if let Some(frame) = place {
        draw_place(&mut out, frame, source_of, style);
    }
    draw_stack(&mut out, callers, style);
    draw_hints(&mut out, &hints, style);
    out
}

/// A message under a label, its hints below.
fn labelled(style: Style, label: &str, message: &str) -> String {
    let (message, hints) = split_hints(message);
    let mut out = headline(style, label, message);
    draw_hints(&mut out, &hints, style);
    out
}

/// The first line; further lines of the message are indented, so that they cannot pass for ours.
fn headline(style: Style, label: &str, message: &str) -> String {
    let mut lines = message.lines();
    let first = style.paint(Style::BOLD, &format!(": {}", clean(lines.next().unwrap_or_default())));
    let mut out = format!("{label}{first}\n");
    for line in lines {
        let _ = writeln!(out, "  {}", clean(line));
    }
    out
}

/// Takes the `hint:` lines off the end of a message.
fn split_hints(message: &str) -> (&str, Vec<&str>) {
    let mut parts = message.split("\nhint: ");
    let text = parts.next().unwrap_or_default();
    (text, parts.collect())
}

fn draw_hints(out: &mut String, hints: &[&str], style: Style) {
    for hint in hints {
        let mut lines = hint.lines();
        let first = clean(lines.next().unwrap_or_default());
        let _ = writeln!(out, "{}{first}", style.paint(Style::CYAN, HINT));
        for line in lines {
            let _ = writeln!(out, "{:width$}{}", "", clean(line), width = HINT.len());
        }
    }
}

/// ` --> file:line:column` and, when the source is at hand, the line with its neighbours.
fn draw_place(
    out: &mut String,
    frame: &Frame,
    source_of: &dyn Fn(&str) -> Option<String>,
    style: Style,
) {
    let file = clean(&frame.file);
    let arrow = style.paint(Style::BLUE, "-->");
    if frame.line == 0 {
        let _ = writeln!(out, " {arrow} {file}");
        return;
    }
    let source = source_of(&frame.file).unwrap_or_default();
    let lines: Vec<&str> = source.lines().collect();
    // What is missing at the end of a file is missed on the line after it.
    let end = (!lines.is_empty() && frame.line == lines.len() + 1).then_some(&"");
    let shown = lines.get(frame.line - 1).or(end);
    let after = lines.get(frame.line).filter(|line| shown.is_some() && !line.trim().is_empty());
    let last_number = frame.line + usize::from(after.is_some());
    let gutter = last_number.to_string().len();
    let _ = writeln!(out, "{:gutter$}{arrow} {file}:{}:{}", "", frame.line, frame.column);
    let Some(line) = shown else { return };

    let line = Layout::new(line, frame.column);
    let bar = style.paint(Style::BLUE, "|");
    let numbered = |number: usize, text: &str| {
        let number = style.paint(Style::BLUE, &format!("{number:>gutter$}"));
        format!("{}\n", format!("{number} {bar} {text}").trim_end())
    };
    let _ = writeln!(out, "{:gutter$} {bar}", "");
    if let Some(before) = frame.line.checked_sub(2).and_then(|index| lines.get(index))
        && !before.trim().is_empty()
    {
        out.push_str(&numbered(frame.line - 1, &line.neighbour(before)));
    }
    out.push_str(&numbered(frame.line, &line.text));
    if frame.column > 0 {
        let caret = style.paint(Style::RED, "^");
        let _ = writeln!(out, "{:gutter$} {bar} {:indent$}{caret}", "", "", indent = line.caret);
    }
    if let Some(after) = after {
        out.push_str(&numbered(frame.line + 1, &line.neighbour(after)));
    }
}

/// The callers, a run of the same one drawn once.
fn draw_stack(out: &mut String, callers: &[Frame], style: Style) {
    let mut rest = callers;
    for _ in 0..FRAMES {
        let Some(frame) = rest.first() else { return };
        let run = rest.iter().take_while(|next| *next == frame).count();
        let times = if run > 1 { format!(" × {run}") } else { String::new() };
        let _ =
            writeln!(out, "{}", style.faint(&format!("  {}{times}", clean(&frame.to_string()))));
        rest = &rest[run..];
    }
    if !rest.is_empty() {
        let _ = writeln!(out, "{}", style.faint(&format!("  … {} more", rest.len())));
    }
}

/// A source line as it is drawn, and where the caret goes.
struct Layout {
    text: String,
    /// Columns of the terminal left of the caret.
    caret: usize,
    /// The part of the line that is shown, in columns of the terminal.
    window: std::ops::Range<usize>,
}

impl Layout {
    fn new(line: &str, column: usize) -> Self {
        let cells = cells(line);
        // Beyond the end of the line is right behind it: columns end at 65535 in the engine.
        let caret: usize = cells.iter().take(column.saturating_sub(1)).map(|cell| cell.width).sum();
        let total: usize = cells.iter().map(|cell| cell.width).sum();
        let window = if total <= LINE_WIDTH {
            0..LINE_WIDTH
        } else {
            // Two thirds of what is shown lie before the place: what led there says more.
            let start = caret.saturating_sub(LINE_WIDTH * 2 / 3).min(total - LINE_WIDTH);
            start..start + LINE_WIDTH
        };
        let (text, dropped) = cut(&cells, &window);
        Self { text, caret: caret + usize::from(dropped > 0) - dropped, window }
    }

    /// Another line, cut at the same columns.
    fn neighbour(&self, line: &str) -> String {
        cut(&cells(line), &self.window).0
    }
}

/// The cells of `window`, with `…` for what is left out on either side, and the width left out
/// before it.
fn cut(cells: &[Cell], window: &std::ops::Range<usize>) -> (String, usize) {
    let mut text = String::new();
    let (mut at, mut dropped) = (0, 0);
    for cell in cells {
        if at < window.start {
            dropped = at + cell.width;
        } else if at + cell.width > window.end {
            text.push('…');
            break;
        } else {
            if text.is_empty() && dropped > 0 {
                text.push('…');
            }
            text.push_str(&cell.text);
        }
        at += cell.width;
    }
    (text, dropped)
}

/// One character of the source as it is drawn.
struct Cell {
    text: String,
    width: usize,
}

fn cells(line: &str) -> Vec<Cell> {
    let mut at = 0;
    let mut cells = Vec::new();
    for c in line.chars() {
        let cell = match c {
            '\t' => {
                let width = TAB_WIDTH - at % TAB_WIDTH;
                Cell { text: " ".repeat(width), width }
            }
            c if is_unsafe(c) => Cell { text: '\u{fffd}'.to_string(), width: 1 },
            c => Cell { text: c.to_string(), width: width(c) },
        };
        at += cell.width;
        cells.push(cell);
    }
    cells
}

/// Text of scripts on its way to a terminal: what would steer the terminal is spelled out.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(c),
            c if is_unsafe(c) => {
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

/// Control characters, and those that reorder text (CVE-2021-42574).
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The columns that a terminal gives to `c`: the blocks of East Asian Width (UAX #11) that occur in
/// sources, not the whole table.
fn width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f
        | 0x0483..=0x0489
        | 0x0591..=0x05bd
        | 0x064b..=0x065f
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x200b..=0x200f
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f
        | 0xfeff
        | 0xe0100..=0xe01ef => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x1fa70..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{Style, render};
    use crate::error::{Error, Frame};

    fn frame(text: &str) -> Frame {
        Frame::parse(text).unwrap()
    }

    fn draw(error: &Error, source: &str) -> String {
        render(error, &|_| Some(source.to_owned()), Style::Plain)
    }

    fn at(column: usize, source: &str) -> Vec<String> {
        let error =
            Error::function("E", "m").with_frames(vec![frame(&format!("at f (a:1:{column})"))]);
        draw(&error, source).lines().skip(3).map(str::to_owned).collect()
    }

    #[test]
    fn an_error_without_a_place_is_one_line() {
        assert_eq!(draw(&Error::function("BadOrder", "no id"), ""), "error[BadOrder]: no id\n");
    }

    #[test]
    fn the_stack_and_the_hints_follow_the_source() {
        let error = Error::function("BadOrder", "no id\nat all\nhint: send one\nhint: or two")
            .with_frames(vec![
                frame("at deep (lib/prices.rhai:10:3)"),
                frame("at twice (function.rhai:2:1)"),
                frame("at twice (function.rhai:2:1)"),
                frame("at handler (function.rhai:7:2)"),
            ]);
        let source = "\n".repeat(8) + "if x {\n  throw 1;\n}";
        assert_eq!(
            draw(&error, &source),
            "\
error[BadOrder]: no id
  at all
  --> lib/prices.rhai:10:3
   |
 9 | if x {
10 |   throw 1;
   |   ^
11 | }
  at twice (function.rhai:2:1) × 2
  at handler (function.rhai:7:2)
hint: send one
hint: or two
"
        );
    }

    #[test]
    fn a_deep_stack_is_counted() {
        let frames = (1..=40).map(|line| frame(&format!("at f (a.rhai:{line}:1)"))).collect();
        let drawing = draw(&Error::function("StackOverflow", "too deep").with_frames(frames), "");
        assert!(drawing.ends_with("  at f (a.rhai:17:1)\n  … 23 more\n"), "{drawing}");
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(at(3, "äöü"), ["1 | äöü", "  |   ^"]);
        assert_eq!(at(3, "\t\tx"), ["1 |         x", "  |         ^"]);
        assert_eq!(at(3, "a\tx"), ["1 | a   x", "  |     ^"]);
        assert_eq!(at(3, "日本x"), ["1 | 日本x", "  |     ^"]);
        assert_eq!(at(3, "e\u{301}x"), ["1 | e\u{301}x", "  |  ^"]);
    }

    #[test]
    fn a_column_beyond_the_line_is_right_behind_it() {
        assert_eq!(at(65535, "abc"), ["1 | abc", "  |    ^"]);
    }

    #[test]
    fn the_end_of_the_file_is_a_line() {
        let error = Error::function("E", "m").with_frames(vec![frame("at f (a:2:1)")]);
        let drawing = "error[E]: m\n --> a:2:1\n  |\n1 | fn f() {\n2 |\n  | ^\n";
        assert_eq!(draw(&error, "fn f() {\n"), drawing);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let source = "a".repeat(5000) + "X" + &"b".repeat(5000);
        let lines = at(5001, &source);
        let offset = lines[1].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[0].chars().nth(offset), Some('X'));
        assert!(lines[0].chars().count() < 110, "{}", lines[0]);
        assert!(lines[0].starts_with("1 | …a") && lines[0].ends_with("b…"), "{}", lines[0]);
    }

    #[test]
    fn a_place_that_the_source_does_not_have_is_only_named() {
        let error = Error::function("E", "m").with_frames(vec![frame("at f (gone.rhai:9:4)")]);
        assert_eq!(draw(&error, "one line"), "error[E]: m\n --> gone.rhai:9:4\n");
        assert_eq!(render(&error, &|_| None, Style::Plain), "error[E]: m\n --> gone.rhai:9:4\n");
        let nowhere = Error::function("E", "m").with_frames(vec![frame("at f (gone.rhai:0:0)")]);
        assert_eq!(draw(&nowhere, "one line"), "error[E]: m\n --> gone.rhai\n");
    }

    #[test]
    fn a_script_cannot_steer_the_terminal() {
        let error = Error::function("E\u{1b}[2J", "m\u{1b}]0;t\u{7}")
            .with_frames(vec![frame("at f (a.rhai:1:1)")]);
        let drawing = draw(&error, "let a = \"\u{1b}[31m\u{202e}\";");
        assert!(!drawing.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{drawing:?}");
    }

    #[test]
    fn colours_only_wrap_what_is_drawn_anyway() {
        let error = Error::function("E", "m\nhint: h")
            .with_frames(vec![frame("at f (a.rhai:1:1)"), frame("at g (a.rhai:2:1)")]);
        let coloured = render(&error, &|_| Some("x\ny".to_owned()), Style::Coloured);
        assert!(coloured.contains("\u{1b}[1;31merror[E]\u{1b}[0m"), "{coloured:?}");
        let mut plain = String::new();
        for (index, part) in coloured.split("\u{1b}[").enumerate() {
            plain.push_str(if index == 0 { part } else { part.split_once('m').unwrap().1 });
        }
        assert_eq!(plain, draw(&error, "x\ny"));
    }
}
