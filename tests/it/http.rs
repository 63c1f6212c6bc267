//! `http::` with the real `bootstrap`: TLS, deadlines, kept connections, what may be reached.
//!
//! What needs no environment of its own is in `tests/scripts/http.rhai`.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::runtime_api::Answer;
use crate::session::{Function, Session};
use crate::web_server::WebServer;

/// Answers with what came, or with what was thrown.
const CALLER: &str = r#"
fn handler(event) {
    try {
        let answer = http::request(event.method ?? "GET", event.url, event.options ?? #{});
        return #{ status: answer.status, body: answer.body };
    } catch (error) {
        return error;
    }
}
"#;

fn call(session: &mut Session, url: &str) -> serde_json::Value {
    call_with(session, url, "{}")
}

fn call_with(session: &mut Session, url: &str, options: &str) -> serde_json::Value {
    session.invoke(format!(r#"{{"url":"{url}","options":{options}}}"#)).json()
}

/// A certificate authority, as PEM, and a server's configuration with a certificate by it.
fn authority(names: &[&str]) -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
    (pem, Arc::new(config))
}

/// A function that trusts the authority `pem` by `setting`.
fn trusting(setting: &str, pem: &str) -> Function {
    let function = Function::new(CALLER).file("ca.pem", pem);
    let path = function.root().join("ca.pem");
    function.env(setting, path.to_str().unwrap())
}

#[test]
fn an_authority_of_ones_own_is_trusted_by_a_setting() {
    let (pem, config) = authority(&["localhost", "127.0.0.1"]);
    let server = WebServer::start_tls(config);
    let by_name = format!("https://localhost:{}/echo", server.port());
    for setting in ["RHAI_LAMBDA_CA_FILE", "SSL_CERT_FILE"] {
        let mut session = trusting(setting, &pem).start();
        for url in [&by_name, &format!("{}/echo", server.origin())] {
            assert_eq!(call(&mut session, url)["status"], 200, "{setting} {url}");
        }
        let large = call(&mut session, &format!("{}/text/1000000", server.origin()));
        assert_eq!(large["body"].as_str().unwrap().len(), 1_000_000);
    }
    assert_eq!(server.connections(), 4, "one each for name and address");
}

#[test]
fn who_cannot_prove_it_is_not_spoken_to() {
    let (pem, config) = authority(&["elsewhere.example"]);
    let server = WebServer::start_tls(config);
    let url = format!("{}/echo", server.origin());

    let mut session = Function::new(CALLER).start();
    let error = call(&mut session, &url);
    assert_eq!(error["reason"], "tls", "{error}");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("UnknownIssuer") && message.contains("RHAI_LAMBDA_CA_FILE"),
        "{error}"
    );

    let mut session = trusting("RHAI_LAMBDA_CA_FILE", &pem).start();
    let error = call(&mut session, &url);
    assert_eq!(error["reason"], "tls", "{error}");

    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_file_without_certificates_is_named_at_the_first_call() {
    let server = WebServer::start();
    for (setting, file) in [("RHAI_LAMBDA_CA_FILE", "not PEM"), ("SSL_CERT_FILE", "")] {
        let mut session = trusting(setting, file).start();
        assert_eq!(call(&mut session, &format!("{}/text/1", server.origin()))["status"], 200);
        let error = call(&mut session, &format!("https://{}/", server.address()));
        assert_eq!(error["reason"], "tls", "{error}");
        assert!(error["errorMessage"].as_str().unwrap().contains(setting), "{error}");
    }
    let mut session = Function::new(CALLER).env("RHAI_LAMBDA_CA_FILE", "/nowhere").start();
    let error = call(&mut session, &format!("https://{}/", server.address()));
    assert!(error["errorMessage"].as_str().unwrap().contains("cannot be read"), "{error}");
}

#[test]
fn connections_are_kept_between_invocations() {
    let (pem, config) = authority(&["127.0.0.1"]);
    for server in [WebServer::start(), WebServer::start_tls(config)] {
        let mut session = trusting("RHAI_LAMBDA_CA_FILE", &pem).start();
        for path in ["/echo", "/text/100000", "/chunked", "/gzip", "/status/404", "/redirect/2"] {
            let answer = call(&mut session, &format!("{}{path}", server.origin()));
            assert!(answer["status"].is_u64(), "{path}: {answer}");
        }
        assert_eq!(server.connections(), 1, "{}", server.origin());
    }
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_does_no_harm() {
    let server = WebServer::start();
    let mut session = Function::new(CALLER).start();
    let once = format!("{}/once", server.origin());
    assert_eq!(call(&mut session, &once)["body"], "once");
    // The server closes the connection on the second request, which is sent again.
    assert_eq!(call(&mut session, &once)["body"], "once");
    assert_eq!(server.connections(), 2);
    // What may not be sent twice is not.
    let event = format!(r#"{{"method":"POST","url":"{once}"}}"#);
    let error = session.invoke(event).json();
    assert_eq!(error["reason"], "closed", "{error}");
    assert_eq!(server.connections(), 2);
}

#[test]
fn no_call_outlasts_the_deadline() {
    let server = WebServer::start();
    // Accepts, by the kernel, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let origin = server.origin();
    for url in [
        format!("{origin}/slow/5000"),
        format!("{origin}/drip/5000"),
        format!("{origin}/flaky/503/99/x"),
        format!("http://{silent}/"),
        format!("https://{silent}/"),
    ] {
        let script = r#"
            fn handler(event) {
                try {
                    for n in 0..1000 {
                        http::get(event, #{ retry: #{ attempts: 20 } });
                        sleep(0.01);
                    }
                } catch { sleep(5); }
            }
        "#;
        let mut session = Function::new(script).start();
        session.wait_until_idle(1);
        let start = Instant::now();
        let request = session.invoke_within(format!("\"{url}\""), Duration::from_millis(600));
        let took = start.elapsed();
        assert_eq!(request.json()["errorType"], "DeadlineExceeded", "{url}: {request:?}");
        assert!(took < Duration::from_millis(1200), "{url}: {took:?}");
        assert!(took > Duration::from_millis(400), "{url}: {took:?}");
    }
}

#[test]
fn only_hosts_that_are_allowed_are_reached() {
    let server = WebServer::start();
    let (port, address) = (server.port(), server.address());
    for (allow, url, status) in [
        ("127.0.0.1", format!("http://{address}/echo"), 200),
        (&*format!("example.com, 127.0.0.1:{port}"), format!("http://{address}/echo"), 200),
        ("localhost", format!("http://LocalHost:{port}/echo"), 200),
        ("*", format!("http://{address}/echo"), 200),
        ("127.0.0.1:1", format!("http://{address}/echo"), 0),
        ("*.example.com", format!("http://{address}/echo"), 0),
        ("localhost", format!("http://{address}/echo"), 0),
        (",", format!("http://{address}/echo"), 0),
        ("127.0.0.1", format!("http://{address}/to/302?http://localhost:{port}/echo"), 0),
    ] {
        let mut session = Function::new(CALLER).env("RHAI_LAMBDA_NET_ALLOW", allow).start();
        let answer = call(&mut session, &url);
        if status > 0 {
            assert_eq!(answer["status"], status, "{allow}: {answer}");
            continue;
        }
        assert_eq!(answer["reason"], "not_allowed", "{allow}: {answer}");
        let message = answer["errorMessage"].as_str().unwrap();
        assert!(message.contains("`RHAI_LAMBDA_NET_ALLOW`"), "{message}");
    }
    assert_eq!(server.requests().len(), 5, "four that may, and one that led astray");
}

#[test]
fn a_pattern_that_is_none_fails_init() {
    for allow in ["https://example.com", "a.*.com", "example.com:http", "a b"] {
        let function = Function::new(CALLER).env("RHAI_LAMBDA_NET_ALLOW", allow);
        let (exit, requests) = function.run_to_end();
        assert!(!exit.status.success());
        let error = requests[0].json();
        assert_eq!(error["errorType"], "Runtime.InitError");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains("RHAI_LAMBDA_NET_ALLOW") && message.contains(allow), "{message}");
    }
}

#[test]
fn scripts_do_not_talk_to_the_runtime_api() {
    let mut session = Function::new(CALLER).start();
    let address = session.api.address();
    let port = address.rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let error = call(&mut session, &format!("http://{host}:{port}/2018-06-01/runtime/x"));
        assert_eq!(error["reason"], "not_allowed", "{error}");
    }
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn the_trace_goes_along() {
    let server = WebServer::start();
    let mut session = Function::new(CALLER).start();
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    let url = format!("{}/redirect/1", server.origin());
    let event = format!(r#"{{"url":"{url}"}}"#);
    let answer = Answer::event("a", event).header("Lambda-Runtime-Trace-Id", trace);
    session.send("a", answer);
    let options = r#"{"headers":{"X-Amzn-Trace-Id":"mine"}}"#;
    let event = format!(r#"{{"url":"{url}","options":{options}}}"#);
    let answer = Answer::event("b", event).header("Lambda-Runtime-Trace-Id", trace);
    session.send("b", answer);
    // An invocation without a trace has none of its predecessor's.
    call(&mut session, &url);
    let seen: Vec<Option<String>> = server
        .requests()
        .iter()
        .map(|request| request.headers.get("x-amzn-trace-id").cloned())
        .collect();
    let (trace, mine) = (Some(trace.to_owned()), Some("mine".to_owned()));
    assert_eq!(seen, [trace.clone(), trace, mine.clone(), mine, None, None]);
}

#[test]
fn what_is_secret_stays_out_of_errors_and_logs() {
    let server = WebServer::start();
    let script = r#"
        fn handler(event) {
            http::get(event, #{ headers: #{ authorization: "Bearer s3cret" }, timeout_ms: 100 });
        }
    "#;
    let mut session = Function::new(script).start();
    let origin = server.origin();
    for url in [
        format!("{origin}/slow/1000?key=s3cret"),
        format!("{origin}/close?key=s3cret#s3cret"),
        format!("http://user:s3cret@{}/", server.address()),
        "http://127.0.0.1:1/?key=s3cret".to_owned(),
        format!("{origin}/to/302?ftp://s3cret"),
        "s3cret".to_owned(),
    ] {
        let request = session.invoke(format!("\"{url}\""));
        assert_eq!(request.json()["errorType"], "HttpError", "{url}");
        assert!(
            !request.head.contains("s3cret") && !request.text().contains("s3cret"),
            "{request:?}"
        );
    }
    let log = session.process.wait_for_stderr("error", |log| log.contains("HttpError"));
    assert!(!log.contains("s3cret"), "{log}");
}

#[test]
fn the_top_level_may_call_too() {
    let server = WebServer::start();
    let script = format!(
        "const TOKEN = http::get(\"{}/text/3\").body;\nfn handler(event) {{ global::TOKEN }}",
        server.origin()
    );
    let mut session = Function::new(script).start();
    assert_eq!(session.invoke("1").text(), "\"xxx\"");
    assert_eq!(session.invoke("1").text(), "\"xxx\"");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_cache_outlives_an_invocation() {
    let server = WebServer::start();
    let script = format!(
        "fn handler(event) {{ cache::get_or(\"token\", 60, || http::get(\"{}/text/3\").body) }}",
        server.origin()
    );
    let mut session = Function::new(script).start();
    for _ in 0..3 {
        assert_eq!(session.invoke("1").text(), "\"xxx\"");
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_scheduled_example_calls_its_service() {
    let server = WebServer::start();
    let url = format!("{}/echo", server.origin());
    let function = Function::from_folder(&crate::tools::root().join("examples/scheduled"))
        .env("TOKEN_URL", &url)
        .env("STOCK_URL", &url)
        .env("CLIENT_ID", "shop")
        .env("CLIENT_SECRET", "s3cret");
    let mut session = function.start();
    let event = r#"{"detail-type":"Scheduled Event","time":"now"}"#;
    for _ in 0..2 {
        assert_eq!(session.invoke(event).json()["checked"], 5, "what `/echo` answers has 5 keys");
    }
    let requests = server.requests();
    let methods: Vec<&str> = requests.iter().map(|request| &*request.method).collect();
    assert_eq!(methods, ["POST", "GET", "GET"], "the token is fetched once");
    let form = "client_id=shop&client_secret=s3cret&grant_type=client_credentials";
    assert_eq!(String::from_utf8_lossy(&requests[0].body), form);
    assert!(requests[1].headers.contains_key("authorization"));
}

#[test]
fn connections_are_opened_before_the_first_event() {
    let (pem, config) = authority(&["localhost"]);
    let server = WebServer::start_tls(config);
    let origin = format!("https://localhost:{}", server.port());
    let script = format!("http::connect(\"{origin}/x\");\n{CALLER}");
    for (script, setting) in [(script.as_str(), ""), (CALLER, origin.as_str())] {
        let before = server.connections();
        let mut session = trusting("RHAI_LAMBDA_CA_FILE", &pem)
            .file("function.rhai", script)
            .env("RHAI_LAMBDA_WARMUP", setting)
            .start();
        session.wait_until_idle(1);
        assert_eq!(server.connections(), before + 1, "{setting}");
        assert_eq!(call(&mut session, &format!("{origin}/echo"))["status"], 200);
        assert_eq!(call(&mut session, &format!("{origin}/echo"))["status"], 200);
        assert_eq!(server.connections(), before + 1, "{setting}");
    }
}

#[test]
fn a_connection_that_cannot_be_opened_ahead_is_logged() {
    let server = WebServer::start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let warmup =
        format!("http://{closed}/a?token=x, nonsense, {}, http://example.com", server.origin());
    let mut session = Function::new(CALLER)
        .env("RHAI_LAMBDA_WARMUP", &warmup)
        .env("RHAI_LAMBDA_NET_ALLOW", "127.0.0.1")
        .start();
    session.wait_until_idle(1);
    let refused =
        format!("`RHAI_LAMBDA_WARMUP`: no connection to `http://{closed}/a`: cannot connect");
    let parts =
        [refused.as_str(), "`nonsense`: the url is not absolute", "does not allow the host"];
    let whole = |log: &str| parts.iter().all(|part| log.contains(part));
    let log = session.process.wait_for_stderr("warning for each", whole);
    assert!(!log.contains("token"), "{log}");
    assert_eq!(server.connections(), 1);
    assert_eq!(call(&mut session, &format!("{}/echo", server.origin()))["status"], 200);
}
