//! The connections of `http::`: TCP with a deadline, TLS on top where the address says so.
//!
//! A name is resolved only when a connection is made, so that a kept connection costs no look-up;
//! and what it resolves to is compared with the Runtime API's address, which no script may reach.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, Timeout};

use super::tls;
use super::url::Url;
use crate::config::Network;

/// As much of an answer as is taken from the kernel at once.
const BUFFER: usize = 32 << 10;

/// Enough for `getaddrinfo`, whichever C library has it.
const RESOLVER_STACK: usize = 256 << 10;

/// Why no connection was made; nothing was sent then.
#[derive(Debug)]
pub(super) enum Unreachable {
    /// The name is unknown, or nobody listens.
    Connect(String),
    /// The other side could not prove who it is, or speaks no TLS.
    Tls(String),
    /// It is the Runtime API.
    Forbidden,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) | Self::Tls(why) => f.write_str(why),
            Self::Forbidden => f.write_str("the Runtime API is not for scripts"),
        }
    }
}

impl std::error::Error for Unreachable {}

impl From<Unreachable> for Error {
    fn from(why: Unreachable) -> Self {
        Self::Other(Box::new(why))
    }
}

/// Leaves the look-up to [`Dialler`], which asks only if there is no kept connection.
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Makes connections, and counts them. Clones share everything.
#[derive(Clone)]
pub(super) struct Dialler(Arc<Ways>);

struct Ways {
    network: Network,
    tls: OnceCell<Arc<ClientConfig>>,
    /// Connections made so far, or tried: a request that adds none went over a kept one.
    made: AtomicUsize,
    /// Connections that were made before anybody needed them.
    ahead: Mutex<Vec<Ahead>>,
}

/// A connection that waits for its first request.
struct Ahead {
    host: String,
    port: u16,
    connection: Connection,
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}

impl Dialler {
    pub(super) fn new(network: Network) -> Self {
        let (tls, made, ahead) = (OnceCell::new(), AtomicUsize::new(0), Mutex::default());
        Self(Arc::new(Ways { network, tls, made, ahead }))
    }

    /// How many connections were made so far, or tried.
    pub(super) fn made(&self) -> usize {
        self.0.made.load(Ordering::Relaxed)
    }

    /// Makes a connection for a request to come, unless one waits already.
    pub(super) fn prepare(&self, url: &Url, timeout: Duration) -> Result<(), Error> {
        let (host, port) = (url.host(), url.port());
        if let Some(waiting) = self.take_ahead(host, port, url.is_https()) {
            self.keep_ahead(host, port, waiting);
            return Ok(());
        }
        let until = Instant::now().checked_add(timeout);
        let connection = self.open(host, port, url.is_https(), until)?;
        self.keep_ahead(host, port, connection);
        Ok(())
    }

    fn keep_ahead(&self, host: &str, port: u16, connection: Connection) {
        self.ahead().push(Ahead { host: host.to_owned(), port, connection });
    }

    /// A connection that was made ahead and that the other side has not closed since.
    fn take_ahead(&self, host: &str, port: u16, tls: bool) -> Option<Connection> {
        let mut ahead = self.ahead();
        let fits = |it: &Ahead| {
            it.port == port && it.connection.is_tls() == tls && it.host.eq_ignore_ascii_case(host)
        };
        let at = ahead.iter().position(fits)?;
        let mut connection = ahead.swap_remove(at).connection;
        connection.is_open().then_some(connection)
    }

    fn ahead(&self) -> MutexGuard<'_, Vec<Ahead>> {
        self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(
        &self,
        host: &str,
        port: u16,
        tls: bool,
        until: Option<Instant>,
    ) -> Result<Connection, Error> {
        self.0.made.fetch_add(1, Ordering::Relaxed);
        let stream = self.dial(host, port, until)?;
        stream.set_nodelay(true)?;
        let stream = Timed { stream, until };
        let stream = match tls {
            true => Stream::Tls(Box::new(self.shake_hands(host, stream)?)),
            false => Stream::Plain(stream),
        };
        Ok(Connection { stream, buffers: LazyBuffers::new(BUFFER, BUFFER) })
    }

