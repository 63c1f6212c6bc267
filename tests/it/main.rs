//! The integration tests: one binary, and this file is its index.
//!
//! `cargo test` runs what needs only Rust and says what it left out; `tests/run` installs the rest
//! (AWS's emulator, moto, the aws CLI) and runs everything.

// A test may end by a panic and may print what it left out; a test binary exports nothing.
#![allow(clippy::unwrap_used, clippy::print_stderr, unreachable_pub)]

// Helpers first: none of these holds a test of the product.

// Where the programs are: `bootstrap`, `rhai-lambda`, AWS's emulator; what to say when one is missing.
mod tools;
// A child process with time limits, killed when the test ends.
mod process;
// A folder that is removed when the test ends.
mod scratch;
// A folder in which the command is run.
mod desk;
// The scripted Runtime API: a test says what each request gets and sees the bytes that came.
mod runtime_api;
// The real `bootstrap` with a function folder, talking to the scripted Runtime API.
mod session;
// AWS's own emulator with the real `bootstrap`.
mod rie;
// A web server whose paths misbehave, each in its own way.
mod web_server;
// An AWS in one process, on loopback, and the aws CLI that talks to it alone.
mod moto;

// The tests.

// The Runtime API, byte by byte: what `bootstrap` sends and how it takes any answer.
mod protocol;
// `tests/cases/`: handlers as data, run through every backend. Most new tests belong there.
mod cases;
// `tests/scripts/`: what the modules for scripts do, asserted by scripts; their documentation, run.
mod scripts;
// `web::` and `batch::` against the official shapes of events and answers.
mod services;
// `http::` with the real `bootstrap`: TLS, deadlines, kept connections, what may be reached.
mod http;
// `REFERENCE.md` against the sources that it is gathered from.
mod reference;
// What reaches the log, in text, JSON and telemetry frames, and what never does.
mod logs;
// Trace headers and the spans that X-Ray's daemon gets.
mod tracing;
// Bytecode against the tree walker, over generated programs.
mod differential;
// The layer: built, published by its README's commands, served by AWS's emulator out of `/opt`.
mod layer;
// The emulator as a library: several events in one environment, crashes in between.
mod emulator;
// The gateway's events and responses: judged by the official types, and by functions of ours.
mod gateway;
// `rhai-lambda` as a person uses it: output, exit statuses, messages.
mod cli;
// `rhai-lambda serve`: a running server, asked by clients, by AWS's tools and by a browser.
mod serve;
// The walk in the README, typed in.
mod walk;
// `examples/embed`: the library as the base of another `bootstrap`.
mod embed;
// The rules of the code, checked by reading it.
mod tidy;
