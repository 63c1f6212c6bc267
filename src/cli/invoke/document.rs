//! `--json`: everything that is known of a series, for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::emulator::{Answer, Function, Report};

use super::is_json;
use super::series::Series;
use super::statistics::{Statistics, millis};

/// One document. Of the four forms of an answer exactly one is there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    function: &'a str,
    handler: &'a str,
    request_id: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    /// A result that is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// A result that is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_text: Option<&'a str>,
    /// A result that is neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    report: Figures,
    logs: &'a [String],
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat: Option<Repeat<'a>>,
}

/// The REPORT line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    duration_ms: f64,
    billed_duration_ms: u128,
    memory_size_mb: u32,
    max_memory_used_mb: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    init_duration_ms: Option<f64>,
}

/// What `--repeat` measured.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Repeat<'a> {
    asked: u32,
    done: usize,
    failed: u32,
    errors: &'a BTreeMap<String, u32>,
    took_ms: f64,
    init_duration_ms: Option<f64>,
    duration_ms: BTreeMap<&'static str, f64>,
}

/// The document, with line breaks; empty if nothing has been invoked.
pub(super) fn of(function: &Function, series: &Series) -> String {
    let Some(last) = &series.last else { return String::new() };
    let mut document = Document {
        function: &function.name,
        handler: &function.handler,
        request_id: &last.report.id,
        ok: matches!(last.answer, Answer::Response { .. }),
        content_type: None,
        result: None,
        result_text: None,
        result_base64: None,
        error: None,
        report: figures(&last.report),
        logs: &series.logs,
        warnings: &series.warnings,
        repeat: (series.asked() > 1).then(|| repeat(series)),
    };
    match &last.answer {
        Answer::Error { body, .. } => document.error = Some(value(body)),
        Answer::Response { body, content_type } => {
            document.content_type = Some(content_type);
            if is_json(content_type) {
                document.result = Some(value(body));
            } else if let Ok(text) = std::str::from_utf8(body) {
                document.result_text = Some(text);
            } else {
                document.result_base64 = Some(STANDARD.encode(body));
            }
        }
    }
    serde_json::to_string_pretty(&document).expect("all keys are strings")
}

/// What says that it is JSON and is not, as another runtime may send it, is a string.
fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

fn figures(report: &Report) -> Figures {
    Figures {
        duration_ms: rounded(report.duration),
        billed_duration_ms: report.billed_ms(),
        memory_size_mb: report.memory_mb,
        max_memory_used_mb: report.max_memory_mb,
        init_duration_ms: report.init_duration.map(rounded),
    }
}

fn repeat(series: &Series) -> Repeat<'_> {
    let named = series.statistics().into_iter().flat_map(|figures: Statistics| figures.named());
    Repeat {
        asked: series.asked(),
        done: series.done(),
        failed: series.failed(),
        errors: &series.errors,
        took_ms: rounded(series.took()),
        init_duration_ms: series.init.map(rounded),
        duration_ms: named.map(|(name, duration)| (name, rounded(duration))).collect(),
    }
}

/// Milliseconds to the microsecond: more is noise.
fn rounded(duration: Duration) -> f64 {
    (millis(duration) * 1000.0).round() / 1000.0
}
