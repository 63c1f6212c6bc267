//! `rhai-lambda completions`: what shells make of it.

use std::process::Command;

use crate::desk::Desk;
use crate::process::{Exit, Process};

fn script(desk: &Desk, shell: &str) -> String {
    let exit = desk.run(&["completions", shell]);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(0), ""), "{shell}");
    exit.stdout
}

fn bash(desk: &Desk, arguments: &[&str]) -> Exit {
    let mut command = Command::new("bash");
    command.args(["--norc", "--noprofile"]).args(arguments).current_dir(desk.folder.path());
    Process::spawn(&mut command).wait()
}

/// What bash offers for the last of `words`.
fn offered(desk: &Desk, words: &[&str]) -> Vec<String> {
    let all = [&["rhai-lambda"], words].concat();
    let quoted: Vec<String> = all.iter().map(|word| format!("'{word}'")).collect();
    let (at, previous) = (all.len() - 1, quoted[all.len() - 2].clone());
    let script = format!(
        "source rhai-lambda.bash\n\
         COMP_WORDS=({}) COMP_CWORD={at}\n\
         function=$(complete -p rhai-lambda)\n\
         function=${{function##*-F }}\n\
         ${{function%% *}} rhai-lambda {} {previous}\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        quoted[at],
    );
    let exit = bash(desk, &["-c", &script]);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(0), ""), "{words:?}");
    exit.stdout.split_whitespace().map(ToOwned::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    let desk = Desk::new();
    let text = script(&desk, "bash");
    let desk = desk.file("rhai-lambda.bash", text);
    let exit = bash(&desk, &["-n", "rhai-lambda.bash"]);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(0), ""));

    assert_eq!(offered(&desk, &["inv"]), ["invoke"]);
    let commands = offered(&desk, &[""]);
    for command in ["invoke", "definitions", "completions", "help"] {
        assert!(commands.iter().any(|offered| offered == command), "{command}: {commands:?}");
    }
    // The runtime within the command is nobody's to call.
    assert!(!commands.contains(&"bootstrap".to_owned()), "{commands:?}");
    assert_eq!(offered(&desk, &["invoke", "--tim"]), ["--timeout"]);
    assert_eq!(offered(&desk, &["completions", "z"]), ["zsh"]);
    assert_eq!(offered(&desk, &["definitions", "--out"]), ["--output"]);
    let desk = desk.file("event.json", "{}");
    assert_eq!(offered(&desk, &["invoke", "--event", "ev"]), ["event.json"]);
}

#[test]
fn every_shell_has_its_own() {
    let desk = Desk::new();
    for (shell, part) in [
        ("zsh", "#compdef rhai-lambda"),
        ("fish", "complete -c rhai-lambda"),
        ("elvish", "edit:completion:arg-completer[rhai-lambda]"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'rhai-lambda'"),
    ] {
        let text = script(&desk, shell);
        assert!(text.contains(part), "{shell}: {text}");
        assert!(text.contains("invoke") && !text.contains("Plays the runtime"), "{shell}");
    }
    let said = desk.misuse(&["completions", "tcsh"]);
    assert!(said.contains("bash, elvish, fish, powershell, zsh"), "{said}");
    assert!(desk.misuse(&["completions"]).contains("hint: "));
    let help = desk.run(&["completions", "--help"]).stdout;
    assert!(help.contains("~/.local/share/bash-completion/completions/rhai-lambda"), "{help}");
}
