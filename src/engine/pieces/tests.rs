//! Scripts in pieces mean to the letter what they mean as a whole.

use std::fs;
use std::path::Path;

use rhai::{AST, Engine, Module, ParseErrorType};

use super::{MIN_TEXT, compile, in_pieces};

mod tables;

/// A strict engine that knows the modules by name.
fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_strict_variables(true);
    engine.set_max_expr_depths(128, 128);
    for name in crate::modules::names() {
        engine.register_static_module(name, Module::new().into());
    }
    engine
}

/// All that is in a compiled script, places too.
fn content(ast: &AST) -> String {
    let mut functions: Vec<_> = ast
        .shared_lib()
        .iter_script_fn_info()
        .map(|(namespace, access, name, parameters, function)| {
            format!("{namespace:?} {access:?} {name}/{parameters} {function:#?}")
        })
        .collect();
    functions.sort();
    format!("{:#?}\n{}", ast.statements(), functions.join("\n"))
}

/// Whether the script is taken apart; then it has to be the same. Errors are for the whole.
fn is_apart(engine: &Engine, text: &str, size: usize) -> bool {
    let Some(pieces) = in_pieces(engine, text, size) else { return false };
    match engine.compile(text) {
        Ok(whole) => assert_eq!(content(&pieces), content(&whole), "{text}"),
        // With `metadata` Rhai refuses some comments, which `comments` takes from it.
        Err(error) if matches!(*error.0, ParseErrorType::WrongDocComment) => {}
        Err(error) => panic!("{error} in\n{text}"),
    }
    true
}

#[test]
fn ordinary_scripts_are_taken_apart() {
    let engine = engine();
    for text in [
        "fn a() { 1 }\nfn b(x) { a() + x }\nfn b(x, y) { b(x) }\nprivate fn c() { this }\n",
        "import \"lib/a\" as a;\nconst X = 1;\nfn f(x) {\n  a::g(x) + global::X\n}\nfn g() { f(1) }\n",
        "fn f() { 1 }\nimport \"b\" as b; import \"c\" as c;\n\nfn g() { 2 }",
        "// }\nfn a() { \"}\\\"\" + '}' + `}\\${ ${ `{${#{ a: \"}\" }.a}` }` } // }\n/* { /* */ ` */\nfn b() { #\"\"}\"# }\n",
        "fn int.twice() { this * 2 }\nfn \"x y\".once() { this }\nfn twice() { 2 }",
        "fn f(list, by) { list.map(|x| x * by) }\nfn g(list) { list.map(|x| x + 1) }\nlet y = 2;\n",
        "fn f(x) { x }\nfn g(list) { list.map(f) }\nfn h() { [1].map(g) + f }\n",
        "fn f(x) { x }\nfn g(x) { x }\nconst ROUTES = #{\n  f: f,\n  g: g };\nROUTES.f",
        "let a = 1;\r\nfn f() { 1 }\r\nfn g() { \"\"\"\" }\r\n",
        "import \"a\" as a;\nconst X = 1;\nconst Y = X;\n",
        "import \"a\" as a; import \"b\" as b; const X = 1;\n// c\nimport \"c\" as c;\n\nfn f() { a::x() + b::x() }\nfn g() {\n  c::x() }\n",
        "fn f() { 1 }\nfn g() { 2 }\nif f() > 1 { g() }\n",
        "/// one\nfn a() {}\n\n/** two\n * more */\nprivate fn b() {}\n// no `fn`\n/// three\nfn c() {}\n",
        "const A = 1;\nconst B = A + 1;\nlet c = B * A;\nconst D = #{ a: [A, B] };\nconst E = D.a;",
        "const A = time::now();\nconst B = A + 1;\nfn f() { global::B }\nfn g() {}\n",
        "const A = 1;\nconst F = |x| x * A;\nfn f() {}\nfn g() {}\n",
    ] {
        assert!(is_apart(&engine, text, 1), "{text}");
    }
}

