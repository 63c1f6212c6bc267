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
    let mut seen: Vec<Sight<'_>> = known.iter().map(|_| Sight::of_function(&keys)).collect();
    let mut something_repeats = false;
    for_each_statement(ast, &known, &mut |function, statement, is_outermost| {
        something_repeats |= body_of(statement).is_some();
        if is_outermost && seen[function].fits {
            seen[function].fits = seen[function].takes(statement);
        }
    })?;
    for (function, seen) in known.iter_mut().zip(seen) {
        function.fits &= seen.fits;
        (function.loops, function.calls) = (seen.loops, seen.calls);
    }
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
    for_each_statement(ast, &known, &mut |function, statement, _| {
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
    let mut callers: BTreeMap<&Key, Vec<&Known>> = BTreeMap::new();
    for function in known {
        for call in &function.calls {
            callers.entry(call).or_default().push(function);
        }
    }
    let mut fitting: BTreeSet<Key> = known.iter().map(|function| function.key.clone()).collect();
    let mut waiting: Vec<&Known> = known.iter().filter(|function| !function.fits).collect();
    while let Some(function) = waiting.pop() {
        if fitting.remove(&function.key) {
            waiting.extend(callers.get(&function.key).into_iter().flatten());
        }
    }
    fitting
}

/// The bodies of functions and of all that they call.
fn with_bodies(ast: &AST, known: &[Known], mut needed: BTreeSet<Key>) -> Option<Functions> {
    let by_key: BTreeMap<&Key, &Known> =
        known.iter().map(|function| (&function.key, function)).collect();
    let mut waiting: Vec<Key> = needed.iter().cloned().collect();
    while let Some(key) = waiting.pop() {
        let calls = by_key.get(&key).into_iter().flat_map(|function| &function.calls);
        waiting.extend(calls.filter(|call| needed.insert((*call).clone())).cloned());
    }
    let mut bodies: Vec<Vec<Stmt>> = known.iter().map(|_| Vec::new()).collect();
    for_each_statement(ast, known, &mut |function, statement, is_outermost| {
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
type Place = Option<(usize, usize)>;

fn at(position: Position) -> Place {
    position.line().map(|line| (line, position.position().unwrap_or(0)))
}

/// Which function is where.
struct Spans {
    /// Where each starts and ends.
    spans: Vec<(Place, Place)>,
    /// The function around each, which then is a closure.
    outer: Vec<Option<usize>>,
}

impl Spans {
    fn of(known: &[Known]) -> Self {
        let mut spans = Self { spans: Vec::new(), outer: Vec::new() };
        for function in known {
            let outer = spans.at(at(function.start));
            spans.spans.push((at(function.start), at(function.end)));
            spans.outer.push(outer);
        }
        spans
    }

    /// The innermost function that is at a place.
    fn at(&self, place: Place) -> Option<usize> {
        let mut found = self.spans.partition_point(|(start, _)| *start <= place).checked_sub(1);
        while let Some(function) = found
            && self.spans[function].1 < place
        {
            found = self.outer[function];
        }
        found
    }
}

/// Hands over each statement in a function, with the number of the function and whether it is one of
/// those that make up its body; none if of one it cannot be told where it belongs.
///
/// The tree gives a function's statements to whoever walks over it, and to nobody else.
fn for_each_statement(
    ast: &AST,
    known: &[Known],
    visit: &mut dyn FnMut(usize, &Stmt, bool),
) -> Option<()> {
    let spans = Spans::of(known);
    let mut current = None;
    let is_whole = ast.walk(&mut |path: &[ASTNode<'_>]| {
        let Some(ASTNode::Stmt(statement)) = path.last() else { return true };
        if path.len() == 1 {
            let place = at(statement.position());
            if place.is_none() {
                current = None;
                return statement.is_noop();
            }
            current = spans.at(place);
        }
        if let Some(function) = current {
            visit(function, statement, path.len() == 1);
        }
        true
    });
    is_whole.then_some(())
}
