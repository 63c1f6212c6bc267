//! The emulator as the library offers it, and through the clients that talk to AWS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rhai_lambda::emulator::{self, Function, FunctionOptions, Lambda, Line, Record};

use crate::process::PATIENCE;
use crate::scratch::Scratch;
use crate::tools;

// A runtime that is a shell script.
mod scripted;
// One environment: several events, and what survives what.
mod environment;
// The Invoke API over HTTP, answer by answer.
mod invoke_api;
// The Invoke API as the aws CLI and boto3 see it.
mod clients;
// Streamed responses, of a runtime that sends what it is told to.
mod streaming;
// Streamed responses of the real runtime.
mod writing;
// Several events at once in one process.
mod concurrency;
// Many at once: order, limits, replacement, tenants, crashes.
mod pool;

/// As many environments as `limit`.
fn limited_to(limit: usize) -> FunctionOptions {
    FunctionOptions { max_environments: limit, ..FunctionOptions::default() }
}

/// A function in a folder of its own.
struct Source {
    folder: Scratch,
}

impl Source {
    fn new(script: &str) -> Self {
        let folder = Scratch::new();
        folder.write("function.rhai", script);
        Self { folder }
    }

    /// The function, with the real runtime.
    fn function(&self, name: &str) -> Function {
        Function {
            name: name.to_owned(),
            handler: "function.handler".to_owned(),
            task_root: self.folder.path().to_owned(),
            timeout: Duration::from_secs(20),
            memory_mb: 128,
            region: "eu-central-1".to_owned(),
            runtime: vec![tools::bootstrap().into()],
            variables: Vec::new(),
        }
    }

    /// The same below a shell script that does harm; `$BOOTSTRAP` is the runtime.
    fn function_under(&self, name: &str, script: &str) -> Function {
        let text = format!("BOOTSTRAP='{}'; {script}", tools::bootstrap().display());
        Function { runtime: vec!["sh".into(), "-c".into(), text.into()], ..self.function(name) }
    }
}

/// A Lambda on a port, with all it tells an observer.
struct Server {
    lambda: Lambda,
    address: SocketAddr,
    records: Arc<Mutex<Vec<Record>>>,
    /// What the server runs in; dropped last.
    runtime: tokio::runtime::Runtime,
}

impl Server {
    fn start(functions: Vec<(Function, FunctionOptions)>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let records = Arc::new(Mutex::new(Vec::new()));
        let seen = records.clone();
        let lambda =
            Lambda::new(functions, Arc::new(move |record| seen.lock().unwrap().push(record)));
        let router = emulator::invoke_api(lambda.clone());
        let address = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { axum::serve(listener, router).await });
            address
        });
        Self { lambda, address, records, runtime }
    }

    fn with(function: Function, options: FunctionOptions) -> Self {
        Self::start(vec![(function, options)])
    }

    /// A server for one function with the name `orders`.
    fn of(source: &Source) -> Self {
        Self::start(vec![(source.function("orders"), FunctionOptions::default())])
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap().clone()
    }

    /// What would have gone wrong on AWS.
    fn warnings(&self) -> Vec<String> {
        let of = |record| match record {
            Record::Line { line: Line::Warning(text), .. } => Some(text),
            _ => None,
        };
        self.records().into_iter().filter_map(of).collect()
    }

    fn shut_down(&self) {
        self.runtime.block_on(self.lambda.shut_down());
    }

    /// Asks the API.
    fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = agent.post(format!("{}{path}", self.endpoint()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).unwrap();
        let body = response.body_mut().with_config().limit(300 << 20).read_to_vec().unwrap();
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    /// Invokes `orders`.
    fn invoke(&self, headers: &[(&str, &str)], event: &str) -> Reply {
        self.post("/2015-03-31/functions/orders/invocations", headers, event.as_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Waits for something that will be.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let asked = Instant::now();
    while !done() {
        assert!(asked.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An HTTP answer.
struct Reply {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
