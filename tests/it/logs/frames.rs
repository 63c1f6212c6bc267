//! The descriptor on which Lambda takes framed records: `_LAMBDA_TELEMETRY_LOG_FD`.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::process::Process;
use crate::runtime_api::{Answer, RuntimeApi};
use crate::session::Function;

pub struct Frame {
    pub kind: u32,
    micros: u64,
    pub message: String,
}

/// Big-endian `type u32 | length u32 | unix microseconds u64 | message`.
fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        assert!(bytes.len() >= 16, "{} bytes are left over", bytes.len());
        let kind = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        let length = u32::from_be_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let micros = u64::from_be_bytes(bytes[8..16].try_into().unwrap());
        let message = String::from_utf8(bytes[16..16 + length].to_vec()).unwrap();
        frames.push(Frame { kind, micros, message });
        bytes = &bytes[16 + length..];
    }
    frames
}

const SCRIPT: &str = r#"
fn handler(event) {
    if event == "fail" { throw "failed"; }
    log::trace("t");
    log::dbg("d");
    log::info("two\nlines");
    log::warn("w");
    log::error("e", #{ n: 1 });
    log::fatal("f");
    event
}
"#;

/// Runs two events with descriptor 9 open on a file; returns its frames and standard error.
pub fn run(function: Function) -> (Vec<Frame>, String) {
    let file = function.root().join("telemetry.bin");
    let api = RuntimeApi::start();
    api.next(Answer::event("a", "1"));
    api.next(Answer::event("b", "\"fail\""));
    let function = function.env("_LAMBDA_TELEMETRY_LOG_FD", "9");
    let mut process = Process::spawn(&mut in_shell(&function, &api.address(), &file));
    let answered = api.wait_for(crate::process::PATIENCE, |request| request.path.contains("/b/"));
    assert!(answered.is_some(), "{}", process.stderr());
    assert!(process.is_running());
    process.signal("KILL");
    let exit = process.wait();
    (frames(&std::fs::read(&file).unwrap()), exit.stderr)
}

/// `bootstrap` through a shell, which opens the descriptor that std cannot hand over.
fn in_shell(function: &Function, address: &str, file: &Path) -> Command {
    let direct = function.command(Some(address));
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "exec \"$0\" 9>>\"$1\""]).arg(direct.get_program()).arg(file).env_clear();
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

#[test]
fn records_are_framed_with_their_level() {
    for (format, text_bit, count) in [("JSON", 0, 5), ("Text", 1, 6)] {
        let function = Function::new(SCRIPT).env("AWS_LAMBDA_LOG_FORMAT", format);
        let (frames, stderr) = run(function);
        assert_eq!(stderr, "", "{format}: nothing goes past the descriptor");
        let level = |level: u32| 0xA55A_0000 | level | text_bit;
        let mut expected = vec![level(0x0E), level(0x12), level(0x16), level(0x1A), level(0x16)];
        if text_bit == 1 {
            expected.insert(0, level(0x0A));
        }
        let kinds: Vec<u32> = frames.iter().map(|frame| frame.kind).collect();
        assert_eq!(kinds, expected, "{format}");
        assert_eq!(frames.len(), count);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        for frame in &frames {
            let age = now.checked_sub(frame.micros).expect("not from the future");
            assert!(age < 60_000_000, "{age} µs old: {}", frame.message);
        }
        let last = &frames[count - 1].message;
        assert!(last.contains("Error: failed") && last.contains("at handler"), "{last}");
    }
}

#[test]
fn a_framed_record_may_span_lines_or_not_but_is_one() {
    let function = Function::new(SCRIPT).env("AWS_LAMBDA_LOG_FORMAT", "JSON");
    let (frames, _) = run(function);
    let value: serde_json::Value = serde_json::from_str(&frames[0].message).unwrap();
    assert_eq!(value["message"], "two\nlines");
    assert_eq!(value["requestId"], "a");
}

#[test]
fn a_descriptor_that_is_not_open_falls_back_to_standard_error() {
    for fd in ["87", "-1", "x", "99999999999"] {
        let mut session = Function::new(SCRIPT).env("_LAMBDA_TELEMETRY_LOG_FD", fd).start();
        assert_eq!(session.invoke("1").text(), "1", "{fd}");
        session.process.wait_for_stderr("line", |log| log.contains("\tWARN\tw"));
    }
}
