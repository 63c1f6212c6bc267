//! CloudWatch's embedded metric format: one JSON object a number, checked as CloudWatch checks it.
//!
//! Source: "Specification: Embedded metric format" of CloudWatch's user guide, and the limits of
//! `MetricDatum` and `Dimension` in its API reference.

use std::time::UNIX_EPOCH;

use rhai::{Dynamic, Map};
use serde_json::{Value, json};

use crate::payload;
use crate::suggest::nearest;
use crate::world;

const MAX_DIMENSIONS: usize = 30;
const MAX_NAME: usize = 255;
const MAX_DIMENSION_NAME: usize = 250;
const MAX_DIMENSION_VALUE: usize = 1024;

/// CloudWatch Logs takes no longer line.
const MAX_LINE: usize = 256 << 10;

/// Deeper properties are cut: the line is for reading.
const MAX_DEPTH: usize = 16;

/// CloudWatch takes numbers from -2^360 to 2^360.
const MAX_EXPONENT: i32 = 360;

const UNITS: [&str; 27] = [
    "None",
    "Count",
    "Percent",
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Count/Second",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
];

const OPTIONS: [&str; 3] = ["namespace", "properties", "resolution"];

/// The members of the object that are not the script's.
const RESERVED: [&str; 2] = ["_aws", "requestId"];

/// One number with what a script says of it.
pub(super) struct Metric<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a Dynamic,
    pub(super) unit: &'a str,
    pub(super) dimensions: &'a Map,
    pub(super) options: &'a Map,
}

impl Metric<'_> {
    /// The line for CloudWatch.
    ///
    /// # Errors
    /// What CloudWatch would not take, in words.
    pub(super) fn to_json(
        &self,
        namespace: Option<&str>,
        request_id: Option<&str>,
    ) -> Result<Value, String> {
        check_text("the name of the metric", self.name, MAX_NAME)?;
        check_unit(self.unit)?;
        let value = number(self.value)?;
        let (namespace, resolution, mut line) = self.read_options(namespace)?;
        let mut definition = json!({ "Name": self.name, "Unit": self.unit });
        if resolution == 1 {
            definition["StorageResolution"] = json!(1);
        }
        let dimensions: Vec<&str> = self.dimensions.keys().map(|name| name.as_str()).collect();
        let now = world::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let about = json!({
            "Timestamp": now.as_millis() as u64,
            "CloudWatchMetrics": [
                { "Namespace": namespace, "Dimensions": [dimensions], "Metrics": [definition] }
            ],
        });
        let mut add = |name: &str, value: Value| {
            if RESERVED.contains(&name) {
                return Err(format!("`{name}` is a name of the format itself"));
            }
            match line.insert(name.to_owned(), value) {
                None => Ok(()),
                Some(_) => Err(format!(
                    "`{name}` stands for two of the metric, its dimensions and its properties"
                )),
            }
        };
        if dimensions.len() > MAX_DIMENSIONS {
            let count = dimensions.len();
            return Err(format!("{count} dimensions, CloudWatch takes {MAX_DIMENSIONS}"));
        }
        for (name, value) in self.dimensions {
            check_text("the name of a dimension", name, MAX_DIMENSION_NAME)?;
            add(name, dimension(name, value)?.into())?;
        }
        add(self.name, value)?;
        if let Some(id) = request_id {
            line.insert("requestId".to_owned(), json!(id));
        }
        line.insert("_aws".to_owned(), about);
        let line = Value::Object(line);
        match line.to_string().len() {
            0..=MAX_LINE => Ok(line),
            length => Err(format!("the line has {length} bytes, CloudWatch takes {MAX_LINE}")),
        }
    }

    /// Namespace, resolution and properties.
    fn read_options(
        &self,
        default_namespace: Option<&str>,
    ) -> Result<(String, i64, serde_json::Map<String, Value>), String> {
        let mut namespace = default_namespace.map(ToOwned::to_owned);
        let mut resolution = 60;
        let mut properties = serde_json::Map::new();
        for (name, value) in self.options {
            let wrong = |expected: &str| {
                Err(format!("the option `{name}` takes {expected}, not {value:?}"))
            };
            match name.as_str() {
                "namespace" => match value.as_immutable_string_ref() {
                    Ok(text) => namespace = Some(text.to_string()),
                    Err(_) => return wrong("a string"),
                },
                "resolution" => match value.as_int() {
                    Ok(seconds @ (1 | 60)) => resolution = seconds,
                    _ => return wrong("1 or 60, in seconds"),
                },
                "properties" => match value.as_map_ref() {
                    Ok(map) => properties = payload::fields(&map, MAX_DEPTH),
                    Err(_) => return wrong("a map"),
                },
                other => {
                    let hint = match nearest(other, OPTIONS) {
                        Some(near) => format!("; did you mean `{near}`?"),
                        None => format!(", there are {}", OPTIONS.join(", ")),
                    };
                    return Err(format!("there is no option `{other}`{hint}"));
                }
            }
        }
        let namespace = namespace.ok_or_else(|| {
            "no namespace: set `RHAI_LAMBDA_METRICS_NAMESPACE` or give the option `namespace`"
                .to_owned()
        })?;
        check_text("the namespace", &namespace, MAX_NAME)?;
        if namespace.starts_with("AWS/") {
            return Err(format!("the namespace `{namespace}` is AWS's own"));
        }
        if let Some(name) = RESERVED.iter().find(|name| properties.contains_key(**name)) {
            return Err(format!("`{name}` is a name of the format itself"));
        }
        Ok((namespace, resolution, properties))
    }
}

