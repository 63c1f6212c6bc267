//! `rhai-lambda doctor`: what it finds, in which folder, zip and environment, and how it says so.

use std::io::{Cursor, Write as _};
use std::process::Command;

use serde_json::Value;

use crate::desk::Desk;
use crate::process::{Exit, Process};

/// The command where nothing of the developer's own AWS settings is seen.
fn command(desk: &Desk, arguments: &[&str]) -> Command {
    let mut command = desk.command(&[&["doctor"], arguments].concat());
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("RHAI_LAMBDA_") {
            command.env_remove(name);
        }
    }
    command.env("HOME", desk.folder.path());
    command
}

fn doctor(desk: &Desk, arguments: &[&str]) -> Exit {
    Process::spawn(&mut command(desk, arguments)).wait()
}

/// The findings on the target alone, as `level: message`.
fn findings(desk: &Desk, target: &str) -> Vec<String> {
    let exit = doctor(desk, &[target, "--json"]);
    let found: Value = serde_json::from_str(&exit.stdout).unwrap();
    let mut errors = false;
    let mut lines = Vec::new();
    for finding in found["findings"].as_array().unwrap() {
        errors |= finding["level"] == "error";
        if finding["about"] != "this machine" {
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            lines.push(format!("{}: {}", text("level"), text("message")));
        }
    }
    assert_eq!(found["ok"], !errors, "{found}");
    assert_eq!(exit.status.code(), Some(i32::from(errors)), "{exit:?}");
    lines
}

fn has(found: &[String], line: &str) {
    assert!(found.iter().any(|found| found.starts_with(line)), "no `{line}` in {found:#?}");
}

#[test]
fn a_healthy_function_is_told_so() {
    let desk = Desk::with("fn handler(event) { event }")
        .file("event.json", "{}")
        .file("rhai-lambda.toml", "timeout = 9\n");
    let exit = doctor(&desk, &[]);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(0), ""), "{exit:?}");
    let (machine, function) = exit.stdout.split_once("the function of this folder\n").unwrap();
    assert!(machine.starts_with("this machine\n  ok       rhai-lambda "), "{machine}");
    let expected = "  ok       the handler is `function.handler`
  ok       `rhai-lambda.toml` is readable: 9 s, 128 MB
  ok       `rhai-lambda check` finds nothing in 1 script
  ok       1 file would be packed: 27 bytes
  ok       `event.json` is JSON
";
    assert_eq!(function, expected);
    // Without a function there is only the machine.
    let exit = doctor(&Desk::new(), &[]);
    assert_eq!(exit.stdout.lines().filter(|line| !line.starts_with(' ')).count(), 1, "{exit:?}");
}

#[test]
fn what_is_wrong_with_a_folder_is_told_all_at_once() {
    let settings =
        "[environment]\nAWS_REGION = 'x'\nLONG = '".to_owned() + &"x".repeat(4096) + "'\n";
    let desk = Desk::new()
        .file("f/function.rhai", "fn handler(event) { fs::read_text(\"data.txt\") }")
        .file("f/lib.rhai", "fn f() {\n    let = 1;\n}\n")
        .file("f/data.txt", "")
        .file("f/.lambdaignore", "*.txt\n")
        .file("f/event.json", "{x}")
        .file("f/bootstrap", "")
        .file("f/rhai-lambda.toml", settings);
    std::os::unix::fs::symlink("/etc/hostname", desk.folder.path().join("f/host")).unwrap();
    let found = findings(&desk, "f");
    for line in [
        "error: `environment.AWS_REGION` in `rhai-lambda.toml` is reserved: Lambda sets it itself",
        "error: the environment in `rhai-lambda.toml` has 4,111 bytes, Lambda takes 4,096",
        "error: lib.rhai:2:9: ",
        "error: `host` is a link that leads out of the folder",
        "warning: `function.rhai` names `data.txt`, which is left out by `*.txt` in `.lambdaignore`",
        "error: `event.json` is not JSON: ",
        "warning: `bootstrap` would be started in place of the layer's",
    ] {
        has(&found, line);
    }
    let desk = desk.file("g/rhai-lambda.toml", "timout = 3\n").file("h/readme.txt", "");
    let misspelt = "error: `g/rhai-lambda.toml`, line 1 column 1: there is no setting `timout`";
    assert_eq!(findings(&desk, "g"), [misspelt]);
    assert_eq!(findings(&desk, "h"), ["error: folder `h` has no `function.rhai`"]);
    let exit = doctor(&desk, &["g"]);
    assert!(exit.stdout.contains("\n           hint: did you mean `timeout`?\n"), "{exit:?}");
}

/// An ELF file that a kernel would believe at first sight.
fn elf(machine: u16, interpreter: bool, text: &str) -> Vec<u8> {
    let mut bytes = vec![0; 120];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32] = 64;
    bytes[54] = 56;
    bytes[56] = 1;
    bytes[64] = if interpreter { 3 } else { 1 };
    bytes.extend(text.as_bytes());
    bytes
}

/// A zip of the files, each with its mode.
fn zip(desk: &Desk, name: &str, files: &[(&str, &[u8], u32)]) {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (file, content, mode) in files {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        writer.start_file(*file, options).unwrap();
        writer.write_all(content).unwrap();
    }
    desk.folder.write(name, writer.finish().unwrap().into_inner());
}

