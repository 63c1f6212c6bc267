//! `rhai-lambda package`: what the zip holds, that it is always the same, and what is refused.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::layer::archive::{self, Entry};
use crate::process::Process;
use crate::rie::Emulator;
use crate::tools::{self, Tool};

/// 1980-01-01 00:00, the first moment that a zip can say.
const EPOCH: u32 = 0x0021_0000;

const SCRIPT: &str = "import \"lib/words\" as words;\n\nfn handler(event) { words::greet(event) + fs::read_text(\"data/mark.txt\") }\n";

/// A function with all that may lie about in its folder.
fn function() -> Desk {
    Desk::with(SCRIPT)
        .file("lib/words.rhai", "fn greet(name) { \"Hello \" + name }\n")
        .file("lib/words_test.rhai", "fn test_greet() { }\n")
        .file("lib/event.json", "{}")
        .file("data/mark.txt", "!")
        .program("data/tool", "exit 0")
        .file("event.json", "\"Ada\"")
        .file("expected.json", "\"Hello Ada!\"")
        .file("rhai-lambda.toml", "timeout = 20\n")
        .file("README.md", "# Greets\n")
        .file("template.yaml", "")
        .file("env.d.rhai", "module static;\n")
        .file(".env", "SECRET=1\n")
        .file(".git/config", "")
        .file("target/x", "")
        .file("old.zip", "PK")
}

fn names(zip: &Path) -> Vec<String> {
    archive::entries(zip).into_iter().map(|entry| entry.name).collect()
}

/// Packs and tells the names in the zip.
fn packed(desk: &Desk, arguments: &[&str]) -> Vec<String> {
    let exit = desk.run(&[&["package"], arguments].concat());
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    names(&desk.folder.path().join("function.zip"))
}

/// What is said of a function that is not packed.
fn refused(desk: &Desk, arguments: &[&str]) -> String {
    let exit = desk.run(&[&["package"], arguments].concat());
    assert_eq!((exit.status.code(), exit.stdout.as_str()), (Some(1), ""), "{exit:?}");
    assert!(!desk.folder.path().join("function.zip").exists());
    exit.stderr
}

#[test]
fn the_zip_holds_scripts_and_data_and_nothing_else() {
    let desk = function();
    // A second time: the zip in the folder is none of its files.
    for _ in 0..2 {
        let exit = desk.run(&["package"]);
        assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(0), ""), "{exit:?}");
        assert!(exit.stdout.ends_with("wrote `function.zip`\n"), "{}", exit.stdout);
        let expected = [
            ("data/mark.txt", 0o644, 1),
            ("data/tool", 0o755, 0),
            ("function.rhai", 0o644, SCRIPT.len() as u32),
            ("lib/event.json", 0o644, 2),
            ("lib/words.rhai", 0o644, 35),
        ];
        let mut found = archive::entries(&desk.folder.path().join("function.zip"));
        found[1].size = 0;
        let expected = expected.map(|(name, mode, size)| Entry {
            name: name.to_owned(),
            mode,
            size,
            changed: EPOCH,
        });
        assert_eq!(found, expected);
    }
    let left: Vec<_> = std::fs::read_dir(desk.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 14, "no unfinished file stays behind: {left:?}");
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let (one, other) = (function(), function());
    let file = other.folder.path().join("function.rhai");
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::open(&file).unwrap().set_modified(past).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(one.run(&["package"]).status.code(), Some(0));
    let command = "umask 077; exec \"$0\" package -o - . > out.zip";
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).arg(tools::rhai_lambda()).current_dir(other.folder.path());
    let exit = Process::spawn(&mut shell).wait();
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert!(exit.stderr.contains("in all"), "the report is beside the zip: {exit:?}");
    let read = |desk: &Desk, name| std::fs::read(desk.folder.path().join(name)).unwrap();
    assert!(read(&one, "function.zip") == read(&other, "out.zip"), "the bytes differ");
}

#[test]
fn what_is_ignored_follows_gits_rules() {
    let desk = function()
        .file("a/keep.txt", "")
        .file("a/b/drop.txt", "")
        .file("a/b/keep.log", "")
        .file("notes/x.txt", "")
        .file(".lambdaignore", "# ours\n*.txt\n!keep.txt\n!mark.txt\n/notes/\n!.env\n!README.md\n")
        .file("a/b/.lambdaignore", "*.log\n!drop.txt\n");
    let expected = [
        ".env",
        "README.md",
        "a/b/drop.txt",
        "a/keep.txt",
        "data/mark.txt",
        "data/tool",
        "function.rhai",
        "lib/event.json",
        "lib/words.rhai",
    ];
    assert_eq!(packed(&desk, &[]), expected);
    let all = packed(&desk, &["--all"]);
    for name in ["event.json", "lib/words_test.rhai", "old.zip", "target/x", "rhai-lambda.toml"] {
        assert!(all.contains(&name.to_owned()), "{name}: {all:?}");
    }
    for name in ["function.zip", ".git/config", ".lambdaignore", "notes/x.txt"] {
        assert!(!all.contains(&name.to_owned()), "{name}: {all:?}");
    }
}

