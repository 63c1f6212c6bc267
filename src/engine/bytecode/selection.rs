//! Chooses what of a script may be compiled: loops and functions of numbers and nothing else.
//!
//! That is seen from the syntax alone, so more is chosen than can be compiled in the end: of what kinds
//! values are shows when it runs.

mod sight;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{AST, ASTNode, Position, ScriptFuncDef, Stmt};

use sight::{Sight, body_of};

/// A function by name and number of parameters.
pub(super) type Key = (String, usize);

/// The functions of a script that may be compiled, as far as they are needed.
pub(super) type Functions = BTreeMap<Key, Rc<Function>>;

/// A function of a script.
pub(super) struct Function {
    pub(super) parameters: Vec<String>,
    pub(super) body: Vec<Stmt>,
}

/// What a run starts with.
pub(super) enum Root {
    /// A statement that is a loop.
    Loop(Stmt),
    /// A function that has loops or calls itself.
    Function(Key),
}

/// What was chosen of a script.
pub(super) struct Selection {
    pub(super) functions: Functions,
    /// None is within another.
    pub(super) roots: Vec<Chosen>,
}

/// A loop or a function, and where it stands.
pub(super) struct Chosen {
    pub(super) root: Root,
    /// The first letter of the loop, or the brace behind which the function's body starts.
    pub(super) start: Position,
    /// The brace that ends it.
    pub(super) end: Position,
}

/// What is known of a function from its text.
struct Known {
    key: Key,
    start: Position,
    end: Position,
    parameters: Vec<String>,
    is_closure: bool,
    fits: bool,
    loops: bool,
    calls: BTreeSet<Key>,
}

/// Chooses from a script; nothing where there is nothing to gain.
pub(super) fn select(ast: &AST) -> Option<Selection> {
    let mut known: Vec<Known> = ast.iter_fn_def().map(|function| Known::new(function)).collect();
    known.sort_by_key(|function| at(function.start));
    let keys: BTreeSet<Key> = known.iter().map(|function| function.key.clone()).collect();
    let mut something_repeats = false;
    for_each_statement(ast, &known_spans(&known), &mut |function, statement, is_outermost| {
        something_repeats |= body_of(statement).is_some();
        if is_outermost && known[function].fits {
            let mut sight = Sight::of_function(&keys);
            known[function].fits = sight.takes(statement);
            known[function].loops |= sight.loops;
            known[function].calls.append(&mut sight.calls);
        }
    })?;
    let fitting = fitting(&known);
    let entries: BTreeSet<usize> = (0..known.len())
        .filter(|number| {
            let function = &known[*number];
            let calls_itself = function.calls.contains(&function.key);
            fitting.contains(&function.key) && (function.loops || calls_itself)
        })
        .collect();
    if !something_repeats && entries.is_empty() {
        return None;
    }

    let mut roots: Vec<Chosen> = Vec::new();
    let mut needed = BTreeSet::new();
    for &entry in &entries {
        let Known { key, start, end, .. } = &known[entry];
        needed.insert(key.clone());
        roots.push(Chosen { root: Root::Function(key.clone()), start: *start, end: *end });
    }
    let mut last = None;
    for_each_statement(ast, &known_spans(&known), &mut |function, statement, _| {
        let Some(end) = body_of(statement).map(|body| body.end_position()) else { return };
        let start = statement.position();
        // Functions come in any order, what is within a loop right behind it.
        let is_within = last.is_some_and(|(first, last)| first < at(start) && at(start) < last);
        // A question in a closure would be captured, as if it were a variable of the function around.
        if is_within || entries.contains(&function) || known[function].is_closure {
            return;
        }
        let mut sight = Sight::of_loop(&keys);
        if sight.takes(statement) && sight.calls.is_subset(&fitting) {
            last = Some((at(start), at(end)));
            needed.append(&mut sight.calls);
            roots.push(Chosen { root: Root::Loop(statement.clone()), start, end });
        }
    })?;
    if roots.is_empty() {
        return None;
    }
    roots.sort_by_key(|chosen| at(chosen.start));
    let functions = with_bodies(ast, &known, needed)?;
    Some(Selection { functions, roots })
}

impl Known {
    fn new(function: &ScriptFuncDef) -> Self {
        let is_closure = function.name.starts_with("anon$");
        Self {
            key: (function.name.to_string(), function.params.len()),
            start: function.body.start_position(),
            end: function.body.end_position(),
            parameters: function.params.iter().map(ToString::to_string).collect(),
            is_closure,
            fits: !is_closure && function.this_type.is_none(),
            loops: false,
            calls: BTreeSet::new(),
        }
    }
}

/// The functions that fit, with all that they call.
fn fitting(known: &[Known]) -> BTreeSet<Key> {
    let mut fitting: BTreeSet<Key> =
        known.iter().filter(|known| known.fits).map(|known| known.key.clone()).collect();
    loop {
        let before = fitting.len();
        for function in known {
            if !function.calls.is_subset(&fitting) {
                fitting.remove(&function.key);
            }
        }
        if fitting.len() == before {
            return fitting;
        }
    }
}

/// The bodies of functions and of all that they call.
fn with_bodies(ast: &AST, known: &[Known], mut needed: BTreeSet<Key>) -> Option<Functions> {
    let mut waiting: Vec<Key> = needed.iter().cloned().collect();
    while let Some(key) = waiting.pop() {
        for function in known.iter().filter(|function| function.key == key) {
            let new = function.calls.iter().filter(|call| needed.insert((*call).clone()));
            waiting.extend(new.cloned());
        }
    }
    let mut bodies: Vec<Vec<Stmt>> = known.iter().map(|_| Vec::new()).collect();
    for_each_statement(ast, &known_spans(known), &mut |function, statement, is_outermost| {
        if is_outermost && needed.contains(&known[function].key) {
            bodies[function].push(statement.clone());
        }
    })?;
    let functions = known.iter().zip(bodies).filter(|(known, _)| needed.contains(&known.key));
    let functions = functions.map(|(known, body)| {
        let function = Function { parameters: known.parameters.clone(), body };
        (known.key.clone(), Rc::new(function))
    });
    Some(functions.collect())
}

/// Line and column, in the order of the text.
fn at(position: Position) -> Option<(usize, usize)> {
    position.line().map(|line| (line, position.position().unwrap_or(0)))
}

/// Where functions start and end.
type Spans = Vec<(Option<(usize, usize)>, Option<(usize, usize)>)>;

fn known_spans(known: &[Known]) -> Spans {
    known.iter().map(|function| (at(function.start), at(function.end))).collect()
}

/// Hands over each statement in a function, with the number of the function and whether it is one of
/// those that make up its body; none if of one it cannot be told where it belongs.
///
/// The tree gives a function's statements to whoever walks over it, and to nobody else.
fn for_each_statement(
    ast: &AST,
    spans: &Spans,
    visit: &mut dyn FnMut(usize, &Stmt, bool),
) -> Option<()> {
    let mut current = None;
    let is_whole = ast.walk(&mut |path: &[ASTNode<'_>]| {
        let Some(ASTNode::Stmt(statement)) = path.last() else { return true };
        if path.len() == 1 {
            let place = at(statement.position());
            if place.is_none() {
                current = None;
                return statement.is_noop();
            }
            // The innermost one: closures are functions of their own, within others.
            let after = spans.partition_point(|(start, _)| *start <= place);
            current = spans[..after].iter().rposition(|(_, end)| place <= *end);
        }
        if let Some(function) = current {
            visit(function, statement, path.len() == 1);
        }
        true
    });
    is_whole.then_some(())
}
