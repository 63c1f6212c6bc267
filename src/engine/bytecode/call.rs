//! Calls a function in the VM, and gives the error that ended it its place and its stack.

use std::any::TypeId;
use std::rc::Rc;

use rhai::grain::{Compiler, Fault, Function, SharedProgram, Vm};
use rhai::{
    AST, Dynamic, EvalAltResult, FuncRegistration, ImmutableString, Module, NativeCallContext,
    Position, RhaiFunc,
};

use crate::engine::{CALL_DEPTH_NET, Guard, raise};

/// Functions of one script as the VM runs them.
pub(super) struct Compiled {
    program: SharedProgram,
    /// Where the body of each one starts and ends.
    spans: Vec<(ImmutableString, Position, Position)>,
}

impl Compiled {
    /// The functions of `ast`; none if the VM cannot run all of them by itself.
    pub(super) fn of(ast: &AST) -> Option<Rc<Self>> {
        let program = Compiler::new().compile(ast);
        let spans = ast.iter_fn_def().map(|function| {
            let (start, end) = (function.body.start_position(), function.body.end_position());
            (function.name.clone(), start, end)
        });
        let spans = spans.collect();
        (program.residual_count() == 0)
            .then(|| Rc::new(Self { program: program.into_shared(), spans }))
    }

    /// Where in the source an instruction came from; those that have no place, such as jumps, came from
    /// where the one before them did.
    fn place_of(&self, address: usize) -> Position {
        let is_in = |function: &&Function| {
            (function.chunk.entry() as usize..function.chunk.end() as usize).contains(&address)
        };
        let function = self.program.functions().iter().find(is_in);
        let start = function.map_or(address, |function| function.chunk.entry() as usize);
        let mut places = (start..=address).rev().map(|address| self.program.position(address));
        places.find(|place| !place.is_none()).unwrap_or(Position::NONE)
    }

    /// The name of the function that `place` is in.
    fn function_at(&self, place: Position) -> &str {
        let at = |position: Position| (position.line(), position.position());
        let place = at(place);
        let found =
            self.spans.iter().find(|(_, start, end)| at(*start) <= place && place <= at(*end));
        found.map_or("", |(name, ..)| name)
    }
}

/// Registers one of the functions as a native that runs it in the VM.
pub(super) fn register(
    module: &mut Module,
    compiled: &Rc<Compiled>,
    name: &str,
    arity: usize,
    guard: &Rc<Guard>,
) {
    let (compiled, guard) = (Rc::clone(compiled), Rc::clone(guard));
    let function: ImmutableString = name.into();
    let native = move |context: Option<NativeCallContext<'_>>, arguments: &mut [&mut Dynamic]| {
        // Natives registered with a context get one.
        let Some(context) = context else { return Ok(Dynamic::UNIT) };
        call(&context, &compiled, &function, arguments, &guard)
    };
    let native = RhaiFunc::Pure {
        func: Rc::new(native),
        has_context: true,
        is_pure: true,
        is_volatile: true,
    };
    let parameters = vec![TypeId::of::<Dynamic>(); arity];
    FuncRegistration::new(name).set_into_module_raw(module, parameters, native);
}

fn call(
    context: &NativeCallContext<'_>,
    compiled: &Compiled,
    function: &str,
    arguments: &mut [&mut Dynamic],
    guard: &Guard,
) -> Result<Dynamic, Box<EvalAltResult>> {
    let (engine, program) = (context.engine(), &*compiled.program);
    let mut state = engine.new_global_runtime_state();
    state.source = program.source().cloned();
    let mut vm = Vm::with_global_state(engine, state);
    let arguments = arguments.iter_mut().map(|argument| argument.take().flatten()).collect();
    // The VM has no other look at the depth than the net, so that one is drawn in. A native is a level
    // by itself.
    let level = context.call_level() + CALL_DEPTH_NET - 1;
    // For functions of modules the engine would leave that to the native.
    let place = context.call_position();
    guard.without_grace(|| vm.call_function(program, function, arguments, level, place)).map_err(
        |error| match (&*error, guard.tripped()) {
            (EvalAltResult::ErrorTerminated(..), Some(trip)) => {
                stacked(raise(guard.describe(trip)), &vm.fault_trace(), compiled, place)
            }
            (EvalAltResult::ErrorStackOverflow(..), _) => {
                stacked(raise(guard.too_deep()), &vm.fault_trace(), compiled, place)
            }
            _ => error,
        },
    )
}

/// An error with the stack that the VM had when it was raised, innermost call first in `trace`.
///
/// The engine's own errors for limits pass through calls without one.
fn stacked(
    mut error: Box<EvalAltResult>,
    trace: &[Fault],
    compiled: &Compiled,
    called_at: Position,
) -> Box<EvalAltResult> {
    let source = compiled.program.source().map_or_else(String::new, ToString::to_string);
    for fault in trace {
        let place = compiled.place_of(fault.address);
        // That of the first one is the error's own, that of the others where they made the call.
        error.set_position(place);
        let name = compiled.function_at(place).to_owned();
        let call = EvalAltResult::ErrorInFunctionCall(name, source.clone(), error, Position::NONE);
        error = Box::new(call);
    }
    error.set_position(called_at);
    error
}
