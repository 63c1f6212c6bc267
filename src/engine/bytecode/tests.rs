//! What runs in the machine, and what is left to the walker. That both mean the same is shown by
//! `tests/it/differential.rs`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult, Scope};

use super::Kernels;
use super::insertion;
use super::selection;
use crate::config::{Config, Limits};
use crate::engine::Guard;

fn limits() -> Limits {
    Config::from_vars(&|_| None).unwrap().limits
}

/// The answers to all questions that a script asks while `handler(event)` runs, and what it returns.
fn run(script: &str, event: Dynamic) -> (Vec<bool>, Result<Dynamic, Box<EvalAltResult>>) {
    let limits = limits();
    let guard = Rc::new(Guard::new(limits.clone()));
    guard.start_invocation(Some(Duration::from_secs(20)));
    let kernels = Rc::new(Kernels::new(true, Rc::clone(&guard), &limits));
    let answers = Rc::new(RefCell::new(Vec::new()));
    let mut engine = Engine::new();
    engine.set_max_expr_depths(limits.max_expr_depth, limits.max_expr_depth);
    let (asked, told) = (Rc::clone(&kernels), Rc::clone(&answers));
    #[expect(deprecated, reason = "Rhai marks it so to say that it is volatile, not to remove it")]
    engine.on_var(move |name, _, context| {
        let answer = asked.answer(name, context);
        if name != super::RESULT {
            let answer = answer.as_ref().and_then(|answer| answer.as_bool().ok());
            told.borrow_mut().extend(answer);
        }
        Ok(answer)
    });
    let ast = engine.compile(script).unwrap();
    let ast = kernels.accelerate(&engine, ast, script);
    let result = engine.call_fn(&mut Scope::new(), &ast, "handler", (event,));
    (answers.take(), result)
}

/// The same for a script that fails in nothing.
#[track_caller]
fn answers(script: &str) -> (Vec<bool>, String) {
    let (answers, result) = run(script, 5_i64.into());
    (answers, result.unwrap().to_string())
}

#[test]
fn loops_and_functions_of_numbers_run_in_the_machine() {
    let yes = |script: &str| {
        let (answers, result) = answers(script);
        assert!(
            !answers.is_empty() && answers.iter().all(|answer| *answer),
            "{answers:?} {script}"
        );
        result
    };
    let sum =
        "fn handler(n) {\n  let sum = 0;\n  for i in 0..n {\n    sum += i;\n  }\n  `${sum}`\n}";
    assert_eq!(yes(sum), "10");
    let fib = "fn fib(n) {\n  if n < 2 { n } else { fib(n - 1) + fib(n - 2) }\n}\nfn handler(n) { fib(n) }";
    assert_eq!(yes(fib), "5");
    let nested = "fn handler(n) {\n  let all = [];\n  let x = 0.5;\n  while x < 100 {\n    \
        for (i, at) in 1..=n {\n      x += i * at;\n      if i == 4 { break; }\n    }\n  }\n  \
        all.push(x);\n  all\n}";
    assert_eq!(yes(nested), "[100.5]");
    let prime = "fn is_prime(n) {\n  for i in 2..n {\n    if n % i == 0 { return false; }\n  }\n  n > 1\n}\n\
        fn handler(n) {\n  let found = 0;\n  for i in 0..n * 20 {\n    if is_prime(i) { found += 1; }\n  }\n  `${found}`\n}";
    assert_eq!(yes(prime), "25");
    let mutual = "fn even(n) {\n  if n == 0 { return true; }\n  odd(n - 1)\n}\nfn odd(n) { if n == 0 { false } else { even(n - 1) } }\n\
        fn handler(n) {\n  let last = true;\n  loop {\n    last = even(n);\n    n -= 1;\n    if n < 3 { break; }\n  }\n  `${last}`\n}";
    assert_eq!(yes(mutual), "false");
    let outside = "const STEP = 3;\nfn handler(n) {\n  let event = #{ page: #{ size: n }, list: [1, 2] };\n  let sum = 0;\n  \
        for i in 0..event.page.size {\n    sum += event.list.len() * global::STEP;\n  }\n  `${sum}`\n}";
    assert_eq!(yes(outside), "30");
    let elements = "fn handler(n) {\n  let list = [3, 4]; let event = #{ items: [#{ count: 2, at: #{ price: 1.5 } }, #{ count: 3, at: #{ price: 2.0 } }] };\n  \
        let sum = 0.0;\n  for (item, i) in event.items {\n    sum += item.count * item.at.price + list[i];\n    for x in list {\n      sum += x;\n    }\n  }\n  `${sum}`\n}";
    assert_eq!(yes(elements), "30.0");
    let natives = "fn handler(n) {\n  let x = 0.0;\n  for i in 0..3 {\n    x += (i * 2).to_float().sqrt().floor() + max(n, i) + abs(-1.5);\n  }\n  `${x}`\n}";
    assert_eq!(yes(natives), "22.5");
}

