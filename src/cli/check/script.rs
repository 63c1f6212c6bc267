//! A script as the checks see it: its functions and its top level, and what kept it from compiling.

use std::collections::{HashMap, HashSet};

use rhai::{AST, Engine, Expr, Module, OptimizationLevel, ParseErrorType, Stmt};

use crate::engine;

use super::facts::{Facts, closure_name};
use super::items::{Item, items};
use super::problems::{Problems, advise, undefined};
use super::report::Finding;
use super::walk::{self, Node};

/// What a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It holds the handler.
    Handler,
    /// It is imported.
    Library,
    /// Its `test_…` functions are run by `rhai-lambda test`.
    Test,
    /// It lies outside of the function, in a layer: it is read for what it offers.
    Foreign,
}

/// A script.
pub(super) struct Script {
    /// The path that imports name: `lib/prices`.
    pub(super) name: String,
    /// The path as the runtime shows it: `lib/prices.rhai`.
    pub(super) file: String,
    pub(super) text: String,
    pub(super) role: Role,
    /// None if not even a part of it compiles.
    pub(super) parsed: Option<Parsed>,
}

/// What a compiled script consists of.
pub(super) struct Parsed {
    pub(super) functions: Vec<Function>,
    by_name: HashMap<String, Vec<usize>>,
    /// The statements of the top level.
    pub(super) top: Vec<Stmt>,
    /// Functions that did not compile: they are there, and nothing is known of them.
    pub(super) broken: HashSet<String>,
    /// Whether the top level is whole.
    pub(super) top_is_whole: bool,
    /// Closures whose failure is expected: those given to `assert_throws`.
    pub(super) caught_closures: HashSet<String>,
    pub(super) facts: Facts,
}

/// A function of a script, or a closure.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: Vec<String>,
    pub(super) is_private: bool,
    /// A method of one type only: `fn string.shout()`.
    pub(super) is_typed: bool,
    pub(super) body: Vec<Stmt>,
    /// Line and column of its name; zeros for closures.
    pub(super) place: (usize, usize),
}

impl Function {
    pub(super) fn is_closure(&self) -> bool {
        self.name.starts_with("anon$")
    }
}

/// A script that was compiled as far as it goes.
pub(super) struct Compiled {
    pub(super) parsed: Option<Parsed>,
    /// As the engine has it, when nothing was left out.
    pub(super) ast: Option<AST>,
    pub(super) findings: Vec<Finding>,
}

/// More errors than this in one file are of little use.
const MAX_PROBLEMS: usize = 50;

/// Compiles `text` with `engine`, and when that fails as much of it as will.
pub(super) fn compile(engine: &mut Engine, file: &str, text: &str) -> Compiled {
    // Dead code is to be seen, not taken out.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_strict_variables(true);
    let items = items(text);
    let mut problems = Problems::new(file, text);
    let first = match engine::compile(engine, text) {
        Ok(ast) => {
            let parsed = Parsed::of(&ast, &items, HashSet::new(), true);
            return Compiled { parsed: Some(parsed), ast: Some(ast), findings: Vec::new() };
        }
        Err(error) => error,
    };
    problems.add(&first);
    // Without the rule that variables must exist, the parser gets to the end.
    engine.set_strict_variables(false);
    let is_name = matches!(
        &*first.0,
        ParseErrorType::VariableUndefined(_) | ParseErrorType::ModuleUndefined(_)
    );
    let recovered = match engine::compile(engine, text) {
        Ok(ast) => Some(Recovered { ast, broken: HashSet::new(), top_is_whole: true }),
        Err(error) => {
            if is_name {
                problems.add(&error);
            }
            recover(engine, text, &items, &mut problems)
        }
    };
    engine.set_strict_variables(true);
    let Some(recovered) = recovered else {
        return Compiled { parsed: None, ast: None, findings: problems.found };
    };
    let parsed = Parsed::of(&recovered.ast, &items, recovered.broken, recovered.top_is_whole);
    if parsed.top_is_whole {
        undefined(&parsed, &mut problems);
    }
    advise(&parsed, &mut problems.found);
    let ast = parsed.is_whole().then_some(recovered.ast);
    Compiled { parsed: Some(parsed), ast, findings: problems.found }
}

struct Recovered {
    ast: AST,
    broken: HashSet<String>,
    top_is_whole: bool,
}

