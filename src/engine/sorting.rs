//! `sort` with a comparator that may fail, in place of Rhai's own.
//!
//! That one drops every error of its comparator, being stopped included, and goes on to compare: a
//! large array outlives the deadline. This one ends with the first error and leaves the array alone.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};

type Fallible<T> = Result<T, Box<EvalAltResult>>;

pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("sort", |context: NativeCallContext, array: &mut Array, by: FnPtr| {
        let order = sorted(array.len(), |a, b| compare(&context, &by, &array[a], &array[b]))?;
        let mut items: Vec<Option<Dynamic>> = array.drain(..).map(Some).collect();
        array.extend(order.into_iter().filter_map(|index| items[index].take()));
        Fallible::Ok(())
    });
}

/// What a comparator says: a number below, at or above zero, or whether the first comes first.
fn compare(
    context: &NativeCallContext,
    by: &FnPtr,
    a: &Dynamic,
    b: &Dynamic,
) -> Fallible<Ordering> {
    let said = by.call_raw(context, None, [a.clone(), b.clone()])?;
    Ok(match (said.as_int(), said.as_bool()) {
        (Ok(number), _) => number.cmp(&0),
        (_, Ok(true)) => Ordering::Less,
        (_, Ok(false)) => Ordering::Greater,
        // As in Rhai: what says nothing keeps kinds of values together.
        _ => a.type_id().cmp(&b.type_id()),
    })
}

/// The indices of `count` items in their order; a stable merge sort, which no comparator can upset.
fn sorted(
    count: usize,
    mut compare: impl FnMut(usize, usize) -> Fallible<Ordering>,
) -> Fallible<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut merged = Vec::with_capacity(count);
    let mut width = 1;
    while width < count {
        for run in order.chunks(2 * width) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let (Some(&a), Some(&b)) = (left.first(), right.first()) {
                if compare(a, b)? == Ordering::Greater {
                    merged.push(b);
                    right = &right[1..];
                } else {
                    merged.push(a);
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
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn it_sorts_and_keeps_equals_in_order() {
        for count in [0, 1, 2, 3, 7, 8, 9, 1000] {
            let key = |index: usize| (index * 7919) % 10;
            let order = sorted(count, |a, b| Ok(key(a).cmp(&key(b)))).expect("nothing fails");
            let mut expected: Vec<usize> = (0..count).collect();
            expected.sort_by_key(|index| key(*index));
            assert_eq!(order, expected);
        }
    }

    #[test]
    fn it_ends_with_the_first_error() {
        let mut calls = 0;
        let order = sorted(1000, |_, _| {
            calls += 1;
            Err("stop".into())
        });
        assert!(order.is_err());
        assert_eq!(calls, 1);
    }
}