    fn dial(&self, host: &str, port: u16, until: Option<Instant>) -> Result<TcpStream, Error> {
        let addresses = resolve(host, port, until)?;
        let forbidden = self.forbidden(until);
        let mut failure = None;
        for (at, address) in addresses.iter().enumerate() {
            if forbidden.iter().any(|api| same_place(address, api)) {
                return Err(Unreachable::Forbidden.into());
            }
            let connected = match until {
                None => TcpStream::connect(address),
                Some(until) => {
                    // The first addresses must leave some time for the others.
                    let share = left(until)? / (addresses.len() - at) as u32;
                    TcpStream::connect_timeout(address, share.max(Duration::from_millis(1)))
                }
            };
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if error.kind() == ErrorKind::TimedOut => {
                Err(Error::Timeout(Timeout::Connect))
            }
            Some(error) => Err(Unreachable::Connect(format!("cannot connect: {error}")).into()),
            None => Err(Unreachable::Connect("the host has no address".to_owned()).into()),
        }
    }

    /// Where the Runtime API is.
    fn forbidden(&self, until: Option<Instant>) -> Vec<SocketAddr> {
        let Some(api) = &self.0.network.runtime_api else { return Vec::new() };
        match api.parse() {
            Ok(address) => vec![address],
            Err(_) => {
                let (host, port) = api.rsplit_once(':').unwrap_or((api, "80"));
                let port = port.parse().unwrap_or(80);
                resolve(host, port, until).unwrap_or_default()
            }
        }
    }

    fn shake_hands(
        &self,
        host: &str,
        stream: Timed,
    ) -> Result<StreamOwned<ClientConnection, Timed>, Error> {
        let failed = |why: String| Error::from(Unreachable::Tls(why));
        let config =
            self.0.tls.get_or_try_init(|| tls::client_config(&self.0.network)).map_err(failed)?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| failed("the host is no name that a certificate could have".to_owned()))?;
        let connection = ClientConnection::new(Arc::clone(config), name)
            .map_err(|error| failed(format!("TLS failed: {error}")))?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| match error.kind() {
                ErrorKind::TimedOut => Error::Timeout(Timeout::Connect),
                ErrorKind::InvalidData => failed(format!("TLS failed: {error}")),
                _ => {
                    Unreachable::Connect(format!("closed while TLS was agreed on: {error}")).into()
                }
            })?;
        }
        Ok(stream)
    }
}

impl<In: Transport> Connector<In> for Dialler {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<In>,
    ) -> Result<Option<Connection>, Error> {
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let default = if details.needs_tls() { 443 } else { 80 };
        let port = details.uri.port_u16().unwrap_or(default);
        if let Some(connection) = self.take_ahead(host, port, details.needs_tls()) {
            return Ok(Some(connection));
        }
        self.open(host, port, details.needs_tls(), until(details.timeout)).map(Some)
    }
}

fn until(timeout: NextTimeout) -> Option<Instant> {
    Instant::now().checked_add(*timeout.after)
}

fn left(until: Instant) -> Result<Duration, Error> {
    match until.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(Error::Timeout(Timeout::Connect)),
        left => Ok(left),
    }
}

/// Whether a connection to `address` ends at `api`, by whatever of its names.
fn same_place(address: &SocketAddr, api: &SocketAddr) -> bool {
    let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let (a, b) = (address.ip().to_canonical(), api.ip().to_canonical());
    address.port() == api.port() && (a == b || is_here(a) && is_here(b))
}