/// Leaves out one function after the other that does not compile.
fn recover(
    engine: &Engine,
    whole: &str,
    items: &[Item],
    problems: &mut Problems<'_>,
) -> Option<Recovered> {
    let mut text = whole.to_owned();
    let mut broken = HashSet::new();
    let mut out: HashSet<usize> = HashSet::new();
    // What lacks a bracket spoils whatever follows: the errors there are none.
    let first = problems.found.first().map(|finding| (finding.place.line, finding.place.column));
    let unbalanced = || items.iter().enumerate().filter(|(_, item)| !item.is_balanced);
    let before = |item: &Item| first.is_some_and(|first| first >= (item.line, item.column));
    let blamed = unbalanced().filter(|(_, item)| before(item)).map(|(index, _)| index).max();
    for (index, item) in unbalanced() {
        text = super::items::without(&text, item);
        out.insert(index);
        broken.insert(item.name.clone());
        if blamed == Some(index) {
            problems.blame(item);
        } else if let Err(error) = engine::compile(engine, &super::items::alone(whole, item)) {
            problems.add(&error);
        }
    }
    for _ in 0..MAX_PROBLEMS {
        let error = match engine::compile(engine, &text) {
            Ok(ast) => return Some(Recovered { ast, broken, top_is_whole: true }),
            Err(error) => error,
        };
        let at = problems.offset(&error);
        let index = items.iter().position(|item| item.span.contains(&at))?;
        // A function that is left out already cannot fail: something around it does.
        if !out.insert(index) {
            return None;
        }
        problems.add(&error);
        text = super::items::without(&text, &items[index]);
        broken.insert(items[index].name.clone());
    }
    None
}

impl Parsed {
    fn of(ast: &AST, items: &[Item], broken: HashSet<String>, top_is_whole: bool) -> Self {
        let mut places: HashMap<(&str, usize), (usize, usize)> = HashMap::new();
        for item in items {
            if let Some(parameters) = item.parameters {
                places.insert((&item.name, parameters), (item.line, item.column));
            }
        }
        let mut functions: Vec<Function> = ast
            .iter_fn_def()
            .map(|function| Function {
                place: places
                    .get(&(function.name.as_str(), function.params.len()))
                    .copied()
                    .unwrap_or_default(),
                name: function.name.to_string(),
                parameters: function.params.iter().map(ToString::to_string).collect(),
                is_private: function.access == rhai::FnAccess::Private,
                is_typed: function.this_type.is_some(),
                body: body_of(function),
            })
            .collect();
        functions.sort_by(|a, b| (a.place, &a.name).cmp(&(b.place, &b.name)));
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, function) in functions.iter().enumerate() {
            by_name.entry(function.name.clone()).or_default().push(index);
        }
        let mut parsed = Self {
            functions,
            by_name,
            top: ast.statements().to_vec(),
            broken,
            top_is_whole,
            caught_closures: HashSet::new(),
            facts: Facts::default(),
        };
        // Closures within such closures are found in the next round.
        loop {
            let found = expected_to_fail(&parsed);
            if found.len() == parsed.caught_closures.len() {
                break;
            }
            parsed.caught_closures = found;
        }
        parsed.facts = Facts::of(&parsed);
        parsed
    }

    /// Whether all of the script compiled.
    pub(super) fn is_whole(&self) -> bool {
        self.broken.is_empty() && self.top_is_whole
    }

    /// The functions of this name; closures have names as well.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Function> {
        let indices = self.by_name.get(name).into_iter().flatten();
        indices.map(|index| &self.functions[*index])
    }
}

/// The statements of a function. Its body has a type that cannot be named, so it is walked through.
fn body_of(function: &std::rc::Rc<rhai::ScriptFuncDef>) -> Vec<Stmt> {
    let mut statements = Vec::new();
    let alone = AST::new([], Module::from([function.clone()]));
    alone.walk(&mut |path| {
        if let [rhai::ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    statements
}

/// The closures whose failure is caught where they are made: within `try`, and as arguments of
/// `assert_throws`.
fn expected_to_fail(parsed: &Parsed) -> HashSet<String> {
    let mut names = HashSet::new();
    walk::script(parsed, &mut |node, around| {
        let call = match node {
            Node::Stmt(Stmt::FnCall(call, _)) | Node::Expr(Expr::FnCall(call, _)) => call,
            Node::Expr(expression) if around.caught => {
                names.extend(closure_name(expression));
                return;
            }
            _ => return,
        };
        if call.name == "assert_throws" {
            names.extend(call.args.iter().filter_map(closure_name));
        }
    });
    names
}
