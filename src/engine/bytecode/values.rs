//! Values on their way between a script's variables and the machine's registers.

use rhai::{Array, Dynamic, EvalContext, Scope};

use super::machine::WINDOW;
use super::program::{Item, Kind, Path, Program, Source};

type Context<'a, 's, 'ps, 'g, 'c, 't> = EvalContext<'a, 's, 'ps, 'g, 'c, 't>;

/// Arrays that a program may read.
pub(super) const MAX_ARRAYS: usize = 4;

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
    let fits = |item: &Item| {
        let array = &program.arrays[usize::from(item.array)];
        // Of no elements all are of the kind.
        first(array, &item.properties, context)
            .is_some_and(|kind| kind == item.kind || kind == Kind::Never)
    };
    program.items.iter().all(fits).then_some(())
}

/// Gives the variables that a program writes what is in their registers.
pub(super) fn store(
    program: &Program,
    registers: &[u64; WINDOW],
    context: &mut Context<'_, '_, '_, '_, '_, '_>,
) {
    for (input, bits) in program.inputs.iter().zip(registers) {
        if let Source::Variable(path) = &input.source
            && input.is_written
            && let Some(variable) = context.scope_mut().get_mut(&path.variable)
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
    match source {
        Source::Variable(path) => inside(context.scope().get(&path.variable)?, &path.properties),
        Source::Global(name) => {
            let constants = context.global_runtime_state().constants.as_ref()?;
            taken_apart(constants.try_borrow().ok()?.get(name.as_str())?)
        }
        Source::Length(path) => with_array(path, context.scope(), |array| {
            Some((Kind::Int, i64::try_from(array.len()).ok()?.cast_unsigned()))
        }),
    }
}

/// The kind of what is read of an array's first element; there is no kind that nothing is of.
pub(super) fn first(
    array: &Path,
    properties: &[String],
    context: &Context<'_, '_, '_, '_, '_, '_>,
) -> Option<Kind> {
    with_array(array, context.scope(), |array| match array.first() {
        Some(element) => inside(element, properties).map(|(kind, _)| kind),
        None => Some(Kind::Never),
    })
}

/// What `then` makes of a program's arrays, of which `held` are there already.
pub(super) fn with_arrays<T>(
    missing: &[Path],
    scope: &Scope<'_>,
    held: &[&[Dynamic]],
    then: &mut dyn FnMut(&[&[Dynamic]]) -> Option<T>,
) -> Option<T> {
    let Some((path, missing)) = missing.split_first() else { return then(held) };
    with_array(path, scope, |array| {
        let mut all: [&[Dynamic]; MAX_ARRAYS] = [&[]; MAX_ARRAYS];
        all[..held.len()].copy_from_slice(held);
        *all.get_mut(held.len())? = array;
        with_arrays(missing, scope, &all[..=held.len()], then)
    })
}

fn with_array<T>(
    path: &Path,
    scope: &Scope<'_>,
    then: impl FnOnce(&Array) -> Option<T>,
) -> Option<T> {
    at(scope.get(&path.variable)?, &path.properties, |value| {
        if value.is_shared() {
            return None;
        }
        then(&*value.as_array_ref().ok()?)
    })
}

/// The value that lies in maps within maps, as the machine has it.
pub(super) fn inside(value: &Dynamic, properties: &[String]) -> Option<(Kind, u64)> {
    at(value, properties, taken_apart)
}

/// What `then` makes of the value that lies in maps within maps.
fn at<T>(
    value: &Dynamic,
    properties: &[String],
    then: impl FnOnce(&Dynamic) -> Option<T>,
) -> Option<T> {
    let Some((property, rest)) = properties.split_first() else { return then(value) };
    let map = value.as_map_ref().ok()?;
    at(map.get(property.as_str())?, rest, then)
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
