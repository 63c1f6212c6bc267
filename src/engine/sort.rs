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
///
/// What is in order already, or backwards, is found first and compared once, as Rust's own sort does.
fn sorted(context: &NativeCallContext, array: &Array, compare: &FnPtr) -> Fallible<Array> {
    let is_after = |a: usize, b: usize| -> Fallible<bool> {
        Ok(ordering(context, compare, &array[a], &array[b])? == Ordering::Greater)
    };
    let mut order: Vec<usize> = (0..array.len()).collect();
    let mut ends = runs(&mut order, &is_after)?;
    let mut merged = Vec::with_capacity(order.len());
    while ends.len() > 1 {
        let mut merged_ends = Vec::with_capacity(ends.len().div_ceil(2));
        let mut start = 0;
        for pair in ends.chunks(2) {
            let end = pair[pair.len() - 1];
            let (mut left, mut right) = order[start..end].split_at(pair[0] - start);
            while let (Some(&l), Some(&r)) = (left.first(), right.first()) {
                // Equal ones keep their order.
                if is_after(l, r)? {
                    merged.push(r);
                    right = &right[1..];
                } else {
                    merged.push(l);
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
            merged_ends.push(end);
            start = end;
        }
        std::mem::swap(&mut order, &mut merged);
        merged.clear();
        ends = merged_ends;
    }
    Ok(order.into_iter().map(|at| array[at].clone()).collect())
}

/// Where the parts end that are in order; those that go strictly down are turned around.
fn runs(
    order: &mut [usize],
    is_after: &dyn Fn(usize, usize) -> Fallible<bool>,
) -> Fallible<Vec<usize>> {
    let mut ends = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        if end < order.len() {
            let is_down = is_after(order[start], order[end])?;
            end += 1;
            while end < order.len() && is_after(order[end - 1], order[end])? == is_down {
                end += 1;
            }
            if is_down {
                order[start..end].reverse();
            }
        }
        ends.push(end);
        start = end;
    }
    Ok(ends)
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
