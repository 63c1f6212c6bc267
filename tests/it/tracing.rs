//! What leaves `bootstrap` about a trace: headers of calls, and datagrams to X-Ray's daemon.

use std::net::UdpSocket;

use serde_json::Value;

use crate::process::PATIENCE;
use crate::runtime_api::Answer;
use crate::session::{Function, Session};
use crate::web_server::WebServer;

const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
const PARENT: &str = "53995c3f42cd8ad8";

const SCRIPT: &str = r#"
fn handler(event) {
    let about = #{ annotations: #{ customer: "ada", paid: true }, metadata: #{ items: [1, 2] } };
    let seen = trace::span("outer", || {
        trace::span("inner <1>", || http::get(event.url).json())
    }, about);
    try {
        trace::span("failing", || { throw #{ errorType: "BadOrder", errorMessage: `secret ${env::get("AWS_SESSION_TOKEN")}` }; });
    } catch (error) {}
    seen
}
"#;

/// X-Ray's daemon, as far as a function sees it.
struct Daemon(UdpSocket);

impl Daemon {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// The next document; its preamble is checked.
    fn document(&self) -> Value {
        let mut buffer = vec![0; 1 << 16];
        let length = self.0.recv(&mut buffer).expect("the daemon gets a document");
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        let (preamble, document) = text.split_once('\n').unwrap();
        assert_eq!(preamble, r#"{"format":"json","version":1}"#);
        serde_json::from_str(document).unwrap()
    }
}

fn send(session: &mut Session, id: &str, url: &str, sampled: u8, client: &str) -> Value {
    let event = Answer::bare_event(id, format!("{{\"url\":\"{url}\"}}"))
        .header(
            "Lambda-Runtime-Trace-Id",
            &format!("Root={ROOT};Parent={PARENT};Sampled={sampled}"),
        )
        .header("Lambda-Runtime-Client-Context", client);
    session.send(id, event).json()
}

#[test]
fn spans_reach_the_daemon_and_calls_carry_them_on() {
    let daemon = Daemon::start();
    let server = WebServer::start();
    let mut session = Function::new(SCRIPT)
        .env("AWS_XRAY_DAEMON_ADDRESS", &daemon.address())
        .env("AWS_SESSION_TOKEN", "very-secret-token")
        .start();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let client = format!("{{\"custom\":{{\"traceparent\":\"{traceparent}\"}}}}");
    let url = format!("{}/echo", server.origin());
    send(&mut session, "one", &url, 1, &client);

    let (inner, outer, failing) = (daemon.document(), daemon.document(), daemon.document());
    assert_eq!(inner["name"], "inner 1");
    assert_eq!(outer["name"], "outer");
    assert_eq!(inner["parent_id"], outer["id"]);
    assert_eq!(outer["parent_id"], PARENT);
    assert_eq!(outer["annotations"], serde_json::json!({ "customer": "ada", "paid": true }));
    assert_eq!(outer["metadata"], serde_json::json!({ "items": [1, 2] }));
    for span in [&inner, &outer, &failing] {
        assert_eq!(span["trace_id"], ROOT);
        assert_eq!(span["type"], "subsegment");
        assert_eq!(span["id"].as_str().unwrap().len(), 16);
        assert!(span["start_time"].as_f64().unwrap() <= span["end_time"].as_f64().unwrap());
    }
    assert!(outer["start_time"].as_f64() <= inner["start_time"].as_f64());
    assert_eq!(failing["fault"], true);
    let exception = &failing["cause"]["exceptions"][0];
    assert_eq!(exception["type"], "BadOrder");
    assert_eq!(exception["message"], "secret ***");

    let requests = server.requests();
    let header = |name: &str| requests[0].headers.get(name).cloned().unwrap_or_default();
    let inner_id = inner["id"].as_str().unwrap();
    assert_eq!(header("x-amzn-trace-id"), format!("Root={ROOT};Parent={inner_id};Sampled=1"));
    assert_eq!(header("traceparent"), traceparent);
}

#[test]
fn what_is_not_sampled_is_passed_on_and_not_sent() {
    let daemon = Daemon::start();
    let server = WebServer::start();
    let mut session =
        Function::new(SCRIPT).env("AWS_XRAY_DAEMON_ADDRESS", &daemon.address()).start();
    let url = format!("{}/echo", server.origin());
    send(&mut session, "one", &url, 0, "{}");
    let header = server.requests()[0].headers["x-amzn-trace-id"].clone();
    assert_eq!(header, format!("Root={ROOT};Parent={PARENT};Sampled=0"));
    assert!(!server.requests()[0].headers.contains_key("traceparent"));
    // The next one is sampled: its first document is the first of all.
    send(&mut session, "two", &url, 1, "{}");
    assert_eq!(daemon.document()["name"], "inner 1");
}