#[test]
fn links_within_the_folder_become_files() {
    let desk = function();
    let at = |name: &str| desk.folder.path().join(name);
    symlink("lib/words.rhai", at("alias.rhai")).unwrap();
    symlink("lib", at("library")).unwrap();
    let expected = [
        "alias.rhai",
        "data/mark.txt",
        "data/tool",
        "function.rhai",
        "lib/event.json",
        "lib/words.rhai",
        "library/event.json",
        "library/words.rhai",
    ];
    assert_eq!(packed(&desk, &[]), expected);
}

#[test]
fn what_does_not_belong_in_a_zip_is_refused_all_at_once() {
    let desk = function().file("deep/x", "");
    let at = |name: &str| desk.folder.path().join(name);
    symlink("/etc", at("etc")).unwrap();
    symlink("/etc/passwd", at("data/users")).unwrap();
    symlink("gone", at("data/gone")).unwrap();
    symlink("..", at("deep/up")).unwrap();
    let made = Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(made.success());
    let hint = "hint: put a copy in its place, or name it in `.lambdaignore`\n";
    let said = refused(&desk, &[]);
    for expected in [
        format!("error: `etc` is a link that leads out of the folder, to `/etc`\n{hint}"),
        format!(
            "error: `data/users` is a link that leads out of the folder, to `/etc/passwd`\n{hint}"
        ),
        format!("error: `data/gone` is a link that leads nowhere\n{hint}"),
        "error: `deep/up` is a link to a folder that it is in\n".to_owned(),
        format!("error: `pipe` is a pipe, no file\n{hint}"),
    ] {
        assert!(said.contains(&expected), "{expected}in:\n{said}");
    }
    // What is left out may be anything.
    let desk = desk.file(".lambdaignore", "etc\nusers\ngone\n/pipe\ndeep/\n");
    assert_eq!(packed(&desk, &[]).len(), 5);
}

#[test]
fn a_function_that_cannot_run_is_refused() {
    let desk = function().file("lib/broken.rhai", "fn f() {\n    let = 1;\n}\n");
    let said = refused(&desk, &[]);
    assert!(said.contains("--> lib/broken.rhai:2:9\n"), "{said}");
    assert!(said.contains("2 |     let = 1;\n  |         ^\n"), "{said}");
    let desk = function().file("lib/words.rhai", "fn greet(name) { hallo(name) }\n");
    assert!(refused(&desk, &[]).contains("error[unknown-function]: "), "as `check` says it");
    let desk = function().file(".lambdaignore", "function.*\n");
    let expected = "error: the script of the handler, `function.rhai`, is left out by `function.*` in \
                    `.lambdaignore`\n";
    assert_eq!(refused(&desk, &[]), expected);
    let desk = function().file(".lambdaignore", "a{b\n");
    assert!(refused(&desk, &[]).contains(".lambdaignore`: "), "a pattern that is none");
}

