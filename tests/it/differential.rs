//! Bytecode against the tree walker: the same results, errors and stack traces.

mod generator;
mod numbers;

use rhai_lambda::{Config, Context, Handler};

use crate::scratch::Scratch;
use generator::Generator;
use numbers::Numbers;

/// Programs that are generated; each is called with several events.
const PROGRAMS: u64 = 400;

/// What a handler answers, or the error with its type, message and stack.
fn outcomes(root: &Scratch, bytecode: &str, events: &[String]) -> Vec<String> {
    let variable = |name: &str| match name {
        "LAMBDA_TASK_ROOT" => root.path().to_str().map(str::to_owned),
        "_HANDLER" => Some("function.handler".to_owned()),
        "RHAI_LAMBDA_BYTECODE" => Some(bytecode.to_owned()),
        // That of the whole process, which runs other tests meanwhile.
        "RHAI_LAMBDA_MAX_MEMORY_MB" => Some("8192".to_owned()),
        "AWS_LAMBDA_LOG_LEVEL" => Some("FATAL".to_owned()),
        _ => None,
    };
    let config = Config::from_vars(&variable).unwrap();
    let told = |outcome: Result<Vec<u8>, rhai_lambda::Error>| match outcome {
        Ok(body) => String::from_utf8(body).unwrap(),
        Err(error) => error.to_json().to_string(),
    };
    let all = Handler::with_stack(&config, || {
        let handler = Handler::load(&config)?;
        let answer = |event: &String| {
            let answer = handler.invoke(event.as_bytes(), Context::default());
            told(answer.map(|answer| answer.body))
        };
        Ok(events.iter().map(answer).collect())
    });
    all.unwrap_or_else(|error| vec![told(Err(error))])
}

#[track_caller]
fn agree(root: &Scratch, events: &[String], what: &str) {
    let (walked, compiled) = (outcomes(root, "off", events), outcomes(root, "on", events));
    for (at, (walked, compiled)) in walked.iter().zip(&compiled).enumerate() {
        assert_eq!(
            walked, compiled,
            "walked on the left, compiled on the right, for the event {}\n{what}",
            events[at]
        );
    }
}

#[test]
fn generated_programs_mean_the_same() {
    for seed in 1..=PROGRAMS {
        let root = Scratch::new();
        let program = Generator::new(seed).program();
        root.write("function.rhai", &program);
        let events = ["0", "1", "7", "-3", "2.5", "\"abc\"", "[3, 1, 2]", "null", "true"];
        agree(&root, &events.map(str::to_owned), &program);
    }
}

#[test]
fn generated_loops_of_numbers_mean_the_same() {
    for seed in 1..=PROGRAMS {
        let root = Scratch::new();
        let program = Numbers::new(seed).program();
        root.write("function.rhai", &program);
        let events = [
            r#"{ "n": 5, "k": 3, "x": 1.5, "numbers": [1, -2, 3, 4],
                 "rows": [{ "count": 2, "in": { "price": 0.5 } }, { "count": 5, "in": { "price": 2.25 } }] }"#,
            r#"{ "n": 5, "k": 4, "x": 1.5, "numbers": [], "rows": [] }"#,
            r#"{ "n": 0, "k": -1, "x": -0.25, "numbers": [7], "rows": [{ "count": 1, "in": { "price": -1.5 } }] }"#,
            r#"{ "n": 200, "k": 9223372036854775807, "x": 1e308, "numbers": [1, 2.5, 3, 4],
                 "rows": [{ "count": 3, "in": { "price": 1e300 } }, { "count": 0, "in": { "price": 1 } }] }"#,
            r#"{ "n": 2.5, "k": 1, "x": 2, "numbers": ["a"], "rows": [{ "count": 1 }] }"#,
            r#"{ "n": "3", "k": [1], "x": null, "numbers": 3, "rows": { "count": 4 } }"#,
            r#"{ "n": 4 }"#,
        ];
        agree(&root, &events.map(str::to_owned), &program);
    }
}

#[test]
fn calls_nest_as_deep_in_the_machine() {
    let root = Scratch::new();
    let program = "fn down(n) {\n    if n == 0 { 0 } else { 1 + down(n - 1) }\n}\n\
        fn handler(event) { down(event) }\n";
    root.write("function.rhai", program);
    let events: Vec<String> = (120..135).map(|depth| depth.to_string()).collect();
    agree(&root, &events, program);
}