/// Looks a name up, on a thread of its own since the C library cannot be stopped.
fn resolve(host: &str, port: u16, until: Option<Instant>) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let unknown = |error: io::Error| {
        Error::from(Unreachable::Connect(format!("the host cannot be looked up: {error}")))
    };
    let (found, answer) = mpsc::sync_channel(1);
    let name = host.to_owned();
    std::thread::Builder::new()
        .stack_size(RESOLVER_STACK)
        .spawn(move || {
            let addresses = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Nobody listens any more if the time was up.
            let _ = found.send(addresses);
        })
        .map_err(unknown)?;
    let addresses = match until {
        Some(until) => answer.recv_timeout(left(until)?).ok(),
        None => answer.recv().ok(),
    };
    addresses.ok_or(Error::Timeout(Timeout::Resolve))?.map_err(unknown)
}

/// A socket that gives up at a point in time, however often it is asked.
struct Timed {
    stream: TcpStream,
    until: Option<Instant>,
}

impl Timed {
    fn time_left(&self) -> io::Result<Option<Duration>> {
        match self.until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => Err(ErrorKind::TimedOut.into()),
            // The kernel counts in microseconds, and takes none for no limit.
            left => Ok(left.map(|left| left.max(Duration::from_micros(1)))),
        }
    }
}

/// The kernel's word for a time that is up is `WouldBlock`.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(self.time_left()?)?;
            match self.stream.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result.map_err(timed_out),
            }
        }
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.stream.set_write_timeout(self.time_left()?)?;
            match self.stream.write(bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result.map_err(timed_out),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// One connection to one host.
pub(super) struct Connection {
    stream: Stream,
    buffers: LazyBuffers,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    fn socket(&mut self) -> &mut Timed {
        match &mut self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &mut stream.sock,
        }
    }

    /// Whether the other side neither closed it nor sent what nobody asked for.
    fn is_quiet(&mut self) -> io::Result<bool> {
        let nothing = |result: io::Result<usize>| match result {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            result => result.map(|_| false),
        };
        match &mut self.stream {
            Stream::Plain(socket) => nothing(socket.stream.peek(&mut [0])),
            Stream::Tls(stream) => loop {
                // Session tickets may come at any time, and are no answer.
                match stream.conn.read_tls(&mut stream.sock.stream) {
                    Ok(count) if count > 0 => {
                        let state = stream.conn.process_new_packets().map_err(io::Error::other)?;
                        if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
                            return Ok(false);
                        }
                    }
                    result => return nothing(result),
                }
            },
        }
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.socket().until = until(timeout);
        let output = &self.buffers.output()[..amount];
        let sent = match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(output),
            Stream::Tls(stream) => stream.write_all(output).and_then(|()| stream.flush()),
        };
        sent.map_err(Error::Io)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.socket().until = until(timeout);
        let input = self.buffers.input_append_buf();
        let amount = match &mut self.stream {
            Stream::Plain(socket) => socket.read(input),
            Stream::Tls(stream) => stream.read(input),
        }
        .map_err(Error::Io)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        if self.socket().stream.set_nonblocking(true).is_err() {
            return false;
        }
        let quiet = self.is_quiet().unwrap_or(false);
        quiet && self.socket().stream.set_nonblocking(false).is_ok()
    }

    fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }
}

#[cfg(test)]
mod tests {
    use super::same_place;

    #[test]
    fn the_runtime_api_has_many_names() {
        let api = "127.0.0.1:9001".parse().unwrap();
        for other in [
            "127.0.0.1:9001",
            "127.9.9.9:9001",
            "0.0.0.0:9001",
            "[::1]:9001",
            "[::]:9001",
            "[::ffff:127.0.0.1]:9001",
        ] {
            assert!(same_place(&other.parse().unwrap(), &api), "{other}");
        }
        assert!(!same_place(&"127.0.0.1:9002".parse().unwrap(), &api));
        assert!(!same_place(&"10.0.0.1:9001".parse().unwrap(), &api));
        let far = "169.254.100.1:9001".parse().unwrap();
        assert!(same_place(&"[::ffff:169.254.100.1]:9001".parse().unwrap(), &far));
        assert!(!same_place(&"127.0.0.1:9001".parse().unwrap(), &far));
    }
}