#[test]
fn what_is_most_likely_not_meant_is_a_warning() {
    let desk = function().file("Lib/words.rhai", "").file(".lambdaignore", "/lib/\ndata/*.txt\n");
    let exit = desk.run(&["package"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let expected = "\
warning: `function.rhai` names `data/mark.txt`, which is left out by `data/*.txt` in `.lambdaignore`
warning: `function.rhai` names `lib/words.rhai`, which is left out by `/lib/` in `.lambdaignore`
";
    assert_eq!(exit.stderr, expected);
    let desk = function().file("Lib/Words.rhai", "");
    let exit = desk.run(&["package"]);
    assert!(
        exit.stderr.contains("`Lib/Words.rhai` and `lib/words.rhai` differ by case"),
        "{exit:?}"
    );
}

#[test]
fn lambdas_limits_are_kept() {
    // Without blocks on disk: only the sizes are looked at before the limit is.
    let desk = function().file("data/large.bin", "");
    let large = desk.folder.path().join("data/large.bin");
    let file = std::fs::File::options().write(true).open(&large).unwrap();
    file.set_len(251 << 20).unwrap();
    let said = refused(&desk, &[]);
    assert!(said.starts_with("error: what is unzipped has 263,"), "{said}");
    assert!(
        said.contains("Lambda takes 250 MB\nhint: leave files out by `.lambdaignore`"),
        "{said}"
    );
}

#[test]
fn the_report_is_a_table_or_json() {
    let desk = function();
    let exit = desk.run(&["package", "--list"]);
    assert!(!desk.folder.path().join("function.zip").exists(), "{exit:?}");
    let lines: Vec<&str> = exit.stdout.lines().collect();
    assert_eq!(lines[0], "           size          zipped  file");
    assert!(lines[3].ends_with("  function.rhai"), "{}", exit.stdout);
    assert!(
        lines[6].ends_with("  in all") && lines[7].ends_with("  Lambda's limits"),
        "{}",
        exit.stdout
    );
    assert!(lines[7].starts_with("0.0 % of 250 MB  0.0 % of 50 MB  Lambda"), "{}", lines[7]);
    for expected in [
        "  .env  (by `.*`, a rule that `--all` lifts)",
        "  target/  (by `/target/`, a rule that `--all` lifts)",
    ] {
        assert!(lines.contains(&expected), "{}", exit.stdout);
    }
    let desk = desk.file(".lambdaignore", "/lib/event.json\n");
    let exit = desk.run(&["package", "--json"]);
    let found: Value = serde_json::from_str(&exit.stdout).unwrap();
    let zip = desk.folder.path().join("function.zip");
    assert_eq!(found["file"], "function.zip");
    assert_eq!(found["size"], std::fs::metadata(&zip).unwrap().len());
    assert_eq!(found["limits"], json!({ "size": 52_428_800, "unzipped": 262_144_000 }));
    assert_eq!(found["files"][2]["name"], "function.rhai");
    assert_eq!(found["files"][2]["size"], SCRIPT.len());
    let out = found["leftOut"].as_array().unwrap();
    let ignored = out.iter().find(|out| out["name"] == "lib/event.json").unwrap();
    assert_eq!(ignored["pattern"], "/lib/event.json");
    let digest = Command::new("sh")
        .args(["-c", "sha256sum function.zip | cut -c1-64"])
        .current_dir(desk.folder.path())
        .output()
        .unwrap();
    let hex = String::from_utf8(digest.stdout).unwrap();
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    use base64::Engine as _;
    let expected = base64::engine::general_purpose::STANDARD.encode(bytes);
    assert_eq!(found["codeSha256"], expected, "as Lambda shows it");
}

#[test]
fn what_was_packed_runs() {
    let desk = function();
    packed(&desk, &[]);
    let Some(rie) = tools::require(Tool::Rie, "a packed function under AWS's emulator") else {
        return;
    };
    let task = desk.folder.path().join("unpacked");
    // By Python's zipfile: not by the library that packed it.
    archive::unpack(&desk.folder.path().join("function.zip"), &task);
    let root = task.to_str().unwrap();
    let variables = [("LAMBDA_TASK_ROOT", root), ("AWS_LAMBDA_FUNCTION_TIMEOUT", "20")];
    let mut emulator = Emulator::start(&rie, "function.handler", &variables);
    assert_eq!(emulator.invoke(b"\"Ada\"").text(), "\"Hello Ada!\"");
    // And under ours, in a place of its own.
    assert_eq!(desk.result(&["unpacked", "-e", "event.json"]), "\"Hello Ada!\"\n");
}

#[test]
fn what_is_no_file_is_written_to_and_never_replaced() {
    let desk = function();
    let at = |name: &str| desk.folder.path().join(name);
    assert!(Command::new("mkfifo").arg(at("target/pipe")).status().unwrap().success());
    let mut reader = Command::new("cat")
        .arg(at("target/pipe"))
        .stdout(std::fs::File::create(at("read.zip")).unwrap())
        .spawn()
        .unwrap();
    let exit = desk.run(&["package", "-o", "target/pipe"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert!(!at("target/pipe").metadata().unwrap().is_file());
    assert!(reader.wait().unwrap().success());
    assert!(names(&at("read.zip")).contains(&"function.rhai".to_owned()));
    // What a link leads to is replaced, the link stays.
    std::fs::create_dir(at("target/zips")).unwrap();
    symlink("target/zips/real.zip", at("link.zip")).unwrap();
    std::fs::write(at("target/zips/real.zip"), "").unwrap();
    assert_eq!(desk.run(&["package", "-o", "link.zip"]).status.code(), Some(0));
    assert!(at("link.zip").is_symlink());
    assert!(!names(&at("target/zips/real.zip")).is_empty());
}

#[test]
fn wrong_use_gets_one_message() {
    let desk = Desk::new()
        .file("f/function.rhai", "fn handler(event) { event }")
        .file("empty/readme.txt", "")
        .file("important.rhai", "fn f() { }");
    for (arguments, expected) in [
        (
            &["package", "empty"][..],
            "error: folder `empty` has no `function.rhai`\nhint: put `fn handler(event) { … }` into that file\n",
        ),
        (&["package", "g"], "error: `g` does not exist\nhint: did you mean `f`?\n"),
        (
            &["package", "f", "-o", "important.rhai"],
            "error: `important.rhai` is there, and is no zip\n\
             hint: remove it first, or name another file by `-o`\n",
        ),
        (
            &["package", "f", "-o", "f"],
            "error: `f` is a folder\nhint: name a file: `-o f/function.zip`\n",
        ),
        (&["package", "f", "-o", "none/f.zip"], "error: `none` does not exist\n"),
        (
            &["package", "f", "-o", "-", "--json"],
            "error: the zip and the report cannot both go to standard output\n\
             hint: name a file: `-o function.zip`\n",
        ),
    ] {
        assert_eq!(desk.misuse(arguments), expected, "{arguments:?}");
    }
}