#[test]
fn a_layer_that_would_not_start_is_found_out() {
    let desk = Desk::new();
    let (x86, arm) = (elf(62, false, ""), elf(183, true, "\0GLIBC_2.17\0GLIBC_2.26\0"));
    zip(&desk, "good.zip", &[("bootstrap", &x86, 0o755), ("rhai/money.rhai", b"", 0o644)]);
    let expected = [
        "ok: `bootstrap` is at the root",
        "ok: `bootstrap` is executable",
        "ok: `bootstrap` is for x86_64",
        "ok: `bootstrap` is static: it starts on any of Lambda's images",
        "ok: shared scripts in `rhai/`: 1",
    ];
    assert_eq!(findings(&desk, "good.zip")[1..], expected);

    zip(&desk, "layer-x86_64.zip", &[("bootstrap", &arm, 0o755)]);
    let found = findings(&desk, "layer-x86_64.zip");
    has(&found, "warning: `bootstrap` is for arm64, and the zip's name says x86_64");
    has(&found, "ok: `bootstrap` needs glibc 2.26: all of Lambda's images have it");

    zip(&desk, "deep.zip", &[("layer/bootstrap", &x86, 0o755)]);
    has(&findings(&desk, "deep.zip"), "error: everything is in the folder `layer`: on Lambda");

    for (name, content, mode, line) in [
        ("mode.zip", &x86, 0o644, "error: `bootstrap` is not executable for everybody"),
        ("risc.zip", &elf(243, false, ""), 0o755, "error: `bootstrap` is for the machine 243"),
        (
            "new.zip",
            &elf(62, true, "GLIBC_2.39"),
            0o755,
            "error: `bootstrap` needs glibc 2.39, Lambda's",
        ),
        (
            "al2023.zip",
            &elf(62, true, "GLIBC_2.34"),
            0o755,
            "warning: `bootstrap` needs glibc 2.34: `provided.al2023`",
        ),
        (
            "mac.zip",
            &b"\xcf\xfa\xed\xfe".to_vec(),
            0o755,
            "error: `bootstrap` is no program of Linux",
        ),
        ("cut.zip", &x86[..30].to_vec(), 0o755, "error: `bootstrap` is cut off"),
        ("shell.zip", &b"#!/bin/sh\n".to_vec(), 0o755, "warning: `bootstrap` is a script"),
    ] {
        zip(&desk, name, &[("bootstrap", content, mode)]);
        has(&findings(&desk, name), line);
    }
    zip(&desk, "shared.zip", &[("rhai/a.rhai", b"", 0o644)]);
    has(&findings(&desk, "shared.zip"), "ok: there is no `bootstrap`: a layer of shared scripts");
    zip(&desk, "lost.zip", &[("bootstrap", &x86, 0o755), ("money.rhai", b"", 0o644)]);
    has(&findings(&desk, "lost.zip"), "warning: `money.rhai` cannot be imported: shared scripts");
    zip(&desk, "empty.zip", &[("readme.txt", b"", 0o644)]);
    has(&findings(&desk, "empty.zip"), "error: there is no `bootstrap` at the root");
    zip(&desk, "function.zip", &[("function.rhai", b"", 0o644), ("__MACOSX/x", b"", 0o644)]);
    let found = findings(&desk, "function.zip");
    has(&found, "ok: there is no `bootstrap`: a function's zip");
    has(&found, "warning: `__MACOSX/x` is of a Mac's file system");
    let desk = desk.file("not.zip", "PK but no zip");
    has(&findings(&desk, "not.zip"), "error: it cannot be read as a zip: ");
}

#[test]
fn the_machine_is_examined_and_no_secret_is_told() {
    let desk = Desk::new().file(".aws/config", "[default]\nregion=x\n[profile team]\n");
    let say = |variables: &[(&str, &str)]| {
        let mut command = command(&desk, &[]);
        command.envs(variables.iter().copied());
        let exit = Process::spawn(&mut command).wait();
        assert!(!exit.stdout.contains("hush"), "{exit:?}");
        (exit.status.code(), exit.stdout)
    };
    for (variables, status, line) in [
        (&[][..], 0, "ok       AWS credentials come from the profile `default`"),
        (&[("HOME", "/nowhere")], 0, "warning  there are no AWS credentials\n           hint: "),
        (&[("AWS_PROFILE", "team")], 0, "ok       AWS credentials come from the profile `team`"),
        (
            &[("AWS_PROFILE", "taem")],
            1,
            "error    `AWS_PROFILE` is `taem`, and there is no such profile",
        ),
        (
            &[("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "hush")],
            0,
            "ok       AWS credentials are in the environment",
        ),
        (
            &[("AWS_SECRET_ACCESS_KEY", "hush")],
            1,
            "error    `AWS_SECRET_ACCESS_KEY` is set and `AWS_ACCESS_KEY_ID` is not",
        ),
        (&[("AWS_REGION", "eu-west-3")], 0, "ok       functions see the region eu-west-3"),
        (&[("PATH", "/nowhere")], 0, "warning  the aws CLI is not in PATH"),
        (
            &[("RHAI_LAMBDA_MAX_MODULES", "7")],
            0,
            "ok       functions see `RHAI_LAMBDA_MAX_MODULES` of this shell",
        ),
        (&[("RHAI_LAMBDA_MAX_MODULES", "x")], 1, "error    "),
    ] {
        let (code, text) = say(variables);
        assert!(text.contains(&format!("  {line}")), "{variables:?}: no `{line}` in\n{text}");
        assert_eq!(code, Some(status), "{variables:?}: {text}");
    }
}

#[test]
fn wrong_use_gets_one_message() {
    let desk = Desk::new().file("layer.zip", "");
    let expected = "error: `laier.zip` does not exist\nhint: did you mean `layer.zip`?\n";
    assert_eq!(desk.misuse(&["doctor", "laier.zip"]), expected);
    assert_eq!(desk.misuse(&["doctor", "orders"]), "error: `orders` does not exist\n");
}
