//! What the cache holds: plain data that belongs to no engine, bounded in bytes and in time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rhai::{Dynamic, FnPtr};

use crate::config::Limits;
use crate::world;

/// Deeper values are refused, as in events and results.
const MAX_DEPTH: usize = 128;

/// What a value and its place in a collection take beyond their text.
const OVERHEAD: usize = 64;

/// A value without anything that belongs to an engine, so that others can have it too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plain {
    Unit,
    Bool(bool),
    Int(i64),
    Float(f64),
    Char(char),
    Text(Box<str>),
    Blob(Box<[u8]>),
    Array(Vec<Plain>),
    Map(Vec<(Box<str>, Plain)>),
}

impl Plain {
    /// Copies `value`.
    ///
    /// # Errors
    /// What is not plain data, and where it is.
    pub(super) fn from_dynamic(value: &Dynamic) -> Result<Self, String> {
        copy(value, 0).map_err(|(path, what)| {
            let mut shown: String = path.iter().rev().take(8).map(String::as_str).collect();
            if path.len() > 8 {
                shown.push_str(".…");
            }
            format!("`value{shown}` is {what}; the cache takes plain data alone")
        })
    }

    pub(super) fn to_dynamic(&self) -> Dynamic {
        match self {
            Self::Unit => Dynamic::UNIT,
            Self::Bool(flag) => (*flag).into(),
            Self::Int(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Char(character) => (*character).into(),
            Self::Text(text) => (&**text).into(),
            Self::Blob(bytes) => Dynamic::from_blob(bytes.to_vec()),
            Self::Array(items) => Dynamic::from_array(items.iter().map(Self::to_dynamic).collect()),
            Self::Map(entries) => Dynamic::from_map(
                entries.iter().map(|(key, value)| ((&**key).into(), value.to_dynamic())).collect(),
            ),
        }
    }

    /// About what it takes in memory, here or in an engine.
    fn bytes(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Text(text) => text.len(),
                Self::Blob(bytes) => bytes.len(),
                Self::Array(items) => items.iter().map(Self::bytes).sum(),
                Self::Map(entries) => {
                    entries.iter().map(|(key, value)| key.len() + OVERHEAD + value.bytes()).sum()
                }
                _ => 0,
            }
    }
}

/// The path to what cannot be copied, innermost segment first, and what it is.
type Refusal = (Vec<String>, String);

fn copy(value: &Dynamic, depth: usize) -> Result<Plain, Refusal> {
    let refuse = |what: &str| Err((Vec::new(), what.to_owned()));
    let inside = |segment: String| {
        move |(mut path, what): Refusal| {
            path.push(segment);
            (path, what)
        }
    };
    if depth > MAX_DEPTH {
        return refuse("nested too deeply (does it contain itself?)");
    }
    // Each of these also looks through a value that closures share.
    if let Ok(text) = value.as_immutable_string_ref() {
        Ok(Plain::Text(text.as_str().into()))
    } else if let Ok(number) = value.as_int() {
        Ok(Plain::Int(number))
    } else if let Ok(number) = value.as_float() {
        Ok(Plain::Float(number))
    } else if let Ok(flag) = value.as_bool() {
        Ok(Plain::Bool(flag))
    } else if value.is_unit() {
        Ok(Plain::Unit)
    } else if let Ok(character) = value.as_char() {
        Ok(Plain::Char(character))
    } else if let Ok(bytes) = value.as_blob_ref() {
        Ok(Plain::Blob(bytes.as_slice().into()))
    } else if let Ok(array) = value.as_array_ref() {
        let items = array.iter().enumerate();
        let items =
            items.map(|(at, item)| copy(item, depth + 1).map_err(inside(format!("[{at}]"))));
        items.collect::<Result<_, _>>().map(Plain::Array)
    } else if let Ok(map) = value.as_map_ref() {
        let entries = map.iter().map(|(key, item)| {
            let item = copy(item, depth + 1).map_err(inside(format!(".{key}")))?;
            Ok((key.as_str().into(), item))
        });
        entries.collect::<Result<_, _>>().map(Plain::Map)
    } else if value.is::<FnPtr>() {
        refuse("a function")
    } else {
        refuse(&format!("a {}", value.type_name()))
    }
}

/// The cache. It can be shared between threads.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Bytes that all entries may take.
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    // A map that needs no random seed: most functions never use the cache.
    entries: BTreeMap<Box<str>, Entry>,
    bytes: usize,
    /// Counts uses, to know which entry was used last.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    value: Arc<Plain>,
    bytes: usize,
    used: u64,
    life: Option<Life>,
}

/// How long an entry is good for.
///
/// The steady clock decides, and the calendar's as well: the steady one may stand still while the
/// environment is frozen, the calendar's may be set back.
#[derive(Debug)]
struct Life {
    since: Instant,
    since_by_calendar: SystemTime,
    ttl: Duration,
}

impl Life {
    fn is_over(&self) -> bool {
        let by_calendar = world::now().duration_since(self.since_by_calendar);
        world::steady_now() - self.since >= self.ttl
            || by_calendar.is_ok_and(|passed| passed >= self.ttl)
    }
}

impl Entry {
    fn is_over(&self) -> bool {
        self.life.as_ref().is_some_and(Life::is_over)
    }
}

