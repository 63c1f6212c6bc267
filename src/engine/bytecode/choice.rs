//! Chooses the functions of a script that the VM runs.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Expr, Position, ScriptFuncDef, Stmt};

use super::kind::Kind;
use super::reading::{Assumptions, Key, Read, Reading};

/// Copies that a function may make between two looks at its memory, at most.
const MAX_COPIES: usize = 2;

/// Other work that there must be for each call of a native in a loop.
const WORK_FOR_NATIVE: usize = 6;

/// Rhai checks each compiled function against the code of all of them: a script with more of them than
/// this is left to the walker.
const MAX_COMPILED: usize = 64;

/// After so many readings of a script it is left to the walker.
const MAX_ROUNDS: usize = 16;

/// Functions of one script.
pub(super) struct Choice {
    /// Those that the rest of the script reaches in the VM.
    entries: BTreeSet<Key>,
    /// These and what they call.
    compiled: BTreeSet<Key>,
}

/// What is known of a function from its last reading.
struct Known {
    key: Key,
    /// Where its body starts and ends.
    span: (Position, Position),
    parameters: Vec<String>,
    variables: BTreeMap<String, Kind>,
    assigned: BTreeSet<String>,
    fits: bool,
    loops: bool,
    calls: BTreeSet<Key>,
    copies: usize,
    is_slow: bool,
}

impl Choice {
    /// The choice for a script whose source is `text`; none where the walker runs everything.
    pub(super) fn of(ast: &AST, text: &str) -> Option<Self> {
        // Most scripts have no such function, and should pay for no more than a look at them.
        if !something_repeats(ast) || text.contains("is_def_fn") {
            return None;
        }
        let mut functions: Vec<Known> = ast.iter_fn_def().map(|known| Known::new(known)).collect();
        functions.sort_by_key(|function| at(function.span.0));
        let keys: BTreeSet<Key> = functions.iter().map(|function| function.key.clone()).collect();
        // Everything is a number, until it is seen to be more.
        let mut returned: BTreeMap<Key, Kind> =
            keys.iter().map(|key| (key.clone(), Kind::Number)).collect();
        let names: BTreeSet<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
        for round in 0..MAX_ROUNDS {
            let mut has_changed = read_all(ast, &mut functions, &keys, &names, &mut returned)?;
            if !functions.iter().any(Known::is_worth_it) {
                return None;
            }
            if round == 0 {
                let others = used_otherwise(text, &names);
                for function in &mut functions {
                    function.fits &= !others.contains(function.key.0.as_str());
                }
                has_changed |= !others.is_empty();
            }
            if !has_changed {
                return Self::among(&functions);
            }
        }
        None
    }

    fn among(functions: &[Known]) -> Option<Self> {
        let functions: BTreeMap<&Key, &Known> =
            functions.iter().map(|function| (&function.key, function)).collect();
        // What it calls must fit as well, and must not grow memory: between a return and the next
        // look at memory there may be any number of returns.
        let mut fitting: BTreeSet<&Key> =
            functions.values().filter(|known| known.fits).map(|known| &known.key).collect();
        loop {
            let kept: BTreeSet<&Key> = fitting
                .iter()
                .copied()
                .filter(|key| {
                    let mut calls = functions[key].calls.iter();
                    calls.all(|call| fitting.contains(call) && functions[call].copies == 0)
                })
                .collect();
            if kept.len() == fitting.len() {
                break;
            }
            fitting = kept;
        }
        let entries: BTreeSet<Key> = fitting
            .iter()
            .copied()
            .filter(|key| {
                let known = functions[key];
                known.is_worth_it() && known.copies <= MAX_COPIES
            })
            .cloned()
            .collect();
        if entries.is_empty() {
            return None;
        }
        let mut compiled = entries.clone();
        let mut waiting: Vec<Key> = entries.iter().cloned().collect();
        while let Some(key) = waiting.pop() {
            for call in &functions[&key].calls {
                if compiled.insert(call.clone()) {
                    waiting.push(call.clone());
                }
            }
        }
        (compiled.len() <= MAX_COMPILED).then_some(Self { entries, compiled })
    }

    /// Whether a function runs in the VM when something outside of it calls it.
    pub(super) fn is_entry(&self, name: &str, arity: usize) -> bool {
        self.entries.contains(&(name.to_owned(), arity))
    }

    /// Whether the VM has to have a function.
    pub(super) fn is_compiled(&self, name: &str, arity: usize) -> bool {
        self.compiled.contains(&(name.to_owned(), arity))
    }
}

