//! Compiles a long table of literals in groups of entries: in a map literal Rhai's parser compares each key
//! with all before it.

use rhai::{AST, Expr, Map, Scope, Stmt};

use super::Pieces;
use super::items::{Item, is_mark};
use crate::engine::lexis::{end_of_comment, end_of_raw_string, end_of_string, go_on};

/// Compiles a variable or constant whose value is a map literal of nothing but literals, in groups of `size`
/// entries. None if it is anything else, or has an error.
pub(super) fn compile(pieces: &Pieces, item: &Item, size: usize) -> Option<AST> {
    let places = groups(item.text, size)?;
    let mut declaration = None;
    let mut map = Map::new();
    let (mut head, mut line) = (&item.text[..*places.first()?], item.line);
    for group in places.windows(2) {
        let text = [head, &item.text[group[0]..group[1]], "};"].concat();
        let group = Item { text: &text, line, end_line: line, function: None, table: None };
        let part = pieces.compile(Scope::new(), "", &[group])?;
        let [Stmt::Var(x, flags, place)] = part.statements() else { return None };
        let Expr::DynamicConstant(values, map_place) = &x.1 else { return None };
        // A closure is a constant, too.
        if part.has_functions() {
            return None;
        }
        for (key, value) in values.as_map_ref().ok()?.iter() {
            if map.insert(key.clone(), value.clone()).is_some() {
                return None;
            }
        }
        if declaration.is_none() {
            let functions = part.shared_lib().clone();
            declaration = Some((x.0.clone(), *map_place, *flags, *place, functions));
        }
        // Of a literal no places are left but its own, which the first group has given.
        (head, line) = ("let a=#{", 0);
    }
    let max = pieces.engine.max_map_size();
    if max > 0 && map.len() > max {
        return None;
    }
    let (name, map_place, flags, place, functions) = declaration?;
    let value = Expr::DynamicConstant(Box::new(map.into()), map_place);
    Some(AST::new([Stmt::Var(Box::new((name, value, None)), flags, place)], functions))
}

/// Where the groups of entries start, and where the last one ends, if there is but one map, and at the end.
fn groups(text: &str, size: usize) -> Option<Vec<usize>> {
    let bytes = text.as_bytes();
    let mut places = Vec::new();
    let (mut depth, mut commas) = (0_usize, 0);
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|&byte| is_mark(byte) || byte == b',')?;
        let (byte, next) = (bytes[at], bytes.get(at + 1));
        at += 1;
        match (byte, next) {
            (b'/', Some(b'/')) => at += memchr::memchr(b'\n', &bytes[at..])?,
            (b'/', Some(b'*')) => at = end_of_comment(bytes, at + 1)?,
            (b'"' | b'\'', _) => at = end_of_string(bytes, at, byte)?,
            (b'`', _) => {
                let before = depth;
                at = go_on(bytes, at, &mut depth, &mut Vec::new())?;
                // An interpolation is no literal.
                if depth > before {
                    return None;
                }
            }
            (b'#', Some(b'"' | b'#')) => at = end_of_raw_string(bytes, at)?,
            (b'(' | b'[' | b'{', _) => {
                if depth == 0 {
                    // Anything else would be compiled to no avail.
                    if !bytes[..at].ends_with(b"#{") {
                        return None;
                    }
                    places.push(at);
                }
                depth += 1;
            }
            (b')' | b']' | b'}', _) => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    places.push(at - 1);
                    return (byte == b'}' && text[at..].trim() == ";").then_some(places);
                }
            }
            (b',', _) if depth == 1 => {
                commas += 1;
                // A group keeps its last comma: else of two commas between groups one would be lost.
                if commas % size == 0 {
                    places.push(at);
                }
            }
            _ => {}
        }
    }
}
