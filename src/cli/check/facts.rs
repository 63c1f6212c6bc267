//! What is known of a script at a glance: its imports, constants, and the names it uses.

use std::collections::{HashMap, HashSet};

use rhai::{ASTFlags, Expr, FnCallExpr, Namespace, Position, Stmt};

use super::script::Parsed;
use super::walk::{self, Around, Node};

/// An `import`.
#[derive(Clone, Debug)]
pub(super) struct Import {
    /// The path, if it is a plain string.
    pub(super) path: Option<String>,
    /// Empty if there is none.
    pub(super) alias: String,
    pub(super) alias_place: Position,
    /// The place of the path.
    pub(super) path_place: Position,
    /// Whether it runs whenever the script is loaded.
    pub(super) is_top_level: bool,
    /// Whether a failure is caught.
    pub(super) is_caught: bool,
}

/// Names and what they stand for.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) imports: Vec<Import>,
    /// The constants of the top level.
    pub(super) constants: HashSet<String>,
    /// Other variables of the top level.
    pub(super) variables: HashSet<String>,
    /// Every parameter and variable, wherever it is, and how often there is one of that name.
    pub(super) locals: HashMap<String, usize>,
    /// What other scripts see as `alias::NAME`.
    pub(super) exports: HashSet<String>,
    /// Keys of maps, properties that are set, and all strings: where a map may get a closure from.
    pub(super) keys: HashSet<String>,
    /// Whether maps get keys that are computed.
    pub(super) has_computed_keys: bool,
    /// What stands before `::`, every part of it.
    pub(super) namespaces: HashSet<String>,
    /// The first part alone, which this script resolves.
    pub(super) roots: HashSet<String>,
    /// Names of functions that are called, or used as values.
    pub(super) used: HashSet<String>,
    /// Names of functions that are called.
    pub(super) called: HashSet<String>,
    /// Whether functions are called by computed names.
    pub(super) has_computed_names: bool,
    /// Functions whose being there is asked with `is_def_fn`.
    pub(super) probed: HashSet<String>,
    /// Whether functions are handed around as values, other than to built-in functions.
    pub(super) has_loose_functions: bool,
}

impl Facts {
    pub(super) fn of(parsed: &Parsed) -> Self {
        let mut facts = Self::default();
        for statement in &parsed.top {
            facts.top_level(statement);
        }
        for function in &parsed.functions {
            function.parameters.iter().for_each(|name| facts.local(name));
        }
        let mut closures = 0;
        let mut given_to_natives = 0;
        walk::script(parsed, &mut |node, around| match node {
            Node::Stmt(statement) => {
                facts.statement(statement, around);
                if let Stmt::FnCall(call, _) = statement {
                    facts.call(call);
                    given_to_natives += natively_given(call, parsed);
                }
            }
            Node::Expr(expression) => {
                facts.expression(expression, parsed);
                closures +=
                    usize::from(closure_name(expression).is_some() && !is_wrapped(expression));
                if let Expr::FnCall(call, _) = expression {
                    facts.call(call);
                    given_to_natives += natively_given(call, parsed);
                }
            }
            Node::Method(_, call, _) => {
                facts.called.insert(call.name.to_string());
                facts.used.insert(call.name.to_string());
                if call.name == "set"
                    && !matches!(call.args.first(), Some(Expr::StringConstant(..)))
                {
                    facts.has_computed_keys = true;
                }
                given_to_natives += natively_given(call, parsed);
            }
            Node::Block(_) => {}
        });
        facts.has_loose_functions |= closures > given_to_natives;
        facts
    }

