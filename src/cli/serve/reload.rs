//! New code on every save: the function is replaced at once, and started to see whether it loads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::emulator::Answer;

use super::app::App;
use super::fleet::{Member, State};
use super::samples;
use super::watch::Watch;

/// More changed files than this are counted.
const NAMED: usize = 3;

/// Follows the folders of the functions for as long as the server runs.
pub(super) async fn follow(app: Arc<App>, mut watch: Watch) {
    loop {
        let changed = watch.changed().await;
        for (index, member) in app.fleet.members().iter().enumerate() {
            let concerned = member.concerned(&changed);
            if concerned.is_empty() {
                continue;
            }
            if concerned.iter().all(|path| samples::is_beside(path)) {
                app.console.tell(&member.name);
                continue;
            }
            let version = member.changed();
            let files = files(&concerned);
            if replace(&app, member, version, &files) {
                let app = app.clone();
                // Loading may take its time: other functions do not wait for it.
                tokio::spawn(async move { start(&app, index, version, &files).await });
            }
        }
    }
}

/// Starts every function, so that what does not load is seen before the first request.
pub(super) fn start_all(app: &Arc<App>) {
    for index in 0..app.fleet.members().len() {
        let app = app.clone();
        tokio::spawn(async move { start(&app, index, 0, "").await });
    }
}

/// Puts the new code and settings in place; false if the settings cannot be read.
fn replace(app: &App, member: &Member, version: u64, files: &str) -> bool {
    match app.fleet.reread(member) {
        Ok(function) => {
            // The name is one that the emulator has.
            let _ = app.lambda.replace(function);
            true
        }
        Err(misuse) => {
            app.console.say(&format!("`{}` is not reloaded: {files}", member.name));
            app.console.misuse(&misuse);
            let problem = format!("error: {}\n", misuse.message());
            member.settle(version, State::Unread(problem));
            app.console.tell(&member.name);
            false
        }
    }
}

/// Starts the function and tells what came of it. `files` is empty at the start of the server.
async fn start(app: &App, index: usize, version: u64, files: &str) {
    let Some(member) = app.fleet.members().get(index) else { return };
    let name = &member.name;
    let began = Instant::now();
    let answer = match app.lambda.prepare(name).await {
        Ok(Ok(())) => None,
        Ok(Err(Answer::Error { body, .. } | Answer::Response { body, .. })) => Some(body),
        // The server ends.
        Err(_) => return,
    };
    let took = began.elapsed().as_millis();
    let Some(body) = answer else {
        let before = member.settle(version, State::Ready);
        match before {
            Some(State::Broken(_) | State::Unread(_)) => {
                app.console.say(&format!("`{name}` loads again: {files}"))
            }
            Some(_) if !files.is_empty() => {
                app.console.say(&format!("`{name}` reloaded in {took} ms: {files}"));
            }
            _ => {}
        }
        app.console.tell(name);
        return;
    };
    // Another save came meanwhile, which has its own say.
    if member.settle(version, State::Loading).is_none() {
        return;
    }
    let when = if files.is_empty() { String::new() } else { format!(": {files}") };
    app.console.say(&format!("`{name}` does not load{when}"));
    let text = || String::from_utf8_lossy(&body).into_owned();
    let drawing = app.console.failed(name, &body).unwrap_or_else(text);
    member.settle(version, State::Broken(drawing));
    app.console.tell(name);
}

/// The files that changed, for a line.
fn files(paths: &[&Path]) -> String {
    let names: BTreeSet<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    let shown: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|path| match path.as_os_str().is_empty() {
            true => "the folder".to_owned(),
            false => format!("`{}`", path.display()),
        })
        .collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more} changed", shown.join(", "))
}
