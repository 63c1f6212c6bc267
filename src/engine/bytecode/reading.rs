//! Reads the body of one function: whether the VM may run it, what it calls, how it grows memory.

use std::collections::{HashMap, HashSet};

use rhai::{ASTFlags, Expr, FnCallExpr, Stmt};

use super::kind::Kind;

/// A function by name and number of parameters.
pub(super) type Key = (String, usize);

/// What is assumed of a function's script while it is read.
pub(super) struct Assumptions<'s> {
    /// The functions that the script defines.
    pub(super) functions: &'s HashSet<Key>,
    /// What those return that return no more than numbers, so far.
    pub(super) returned: &'s HashMap<Key, Kind>,
    /// The variables of this function that are no more than numbers, so far.
    pub(super) variables: &'s HashMap<String, Kind>,
    /// Parameters that are never assigned to.
    pub(super) fixed: &'s HashSet<String>,
}

/// What was found in a body.
pub(super) struct Read {
    /// Whether there is nothing in it that the VM or its limits could do differently.
    pub(super) fits: bool,
    pub(super) loops: bool,
    /// The functions of the script that it calls.
    pub(super) calls: HashSet<Key>,
    /// Expressions that may take as much memory again as there is in use.
    pub(super) copies: usize,
    /// Calls of natives within loops, for which the VM is slow, and all other work in there.
    pub(super) slow: usize,
    pub(super) fast: usize,
    /// The variables that were declared or assigned to, and what.
    pub(super) assigned: HashMap<String, Kind>,
    /// What `return` returns, and what the last statement leaves.
    pub(super) returns: Kind,
    pub(super) last: Kind,
}

/// A body that is being read.
pub(super) struct Reading<'s> {
    assumed: Assumptions<'s>,
    read: Read,
    /// Loops around the place where the reading is.
    depth: usize,
    /// Fixed parameters that are numbers there.
    numbers: Vec<String>,
}

impl<'s> Reading<'s> {
    /// Nothing read yet; what is known not to fit is not read at all.
    pub(super) fn new(assumed: Assumptions<'s>, fits: bool) -> Self {
        let read = Read {
            fits,
            loops: false,
            calls: HashSet::new(),
            copies: 0,
            slow: 0,
            fast: 0,
            assigned: HashMap::new(),
            returns: Kind::Number,
            last: Kind::Plain,
        };
        Self { assumed, read, depth: 0, numbers: Vec::new() }
    }

    /// Reads the next statement of the body.
    pub(super) fn next(&mut self, statement: &Stmt) {
        if self.read.fits {
            self.read.last = self.statement(statement);
        }
    }

    /// What was found.
    pub(super) fn finish(self) -> Read {
        self.read
    }

    /// Reads statements, and returns what the last one leaves.
    fn block(&mut self, statements: &[Stmt]) -> Kind {
        statements.iter().fold(Kind::Plain, |_, statement| self.statement(statement))
    }