    fn top_level(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Var(parts, flags, _) => {
                let name = parts.0.name.to_string();
                if flags.contains(ASTFlags::EXPORTED) {
                    self.exports.insert(name.clone());
                }
                match flags.contains(ASTFlags::CONSTANT) {
                    true => self.constants.insert(name),
                    false => self.variables.insert(name),
                };
            }
            Stmt::Export(parts, _) => {
                let name = if parts.1.name.is_empty() { &parts.0.name } else { &parts.1.name };
                self.exports.insert(name.to_string());
            }
            _ => {}
        }
    }

    fn statement(&mut self, statement: &Stmt, around: Around<'_>) {
        match statement {
            Stmt::Import(parts, _) => {
                let path = match &parts.0 {
                    Expr::StringConstant(path, _) => Some(path.to_string()),
                    _ => None,
                };
                self.imports.push(Import {
                    path,
                    alias: parts.1.name.to_string(),
                    alias_place: parts.1.pos,
                    path_place: parts.0.start_position(),
                    is_top_level: around.is_top_level(),
                    is_caught: around.caught,
                });
            }
            Stmt::Assignment(parts) => self.assigned(&parts.1.lhs),
            Stmt::Var(parts, _, _) => self.local(&parts.0.name),
            // The variable of `catch`.
            Stmt::TryCatch(flow, _) => {
                if let Expr::Variable(parts, ..) = &flow.expr {
                    self.local(&parts.1);
                }
            }
            Stmt::For(parts, _) => {
                self.local(&parts.0.name);
                parts.1.iter().for_each(|counter| self.local(&counter.name));
            }
            _ => {}
        }
    }

    /// The last part of what is assigned to, if it is a property or an index.
    fn assigned(&mut self, target: &Expr) {
        match target {
            Expr::Dot(parts, ..) => self.assigned(&parts.rhs),
            Expr::Index(parts, flags, _) => match &parts.rhs {
                rest @ (Expr::Dot(..) | Expr::Index(..)) if !flags.contains(ASTFlags::BREAK) => {
                    self.assigned(rest);
                }
                Expr::StringConstant(..) | Expr::IntegerConstant(..) => {}
                _ => self.has_computed_keys = true,
            },
            Expr::Property(parts, _) => {
                self.keys.insert(parts.2.to_string());
            }
            _ => {}
        }
    }

    fn expression(&mut self, expression: &Expr, parsed: &Parsed) {
        match expression {
            Expr::StringConstant(text, _) => {
                self.keys.insert(text.to_string());
            }
            Expr::Map(parts, _) => {
                self.keys.extend(parts.0.iter().map(|(key, _)| key.name.to_string()));
            }
            Expr::Variable(parts, _, _) => {
                if !parts.2.is_empty() {
                    self.namespace(&parts.2);
                } else if parsed.named(&parts.1).next().is_some() {
                    self.used.insert(parts.1.to_string());
                    self.has_loose_functions = true;
                }
            }
            _ => {}
        }
    }

    fn local(&mut self, name: &str) {
        *self.locals.entry(name.to_owned()).or_default() += 1;
    }

    fn namespace(&mut self, namespace: &Namespace) {
        self.roots.insert(namespace.root().to_owned());
        self.namespaces.extend(namespace.path.iter().map(|part| part.name.to_string()));
    }

    fn call(&mut self, call: &FnCallExpr) {
        if call.is_qualified() {
            self.namespace(&call.namespace);
            return;
        }
        self.called.insert(call.name.to_string());
        self.used.insert(call.name.to_string());
        let text = |at: usize| match call.args.get(at) {
            Some(Expr::StringConstant(text, _)) => Some(text.to_string()),
            _ => None,
        };
        match (call.name.as_str(), text(0)) {
            ("Fn", Some(name)) => {
                self.used.insert(name);
                self.has_loose_functions = true;
            }
            ("Fn", None) => {
                self.has_computed_names = true;
                self.has_loose_functions = true;
            }
            ("is_def_fn", name) => {
                self.probed.extend(name);
                self.probed.extend(text(1));
            }
            _ => {}
        }
    }
}

/// The name that a closure has as a function, if the expression is one.
pub(super) fn closure_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::DynamicConstant(value, _) => {
            let function = value.read_lock::<rhai::FnPtr>()?;
            Some(function.fn_name().to_owned())
        }
        // One that captures: the variables are shared, then given to the function.
        Expr::Stmt(block) => match block.statements() {
            [Stmt::Share(_), Stmt::Expr(made)] => match &**made {
                Expr::FnCall(call, _) => closure_name(call.args.first()?),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Whether a closure captures variables, which wraps it.
fn is_wrapped(expression: &Expr) -> bool {
    matches!(expression, Expr::Stmt(_))
}

/// How many closures a call of a built-in function gets.
fn natively_given(call: &FnCallExpr, parsed: &Parsed) -> usize {
    // `curry` is how a closure that captures is made.
    if call.name == "curry"
        || parsed.named(&call.name).next().is_some()
        || call.is_qualified() && !crate::modules::names().any(|name| name == call.namespace.root())
    {
        return 0;
    }
    call.args.iter().filter(|argument| closure_name(argument).is_some()).count()
}
