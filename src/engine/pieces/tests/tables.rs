//! Tables in groups mean to the letter what they mean as a whole.

use super::{compile, engine, is_apart};

/// A table with these entries, long enough to be taken apart by pieces of two items.
fn table(entries: &str) -> String {
    format!("// {}\nconst T = #{{{entries}}};", "-".repeat(256))
}

#[test]
fn long_tables_are_taken_apart() {
    let entries: String = (0..1000)
        .map(|at| match at % 8 {
            0 => format!("\"sku-{at}\": {at}, "),
            1 => format!("key_{at}: -{at}, // }} one, two: \"3\"\n"),
            2 => format!("\n  \"a, }} {at}\": \"b, {{ \\\" {at}\" /* , }} */ ,"),
            3 => format!("`k,}}{at}`: `, }}\n`, \"ü{at}\": 'ü',\n"),
            4 => format!("#\"r\",{at}\"#: #\"}},\"#,"),
            5 => format!("n{at}: #{{ a: [1.5, #{{ }}, [{at}]],\n  b: (), }}, \"\"\"{at}\": true,"),
            6 => format!("c{at}: (1 + {at}) * 2,\n\n"),
            _ => format!("/* , */ t{at} : if true {{ {at} }} else {{ 0 }},\r\n"),
        })
        .collect();
    let engine = engine();
    let entries = entries.trim_end();
    let handler = "fn handler(event) {\n  global::T[event.sku]\n}\n";
    let comma = if entries.ends_with(',') { "" } else { "," };
    for text in [
        format!("export const T = #{{{entries}{comma} last: 1 }};\n{handler}"),
        format!(
            "import \"a\" as a;\n\n  let T /* #{{ */ = #{{\n{entries}\n}} ; // #{{\nconst X = 1;\n{handler}"
        ),
        format!(
            "{handler}const X = 1;const Y = X + 1;\nconst T = // #{{,\n#{{{entries}\n// }};\n}}\n;\n"
        ),
        format!(
            "const T = #{{{entries} k: 3 }};\nconst U = #{{{entries} }};\nconst Y = T.k + 1;\nconst Z = U.n5;\n{handler}"
        ),
    ] {
        // There is little else that would be reason to.
        assert!(compile(&engine, &text).is_some(), "{text}");
        for size in [1, 2, 32, 100] {
            assert!(is_apart(&engine, &text, size), "{text}");
        }
    }
    assert!(is_apart(&engine, &table("a: 1, b: 2, c: 3, d: 4,"), 1));
    assert!(is_apart(&engine, &table(""), 1));
}

#[test]
fn tables_out_of_the_ordinary_are_left_to_rhai() {
    let mut engine = engine();
    for entries in [
        "a: 1, b: 2, c: 3, a: 4",
        "a: 1, \"a\": 2",
        "a: 1, b: , c: 3",
        "a: 1, b, c: 3",
        "a: 1, b: 2,, c: 3",
        "a: 1,, b: 2, c: 3",
        "a: 1, b: 2, // c: 3,\n, d: 4",
        "a: 1, b: 2, c: 3 // ,\n d: 4",
        "a: 1 b: 2, c: 3",
        "a: 1, b: 2, c: 3,,",
        ", a: 1, b: 2, c: 3",
        "a: 1, b: x, c: 3",
        "a: 1, b: 2, `${1}`: 3",
        "a: 1, b: 2, c: [1, 2}",
        "a: 1, b: 2, if: 3",
        "a: 1, b: 2, c: 08x",
        "a: 1, b: 2 }; const U = #{ c: 3",
        // No errors, but no literals either.
        "a: 1, b: 2, c: `${1}`",
        "a: 1, b: 2, c: time::now()",
        "a: 1, b: 2, c: |x| x",
        "a: 1, b: #{ z: 1 } }.b ?? #{ c: 3, d: 4",
    ] {
        assert!(!is_apart(&engine, &table(entries), 1), "{entries}");
    }
    let entries = "a: 1, b: 2, c: 3, d: 4, e: 5";
    assert!(is_apart(&engine, &table(entries), 2));
    for text in [
        table(entries).replace("};", ");"),
        table(entries).replace("};", "}"),
        table(entries).replace("};", "}.a;"),
        table(entries).replace("};", "} + 1;"),
        table(entries).replace("= ", "= ["),
        table(entries).replace("= #", ""),
        table(entries).replace("const", "let y = 1; const"),
        table(entries).replace("const T", "T"),
        // What uses it has to be a literal as well.
        table(entries) + "\nlet x = T[time::now()];",
        table(entries) + "\nprint(T.a);",
    ] {
        assert!(!is_apart(&engine, &text, 2), "{text}");
    }
    engine.set_max_map_size(4);
    assert!(engine.compile(table(entries)).is_err() && !is_apart(&engine, &table(entries), 1));
}

#[test]
fn tables_at_random_mean_the_same() {
    const PARTS: [&str; 32] = [
        "a: 1",
        "b: -2",
        "\"c\": ()",
        "`d`: 'x'",
        "e: [1, 2]",
        "f: #{ a: 1, b: [2] }",
        "g: \"}, \"",
        "h: `},`",
        "#\",\"#: 1.5",
        "i: (1 + 2)",
        "j: true",
        "\"},\": \"\\\"\"",
        ",",
        ",",
        ",\n",
        ",",
        ",",
        " // }, \n",
        "/* , */",
        " ",
        "\n",
        "\"",
        "`",
        "}",
        "{",
        "[",
        ")",
        "${",
        "#",
        "k: x",
        "l: |x| x",
        "};",
    ];
    let engine = engine();
    let mut state = 11_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut apart = 0;
    for _ in 0..20_000 {
        let mut entries = String::new();
        for _ in 0..random(8) {
            match random(12) {
                0 => entries += PARTS[random(PARTS.len())],
                1 => entries += PARTS[17 + random(4)],
                _ => {
                    entries += PARTS[random(12)];
                    entries += PARTS[12 + random(5)];
                }
            }
        }
        apart += usize::from(is_apart(&engine, &table(&entries), 1));
    }
    assert!((5_000..15_000).contains(&apart), "{apart} were taken apart");
}
