//! `sort`, `order` and `dedup` with a comparator, which Rhai's own go on with after an error: an
//! error in the comparator would be lost, and the deadline with it.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, NativeCallContext};

use crate::engine::Sources;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Replaces them if `sources` may call one.
pub(crate) fn register(engine: &mut Engine, sources: &Sources) {
    if !sources.may_call_one_of(&["sort", "sort_by", "order", "order_by", "dedup"]) {
        return;
    }
    for name in ["sort", "sort_by"] {
        engine.register_fn(
            name,
            |context: NativeCallContext, array: &mut Array, compare: FnPtr| -> Fallible<()> {
                *array = sorted(&context, array, &compare)?;
                Ok(())
            },
        );
    }
    for name in ["order", "order_by"] {
        FuncRegistration::new(name).with_purity(true).register_into_engine(
            engine,
            |context: NativeCallContext, array: &mut Array, compare: FnPtr| -> Fallible<Array> {
                sorted(&context, array, &compare)
            },
        );
    }
    engine.register_fn(
        "dedup",
        |context: NativeCallContext, array: &mut Array, same: FnPtr| -> Fallible<()> {
            let mut kept: Array = Vec::with_capacity(array.len());
            for item in array.iter() {
                let is_same = match kept.last() {
                    Some(last) => same
                        .call_within_context::<Dynamic>(&context, (last.clone(), item.clone()))?
                        .as_bool()
                        .unwrap_or(false),
                    None => false,
                };
                if !is_same {
                    kept.push(item.clone());
                }
            }
            *array = kept;
            Ok(())
        },
    );
}

/// A stable merge sort that ends at the first error; `array` stays as it was.
fn sorted(context: &NativeCallContext, array: &Array, compare: &FnPtr) -> Fallible<Array> {
    let mut order: Vec<usize> = (0..array.len()).collect();
    let mut merged = Vec::with_capacity(order.len());
    let mut width = 1;
    while width < order.len() {
        for pair in order.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some(&l), Some(&r)) = (left.first(), right.first()) {
                // Equal ones keep their order.
                if ordering(context, compare, &array[l], &array[r])? == Ordering::Greater {
                    merged.push(r);
                    right = &right[1..];
                } else {
                    merged.push(l);
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut order, &mut merged);
        merged.clear();
        width *= 2;
    }
    Ok(order.into_iter().map(|at| array[at].clone()).collect())
}

/// What the comparator says: a negative, zero or positive number, or whether the first comes first.
fn ordering(
    context: &NativeCallContext,
    compare: &FnPtr,
    a: &Dynamic,
    b: &Dynamic,
) -> Fallible<Ordering> {
    let answer: Dynamic = compare.call_within_context(context, (a.clone(), b.clone()))?;
    if let Ok(number) = answer.as_int() {
        return Ok(number.cmp(&0));
    }
    if let Ok(first) = answer.as_bool() {
        return Ok(if first { Ordering::Less } else { Ordering::Greater });
    }
    let message = format!(
        "the comparator returned a value of type `{}`, expected a number or a boolean",
        answer.type_name()
    );
    Err(crate::engine::raise(("TypeMismatch", message)))
}
