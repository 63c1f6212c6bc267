//! Mustache templates: variables, sections, inverted sections, comments.

use rhai::Dynamic;

use super::{Fallible, Output, fail, fail_at};
use crate::engine::Guard;
use crate::modules::shorten;
use crate::payload::{self, Style};

/// Sections within each other.
const MAX_DEPTH: usize = 64;

/// Depth of a value that is written as JSON.
const MAX_JSON_DEPTH: usize = 128;

/// Renders `template` with `data`.
pub(super) fn render(template: &str, data: &Dynamic, guard: &Guard) -> Fallible<String> {
    let nodes = parse(template, guard)?;
    let mut renderer = Renderer { out: Output::new(guard), guard };
    renderer.nodes(&nodes, Some(&Frame { value: data, outer: None }))?;
    Ok(renderer.out.into_string())
}

/// A piece of a template.
enum Node<'t> {
    Text(&'t str),
    Variable { name: &'t str, escaped: bool },
    Section { name: &'t str, inverted: bool, body: Vec<Node<'t>> },
}

/// A section whose end was not seen yet.
struct Open<'t> {
    name: &'t str,
    inverted: bool,
    line: i64,
    /// What stood before it.
    before: Vec<Node<'t>>,
}

fn parse<'t>(template: &'t str, guard: &Guard) -> Fallible<Vec<Node<'t>>> {
    let mut nodes = Vec::new();
    let mut open: Vec<Open<'t>> = Vec::new();
    let (mut at, mut line, mut counted) = (0, 1_i64, 0);
    while let Some(start) = template[at..].find("{{").map(|found| at + found) {
        line += template[counted..start].matches('\n').count() as i64;
        counted = start;
        let tag = Tag::read(template, start, line)?;
        let (text_end, next) = tag.borders(template, start);
        guard.reserve(4 * size_of::<Node<'_>>() + nodes.len() * size_of::<Node<'_>>())?;
        if at < text_end {
            nodes.push(Node::Text(&template[at..text_end]));
        }
        at = next;
        match tag.kind {
            '!' => {}
            '#' | '^' => {
                if open.len() == MAX_DEPTH {
                    let message = format!("line {line}: more than {MAX_DEPTH} nested sections");
                    return Err(fail_at(line, message));
                }
                let before = std::mem::take(&mut nodes);
                open.push(Open { name: tag.name, inverted: tag.kind == '^', line, before });
            }
            '/' => {
                let section = match open.pop() {
                    Some(section) if section.name == tag.name => section,
                    section => return Err(misplaced_end(tag.name, section, line)),
                };
                let body = std::mem::replace(&mut nodes, section.before);
                let (name, inverted) = (section.name, section.inverted);
                nodes.push(Node::Section { name, inverted, body });
            }
            kind => nodes.push(Node::Variable { name: tag.name, escaped: kind == 'v' }),
        }
    }
    if let Some(Open { name, line, .. }) = open.pop() {
        let name = shorten(name);
        return Err(fail_at(line, format!("line {line}: the section `{name}` never ends")));
    }
    nodes.push(Node::Text(&template[at..]));
    Ok(nodes)
}

fn misplaced_end(name: &str, section: Option<Open<'_>>, line: i64) -> Box<rhai::EvalAltResult> {
    let name = shorten(name);
    let message = match section {
        Some(open) => format!(
            "line {line}: `{{{{/{name}}}}}`, where the section `{}` of line {} is open",
            shorten(open.name),
            open.line
        ),
        None => format!("line {line}: `{{{{/{name}}}}}`, where no section is open"),
    };
    fail_at(line, message)
}

/// What stands between double braces.
struct Tag<'t> {
    /// `#`, `^`, `/`, `!`; `v` for a variable, `&` for an unescaped one.
    kind: char,
    name: &'t str,
    /// Where the text goes on.
    end: usize,
}

impl<'t> Tag<'t> {
    fn read(template: &'t str, start: usize, line: i64) -> Fallible<Self> {
        let inside = &template[start + 2..];
        let (kind, skipped, closing) = match inside.chars().next() {
            Some('{') => ('&', 1, "}}}"),
            Some(kind @ ('#' | '^' | '/' | '!' | '&')) => (kind, 1, "}}"),
            Some(kind @ ('>' | '=' | '<' | '$')) => {
                let message =
                    format!("line {line}: `{{{{{kind}`, but there are no partials and delimiters");
                return Err(fail_at(line, message));
            }
            _ => ('v', 0, "}}"),
        };
        let inside = &inside[skipped..];
        let Some(length) = inside.find(closing) else {
            let tag = shorten(template[start..].lines().next().unwrap_or(""));
            return Err(fail_at(line, format!("line {line}: the tag `{tag}` never ends")));
        };
        let name = inside[..length].trim();
        let parts_are_named = name == "." || name.split('.').all(|part| !part.trim().is_empty());
        let shallow = name.split('.').count() <= MAX_DEPTH;
        let plain = shallow && !name.contains(['{', '}', '\n', '"']);
        if kind != '!' && !(parts_are_named && plain) {
            let name = shorten(name);
            return Err(fail_at(line, format!("line {line}: `{name}` is not a name")));
        }
        Ok(Self { kind, name, end: start + 2 + skipped + length + closing.len() })
    }

