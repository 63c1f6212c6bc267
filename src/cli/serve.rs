//! `rhai-lambda serve`: functions on an address of this machine, live while they are written.

mod app;
mod fleet;
mod samples;
mod console;
mod history;
mod body;
mod watch;
mod reload;
mod guard;
mod gateway;
mod fault;
mod page;
mod banner;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::serve::ListenerExt;
use clap::Args;
use tokio::net::{TcpListener, lookup_host};
use tokio::sync::watch as channel;
use tokio::time::timeout;

use crate::emulator::{FunctionOptions, Lambda, invoke_api};

use super::function::Overrides;
use super::misuse::Misuse;
use super::signals::Signals;
use super::terminal::{Ending, Terminal, print};
use app::App;
use console::Console;
use fleet::Fleet;
use guard::{Guard, Zone};
use history::History;
use watch::Watch;

/// How long requests in flight may take once the server is asked to end.
const PARTING: Duration = Duration::from_secs(5);

/// What is over that fast needs no word.
const SHORTLY: Duration = Duration::from_millis(100);

/// Serves functions on this machine, with every save live.
///
/// Each function answers HTTP as it would behind a function URL, an API Gateway or a load balancer, and
/// the aws CLI and the SDKs as Lambda would. Saving a file makes the next request run the new code; a
/// script that does not load is drawn in the terminal, in the browser and on the page at `/_/`, where
/// invocations are listed, sent and replayed.
///
/// What is under the address:
///   /                   the function of the host NAME.localhost, else the first one
///   /_/                 the page
///   /_/url/NAME/…       a function as behind a function URL; also /_/v2, /_/v1, /_/alb
///   /2015-03-31/…       Lambda's Invoke API, for --endpoint-url
///
/// Ctrl-C lets requests in flight finish, a second one does not.
#[derive(Args)]
#[command(verbatim_doc_comment, about = "Serves functions on this machine, with every save live")]
#[command(after_help = "\
Examples:
  rhai-lambda serve                       the function of this folder, at http://127.0.0.1:9000/
  rhai-lambda serve orders users          two: the second at http://users.localhost:9000/
  rhai-lambda serve --port 0 --json       any free port, told as JSON
  rhai-lambda serve --env TABLE=orders --timeout 30
")]
pub(super) struct Arguments {
    /// Folders with `function.rhai`, scripts, or `path/to/file.function`
    #[arg(value_name = "DIR", default_value = ".")]
    targets: Vec<PathBuf>,

    /// The port; 0 takes a free one
    #[arg(short, long, default_value_t = 9000)]
    port: u16,

    /// The address to listen at; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,

    /// A name under which the server may be reached and whose web pages may reach it, such as
    /// `*.ngrok.app`; may be given more than once [default: names of this machine]
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,

    #[command(flatten)]
    overrides: Overrides,

    /// How many environments a function may have at once
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    max_environments: u16,

    /// How many events one environment takes at once, as on Lambda Managed Instances
    #[arg(long, value_name = "COUNT")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: Option<u16>,

    /// Writes one JSON line to standard output when it listens: address, port, functions
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode, Misuse> {
    let Arguments { targets, overrides, .. } = arguments;
    let fleet = Fleet::find(targets, overrides.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Misuse::new(format!("failed to start: {error}")))?;
    let status = runtime.block_on(serve(arguments, fleet, terminal));
    // Reads of files that hang must not keep the process.
    runtime.shutdown_background();
    status
}

async fn serve(
    arguments: &Arguments,
    fleet: Fleet,
    terminal: Terminal,
) -> Result<ExitCode, Misuse> {
    let mut signals = Signals::new();
    let (listener, address) = listen(&arguments.host, arguments.port).await?;
    if !address.ip().is_loopback() {
        let what = "whoever reaches this machine can run these functions and read their logs";
        terminal.warning(&format!("`--host {}`: {what}", arguments.host));
    }
    let app = assemble(arguments, fleet, address, terminal);
    match Watch::start(app.fleet.folders()) {
        Ok(watch) => drop(tokio::spawn(reload::follow(app.clone(), watch))),
        Err(error) => terminal.warning(&format!(
            "files cannot be watched, so saving one changes nothing here: {error}\n\
             hint: on Linux, `sysctl fs.inotify.max_user_watches` says how many may be"
        )),
    }
    terminal.text(&banner::text(&app.fleet, address));
    if arguments.json {
        let line = banner::document(&app.fleet, address);
        if let Err(error) = print(line.as_bytes(), Ending::Newline) {
            terminal.error(&format!("failed to write to standard output: {error}"));
        }
    }
    reload::start_all(&app);

    let mut closing = app.closing.subscribe();
    let service = router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|stream| {
        // Answers and pieces of streams leave at once.
        let _ = stream.set_nodelay(true);
    });
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async move { drop(closing.wait_for(|closing| *closing).await) });
    let mut server = tokio::spawn(server.into_future());
    let number = tokio::select! {
        number = signals.next() => number,
        _ = &mut server => 0,
    };
    app.closing.send_replace(true);
    let parting = async {
        // Mostly there is nothing to wait for, and nothing to say of it.
        if timeout(SHORTLY, &mut server).await.is_err() {
            terminal.text("finishing requests in flight; Ctrl-C again ends at once\n");
            let _ = timeout(PARTING, &mut server).await;
        }
    };
    if number != 0 {
        tokio::select! {
            () = parting => {}
            _ = signals.next() => {}
        }
    }
    tokio::select! {
        () = app.lambda.shut_down() => {}
        _ = signals.next() => {}
    }
    // As shells do: 128 and the signal's number.
    Ok(ExitCode::from(if number == 0 { 1 } else { 128 + number }))
}

