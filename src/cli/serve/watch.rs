//! Tells which files of the functions' folders changed, a moment after the last of a burst of changes.
//!
//! Editors save in many ways: they write in place, write a file beside and rename it, or do both. A
//! burst is over when nothing has happened for a short while, so one save is one report.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// A save is over when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(25);

/// No change waits for longer, however much goes on.
const LONGEST: Duration = Duration::from_millis(100);

/// How often a folder is looked for that was replaced by another of its name.
const LOOK: Duration = Duration::from_millis(500);

/// The folders that are watched.
pub(super) struct Watch {
    // Held for its end: dropping it ends the watch.
    watcher: RecommendedWatcher,
    news: mpsc::UnboundedReceiver<notify::Result<Event>>,
    roots: Vec<Root>,
}

struct Root {
    path: PathBuf,
    /// Device and number: a folder that is made anew is another one, and its watch is gone.
    identity: Option<(u64, u64)>,
}

impl Watch {
    /// Watches `folders` and what is below them.
    pub(super) fn start(folders: BTreeSet<PathBuf>) -> notify::Result<Self> {
        let (sender, news) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event| {
            // Nobody listens once the server ends.
            let _ = sender.send(event);
        })?;
        let mut watch = Self { watcher, news, roots: Vec::new() };
        for path in folders {
            watch.watcher.watch(&path, RecursiveMode::Recursive)?;
            watch.roots.push(Root { identity: identity(&path).ok(), path });
        }
        Ok(watch)
    }

    /// Waits for the next changes. A folder stands for all that is in it.
    pub(super) async fn changed(&mut self) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while changed.is_empty() {
            tokio::select! {
                event = self.news.recv() => match event {
                    Some(event) => self.take(event, &mut changed),
                    // The watcher lives as long as this, so its end of the channel is open.
                    None => std::future::pending().await,
                },
                _ = look.tick() => self.look(&mut changed),
            }
        }
        let first = Instant::now();
        while first.elapsed() < LONGEST
            && let Ok(Some(event)) = timeout(QUIET, self.news.recv()).await
        {
            self.take(event, &mut changed);
        }
        changed
    }

    fn take(&self, event: notify::Result<Event>, changed: &mut BTreeSet<PathBuf>) {
        match event {
            // Events were lost, or the watch itself is in doubt.
            Err(_) => changed.extend(self.roots.iter().map(|root| root.path.clone())),
            Ok(event) if event.need_rescan() => {
                changed.extend(self.roots.iter().map(|root| root.path.clone()));
            }
            Ok(event) if is_change(event.kind) => {
                let paths = event.paths.into_iter().filter(|path| self.is_of_a_function(path));
                changed.extend(paths);
            }
            Ok(_) => {}
        }
    }

    /// Watches folders again that were replaced, as `git checkout` and `rm -r` followed by a copy do.
    fn look(&mut self, changed: &mut BTreeSet<PathBuf>) {
        for root in &mut self.roots {
            let now = identity(&root.path).ok();
            if now == root.identity || now.is_none() {
                continue;
            }
            let _ = self.watcher.unwatch(&root.path);
            // It may be gone again by now; the next look tells.
            if self.watcher.watch(&root.path, RecursiveMode::Recursive).is_ok() {
                root.identity = now;
                changed.insert(root.path.clone());
            }
        }
    }

    fn is_of_a_function(&self, path: &Path) -> bool {
        // Of nested folders the innermost decides: `.cache/orders` may be a function's own.
        let within = self.roots.iter().filter_map(|root| path.strip_prefix(&root.path).ok());
        within.min_by_key(|path| path.components().count()).is_some_and(is_kept)
    }
}

/// Whether the file's content or its name changed, rather than who looked at it.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => false,
        _ => true,
    }
}

/// Whether a file below a function's folder may be a part of it: not hidden, and not what editors and
/// package managers leave around.
fn is_kept(below: &Path) -> bool {
    below.components().all(|component| {
        let name = component.as_os_str().to_string_lossy();
        let hidden = name.starts_with(['.', '#']);
        let scratch = name.ends_with(['~', '#'])
            || [".swp", ".swx", ".tmp", "___jb_tmp___", "___jb_old___"]
                .iter()
                .any(|end| name.ends_with(end));
        !hidden && !scratch && name != "4913" && name != "node_modules"
    })
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::is_kept;

    #[test]
    fn what_editors_leave_around_is_no_change() {
        for name in ["function.rhai", "lib/prices.rhai", "data/rates.csv", "rhai-lambda.toml", ""] {
            assert!(is_kept(Path::new(name)), "{name}");
        }
        for name in [
            ".function.rhai.swp",
            "function.rhai~",
            "4913",
            ".git/index",
            "lib/#prices.rhai#",
            ".#prices.rhai",
            "function.rhai___jb_tmp___",
            "node_modules/x/y.js",
        ] {
            assert!(!is_kept(Path::new(name)), "{name}");
        }
    }
}