    /// Where the text before the tag ends and where that after it starts.
    ///
    /// What prints nothing takes its line with it if it has one of its own.
    fn borders(&self, template: &str, start: usize) -> (usize, usize) {
        let alone = (start, self.end);
        if matches!(self.kind, 'v' | '&') {
            return alone;
        }
        let is_blank = |c: char| c == ' ' || c == '\t';
        let before = template[..start].trim_end_matches(is_blank);
        let after = template[self.end..].trim_start_matches(is_blank);
        let line_end = ["\r\n", "\n"].into_iter().find_map(|end| after.strip_prefix(end));
        let starts_line = before.is_empty() || before.ends_with('\n');
        match line_end.or(after.is_empty().then_some("")) {
            Some(rest) if starts_line => (before.len(), template.len() - rest.len()),
            _ => alone,
        }
    }
}

/// A value whose names are in view, and those around it.
struct Frame<'a> {
    value: &'a Dynamic,
    outer: Option<&'a Frame<'a>>,
}

struct Renderer<'g> {
    out: Output<'g>,
    guard: &'g Guard,
}

impl Renderer<'_> {
    fn nodes(&mut self, nodes: &[Node<'_>], frame: Option<&Frame<'_>>) -> Fallible<()> {
        for node in nodes {
            match *node {
                Node::Text(text) => self.out.push(text)?,
                Node::Variable { name, escaped } => {
                    look_up(name, frame, &mut |value| self.variable(name, value, escaped))?;
                }
                Node::Section { name, inverted, ref body } => {
                    self.guard.check_time()?;
                    look_up(name, frame, &mut |value| match inverted {
                        true if is_truthy(value) => Ok(()),
                        true => self.nodes(body, frame),
                        false => self.section(body, value, frame),
                    })?;
                }
            }
        }
        Ok(())
    }

    fn section(
        &mut self,
        body: &[Node<'_>],
        value: Option<&Dynamic>,
        outer: Option<&Frame<'_>>,
    ) -> Fallible<()> {
        let Some(value) = value.filter(|&value| is_truthy(Some(value))) else { return Ok(()) };
        if let Ok(items) = value.as_array_ref() {
            for value in items.iter() {
                self.guard.check_time()?;
                self.nodes(body, Some(&Frame { value, outer }))?;
            }
            return Ok(());
        }
        self.nodes(body, Some(&Frame { value, outer }))
    }

    fn variable(&mut self, name: &str, value: Option<&Dynamic>, escaped: bool) -> Fallible<()> {
        let Some(value) = value.filter(|value| !value.is_unit()) else { return Ok(()) };
        if let Ok(text) = value.as_immutable_string_ref() {
            return self.text(&text, escaped);
        }
        if value.is_int() || value.is_float() || value.is_bool() || value.is_char() {
            return self.text(&value.to_string(), escaped);
        }
        let mut json = Vec::new();
        payload::write(&mut json, value, MAX_JSON_DEPTH, Style::Compact)
            .map_err(|error| fail(error.describe(name)))?;
        self.text(&String::from_utf8_lossy(&json), escaped)
    }

    fn text(&mut self, text: &str, escaped: bool) -> Fallible<()> {
        if escaped { self.out.push_escaped(text) } else { self.out.push(text) }
    }
}

/// Hands over what `name` means: the first part in the nearest frame that has it, the rest in that.
fn look_up(
    name: &str,
    frame: Option<&Frame<'_>>,
    found: &mut dyn FnMut(Option<&Dynamic>) -> Fallible<()>,
) -> Fallible<()> {
    let Some(frame) = frame else { return found(None) };
    if name == "." {
        return found(Some(frame.value));
    }
    let (first, rest) = split(name);
    if let Ok(map) = frame.value.as_map_ref()
        && let Some(value) = map.get(first)
    {
        return descend(rest, value, found);
    }
    look_up(name, frame.outer, found)
}

fn descend(
    name: Option<&str>,
    value: &Dynamic,
    found: &mut dyn FnMut(Option<&Dynamic>) -> Fallible<()>,
) -> Fallible<()> {
    let Some(name) = name else { return found(Some(value)) };
    let (first, rest) = split(name);
    match value.as_map_ref() {
        Ok(map) => match map.get(first) {
            Some(value) => descend(rest, value, found),
            None => found(None),
        },
        Err(_) => found(None),
    }
}

fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('.') {
        Some((first, rest)) => (first.trim(), Some(rest)),
        None => (name.trim(), None),
    }
}

/// Whether a section is shown for it: not for what is missing, `()`, `false`, `""` and `[]`.
fn is_truthy(value: Option<&Dynamic>) -> bool {
    let Some(value) = value else { return false };
    if let Ok(array) = value.as_array_ref() {
        return !array.is_empty();
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return !text.is_empty();
    }
    !value.is_unit() && value.as_bool() != Ok(false)
}
