//! Golden cases: `event.json` and what must come of it.

use crate::desk::Desk;

const FUNCTION: &str = "fn handler(event) {\n    \
    if event.id == () { throw #{ errorType: \"BadOrder\", errorMessage: \"id is missing\" }; }\n    \
    #{ id: event.id, items: [\"tea\", \"milk\", \"a rather long name of an item to buy\"] }\n}\n";

fn desk() -> Desk {
    Desk::with(FUNCTION)
        .file("event.json", "{\"id\": 1}")
        .file("cases/missing/event.json", "{}")
        .file("cases/missing/expected_error.json", "{\"errorType\": \"BadOrder\"}")
}

fn text(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.folder.path().join(name)).unwrap()
}

#[test]
fn a_result_must_be_the_expected_one() {
    let desk = desk().file(
        "expected.json",
        "{\"items\": [\"tea\", \"milk\", \"a rather long name of an item to buy\"], \"id\": 1}",
    );
    let passed = "pass event.json # ms\npass cases/missing # ms\n\n2 passed, # s\n";
    assert_eq!(desk.test(0, &[]), passed);
    let desk = desk.file("expected.json", "{\"id\": 1, \"items\": [\"tea\", \"milk\"]}");
    let said = desk.test(1, &["--", "event"]);
    let drawing = "FAIL event.json\n\
                   error[AssertionError]: the result is not that of `expected.json`\n  \
                   - expected + found\n      \
                   \"id\": 1,\n      \
                   \"items\": [\n        \
                   \"tea\",\n  \
                   -     \"milk\"\n  \
                   +     \"milk\",\n  \
                   +     \"a rather long name of an item to buy\"\n      \
                   ]\n    \
                   }\n";
    assert!(said.contains(drawing), "{said}");
}

#[test]
fn an_update_takes_what_comes_as_expected() {
    let desk = desk().file("expected.json", "1").file("cases/new/event.json", "{\"id\": 2}");
    let said = desk.test(1, &["--", "new"]);
    assert!(said.contains("there is no `expected.json` beside `event.json`\nhint: `--update`"));
    let said = desk.test(0, &["--update"]);
    assert!(said.contains("pass event.json # ms wrote `expected.json`\n"), "{said}");
    assert!(said.contains("pass cases/missing # ms\n"), "{said}");
    let expected = "{\n  \"id\": 1,\n  \"items\": [\n    \"tea\",\n    \"milk\",\n    \"a rather long \
                    name of an item to buy\"\n  ]\n}\n";
    assert_eq!(text(&desk, "expected.json"), expected);
    assert_eq!(text(&desk, "cases/new/expected.json"), expected.replace("1", "2"));
    // What matched stays as it was written.
    assert_eq!(text(&desk, "cases/missing/expected_error.json"), "{\"errorType\": \"BadOrder\"}");
    assert!(desk.test(0, &[]).ends_with("\n3 passed, # s\n"));
}

#[test]
fn an_error_is_expected_only_where_it_says_so() {
    let desk = desk().file("expected.json", "1").file("event.json", "{}");
    let said = desk.test(1, &["--", "event.json"]);
    assert!(said.contains("error[BadOrder]: id is missing\n --> function.rhai:2:"), "{said}");
    // An update does not make it so either.
    desk.test(1, &["--update", "--", "event.json"]);
    assert_eq!(text(&desk, "expected.json"), "1");
    let desk = desk
        .file("cases/missing/expected_error.json", "{\"errorMessage\": \"other\"}")
        .file("cases/fine/event.json", "{\"id\": 1}")
        .file("cases/fine/expected_error.json", "{}")
        .file("cases/both/event.json", "1")
        .file("cases/both/expected.json", "1")
        .file("cases/both/expected_error.json", "{}")
        .file("cases/odd/event.json", "{\"id\": 1}")
        .file("cases/odd/expected.json", "{");
    let said = desk.test(1, &["--", "cases"]);
    for text in [
        "FAIL cases/both\nerror[AssertionError]: there are both `expected.json` and ",
        "FAIL cases/fine\nerror[AssertionError]: the function returned {\"id\":1",
        "FAIL cases/odd\nerror[AssertionError]: `expected.json` is not JSON: ",
        "-   \"errorMessage\": \"other\"\n  +   \"errorMessage\": \"id is missing\"\n",
    ] {
        assert!(said.contains(text), "no `{text}` in:\n{said}");
    }
}