impl Cache {
    fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// A cache that takes a quarter of what scripts may have.
    pub(super) fn within(limits: &Limits) -> Self {
        Self::new(limits.max_memory / 4)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `read` makes of the value of `key` and its size, if there is one that is still good.
    pub(super) fn get<T>(&self, key: &str, read: impl FnOnce(&Plain, usize) -> T) -> Option<T> {
        // Read outside of the lock, which others may be waiting for.
        let (value, bytes) = self.state().find(key)?;
        Some(read(&value, bytes))
    }

    /// Keeps `value`, and lets others go if there is no room for all.
    ///
    /// # Errors
    /// The value takes more than there is for all of them.
    pub(super) fn insert(
        &self,
        key: &str,
        value: Plain,
        ttl: Option<Duration>,
    ) -> Result<(), String> {
        let bytes = value.bytes() + key.len() + OVERHEAD;
        if bytes > self.limit {
            return Err(format!(
                "the value takes {bytes} bytes, and the whole cache {} (a quarter of \
                 RHAI_LAMBDA_MAX_MEMORY_MB)",
                self.limit
            ));
        }
        let (since, since_by_calendar) = (world::steady_now(), world::now());
        let life = ttl.map(|ttl| Life { since, since_by_calendar, ttl });
        let mut state = self.state();
        state.remove(key);
        if state.bytes + bytes > self.limit {
            state.make_room(self.limit - bytes);
        }
        state.clock += 1;
        state.bytes += bytes;
        let entry = Entry { value: Arc::new(value), bytes, used: state.clock, life };
        state.entries.insert(key.into(), entry);
        Ok(())
    }

    /// Forgets `key`; says whether it had a value that was still good.
    pub(super) fn remove(&self, key: &str) -> bool {
        self.state().remove(key).is_some_and(|entry| !entry.is_over())
    }
}

impl State {
    /// The value of `key` and its size; one whose time is up is forgotten.
    fn find(&mut self, key: &str) -> Option<(Arc<Plain>, usize)> {
        self.clock += 1;
        let now = self.clock;
        let entry = self.entries.get_mut(key)?;
        if entry.is_over() {
            self.remove(key);
            return None;
        }
        entry.used = now;
        Some((Arc::clone(&entry.value), entry.bytes))
    }

    fn remove(&mut self, key: &str) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }

    /// Shrinks to `limit`, and to some less, so that not every insertion has to.
    fn make_room(&mut self, limit: usize) {
        self.entries.retain(|_, entry| !entry.is_over());
        let mut by_use: Vec<(u64, Box<str>)> =
            self.entries.iter().map(|(key, entry)| (entry.used, key.clone())).collect();
        by_use.sort_unstable();
        self.bytes = self.entries.values().map(|entry| entry.bytes).sum();
        let goal = limit - limit / 8;
        for (_, key) in by_use {
            if self.bytes <= goal {
                return;
            }
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rhai::{Dynamic, Engine};

    use super::{Cache, Plain};

    fn plain(script: &str) -> Result<Plain, String> {
        Plain::from_dynamic(&Engine::new().eval::<Dynamic>(script).unwrap())
    }

    fn get(cache: &Cache, key: &str) -> Option<Plain> {
        cache.get(key, |value, _| value.clone())
    }

    #[test]
    fn it_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Cache>();
    }

    #[test]
    fn plain_data_survives_and_nothing_else_does() {
        let script = r#"#{ a: [1, 2.5, 'c', true, (), "text"], b: blob(3, 7), "": #{} }"#;
        let value = plain(script).unwrap();
        assert_eq!(Plain::from_dynamic(&value.to_dynamic()).unwrap(), value);
        let error = plain("#{ a: [1, #{ f: || 1 }] }").unwrap_err();
        assert!(error.starts_with("`value.a[1].f` is a function"), "{error}");
        assert!(plain("timestamp()").unwrap_err().contains("timestamp"));
        let deep = "let a = []; for i in 0..200 { a = [a]; } a";
        assert!(plain(deep).unwrap_err().contains("nested too deeply"));
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let cache = Cache::new(64 << 10);
        let value = || Plain::Blob(vec![0; 10 << 10].into());
        for key in ["a", "b", "c", "d", "e"] {
            cache.insert(key, value(), None).unwrap();
        }
        assert!(get(&cache, "a").is_some());
        for key in ["f", "g", "h"] {
            cache.insert(key, value(), None).unwrap();
        }
        assert!(get(&cache, "a").is_some() && get(&cache, "h").is_some());
        assert!(get(&cache, "b").is_none());
        let error = cache.insert("i", Plain::Blob(vec![0; 65 << 10].into()), None).unwrap_err();
        assert!(error.contains("RHAI_LAMBDA_MAX_MEMORY_MB"), "{error}");
        assert!(get(&cache, "h").is_some());
    }

    #[test]
    fn it_stays_below_its_limit_however_often_it_is_filled() {
        let cache = Cache::new(1 << 20);
        for number in 0..10_000 {
            cache.insert(&number.to_string(), Plain::Text("x".repeat(900).into()), None).unwrap();
            assert!(cache.state().bytes <= 1 << 20);
        }
        let state = cache.state();
        assert_eq!(state.bytes, state.entries.values().map(|entry| entry.bytes).sum::<usize>());
        assert!(state.entries.len() > 500);
    }

    #[test]
    fn an_entry_ends_with_its_time() {
        let cache = Cache::new(1 << 20);
        cache.insert("short", Plain::Int(1), Some(Duration::from_millis(20))).unwrap();
        cache.insert("long", Plain::Int(2), Some(Duration::MAX)).unwrap();
        assert!(get(&cache, "long").is_some());
        std::thread::sleep(Duration::from_millis(25));
        assert!(get(&cache, "short").is_none() && !cache.remove("short"));
        assert!(get(&cache, "long").is_some() && cache.remove("long"));
        assert_eq!(cache.state().bytes, 0);
    }
}