#[test]
fn what_is_out_of_the_ordinary_is_left_to_rhai() {
    let engine = engine();
    for text in [
        // Errors.
        "fn a() { 1 }\nfn b() { x }\nfn c() { 1 }",
        "fn a() { 1 }\nfn b() { 2 }\nfn a() { 3 }\n",
        "fn a() { 1 }\nlet x = 5\nfn b() { 2 }\n",
        "fn a() { x::f() }\nimport \"x\" as x;\nfn b() { 1 }\n",
        "fn a() { later }\nfn b() { 1 }\nfn later() { 2 }\n",
        "fn a(list) { list.map(later) }\nlet x = later;\nfn later() { 2 }\nlet y = later;",
        "const A = 1;\nlet b = { A = 2; 3 };\n",
        "let a = 1;\nlet b = x;\n",
        "fn a() { 1 }\nfn b() { \"\n\" }\nfn c() { 1 }",
        "fn a() { 1 }\nfn b() { ` }",
        "fn a() { 1 )\nfn b() { 2 ]",
        // A function has the name of a variable that is captured.
        "fn f() { 1 }\nfn g() { 2 }\nfn h() { let f = 1; || f }\n",
        "fn a() { 1 }\nimport \"b\" as b;\nfn c() { b::x() }",
        // What would have other places, or is not certain.
        "fn a() { 1 } fn b() { 2 }\nfn c() { 3 }",
        "fn a() { 1 } let x = 1;\nfn c() { 3 }",
        "if true { 1 }\nfn a() { 2 }\nfn b() { 2 }",
        "fn a() { 1 }\n/* fn b() { 2 }\nfn c() { 2 }",
        "fn a() { 1 } // \r fn b() { 2 }\nfn c() { 2 }\n",
        "",
        "1",
    ] {
        assert!(!is_apart(&engine, text, 1), "{text}");
    }
}

#[test]
fn declarations_are_known_in_later_pieces() {
    let engine = engine();
    let mut text: String =
        (1..200).map(|at| format!("const A{at} = A{} + {at};\n", at / 2)).collect();
    text.insert_str(0, "const A0 = 1;\n");
    for size in [1, 7, 64] {
        assert!(is_apart(&engine, &text, size));
    }
    let twice = format!("{text}const A0 = 2;\nlet x = A0;\n");
    // Then they are one piece, beside the functions.
    assert!(is_apart(&engine, &format!("{twice}fn f() {{ 1 }}\n"), 7));
}

#[test]
fn short_scripts_are_left_alone() {
    let functions = |count: usize| -> String {
        (0..count).map(|at| format!("fn f{at}(x) {{\n    x + {at}\n}}\n")).collect()
    };
    let engine = engine();
    let (short, long) = (functions(50), functions(1000));
    assert!(short.len() < MIN_TEXT && MIN_TEXT < long.len());
    assert!(compile(&engine, &short).is_none());
    assert!(compile(&engine, &long).is_some());
    assert!(is_apart(&engine, &long, 32));
}

#[test]
fn every_script_of_the_repository_means_the_same() {
    fn visit(folder: &Path, engine: &Engine, apart: &mut usize) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, engine, apart);
            } else if path.extension().is_some_and(|extension| extension == "rhai")
                && let Ok(text) = fs::read_to_string(&path)
            {
                *apart += usize::from(is_apart(engine, &text, 1));
            }
        }
    }
    let mut apart = 0;
    for folder in ["examples", "tests", "benches/workloads", "benches/peers", "src"] {
        visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &engine(), &mut apart);
    }
    assert!(apart > 60, "{apart} were taken apart");
}

#[test]
fn scripts_at_random_mean_the_same() {
    const PARTS: [&str; 40] = [
        "fn a() {",
        "fn b(x) {",
        "private fn c(x, y) {",
        "}\n",
        "}\n",
        "}\n",
        "}",
        "\n",
        "\n",
        " ",
        ";\n",
        ";\n",
        "let x = 1",
        "const Y = 2",
        "const Z = Y + 1",
        "import \"m\" as m",
        "m::f()",
        "x",
        "Y",
        "b",
        "a()",
        "\"s\"",
        "\"{\"",
        "'}'",
        "`",
        "`",
        "${",
        "\\",
        "#\"",
        "\"#",
        "// }\n",
        "/*",
        "*/",
        "#{ k: 1 }",
        "[1, 2]",
        "|x| x + Y",
        "(",
        ")",
        "1",
        "+",
    ];
    const WHOLE: [&str; 13] = [
        "fn d() { a() }\n",
        "fn e(x) {\n  `${x}`\n}\n",
        "let v = 3;\n",
        "const W = 4;\n",
        "// {\n",
        "fn g(l) { l.map(|i| i + 1) }\n",
        "import \"n\" as n;\n",
        "import \"o\" as o; ",
        "fn i() { o::f() }\n",
        "const U = W * 2;\n",
        "const V = |x| x + W;\n",
        "const R = #{ d: d, w: W };\n",
        "fn h(v) {\n  |v| v + d\n}\n",
    ];
    let engine = engine();
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut apart = 0;
    for _ in 0..60_000 {
        let mut text = String::new();
        for _ in 0..2 + random(6) {
            text += match random(4) {
                0 => PARTS[random(PARTS.len())],
                _ => WHOLE[random(WHOLE.len())],
            };
        }
        let size = 1 + random(2);
        apart += usize::from(is_apart(&engine, &text, size));
    }
    assert!(apart > 1_000, "{apart} were taken apart");
}