#[test]
fn loops_of_all_functions_are_found() {
    let function = |number: usize| {
        format!(
            "fn f{number}(all) {{\n  let sum = 0;\n  for i in 0..{number} {{\n    sum += i;\n  }}\n  all.push(sum);\n  all\n}}\n"
        )
    };
    let functions: String = (0..20).map(function).collect();
    let calls: String = (0..20).map(|number| format!("  all = f{number}(all);\n")).collect();
    let (answers, _) =
        answers(&format!("{functions}fn handler(n) {{\n  let all = [];\n{calls}  all\n}}"));
    assert_eq!(answers, [true; 20]);
}

#[test]
fn long_loops_take_no_time_to_compile() {
    let body = "    sum += i * i + 1;\n".repeat(30_000);
    let script = format!(
        "fn handler(n) {{\n  let sum = [0][0];\n  for i in 0..1 {{\n{body}  }}\n  [sum]\n}}"
    );
    let (answers, result) = answers(&script);
    assert_eq!((&answers[..], &*result), (&[false][..], "[30000]"));
}

#[test]
fn what_is_no_loop_of_numbers_is_not_asked_about() {
    for body in [
        "let a = [];\n  for i in 0..n {\n    a.push(i);\n  }",
        "let s = \"\";\n  while s.len() < n {\n    s += \"x\";\n  }",
        "for i in [1, 2] {\n    n += i;\n  }",
        "for i in [1, n] {\n    n += i;\n  }",
        "for i in 0..n {\n    try { n /= i; } catch { }\n  }",
        "for i in 0..n {\n    if i > 2 { return i; }\n  }",
        "for i in 0..n {\n    if i > 2 { throw i; }\n  }",
        "let x = loop {\n    break n;\n  };",
        "for i in 0..n { n += 1; } let y = 1;",
        "let m = #{};\n  for i in 0..n {\n    m.x = i;\n  }",
        "print(n);",
        "kept = [1, 2].map(|x| {\n    for i in 0..3 {\n      x += i;\n    }\n    x\n  });",
    ] {
        let script = format!("fn handler(n) {{\n  let kept = [];\n  {body}\n  kept\n}}");
        assert_eq!(run(&script, 5_i64.into()).0, [false; 0], "{script}");
    }
}

#[test]
fn other_values_are_left_to_the_walker() {
    let script = "fn handler(n) {\n  let sum = n;\n  for i in 0..3 {\n    sum += n;\n  }\n  sum\n}";
    let outcome = |event: Dynamic| {
        let (answers, result) = run(script, event);
        (answers, result.map_or_else(|error| error.to_string(), |value| value.to_string()))
    };
    assert_eq!(outcome(2_i64.into()), (vec![true], "8".into()));
    assert_eq!(outcome(0.5_f64.into()), (vec![true], "2.0".into()));
    assert_eq!(outcome("ab".into()), (vec![false], "abababab".into()));
    let (answers, error) = outcome(i64::MAX.into());
    assert_eq!(answers, [false]);
    assert!(error.contains("overflow") && error.contains("line 4, position 9"), "{error}");
}

