//! Values on their way between a script's variables and the machine's registers.

use rhai::{Dynamic, EvalContext};

use super::machine::WINDOW;
use super::program::{Kind, Program, Source};

type Context<'a, 's, 'ps, 'g, 'c, 't> = EvalContext<'a, 's, 'ps, 'g, 'c, 't>;

/// Puts the values that a program needs into their registers; none if one of them is of another kind.
pub(super) fn load(
    program: &Program,
    context: &Context<'_, '_, '_, '_, '_, '_>,
    registers: &mut [u64; WINDOW],
) -> Option<()> {
    for (input, register) in program.inputs.iter().zip(registers) {
        let (kind, bits) = find(&input.source, context)?;
        if kind != input.kind {
            return None;
        }
        *register = bits;
    }
    Some(())
}

/// Gives the variables that a program writes what is in their registers.
pub(super) fn store(
    program: &Program,
    registers: &[u64; WINDOW],
    context: &mut Context<'_, '_, '_, '_, '_, '_>,
) {
    for (input, bits) in program.inputs.iter().zip(registers) {
        if let Source::Variable(name) = &input.source
            && input.is_written
            && let Some(variable) = context.scope_mut().get_mut(name)
        {
            *variable = made(input.kind, *bits);
        }
    }
}

/// The value that a source has now, if it is one that fits into a register.
pub(super) fn find(
    source: &Source,
    context: &Context<'_, '_, '_, '_, '_, '_>,
) -> Option<(Kind, u64)> {
    let scope = context.scope();
    match source {
        Source::Variable(name) => taken_apart(scope.get(name)?),
        Source::Global(name) => {
            let constants = context.global_runtime_state().constants.as_ref()?;
            taken_apart(constants.try_borrow().ok()?.get(name.as_str())?)
        }
        Source::Property(name, path) => inside(scope.get(name)?, path, taken_apart),
        Source::Length(name, path) => inside(scope.get(name)?, path, |value| {
            let length = length(value)?;
            Some((Kind::Int, i64::try_from(length).ok()?.cast_unsigned()))
        }),
    }
}

/// What `then` makes of the value that lies in maps within maps.
fn inside<T>(
    value: &Dynamic,
    path: &[String],
    then: impl FnOnce(&Dynamic) -> Option<T>,
) -> Option<T> {
    let Some((key, rest)) = path.split_first() else { return then(value) };
    let map = value.as_map_ref().ok()?;
    inside(map.get(key.as_str())?, rest, then)
}

/// What `len()` says of an array or a map; of a string it would have to count.
fn length(value: &Dynamic) -> Option<usize> {
    match value.as_array_ref() {
        Ok(array) => Some(array.len()),
        Err(_) => value.as_map_ref().ok().map(|map| map.len()),
    }
}

/// A value as the machine has it. One that is shared with a closure, or has a tag, stays where it is.
fn taken_apart(value: &Dynamic) -> Option<(Kind, u64)> {
    if value.is_shared() || value.tag() != 0 {
        return None;
    }
    if let Ok(int) = value.as_int() {
        return Some((Kind::Int, int.cast_unsigned()));
    }
    if let Ok(float) = value.as_float() {
        return Some((Kind::Float, float.to_bits()));
    }
    value.as_bool().ok().map(|bool| (Kind::Bool, u64::from(bool)))
}

/// A value as scripts have it.
pub(super) fn made(kind: Kind, bits: u64) -> Dynamic {
    match kind {
        Kind::Int => Dynamic::from_int(bits.cast_signed()),
        Kind::Float => Dynamic::from_float(f64::from_bits(bits)),
        Kind::Bool => Dynamic::from_bool(bits != 0),
        Kind::Unit | Kind::Never => Dynamic::UNIT,
    }
}
