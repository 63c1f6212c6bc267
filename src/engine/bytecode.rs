//! Runs a script's arithmetic in Rhai's bytecode VM, which takes a third to a half fewer instructions for
//! it than the tree walker.
//!
//! The VM is slower where a function mostly calls natives, and it looks at the limits at loops and
//! calls alone. So it gets those functions that are loops and recursion over numbers (chosen in
//! [`choice`]), whose memory cannot grow by more than a few copies between two looks ([`reading`]).
//! Everything else is walked. A function in the VM is a native of its script's own library
//! ([`call`]): whoever calls it sees no difference, in results, errors or stack traces.

mod call;
mod choice;
mod kind;
mod reading;

use std::rc::Rc;

use rhai::{AST, FnAccess, Module};

use crate::engine::Guard;

/// The functions of a script that run in the VM, for other scripts to call.
#[derive(Default)]
pub(crate) struct Exports(Option<Module>);

impl Exports {
    /// Adds them to the module that was made of the script's tree.
    pub(crate) fn add_to(self, module: &mut Module) {
        if let Some(functions) = self.0 {
            module.combine(functions);
            module.build_index();
        }
    }
}

/// Moves those functions of a script into the VM that are faster there; `text` is its source.
pub(crate) fn accelerate(ast: &mut AST, text: &str, guard: &Rc<Guard>) -> Exports {
    let Some(choice) = choice::Choice::of(ast, text) else { return Exports::default() };
    let mut chosen = ast.clone_functions_only();
    chosen.retain_functions(|_, _, name, arity| choice.is_compiled(name, arity));
    let Some(compiled) = call::Compiled::of(&chosen) else { return Exports::default() };
    let (mut own, mut exported) = (Module::new(), Module::new());
    for function in chosen.iter_functions() {
        if !choice.is_entry(function.name, function.params.len()) {
            continue;
        }
        let arity = function.params.len();
        call::register(&mut own, &compiled, function.name, arity, guard);
        if function.access == FnAccess::Public {
            call::register(&mut exported, &compiled, function.name, arity, guard);
        }
    }
    ast.retain_functions(|_, _, name, arity| !choice.is_entry(name, arity));
    ast.combine(AST::new_from_module(own));
    Exports(Some(exported))
}