impl Known {
    fn new(function: &ScriptFuncDef) -> Self {
        let parameters: Vec<String> = function.params.iter().map(ToString::to_string).collect();
        let is_plain = function.this_type.is_none() && !function.name.starts_with("anon$");
        Self {
            key: (function.name.to_string(), function.params.len()),
            span: (function.body.start_position(), function.body.end_position()),
            // What the caller gives may be anything.
            variables: parameters.iter().map(|name| (name.clone(), Kind::Any)).collect(),
            parameters,
            assigned: BTreeSet::new(),
            fits: is_plain,
            loops: false,
            calls: BTreeSet::new(),
            copies: 0,
            is_slow: false,
        }
    }

    /// Whether it does something over and over.
    fn repeats(&self) -> bool {
        self.loops || self.calls.contains(&self.key)
    }

    /// Whether the VM may run it and would be faster.
    fn is_worth_it(&self) -> bool {
        self.fits && self.repeats() && !self.is_slow
    }

    /// The parameters that are never assigned to.
    fn fixed(&self) -> BTreeSet<String> {
        let fixed = self.parameters.iter().filter(|name| !self.assigned.contains(*name));
        fixed.cloned().collect()
    }

    /// Takes over what was read, and says whether that is anything new.
    fn learn(&mut self, read: Read, returned: &mut BTreeMap<Key, Kind>) -> bool {
        let kind = if read.fits { read.last.or(read.returns) } else { Kind::Any };
        let names: BTreeSet<String> = read.assigned.keys().cloned().collect();
        let mut variables = read.assigned;
        variables.extend(self.parameters.iter().map(|name| (name.clone(), Kind::Any)));
        let is_new = variables != self.variables || names != self.assigned;
        self.fits = read.fits;
        (self.loops, self.calls, self.copies) = (read.loops, read.calls, read.copies);
        self.is_slow = read.slow * WORK_FOR_NATIVE > read.fast;
        (self.variables, self.assigned) = (variables, names);
        returned.insert(self.key.clone(), kind) != Some(kind) || is_new
    }
}

/// Whether there is a loop or, as it seems, recursion in some function.
fn something_repeats(ast: &AST) -> bool {
    let mut functions: Vec<_> = ast
        .iter_fn_def()
        .map(|function| (at(function.body.start_position()), function.name.as_str()))
        .collect();
    functions.sort_unstable();
    !ast.walk(&mut |path: &[ASTNode<'_>]| {
        let call = match path.last() {
            Some(ASTNode::Stmt(Stmt::While(..) | Stmt::Do(..) | Stmt::For(..))) => return false,
            Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)))
                if !call.is_operator_call() =>
            {
                call
            }
            _ => return true,
        };
        let Some(ASTNode::Stmt(statement)) = path.first() else { return true };
        let place = at(statement.position());
        let after = functions.partition_point(|(start, _)| *start <= place);
        functions[..after].last().is_none_or(|(_, name)| *name != call.name.as_str())
    })
}

/// Reads all functions once more, and says whether that changed what is known; none if there is a
/// statement of which it cannot be told where it belongs.
fn read_all(
    ast: &AST,
    functions: &mut [Known],
    keys: &BTreeSet<Key>,
    names: &BTreeSet<&str>,
    returned: &mut BTreeMap<Key, Kind>,
) -> Option<bool> {
    let fixed: Vec<BTreeSet<String>> = functions.iter().map(Known::fixed).collect();
    let mut readings: Vec<Reading<'_>> = functions
        .iter()
        .zip(&fixed)
        .map(|(known, fixed)| {
            let (returned, variables) = (&*returned, &known.variables);
            let assumed = Assumptions { functions: keys, names, returned, variables, fixed };
            Reading::new(assumed, known.fits)
        })
        .collect();
    let is_whole = ast.walk(&mut |path: &[ASTNode<'_>]| {
        let [ASTNode::Stmt(statement)] = path else { return true };
        let place = at(statement.position());
        if place.is_none() {
            return statement.is_noop();
        }
        // The innermost one: closures are functions of their own, within others.
        let after = functions.partition_point(|function| at(function.span.0) <= place);
        let found = functions[..after].iter().rposition(|known| place <= at(known.span.1));
        if let Some(found) = found {
            readings[found].next(statement);
        }
        true
    });
    let read: Vec<_> = readings.into_iter().map(Reading::finish).collect();
    let mut has_changed = false;
    for (known, read) in functions.iter_mut().zip(read) {
        has_changed |= known.learn(read, returned);
    }
    is_whole.then_some(has_changed)
}

/// Line and column, in the order of the text.
fn at(position: Position) -> Option<(usize, usize)> {
    position.line().map(|line| (line, position.position().unwrap_or(0)))
}