    /// Reads a statement, and returns what it leaves.
    fn statement(&mut self, statement: &Stmt) -> Kind {
        match statement {
            Stmt::Noop(_) => {}
            Stmt::If(flow, _) => {
                self.expression(&flow.expr);
                let known = self.numbers.len();
                self.numbers.extend(compared_with_number(&flow.expr, &self.assumed));
                let left = self.block(flow.body.statements());
                self.numbers.truncate(known);
                return left.or(self.block(flow.branch.statements()));
            }
            Stmt::Switch(parts, _) => {
                self.expression(&parts.0);
                return parts.1.expressions.iter().fold(Kind::Plain, |left, case| {
                    self.expression(&case.lhs);
                    left.or(self.expression(&case.rhs))
                });
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.enter_loop();
                self.expression(&flow.expr);
                self.block(flow.body.statements());
                self.depth -= 1;
            }
            Stmt::For(parts, _) => {
                let (variable, counter, flow) = &**parts;
                let item = match &flow.expr {
                    Expr::FnCall(call, _) if is_range(call) => Kind::Number,
                    _ => Kind::Any,
                };
                self.expression(&flow.expr);
                self.assign(&variable.name, item);
                if let Some(counter) = counter {
                    self.assign(&counter.name, Kind::Number);
                }
                self.enter_loop();
                self.block(flow.body.statements());
                self.depth -= 1;
            }
            Stmt::Var(parts, _, _) => {
                let kind = self.kept(&parts.1);
                self.assign(&parts.0.name, kind);
            }
            Stmt::Assignment(parts) => self.assignment(&parts.0, &parts.1.lhs, &parts.1.rhs),
            Stmt::FnCall(call, _) => return self.call(call),
            Stmt::Block(block) => return self.block(block.statements()),
            Stmt::Expr(expression) => return self.expression(expression),
            Stmt::BreakLoop(value, ..) => {
                // What a loop leaves is not followed.
                self.read.fits &= value.is_none();
            }
            Stmt::Return(value, flags, _) => {
                let kind = value.as_ref().map_or(Kind::Plain, |value| self.expression(value));
                if !flags.contains(ASTFlags::BREAK) {
                    self.read.returns = self.read.returns.or(kind);
                }
            }
            _ => self.read.fits = false,
        }
        Kind::Plain
    }

    fn enter_loop(&mut self) {
        self.read.loops = true;
        self.depth += 1;
    }

    fn assign(&mut self, name: &str, kind: Kind) {
        let before = self.read.assigned.get(name).copied();
        self.read.assigned.insert(name.to_owned(), before.map_or(kind, |before| before.or(kind)));
    }

    fn assignment(&mut self, operation: &rhai::OpAssignment, target: &Expr, value: &Expr) {
        let operator = operation.get_op_assignment_info().map(|(.., syntax)| syntax);
        let kind = match operator {
            None => self.kept(value),
            Some(operator) => {
                let before = match target {
                    Expr::Variable(..) => self.expression(target),
                    _ => Kind::Any,
                };
                let added = self.expression(value);
                self.operation(operator, before, added)
            }
        };
        match target {
            Expr::Variable(parts, ..) if parts.2.is_empty() => self.assign(&parts.1, kind),
            Expr::Index(..) | Expr::Dot(..) => {
                self.expression(target);
            }
            _ => self.read.fits = false,
        }
    }

    /// An expression whose value is kept beside where it came from.
    fn kept(&mut self, expression: &Expr) -> Kind {
        let kind = self.expression(expression);
        let is_written_out =
            expression.is_constant() || matches!(expression, Expr::Array(..) | Expr::Map(..));
        if !is_written_out && !kind.is_small() {
            self.read.copies += 1;
        }
        kind
    }

    fn operation(&mut self, operator: &str, left: Kind, right: Kind) -> Kind {
        self.work();
        let kind = Kind::of_operation(operator, left, right);
        // With something small on one side, what comes out is no larger than the other one.
        if !kind.is_small() && !left.is_small() && !right.is_small() {
            self.read.copies += 1;
        }
        kind
    }

    fn work(&mut self) {
        if self.depth > 0 {
            self.read.fast += 1;
        }
    }

    /// Reads an expression, and returns the kind of its value.
    fn expression(&mut self, expression: &Expr) -> Kind {
        match expression {
            Expr::IntegerConstant(..) | Expr::FloatConstant(..) => Kind::Number,
            Expr::BoolConstant(..) | Expr::Unit(_) => Kind::Plain,
            Expr::CharConstant(..) | Expr::StringConstant(..) => Kind::Any,
            Expr::DynamicConstant(value, _) if value.is_array() => self.literal(),
            Expr::Array(items, _) => {
                for item in items {
                    self.kept(item);
                }
                self.literal()
            }
            Expr::Map(entries, _) => {
                for (_, value) in &entries.0 {
                    self.kept(value);
                }
                self.literal()
            }
            Expr::Variable(parts, ..) if parts.2.is_empty() => {
                self.work();
                self.variable(&parts.1)
            }
            Expr::Stmt(block) => self.block(block.statements()),
            Expr::FnCall(call, _) => self.call(call),
            Expr::Index(parts, ..) => {
                self.work();
                self.chain(&parts.lhs);
                self.expression(&parts.rhs);
                Kind::Any
            }
            Expr::Dot(parts, ..) => {
                self.work();
                self.chain(&parts.lhs);
                self.chain(&parts.rhs);
                Kind::Any
            }
            Expr::And(parts, _) | Expr::Or(parts, _) => {
                for part in parts.iter() {
                    self.expression(part);
                }
                Kind::Plain
            }
            Expr::Coalesce(parts, _) => {
                parts.iter().fold(Kind::Number, |kind, part| kind.or(self.expression(part)))
            }
            _ => {
                self.read.fits = false;
                Kind::Any
            }
        }
    }