fn check_text(what: &str, text: &str, max: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{what} is empty"));
    }
    if text.len() > max {
        return Err(format!("{what} has {} bytes, CloudWatch takes {max}", text.len()));
    }
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(format!("{what}, {text:?}, has characters beyond printable ASCII"));
    }
    if text.starts_with(':') {
        return Err(format!("{what}, `{text}`, starts with a colon"));
    }
    Ok(())
}

fn check_unit(unit: &str) -> Result<(), String> {
    if UNITS.contains(&unit) {
        return Ok(());
    }
    Err(match nearest(unit, UNITS) {
        Some(near) => format!("there is no unit {unit:?}; did you mean `{near}`?"),
        None => format!("there is no unit {unit:?}, there are {}", UNITS.join(", ")),
    })
}

fn number(value: &Dynamic) -> Result<Value, String> {
    if let Ok(number) = value.as_int() {
        return Ok(json!(number));
    }
    match value.as_float() {
        Ok(number) if number.abs() <= 2_f64.powi(MAX_EXPONENT) => Ok(json!(number)),
        Ok(number) => Err(format!("the value is {number}, which CloudWatch cannot count")),
        Err(found) => Err(format!("the value is a number, not a {found}")),
    }
}

fn dimension(name: &str, value: &Dynamic) -> Result<String, String> {
    let text = match value.as_immutable_string_ref() {
        Ok(text) => text.to_string(),
        Err(_) if value.is_int() || value.is_bool() => value.to_string(),
        Err(found) => return Err(format!("the dimension `{name}` takes a string, not a {found}")),
    };
    check_text(&format!("the value of the dimension `{name}`"), &text, MAX_DIMENSION_VALUE)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use rhai::{Dynamic, Engine, Map};
    use serde_json::json;

    use super::Metric;

    fn line(
        name: &str,
        value: Dynamic,
        unit: &str,
        dimensions: &str,
        options: &str,
    ) -> Result<serde_json::Value, String> {
        let map = |script: &str| Engine::new().eval::<Map>(script).unwrap();
        let (dimensions, options) = (&map(dimensions), &map(options));
        Metric { name, value: &value, unit, dimensions, options }
            .to_json(Some("Shop"), Some("id-1"))
    }

    #[test]
    fn a_line_is_as_the_specification_says() {
        let options = "#{ resolution: 1, properties: #{ order: 17 } }";
        let mut line =
            line("Latency", 12.5.into(), "Milliseconds", "#{ b: \"x\", a: 7 }", options).unwrap();
        let timestamp = line["_aws"]["Timestamp"].take();
        assert!(timestamp.as_u64().unwrap() > 1_700_000_000_000);
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": null,
                    "CloudWatchMetrics": [{
                        "Namespace": "Shop",
                        "Dimensions": [["a", "b"]],
                        "Metrics": [
                            { "Name": "Latency", "Unit": "Milliseconds", "StorageResolution": 1 }
                        ],
                    }],
                },
                "Latency": 12.5,
                "a": "7",
                "b": "x",
                "order": 17,
                "requestId": "id-1",
            })
        );
    }

    #[test]
    fn what_cloudwatch_would_drop_is_refused() {
        let thirty_one: String = (0..31).map(|n| format!("d{n}: 1,")).collect();
        for (name, value, unit, dimensions, options, expected) in [
            ("", 1.0, "None", "#{}", "#{}", "is empty"),
            ("é", 1.0, "None", "#{}", "#{}", "beyond printable ASCII"),
            (&"x".repeat(256), 1.0, "None", "#{}", "#{}", "has 256 bytes"),
            (":x", 1.0, "None", "#{}", "#{}", "colon"),
            ("x", f64::NAN, "None", "#{}", "#{}", "NaN"),
            ("x", f64::INFINITY, "None", "#{}", "#{}", "inf"),
            ("x", -1e300, "None", "#{}", "#{}", "cannot count"),
            ("x", 1.0, "milliseconds", "#{}", "#{}", "did you mean `Milliseconds`?"),
            ("x", 1.0, "Apples", "#{}", "#{}", "there are None, Count"),
            ("x", 1.0, "None", &format!("#{{ {thirty_one} }}"), "#{}", "31 dimensions"),
            ("x", 1.0, "None", "#{ x: 1 }", "#{}", "stands for two"),
            ("x", 1.0, "None", "#{ a: () }", "#{}", "`a` takes a string"),
            ("x", 1.0, "None", "#{ a: \"\" }", "#{}", "dimension `a` is empty"),
            ("x", 1.0, "None", "#{ requestId: 1 }", "#{}", "format itself"),
            ("_aws", 1.0, "None", "#{}", "#{}", "format itself"),
            ("x", 1.0, "None", "#{}", "#{ properties: #{ x: 1 } }", "stands for two"),
            ("x", 1.0, "None", "#{}", "#{ properties: #{ _aws: 1 } }", "format itself"),
            ("x", 1.0, "None", "#{}", "#{ properties: 1 }", "takes a map"),
            ("x", 1.0, "None", "#{}", "#{ namespace: \"AWS/X\" }", "AWS's own"),
            ("x", 1.0, "None", "#{}", "#{ namspace: \"X\" }", "did you mean `namespace`?"),
            ("x", 1.0, "None", "#{}", "#{ resolution: 5 }", "takes 1 or 60"),
        ] {
            let error = line(name, value.into(), unit, dimensions, options).unwrap_err();
            assert!(error.contains(expected), "{name} {dimensions} {options}: {error}");
        }
    }
}
