//! Runs loops and functions that are about numbers alone as code for a small machine, nine to twenty times as fast
//! as Rhai's tree walker.
//!
//! Nothing else changes. When a script has been compiled, [`selection`] looks for such loops and functions
//! and [`insertion`] has the script ask, before each of them, whether the machine has run it. The question is
//! the name of a variable, which the engine asks [`Kernels::answer`] for. That looks at the variables the
//! loop needs; [`compiler`] writes a program for values of these kinds, the first time they come, and
//! [`machine`] runs it. The machine only touches registers, whose values go back to the script's
//! variables at the end. So whatever it cannot do or finish (other kinds of values, an overflow, calls too
//! deep, the deadline) the walker does from the start, with all errors and limits as ever.

mod compiler;
mod insertion;
mod machine;
mod program;
mod selection;
#[cfg(test)]
mod tests;
mod values;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use rhai::{AST, Dynamic, Engine, EvalContext};

use crate::config::Limits;
use crate::engine::{Guard, compile, pieces};
use compiler::Material;
use machine::Machine;
use program::Program;
use selection::{Functions, Root};

/// What the names of questions start with.
const QUESTION: &str = "rhai_lambda_has_run_";

/// The name that stands for the result of the function which has run last.
const RESULT: &str = "rhai_lambda_result";

/// Programs for one loop or function, each for other kinds of values.
const MAX_PROGRAMS: usize = 4;

/// After so many runs in one invocation that led nowhere a loop is walked at once.
const MAX_FAILURES: u32 = 3;

/// What of an engine's scripts runs in the machine.
pub(crate) struct Kernels {
    is_on: bool,
    max_call_depth: usize,
    max_expr_depth: usize,
    guard: Rc<Guard>,
    kernels: RefCell<Vec<Rc<Kernel>>>,
    /// The names of all functions that scripts have defined: they stand before Rhai's own.
    taken: RefCell<BTreeSet<String>>,
    machine: RefCell<Machine>,
    result: Cell<Option<Dynamic>>,
}

/// A loop or a function.
struct Kernel {
    root: Root,
    functions: Rc<Functions>,
    programs: RefCell<Vec<Rc<Program>>>,
    /// It could not be compiled so often.
    refusals: Cell<usize>,
    /// It ran in vain so often, and in which invocation.
    failures: Cell<(u64, u32)>,
}

impl Kernels {
    /// None yet; `is_on` is whether there will be any.
    pub(crate) fn new(is_on: bool, guard: Rc<Guard>, limits: &Limits) -> Self {
        Self {
            is_on,
            max_call_depth: limits.max_call_depth,
            max_expr_depth: limits.max_expr_depth,
            guard,
            kernels: RefCell::default(),
            taken: RefCell::default(),
            machine: RefCell::default(),
            result: Cell::new(None),
        }
    }

    /// Puts questions into the functions of a script that may run in the machine.
    ///
    /// `ast` is what `engine` has compiled `text` to.
    pub(crate) fn accelerate(&self, engine: &Engine, mut ast: AST, text: &str) -> AST {
        if let Some(asking) = self.asking(engine, &ast, text) {
            // They take the places of those that do not ask.
            ast.combine(asking);
        }
        ast
    }

    /// The functions of a script that have something in them for the machine, with questions.
    fn asking(&self, engine: &Engine, ast: &AST, text: &str) -> Option<AST> {
        // Else operators may be other than Rhai's.
        if !self.is_on || !engine.fast_operators() {
            return None;
        }
        let names = ast.iter_fn_def().map(|function| function.name.to_string());
        self.taken.borrow_mut().extend(names);
        // Nobody but us has such names, or we have none.
        if text.contains(QUESTION) || text.contains(RESULT) {
            return None;
        }
        let selection = selection::select(ast)?;
        let functions = Rc::new(selection.functions);
        let mut new = Vec::new();
        let first = self.kernels.borrow().len();
        let text = insertion::insert(text, selection.roots, |root| {
            new.push(Rc::new(Kernel::new(root, &functions)));
            format!("{QUESTION}{}", first + new.len() - 1)
        })?;
        // The names of the questions belong to no variables, which the script's engine would not have.
        let mut lenient = Engine::new_raw();
        lenient.set_max_strings_interned(0);
        lenient.set_max_expr_depths(self.max_expr_depth, self.max_expr_depth);
        let asks = |function: &str| function.contains(QUESTION);
        let mut asking = match pieces::compile_functions(&lenient, &text, asks) {
            Some(asking) => asking,
            None => compile(&lenient, &text).ok()?,
        };
        asking.clear_statements();
        self.kernels.borrow_mut().append(&mut new);
        Some(asking)
    }

