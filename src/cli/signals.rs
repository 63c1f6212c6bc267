//! The signals that end a command: its children must not outlive it.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end this command, from its making on.
pub(super) struct Signals {
    /// With the signal's number. None where the system has no handlers: signals then end the process
    /// at once, and it takes its children along.
    all: Option<[(Signal, u8); 3]>,
}

impl Signals {
    /// Takes signals over from the system; needs a runtime.
    pub(super) fn new() -> Self {
        let listen = |kind: SignalKind, number| signal(kind).ok().map(|signal| (signal, number));
        let all = [
            listen(SignalKind::interrupt(), 2),
            listen(SignalKind::terminate(), 15),
            listen(SignalKind::hangup(), 1),
        ];
        let [Some(interrupt), Some(terminate), Some(hangup)] = all else {
            return Self { all: None };
        };
        Self { all: Some([interrupt, terminate, hangup]) }
    }

    /// Waits for the next one, and tells its number.
    pub(super) async fn next(&mut self) -> u8 {
        let Some([interrupt, terminate, hangup]) = &mut self.all else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.0.recv() => interrupt.1,
            _ = terminate.0.recv() => terminate.1,
            _ = hangup.0.recv() => hangup.1,
        }
    }
}

/// Waits for a signal that ends this command, and tells its number.
pub(super) async fn interrupted() -> u8 {
    Signals::new().next().await
}
