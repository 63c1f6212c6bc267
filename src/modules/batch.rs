//! `batch::` handles the records of SQS, Kinesis and DynamoDB streams one by one, and reports the
//! ones that failed, so that only those come again.
//!
//! The event source mapping of the function must have `ReportBatchItemFailures` among its
//! `FunctionResponseTypes`; without it AWS takes the answer for a success.
//!
//! # `batch::process(event, |record| …)`, `batch::process(event, |record| …, options)`
//!
//! Calls the function with every record and returns `#{ batchItemFailures: [#{ itemIdentifier }] }`,
//! the answer for the handler to return. A record fails when the function throws; that is logged
//! as ERROR with the record's identifier, and the next record is handled.
//!
//! - In a FIFO queue, what follows a failure in the same message group fails without being
//!   handled, so that the order is kept.
//! - In a stream nothing is handled after the first failure: AWS goes on from there.
//! - No record is begun that would probably not be finished before the deadline: when less than
//!   `margin_ms` is left (option; default 200), or less than the slowest record took, the rest
//!   fails unhandled. A record that is still running then is stopped and fails as well.
//!
//! A record is what AWS sends, and beside it:
//!
//! | field | |
//! |---|---|
//! | `id` | the identifier: message ID or sequence number |
//! | `body` | SQS and Kinesis: the text; a blob if it is none |
//! | `data` | the body parsed, if it is JSON; else the body |
//! | `keys`, `new_image`, `old_image` | DynamoDB: the items as plain maps; `()` if there is none |
//!
//! `record.json()` parses the body and throws `BatchError` if it is not JSON.
//!
//! Throws `BatchError` if the event is no batch of these services.
//!
//! ```rhai
//! fn handler(event) {
//!     let event = #{ Records: [
//!         #{ eventSource: "aws:sqs", messageId: "m-1", body: `{"total": 5}` },
//!         #{ eventSource: "aws:sqs", messageId: "m-2", body: `{"total": -1}` },
//!     ] };
//!     let answer = batch::process(event, |record| {
//!         if record.data.total < 0 { throw "the total is negative"; }
//!     });
//!     assert_eq(answer, #{ batchItemFailures: [#{ itemIdentifier: "m-2" }] });
//!     assert_throws(|| batch::process(#{}, |record| ()), "BatchError");
//! }
//! ```

mod attribute;
mod record;

use std::time::{Duration, Instant};

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, Map, Module, NativeCallContext,
};
use serde_json::{Map as Fields, json};

use crate::config::LogLevel;
use crate::engine::{leaf_of, placed, raise};
use crate::modules::{Host, body, put};
use crate::suggest::nearest;
use record::{Batch, Kind};

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Time that is kept back for what the handler does after the batch, and for its answer.
const MARGIN: Duration = Duration::from_millis(200);

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    body::register(engine, host);
    let mut module = Module::new();
    // Pure, so that a large event is not copied on its way here.
    let pure = || FuncRegistration::new("process").with_purity(true);
    let owned = host.clone();
    pure().set_into_module(
        &mut module,
        move |context: NativeCallContext, event: &mut Dynamic, handler: FnPtr| {
            placed(context.call_position(), process(&context, &owned, event, &handler, MARGIN))
        },
    );
    let host = host.clone();
    pure().set_into_module(
        &mut module,
        move |context: NativeCallContext, event: &mut Dynamic, handler: FnPtr, options: Map| {
            let answer = margin_of(&options)
                .and_then(|margin| process(&context, &host, event, &handler, margin));
            placed(context.call_position(), answer)
        },
    );
    engine.register_static_module("batch", module.into());
}

fn margin_of(options: &Map) -> Fallible<Duration> {
    let mut margin = MARGIN;
    for (name, value) in options {
        if name != "margin_ms" {
            let hint = match nearest(name, ["margin_ms"]) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => ", only `margin_ms`".to_owned(),
            };
            return Err(refuse(format!("there is no option `{name}`{hint}")));
        }
        let millis = value.as_int().ok().and_then(|millis| u64::try_from(millis).ok());
        margin = millis.map(Duration::from_millis).ok_or_else(|| {
            refuse("`margin_ms` must be a whole number of milliseconds, 0 or more")
        })?;
    }
    Ok(margin)
}

fn process(
    context: &NativeCallContext,
    host: &Host,
    event: &Dynamic,
    handler: &FnPtr,
    margin: Duration,
) -> Fallible<Map> {
    let batch = Batch::of(event)?;
    // All of them first: an event that cannot be answered is not begun.
    let ids = (0..batch.len())
        .map(|at| batch.identifier(event, at))
        .collect::<Fallible<Vec<String>>>()?;
    let guard = &host.guard;
    // Of a short time, half is for the records.
    let margin = guard.time_left().map_or(margin, |left| margin.min(left / 2));
    let mut failures: Vec<&str> = Vec::new();
    let mut failed_groups = Map::new();
    let mut slowest = Duration::ZERO;
    for (at, id) in ids.iter().enumerate() {
        if guard.time_left().is_some_and(|left| left <= margin.saturating_add(slowest)) {
            give_up(host, ids.len() - at);
            let left = if batch.kind() == Kind::Stream { &ids[at..=at] } else { &ids[at..] };
            failures.extend(left.iter().map(String::as_str));
            break;
        }
        let group = batch.group(event, at);
        if group.as_ref().is_some_and(|group| failed_groups.contains_key(group.as_str())) {
            failures.push(id.as_str());
            continue;
        }
        let began = Instant::now();
        let result = guard.stopping_early(margin, || {
            let record = batch.record(event, at, id, host)?;
            handler.call_within_context::<Dynamic>(context, (record,)).map(|_| ())
        });
        slowest = slowest.max(began.elapsed());
        if let Err(error) = result {
            // `exit` is the script's way to end everything; a function that takes no record is no
            // fault of the record.
            if matches!(leaf_of(&error), EvalAltResult::Exit(..)) || guard.tripped().is_some() {
                return Err(error);
            }
            if takes_no_record(&error, handler) {
                let message = "the function must be one of one parameter, the record";
                return Err(refuse(message));
            }
            let mut fields = Fields::new();
            fields.insert("itemIdentifier".to_owned(), json!(id));
            host.log_error(context, *error, fields);
            failures.push(id);
            if let Some(group) = group {
                put(&mut failed_groups, &group, Dynamic::UNIT);
            }
            if batch.kind() == Kind::Stream {
                break;
            }
        }
    }
    Ok(answer(failures))
}

fn answer(failures: Vec<&str>) -> Map {
    let failures: Array = failures
        .into_iter()
        .map(|id| {
            let mut failure = Map::new();
            put(&mut failure, "itemIdentifier", id.into());
            Dynamic::from_map(failure)
        })
        .collect();
    let mut answer = Map::new();
    put(&mut answer, "batchItemFailures", Dynamic::from_array(failures));
    answer
}

fn takes_no_record(error: &EvalAltResult, handler: &FnPtr) -> bool {
    matches!(error, EvalAltResult::ErrorFunctionNotFound(name, _)
        if name.split(' ').next() == Some(handler.fn_name()))
}

fn give_up(host: &Host, count: usize) {
    let message = "the deadline is near: the rest of the batch is left for another time";
    let mut fields = Fields::new();
    fields.insert("records".to_owned(), json!(count));
    host.logger.line(LogLevel::Warn, message, fields);
}

fn refuse(message: impl Into<String>) -> Box<EvalAltResult> {
    raise(("BatchError", message))
}