/// Puts the parts together.
fn assemble(
    arguments: &Arguments,
    fleet: Fleet,
    address: SocketAddr,
    terminal: Terminal,
) -> Arc<App> {
    let options = FunctionOptions {
        max_environments: arguments.max_environments.into(),
        max_concurrency: arguments.concurrency.map(Into::into),
    };
    let functions = fleet.members().iter().map(|member| (member.now().function, options)).collect();
    let (fleet, history) = (Arc::new(fleet), Arc::new(History::new()));
    let console = Arc::new(Console::new(terminal, fleet.clone(), history.clone(), address.port()));
    let observer = console.clone();
    let lambda = Lambda::new(functions, Arc::new(move |record| observer.observe(record)));
    let mut allowed = arguments.allow_host.clone();
    allowed.push(arguments.host.clone());
    let guard = Guard::new(allowed);
    let closing = channel::Sender::new(false);
    Arc::new(App { fleet, lambda, history, console, guard, port: address.port(), closing })
}

/// Takes the address that the options name.
async fn listen(host: &str, port: u16) -> Result<(TcpListener, SocketAddr), Misuse> {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = match lookup_host((name, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let message = format!("`--host {host}` is no address of this machine: {error}");
            return Err(Misuse::new(message));
        }
    };
    // `localhost` has two, and programs try this one first or second, but never not at all.
    let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    let address = address.copied().unwrap_or_else(|| (Ipv4Addr::LOCALHOST, port).into());
    let bound = TcpListener::bind(address).await;
    let listener = bound.map_err(|error| refused(&error, address))?;
    let address = listener.local_addr().map_err(|error| refused(&error, address))?;
    Ok((listener, address))
}

fn refused(error: &io::Error, address: SocketAddr) -> Misuse {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let next = port.checked_add(1).unwrap_or(9000);
            Misuse::new(format!("port {port} of {} is in use", address.ip()))
                .hint(format!("`--port {next}` takes another one, `--port 0` any that is free"))
        }
        io::ErrorKind::PermissionDenied => {
            Misuse::new(format!("port {port} needs privileges that this program does not have"))
                .hint("ports from 1024 on need none")
        }
        io::ErrorKind::AddrNotAvailable => {
            Misuse::new(format!("{} is no address of this machine", address.ip()))
                .hint("`--host 0.0.0.0` listens at all of them")
        }
        _ => Misuse::new(format!("failed to listen at {address}: {error}")),
    }
}

/// All addresses of the server.
fn router(app: &Arc<App>) -> Router {
    page::router()
        .fallback(gateway::call)
        .with_state(app.clone())
        .merge(invoke_api(app.lambda.clone()))
        .layer(from_fn_with_state(app.clone(), check))
}

/// Turns away what web pages of other sites send.
async fn check(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response<axum::body::Body> {
    let path = request.uri().path();
    let zone = if path.starts_with("/_/api/") { Zone::Data } else { Zone::Functions };
    match app.guard.check(request.headers(), zone) {
        Ok(()) => next.run(request).await,
        Err(why) => {
            let mut response = Response::new(format!("{why}\n").into());
            *response.status_mut() = StatusCode::FORBIDDEN;
            let text = header::HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, text);
            response
        }
    }
}
