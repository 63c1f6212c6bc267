//! What the server says when it starts: where it is, and what to try.

use std::fmt::Write;
use std::net::SocketAddr;

use serde_json::json;

use super::fleet::Fleet;
use super::samples;

/// For a person.
pub(super) fn text(fleet: &Fleet, address: SocketAddr) -> String {
    let (root, port) = (root(address), address.port());
    let mut out = String::new();
    let _ = writeln!(out, "serving at {root}");
    let mut rows = Vec::new();
    for member in fleet.members() {
        let now = member.now();
        let folder = now.function.task_root.display().to_string();
        let url = format!("http://{}.localhost:{port}/", member.name);
        rows.push((member.name.clone(), url, format!("{} in {folder}", now.function.handler)));
    }
    let name_width = rows.iter().map(|row| row.0.chars().count()).max().unwrap_or(0);
    let url_width = rows.iter().map(|row| row.1.chars().count()).max().unwrap_or(0);
    for (name, url, what) in &rows {
        let _ = writeln!(out, "  {name:name_width$}  {url:url_width$}  {what}");
    }
    let _ = write!(
        out,
        "
see and send   {root}_/
call by HTTP   curl {root}
invoke         {}

every save is live; Ctrl-C ends
",
        aws(fleet, root.trim_end_matches('/')),
    );
    out
}

/// A line that works in both versions of the aws CLI, without any account.
fn aws(fleet: &Fleet, endpoint: &str) -> String {
    let Some(member) = fleet.members().first() else { return String::new() };
    let payload = match samples::names(&member.folder()).first() {
        Some(sample) => {
            format!(" --payload fileb://{}", member.folder().join(sample).display())
        }
        None => String::new(),
    };
    format!(
        "aws lambda invoke --endpoint-url {endpoint} --region us-east-1 --no-sign-request \\
                 --function-name {}{payload} /dev/stdout",
        member.name
    )
}

/// For a program: one line.
pub(super) fn document(fleet: &Fleet, address: SocketAddr) -> String {
    let functions: Vec<_> = fleet
        .members()
        .iter()
        .map(|member| {
            let now = member.now();
            json!({
                "name": member.name,
                "folder": now.function.task_root.display().to_string(),
                "handler": now.function.handler,
                "address": format!("http://{}.localhost:{}/", member.name, address.port()),
            })
        })
        .collect();
    json!({ "address": root(address), "port": address.port(), "functions": functions }).to_string()
}

/// The address as one would type it.
fn root(address: SocketAddr) -> String {
    let port = address.port();
    match address {
        _ if address.ip().is_unspecified() => format!("http://localhost:{port}/"),
        SocketAddr::V4(_) => format!("http://{}:{port}/", address.ip()),
        SocketAddr::V6(_) => format!("http://[{}]:{port}/", address.ip()),
    }
}
