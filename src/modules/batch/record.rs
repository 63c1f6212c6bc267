//! The records of an event: what identifies them, and how scripts see them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rhai::{Dynamic, EvalAltResult, ImmutableString, Map};

use super::{attribute, refuse};
use crate::modules::{Host, put};
use crate::payload;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// How failures are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each record for itself.
    Queue,
    /// In order: from the first failure on, everything comes again.
    Stream,
}

#[derive(Clone, Copy, Debug)]
enum Service {
    Sqs { fifo: bool },
    Kinesis,
    DynamoDb,
}

/// What an event holds. The records stay in it: they are read one at a time.
#[derive(Debug)]
pub(crate) struct Batch {
    service: Service,
    len: usize,
}

impl Batch {
    /// The batch in `event`.
    ///
    /// # Errors
    /// `BatchError` if there is none.
    pub(crate) fn of(event: &Dynamic) -> Fallible<Self> {
        let wrong = || {
            refuse("the event is no batch: expected `Records` of SQS, Kinesis or a DynamoDB stream")
        };
        let event = event.as_map_ref().map_err(|_| wrong())?;
        let records = event.get("Records").and_then(|records| records.as_array_ref().ok());
        let records = records.ok_or_else(wrong)?;
        let Some(first) = records.first() else {
            return Ok(Self { service: Service::Sqs { fifo: false }, len: 0 });
        };
        let first = first.as_map_ref().map_err(|_| wrong())?;
        let service = match text(&first, "eventSource").unwrap_or_default().as_str() {
            "aws:sqs" => {
                let queue = text(&first, "eventSourceARN").unwrap_or_default();
                Service::Sqs { fifo: queue.ends_with(".fifo") }
            }
            "aws:kinesis" => Service::Kinesis,
            "aws:dynamodb" => Service::DynamoDb,
            "" => return Err(wrong()),
            other => {
                return Err(refuse(format!(
                    "records of `{other}` cannot fail one by one, only those of SQS, Kinesis and \
                     DynamoDB streams"
                )));
            }
        };
        Ok(Self { service, len: records.len() })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.service {
            Service::Sqs { .. } => Kind::Queue,
            Service::Kinesis | Service::DynamoDb => Kind::Stream,
        }
    }

    /// What AWS knows the record by.
    ///
    /// # Errors
    /// `BatchError` if it has none: AWS would take an empty one for a failure of the whole batch.
    pub(crate) fn identifier(&self, event: &Dynamic, at: usize) -> Fallible<String> {
        let (section, key) = match self.service {
            Service::Sqs { .. } => (None, "messageId"),
            Service::Kinesis => (Some("kinesis"), "sequenceNumber"),
            Service::DynamoDb => (Some("dynamodb"), "SequenceNumber"),
        };
        let id = with_record(event, at, |record| match section {
            None => text(record, key),
            Some(section) => text(&*record.get(section)?.as_map_ref().ok()?, key),
        });
        match id.flatten().filter(|id| !id.is_empty()) {
            Some(id) => Ok(id.to_string()),
            None => Err(refuse(format!("record {at} of the event has no `{key}`"))),
        }
    }

    /// The group within which the order counts, of a message in a FIFO queue.
    pub(crate) fn group(&self, event: &Dynamic, at: usize) -> Option<String> {
        let Service::Sqs { fifo: true } = self.service else { return None };
        let group = with_record(event, at, |record| {
            text(&*record.get("attributes")?.as_map_ref().ok()?, "MessageGroupId")
        });
        // Without a name, all are one group: rather too much order than too little.
        Some(group.flatten().unwrap_or_default().to_string())
    }

    /// The record as scripts see it.
    ///
    /// # Errors
    /// `BatchError` if its data is not what the service promises.
    pub(crate) fn record(
        &self,
        event: &Dynamic,
        at: usize,
        id: &str,
        host: &Host,
    ) -> Fallible<Map> {
        let record = with_record(event, at, Clone::clone);
        let mut record = record.ok_or_else(|| refuse(format!("record {at} is gone")))?;
        put(&mut record, "id", id.into());
        match self.service {
            Service::Sqs { .. } => {}
            Service::Kinesis => {
                let body = decoded(&record, host)?;
                put(&mut record, "body", body);
            }
            Service::DynamoDb => {
                let items = ["Keys", "NewImage", "OldImage"].map(|name| {
                    let change = record.get("dynamodb").and_then(|change| change.as_map_ref().ok());
                    change.map_or(Ok(Dynamic::UNIT), |change| attribute::item(change.get(name)))
                });
                for (name, item) in ["keys", "new_image", "old_image"].into_iter().zip(items) {
                    put(&mut record, name, item?);
                }
                return Ok(record);
            }
        }
        let data = parsed(record.get("body"), host);
        put(&mut record, "data", data);
        Ok(record)
    }
}

/// The bytes of a Kinesis record, as text where they are.
fn decoded(record: &Map, host: &Host) -> Fallible<Dynamic> {
    let kinesis = record.get("kinesis").and_then(|kinesis| kinesis.as_map_ref().ok());
    let data = kinesis.and_then(|kinesis| text(&kinesis, "data")).unwrap_or_default();
    host.guard.reserve(data.len())?;
    let bytes = BASE64_STANDARD
        .decode(data.as_bytes())
        .map_err(|error| refuse(format!("the record's data is not base64: {error}")))?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => Dynamic::from_blob(error.into_bytes()),
    })
}

/// A body as the value that it is in JSON, or else as it is.
fn parsed(body: Option<&Dynamic>, host: &Host) -> Dynamic {
    let Some(body) = body else { return Dynamic::UNIT };
    let value = body.as_immutable_string_ref().ok().and_then(|text| {
        let ceiling = host.guard.memory_ceiling();
        payload::read_text(&text, host.limits.max_json_depth, ceiling).ok()
    });
    value.unwrap_or_else(|| body.flatten_clone())
}

/// Looks at a record. The event is free again afterwards: the script may change it.
fn with_record<T>(event: &Dynamic, at: usize, look: impl FnOnce(&Map) -> T) -> Option<T> {
    let event = event.as_map_ref().ok()?;
    let records = event.get("Records")?.as_array_ref().ok()?;
    let record = records.get(at)?.as_map_ref().ok()?;
    Some(look(&record))
}

fn text(map: &Map, key: &str) -> Option<ImmutableString> {
    map.get(key)?.as_immutable_string_ref().ok().map(|text| text.clone())
}
