//! The Runtime API as a runtime sees it: which requests are taken, which are refused and how.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::RuntimeApi;
use crate::emulator::{Answer, Invocation, Line};

/// A server, and a client that sends what it is told to.
struct Session {
    api: RuntimeApi,
    warnings: Arc<Mutex<Vec<String>>>,
}

/// What the client got.
struct Reply {
    status: u16,
    headers: axum::http::HeaderMap,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Session {
    async fn start() -> Self {
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let seen = warnings.clone();
        let sink = Arc::new(move |line| {
            let Line::Warning(text) = line else { return };
            seen.lock().unwrap().push(text);
        });
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned();
        Self { api: RuntimeApi::listen(arn, 1, sink).await.unwrap(), warnings }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/2018-06-01/runtime/{path}", self.api.address())
    }

    async fn next(&self) -> Reply {
        let url = self.url("invocation/next");
        tokio::task::spawn_blocking(move || reply(agent().get(url).call())).await.unwrap()
    }

    async fn post(&self, path: &str, headers: &[(&'static str, String)], body: Vec<u8>) -> Reply {
        let url = self.url(path);
        let headers = headers.to_vec();
        let send = move || {
            let mut request = agent().post(url);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            reply(request.send(&body))
        };
        tokio::task::spawn_blocking(send).await.unwrap()
    }

    fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap())
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn reply(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut response = response.unwrap();
    let body = response.body_mut().read_to_string().unwrap();
    Reply { status: response.status().as_u16(), headers: response.headers().clone(), body }
}

fn attempt(event: &Reply) -> (&'static str, String) {
    ("Lambda-Runtime-Invocation-Id", event.header("lambda-runtime-invocation-id").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_carries_its_headers_and_takes_one_answer() {
    let session = Session::start().await;
    let mut invocation = Invocation::new("{\"a\":1}");
    invocation.tenant_id = Some("blue".to_owned());
    invocation.client_context = Some("{\"client\":{\"app\":\"ä\"}}".to_owned());
    let id = invocation.id.clone();
    let answer = session.api.offer(invocation, Duration::from_millis(1_795_448_164_622));

    let event = session.next().await;
    assert_eq!((event.status, event.body.as_str()), (200, "{\"a\":1}"));
    assert_eq!(event.header("lambda-runtime-aws-request-id"), id);
    assert_eq!(event.header("lambda-runtime-deadline-ms"), "1795448164622");
    assert!(event.header("lambda-runtime-invoked-function-arn").ends_with(":function:f"));
    assert!(event.header("lambda-runtime-trace-id").starts_with("Root=1-"));
    assert_eq!(event.header("lambda-runtime-aws-tenant-id"), "blue");
    assert!(event.headers.contains_key("lambda-runtime-client-context"));
    assert!(!event.headers.contains_key("lambda-runtime-cognito-identity"));

    let path = format!("invocation/{id}/response");
    let taken = session.post(&path, &[attempt(&event)], b"[1]".to_vec()).await;
    assert_eq!((taken.status, taken.body.trim_end()), (202, "{\"status\":\"OK\"}"));
    let Answer::Response { body, .. } = answer.await.unwrap() else { panic!("an error") };
    assert_eq!(body, "[1]");
    assert_eq!(session.warnings(), [""; 0]);

    let twice = session.post(&path, &[attempt(&event)], b"[2]".to_vec()).await;
    assert_eq!(twice.status, 403);
    assert!(twice.body.contains("InvalidStateTransition"), "{}", twice.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_waits_for_an_event() {
    let session = Session::start().await;
    let url = session.url("invocation/next");
    let waiting = tokio::task::spawn_blocking(move || reply(agent().get(url).call()));
    let mut progress = session.api.progress();
    progress.wait_for(|progress| progress.polls == 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    let _answer = session.api.offer(Invocation::new("1"), Duration::ZERO);
    assert_eq!(waiting.await.unwrap().body, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_fit_nothing_are_refused() {
    let session = Session::start().await;
    let unknown = session.post("invocation/nope/response", &[], b"1".to_vec()).await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.body.contains("InvalidRequestID"), "{}", unknown.body);

    let invocation = Invocation::new("1");
    let path = format!("invocation/{}/response", invocation.id);
    let answer = session.api.offer(invocation, Duration::ZERO);
    let event = session.next().await;
    assert_eq!(session.next().await.status, 403, "a second event before the first answer");
    let other = ("Lambda-Runtime-Invocation-Id", "other".to_owned());
    assert_eq!(session.post(&path, &[other], b"1".to_vec()).await.status, 410);
    // The caller gave up: its deadline passed.
    drop(answer);
    assert_eq!(session.post(&path, &[attempt(&event)], b"1".to_vec()).await.status, 410);
    assert_eq!(session.post("elsewhere", &[], b"1".to_vec()).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_too_large_leaves_room_for_an_error() {
    let session = Session::start().await;
    for answers_again in [true, false] {
        let invocation = Invocation::new("1");
        let id = invocation.id.clone();
        let answer = session.api.offer(invocation, Duration::ZERO);
        let event = session.next().await;
        let path = format!("invocation/{id}/response");
        let large = vec![b'x'; 6_291_557];
        let refused = session.post(&path, &[attempt(&event)], large).await;
        assert_eq!(refused.status, 413);
        assert!(refused.body.contains("RequestEntityTooLarge"), "{}", refused.body);
        let expected = if answers_again {
            let kind =
                ("Lambda-Runtime-Function-Error-Type", "Function.ResponseTooLarge".to_owned());
            let error = b"{\"errorType\":\"ResponseTooLarge\"}".to_vec();
            let path = format!("invocation/{id}/error");
            assert_eq!(session.post(&path, &[attempt(&event), kind], error).await.status, 202);
            "Function.ResponseTooLarge"
        } else {
            let _next = session.api.offer(Invocation::new("2"), Duration::ZERO);
            session.next().await;
            "Function.ResponseSizeTooLarge"
        };
        let Answer::Error { error_type, .. } = answer.await.unwrap() else { panic!("no error") };
        assert_eq!(error_type, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_type_that_aws_would_not_keep_is_told() {
    let session = Session::start().await;
    let body = b"{\"errorType\":\"BadOrder\",\"errorMessage\":\"no id\"}".to_vec();
    let headers = [("Lambda-Runtime-Function-Error-Type", "BadOrder".to_owned())];
    let taken = session.post("init/error", &headers, body.clone()).await;
    assert_eq!(taken.status, 202);
    let warnings = session.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("`Runtime.Unknown`"), "{warnings:?}");
    let progress = session.api.progress();
    let reported = progress.borrow().init_error.clone().unwrap();
    assert_eq!(
        (reported.error_type.as_str(), reported.body),
        ("Runtime.Unknown", body.clone().into())
    );

    assert_eq!(session.post("init/error", &headers, body).await.status, 403, "once is enough");
    assert_eq!(session.next().await.status, 403, "it said that it cannot start");
}