/// The functions whose names stand in a script in something else than definitions and plain calls: a
/// pointer may be made of one, or a method be called like it.
fn used_otherwise<'n>(text: &str, names: &BTreeSet<&'n str>) -> BTreeSet<&'n str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = BTreeSet::new();
    let mut rest = text;
    let mut before = "";
    while let Some(start) = rest.find(is_word) {
        before = if start == 0 { before } else { rest[..start].trim_end() };
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if let Some(name) = names.get(word) {
            let is_plain = after.trim_start().starts_with('(')
                && !before.ends_with("::")
                && (!before.ends_with('.') || before.ends_with(".."));
            if !is_plain {
                found.insert(*name);
            }
        }
        rest = after;
        before = "";
    }
    found
}

#[cfg(test)]
mod tests {
    use rhai::Engine;

    use super::Choice;

    /// The functions of a script that run in the VM, by name.
    fn chosen(text: &str) -> Vec<String> {
        let engine = Engine::new();
        let ast = engine.compile(text).unwrap();
        let Some(choice) = Choice::of(&ast, text) else { return Vec::new() };
        let mut names: Vec<String> = choice.entries.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    #[test]
    fn loops_and_recursion_over_numbers_are_compiled() {
        let fib = "fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }";
        assert_eq!(chosen(fib), ["fib"]);
        let count =
            "fn f(n) { let s = 0; let i = 0; while i < n { if i % 3 == 0 { s += i; } i += 1; } s }";
        assert_eq!(chosen(count), ["f"]);
        let sieve = "fn f(n) { let a = []; a.pad(n + 1, true); let i = 2; while i * i <= n { if a[i] \
                     { let j = i * i; while j <= n { a[j] = false; j += i; } } i += 1; } a }";
        assert_eq!(chosen(sieve), ["f"]);
        let helped =
            "fn square(x) { x * x } fn f(n) { let s = 0; for i in 0..n { s += square(i); } s }";
        assert_eq!(chosen(helped), ["f"]);
        let ackermann = "fn ack(m, n) { if m == 0 { n + 1 } else if n == 0 { ack(m - 1, 1) } else \
                         { ack(m - 1, ack(m, n - 1)) } }";
        assert_eq!(chosen(ackermann), ["ack"]);
        let handler = "fn handler(event) { let value = 1; let odd = 0; for i in 0..event.count { value = \
                       (value * 31 + i) % 1000003; if value % 2 == 1 { odd += 1; } } \
                       #{ odd: odd, value: value } }";
        assert_eq!(chosen(handler), ["handler"]);
    }

    #[test]
    fn a_script_may_have_many_but_not_any_number() {
        let function =
            |at: usize| format!("fn f{at}(n) {{ let s = 0; for i in 0..n {{ s += i; }} s }}\n");
        let script = |count: usize| (0..count).map(function).collect::<String>();
        assert_eq!(chosen(&script(super::MAX_COMPILED)).len(), super::MAX_COMPILED);
        assert_eq!(chosen(&script(super::MAX_COMPILED + 1)), [""; 0]);
    }

    #[test]
    fn what_natives_do_is_walked() {
        let pushes = "fn f(n) { let a = []; for i in 0..n { a.push(i); } a }";
        let builds = "fn f(n) { let s = \"\"; for i in 0..n { s += `${i}, `; } s }";
        let maps = "fn f(n) { let m = #{}; for i in 0..n { m[i] = #{ id: i }; } m }";
        let closures = "fn f(a) { let s = 0; for i in a.map(|x| x + 1) { s += i; } s }";
        for text in [pushes, builds, maps, closures, "fn f(n) { n + 1 }"] {
            assert_eq!(chosen(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_could_grow_unseen_is_walked() {
        // Nobody looks at memory between these.
        let doubles = "fn f(s) { for i in 0..2 { s += s; s += s; s += s; } s }";
        // Nor while the calls return.
        let unwinds = "fn f(n, s) { if n == 0 { return s; } let t = f(n - 1, s); t + t }";
        let array = "fn f(n, s) { if n == 0 { return s; } let t = f(n - 1, s); [t, t] }";
        for text in [doubles, unwinds, array] {
            assert_eq!(chosen(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_would_be_seen_is_walked() {
        let counts = "fn f(n) { let s = 0; for i in 0..n { s += i; } s } ";
        assert_eq!(chosen(counts), ["f"]);
        for rest in ["Fn(\"f\").call(3)", "let g = f; g.call(3)", "3.f()", "is_def_fn(\"f\", 1)"] {
            assert_eq!(chosen(&format!("{counts}{rest}")), [""; 0], "{rest}");
        }
        let calls = "fn g(x) { [x].map(|y| y + 1) } fn f(n) { for i in 0..n { g(i); } n }";
        assert_eq!(chosen(calls), [""; 0]);
        let tries = "fn f(n) { for i in 0..n { try { n / i; } catch { } } n }";
        assert_eq!(chosen(tries), [""; 0]);
    }
}
