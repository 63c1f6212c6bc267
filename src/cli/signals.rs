//! The signals that end a command: its children must not outlive it.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for a signal that ends this command, and tells its number.
pub(super) async fn interrupted() -> u8 {
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        // Without handlers the signals end the process at once, and it takes the child along.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
        _ = hangup.recv() => 1,
    }
}