    /// Leaves all calls of natives to the walker: an engine that others extend may have its own.
    pub(crate) fn leave_natives(&self) {
        let natives = compiler::NATIVES.iter().chain(&["len"]);
        self.taken.borrow_mut().extend(natives.map(ToString::to_string));
    }

    /// Answers a question: runs what it is about.
    pub(crate) fn answer(
        &self,
        name: &str,
        context: EvalContext<'_, '_, '_, '_, '_, '_>,
    ) -> Option<Dynamic> {
        if name == RESULT {
            return self.result.take();
        }
        let number: usize = name.strip_prefix(QUESTION)?.parse().ok()?;
        let kernel = Rc::clone(self.kernels.borrow().get(number)?);
        Some(self.run(&kernel, context).is_some().into())
    }

    fn run(&self, kernel: &Kernel, mut context: EvalContext<'_, '_, '_, '_, '_, '_>) -> Option<()> {
        let invocation = self.guard.invocation();
        let (last, failures) = kernel.failures.get();
        if last == invocation && failures >= MAX_FAILURES {
            return None;
        }
        let mut machine = self.machine.try_borrow_mut().ok()?;
        let program = self.load(kernel, &context, &mut machine)?;
        let depth = self.max_call_depth.checked_sub(context.call_level())?;
        let scope = context.scope();
        let ran = values::with_arrays(&program.arrays, scope, &[], &mut |arrays| {
            machine.run(&program, arrays, depth, &self.guard)
        });
        if ran.is_none() {
            let failures = if last == invocation { failures + 1 } else { 1 };
            kernel.failures.set((invocation, failures));
            return None;
        }
        let registers = machine.registers();
        match kernel.root {
            Root::Loop(_) => values::store(&program, registers, &mut context),
            Root::Function(_) => self.result.set(Some(values::made(program.result, registers[0]))),
        }
        Some(())
    }

    /// The program for the values that are there now, which are put into their registers.
    fn load(
        &self,
        kernel: &Kernel,
        context: &EvalContext<'_, '_, '_, '_, '_, '_>,
        machine: &mut Machine,
    ) -> Option<Rc<Program>> {
        let mut programs = kernel.programs.borrow_mut();
        for program in programs.iter() {
            if values::load(program, context, machine.registers()).is_some() {
                return Some(Rc::clone(program));
            }
        }
        if programs.len() + kernel.refusals.get() == MAX_PROGRAMS {
            return None;
        }
        let taken = self.taken.borrow();
        let material = Material {
            functions: &kernel.functions,
            taken: &taken,
            kind_of: &|source| values::find(source, context).map(|(kind, _)| kind),
            kind_in: &|array, properties| values::first(array, properties, context),
        };
        let Some(program) = compiler::compile(&kernel.root, &material) else {
            kernel.refusals.set(kernel.refusals.get() + 1);
            return None;
        };
        let program = Rc::new(program);
        programs.push(Rc::clone(&program));
        values::load(&program, context, machine.registers())?;
        Some(program)
    }
}

impl Kernel {
    fn new(root: Root, functions: &Rc<Functions>) -> Self {
        Self {
            root,
            functions: Rc::clone(functions),
            programs: RefCell::default(),
            refusals: Cell::new(0),
            failures: Cell::new((0, 0)),
        }
    }
}