#[test]
fn elements_of_an_array_are_of_one_kind() {
    let sum =
        "fn sum(list) {\n  let sum = 0;\n  for item in list {\n    sum += item.n;\n  }\n  sum\n}\n";
    let calls = |lists: &str| {
        let script = format!(
            "{sum}fn handler(n) {{\n  let all = [];\n  for list in [{lists}] {{ all.push(sum(list)); }}\n  `${{all}}`\n}}"
        );
        answers(&script)
    };
    // Where there are no elements there is no kind to settle on.
    let (told, result) = calls("[], [#{ n: 1 }, #{ n: 2 }], [], [#{ n: 3 }]");
    assert_eq!((&told[..], &*result), (&[true; 4][..], "[0, 3, 0, 3]"));
    let (told, result) =
        calls("[#{ n: 1 }, #{ n: 2.5 }], [#{ n: 1 }, #{ m: 2, n: 3, }], [#{ n: 0.5 }]");
    assert_eq!((&told[..], &*result), (&[false, true, false][..], "[3.5, 4, 0.5]"));
    let (told, result) =
        run(&format!("{sum}fn handler(n) {{ sum([#{{ n: 1 }}, #{{ m: 1 }}]) }}"), 5_i64.into());
    assert_eq!(told, [false]);
    assert!(result.unwrap_err().to_string().contains("+ (i64, ())"));
}

#[test]
fn loops_that_fail_over_and_over_are_walked_in_the_end() {
    let script = "fn handler(n) {\n  let failed = 0;\n  for i in [1, 2, 3, 4, 5] {\n    try {\n      \
        for j in 0..3 {\n        n / j;\n      }\n    } catch {\n      failed += 1;\n    }\n  }\n  failed\n}";
    let (answers, result) = run(script, 5_i64.into());
    assert_eq!((answers.len(), result.unwrap().as_int()), (5, Ok(5)));
    assert!(!answers.contains(&true));
}

#[test]
fn calls_nest_as_deep_as_ever() {
    let script =
        "fn down(n) {\n  if n == 0 { 0 } else { 1 + down(n - 1) }\n}\nfn handler(n) { down(n) }";
    let deepest = limits().max_call_depth as i64;
    let outcome = |depth: i64| run(script, depth.into()).0;
    // The last call is one of them.
    assert_eq!(outcome(deepest - 1), [true]);
    assert!(!outcome(deepest)[0]);
}

#[test]
fn a_loop_without_end_is_stopped_at_the_deadline() {
    let limits = limits();
    let guard = Rc::new(Guard::new(limits.clone()));
    let mut machine = super::machine::Machine::default();
    let program = super::program::Program {
        chunks: vec![super::program::Chunk {
            code: vec![super::program::Instruction::Repeat(1, 0)],
            ..Default::default()
        }],
        inputs: Vec::new(),
        arrays: Vec::new(),
        items: Vec::new(),
        result: super::program::Kind::Unit,
    };
    guard.start_invocation(Some(Duration::from_millis(20)));
    assert!(machine.run(&program, &[], 8, &guard).is_none());
    assert!(guard.tripped().is_some());
}

#[test]
fn questions_move_nothing() {
    let engine = Engine::new();
    let text = "fn sum(n) { // {\n\tlet s = 0; /* for\n */ // ` \" '\n\tfor i in 0..n { // more\n\t\ts += i;\n\t} // }\n\ts\n}\n\
        fn other(n) {\n  let t = `a ${ if n > 1 { \"}\" } else { `b` } } for\n for`;\n  let q = '\"'; let r = #\"a \" \\\"#;\n  \
        let m = #{ a: `\\${ ü` };\n  while n < 9 {\n    n += 1;\n  }\n  for i in 0..n { n += i; }\n  [t, q, r, m, n]\n}\n";
    let ast = engine.compile(text).unwrap();
    let selection = selection::select(&ast).unwrap();
    let mut number = 0;
    let with = insertion::insert(text, selection.roots, |_| {
        number += 1;
        format!("q{number}")
    })
    .unwrap();
    let expected = text
        .replace("fn sum(n) {", "fn sum(n) { if q1 { return rhai_lambda_result; }")
        .replace("ü` };", "ü` }; if q2 {} else {")
        .replace("    n += 1;\n  }", "    n += 1;\n  } } if q3 {} else {")
        .replace("{ n += i; }", "{ n += i; } }");
    assert_eq!(with, expected);
}
