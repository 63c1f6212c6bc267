//! The walk in the README, typed in and compared with what it prints.
//!
//! In its ```` ```console ```` blocks a line that starts with `$ ` is typed, the lines up to the next
//! one are what comes. `…` stands for any text, alone on a line for any number of lines.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use regex_lite::Regex;

use crate::process::{PATIENCE, Process};
use crate::scratch::Scratch;
use crate::tools;

/// Where the walk is, and its port there.
const HEADING: &str = "\n## A walk\n";
const PORT: &str = "9000";

/// What the shell says when a command is over.
const END: &str = "=== that was it ===";

/// A command of the walk.
struct Step {
    command: String,
    expected: String,
}

fn steps(readme: &str) -> Vec<Step> {
    let section = readme.split_once(HEADING).expect("the README has a walk").1;
    let section = section.split("\n## ").next().unwrap_or(section);
    let mut steps: Vec<Step> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap_or(block).lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), expected: String::new() });
                }
                (None, Some(step)) => step.expected.push_str(&format!("{line}\n")),
                (None, None) => panic!("the walk begins with output: {line}"),
            }
        }
    }
    steps
}

/// Whether `found` is what `expected` shows.
fn fits(expected: &str, found: &str) -> bool {
    let mut pattern = String::from("^");
    for line in expected.lines() {
        if line.trim() == "…" {
            pattern.push_str("(?:.*\n)*");
            continue;
        }
        let parts: Vec<String> = line.split('…').map(regex_lite::escape).collect();
        pattern.push_str(&parts.join(".*"));
        pattern.push_str("[ ]*\n");
    }
    pattern.push('$');
    Regex::new(&pattern).unwrap().is_match(found)
}

/// A shell that is typed into.
struct Shell {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Shell {
    fn start(folder: &Scratch) -> Self {
        let mut command = Command::new("bash");
        // What is printed to either output, in its order.
        command.args(["-c", "exec bash 2>&1"]);
        let mut child = surroundings(&mut command, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash runs");
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, lines }
    }

    fn run(&mut self, command: &str) -> String {
        writeln!(self.stdin, "{command}\necho; echo '{END}'").unwrap();
        let mut output = String::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("`{command}` does not end:\n{output}"));
            if line == END {
                let text = output.trim_end();
                return if text.is_empty() { String::new() } else { format!("{text}\n") };
            }
            output.push_str(&format!("{line}\n"));
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command on the path, nothing of the developer's that would change what it prints.
fn surroundings<'a>(command: &'a mut Command, folder: &Scratch) -> &'a mut Command {
    let own = tools::rhai_lambda();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", own.parent().unwrap().display());
    command.env_clear().env("PATH", path).env("HOME", folder.path()).current_dir(folder.path())
}

#[test]
fn the_walk_in_the_readme_goes_as_printed() {
    let readme = std::fs::read_to_string(tools::root().join("README.md")).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let folder = Scratch::new();
    let mut shell = Shell::start(&folder);
    let mut server: Option<(Process, String)> = None;
    for Step { command, expected } in steps(&readme) {
        let expected = expected.replace(PORT, &port);
        if command.starts_with("rhai-lambda serve") {
            // In a terminal of its own, as a person would.
            let command = format!("exec {command} --port {port} 1>&2");
            let mut bash = Command::new("bash");
            let mut process = Process::spawn(surroundings(bash.args(["-c", &command]), &folder));
            process.wait_for_stderr("address", |text| text.contains(&port));
            server = Some((process, expected));
            continue;
        }
        let found = shell.run(&command.replace(PORT, &port));
        assert!(fits(&expected, &found), "$ {command}\nexpected:\n{expected}\nfound:\n{found}");
    }
    let (mut process, expected) = server.expect("the walk serves");
    process.wait_for_stderr(&format!("walk as printed:\n{expected}"), |text| fits(&expected, text));
}

#[test]
fn a_walk_can_go_wrong() {
    assert!(fits("a … b\n…\nend\n", "a 1 b\nx\ny\nend\n"));
    assert!(fits("a\n…\nend\n", "a\nend\n"));
    assert!(!fits("a\nend\n", "a\nx\nend\n"));
    assert!(!fits("a.b\n", "axb\n"));
}