    /// An array or a map that is written out: only outside of loops, where it is made once.
    fn literal(&mut self) -> Kind {
        self.read.fits &= self.depth == 0;
        Kind::Any
    }

    /// A part of `a.b[c].d()`.
    fn chain(&mut self, part: &Expr) {
        match part {
            Expr::Property(..) => self.work(),
            Expr::MethodCall(call, _) => {
                self.native(call);
                for argument in &call.args {
                    self.expression(argument);
                }
            }
            Expr::Variable(parts, ..) if parts.2.is_empty() => {}
            Expr::Index(..) | Expr::Dot(..) => {
                self.expression(part);
            }
            _ => self.read.fits = false,
        }
    }

    fn variable(&self, name: &str) -> Kind {
        if self.numbers.iter().any(|number| number == name) {
            return Kind::Number;
        }
        self.assumed.variables.get(name).copied().unwrap_or(Kind::Number)
    }

    fn call(&mut self, call: &FnCallExpr) -> Kind {
        if call.is_qualified() || call.capture_parent_scope {
            self.read.fits = false;
            return Kind::Any;
        }
        let kinds: Vec<Kind> = call.args.iter().map(|argument| self.expression(argument)).collect();
        if call.is_operator_call() {
            return match kinds[..] {
                [left, right] => self.operation(&call.name, left, right),
                [_] if call.name == "!" => Kind::Plain,
                [_] => Kind::Number,
                _ => Kind::Any,
            };
        }
        let key = (call.name.to_string(), call.args.len());
        if self.assumed.functions.contains(&key) {
            self.work();
            let kind = self.assumed.returned.get(&key).copied().unwrap_or(Kind::Any);
            self.read.calls.insert(key);
            return kind;
        }
        if is_range(call) {
            return Kind::Any;
        }
        self.native(call);
        Kind::Any
    }

    fn native(&mut self, call: &FnCallExpr) {
        let name = call.name.as_str();
        let is_script = self.assumed.functions.iter().any(|(function, _)| function == name);
        self.read.fits &= !is_script && !SPECIAL.contains(&name) && !call.is_qualified();
        if self.depth > 0 {
            self.read.slow += 1;
        }
    }
}

/// What Rhai treats as part of the language rather than as a native, or what ends a script.
const SPECIAL: [&str; 12] = [
    "Fn",
    "call",
    "curry",
    "eval",
    "exit",
    "import",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "print",
    "debug",
    "type_of",
];

fn is_range(call: &FnCallExpr) -> bool {
    matches!(call.name.as_str(), ".." | "..=")
}

/// The fixed parameter that must be a number for a comparison to hold: with anything else than a
/// number, a number compares as false.
fn compared_with_number(condition: &Expr, assumed: &Assumptions<'_>) -> Option<String> {
    let Expr::FnCall(call, _) = condition else { return None };
    if !matches!(call.name.as_str(), "<" | "<=" | ">" | ">=" | "==") {
        return None;
    }
    let variable = match &call.args[..] {
        [Expr::Variable(parts, ..), Expr::IntegerConstant(..) | Expr::FloatConstant(..)]
        | [Expr::IntegerConstant(..) | Expr::FloatConstant(..), Expr::Variable(parts, ..)] => parts,
        _ => return None,
    };
    let name = variable.1.as_str();
    (variable.2.is_empty() && assumed.fixed.contains(name)).then(|| name.to_owned())
}
