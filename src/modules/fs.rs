//! `fs::` reads and writes files.
//!
//! Files can be read below the function's own folder, where relative paths begin, below `/opt`, where
//! layers are, and below `/tmp`; they can be written below `/tmp` alone, which Lambda keeps as long as the
//! environment. There is no way out of these: not by `..`, not through links, not to devices or pipes.
//!
//! All functions throw `FsError` with the fields `path` and `reason`: `outside` for what may not be
//! touched, `not_found`, `is_a_folder`, `not_a_folder`, `not_a_file` for devices and pipes, `not_text`,
//! `not_empty`, `denied`, `full`, or `failed` for other trouble of the system; `argument` for what is no
//! path, and without the field `path` for wrong data and options.
//!
//! # `fs::read(path)`, `fs::read_text(path)`
//!
//! Return a file as a blob, or as a string if it is UTF-8. Throw `DataTooLarge` when it does not fit into
//! the memory that a script may have.
//!
//! ```rhai
//! fs::write("/tmp/greeting.txt", "Grüße");
//! assert_eq(fs::read("/tmp/greeting.txt").len(), 7);
//! assert_eq(fs::read_text("/tmp/greeting.txt"), "Grüße");
//! fs::delete("/tmp/greeting.txt");
//! assert_eq(assert_throws(|| fs::read("data/none.csv"), "FsError").reason, "not_found");
//! assert_eq(assert_throws(|| fs::read("/etc/passwd"), "FsError").reason, "outside");
//! ```
//!
//! # `fs::write(path, data)`, `fs::write(path, data, options)`
//!
//! Writes a string or a blob to a file below `/tmp`, in place of what is in it, or with
//! `#{ append: true }` after it. Folders on the way are made.
//!
//! ```rhai
//! let path = "/tmp/reports/2026/november.csv";
//! fs::write(path, "day,orders\n");
//! fs::write(path, "1,17\n", #{ append: true });
//! assert_eq(fs::read_text(path), "day,orders\n1,17\n");
//! fs::delete(path);
//! assert_throws(|| fs::write("november.csv", ""), "FsError");
//! ```
//!
//! # `fs::list(path)`
//!
//! Returns what is in a folder, sorted by name: an array of maps with `name`, `kind` (`"file"`,
//! `"folder"`, `"link"` or `"other"`) and `size` in bytes.
//!
//! ```rhai
//! let folder = `/tmp/letters-${crypto::uuid()}`;
//! fs::write(folder + "/a.txt", "Hello");
//! assert_eq(fs::list(folder), [#{ name: "a.txt", kind: "file", size: 5 }]);
//! fs::delete(folder + "/a.txt");
//! fs::delete(folder);
//! ```
//!
//! # `fs::exists(path)`
//!
//! Returns whether there is a file or a folder. Throws for a path that may not be read.
//!
//! ```rhai
//! assert(fs::exists("/tmp"));
//! assert(!fs::exists("lib/none.rhai"));
//! ```
//!
//! # `fs::delete(path)`
//!
//! Removes a file, a link or an empty folder below `/tmp`; returns whether there was one.
//!
//! ```rhai
//! fs::write("/tmp/old.txt", "");
//! assert(fs::delete("/tmp/old.txt"));
//! assert(!fs::delete("/tmp/old.txt"));
//! ```

mod files;

use std::rc::Rc;

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, Module, NativeCallContext};

use crate::engine::{Guard, placed, raise_with};
use crate::modules::Host;
use crate::modules::bytes::{Fallible, Unread, read_all, with_bytes};
use crate::modules::fs::files::{Files, Refused};
use crate::modules::options::Options;

/// What an entry of a list takes in memory.
const ENTRY: usize = 512;

fn raised(path: &str, refused: Refused) -> Box<EvalAltResult> {
    let message = format!("`{path}` {}", refused.message);
    let fields = [("path", path.into()), ("reason", refused.reason.into())];
    raise_with("FsError", message, fields)
}

fn wrong_argument(message: String) -> Box<EvalAltResult> {
    raise_with("FsError", message, [("reason", "argument".into())])
}

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    let files = Rc::new(Files::new(&host.task_root));
    native(&mut module, "read", &files, &host.guard, |files, guard, path| {
        Ok(Dynamic::from_blob(read(files, guard, path)?))
    });
    native(&mut module, "read_text", &files, &host.guard, |files, guard, path| {
        let text = String::from_utf8(read(files, guard, path)?).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            raised(path, Refused::new("not_text", format!("is not UTF-8, see the byte at {at}")))
        })?;
        Ok(text.into())
    });
    native(&mut module, "exists", &files, &host.guard, |files, _, path| {
        files.exists(path).map(Into::into).map_err(|refused| raised(path, refused))
    });
    native(&mut module, "delete", &files, &host.guard, |files, _, path| {
        files.delete(path).map(Into::into).map_err(|refused| raised(path, refused))
    });
    native(&mut module, "list", &files, &host.guard, list);
    let writer = Rc::clone(&files);
    module.set_native_fn("write", move |context: NativeCallContext, path: &str, data: Dynamic| {
        placed(context.call_position(), write(&writer, path, &data, None))
    });
    module.set_native_fn(
        "write",
        move |context: NativeCallContext, path: &str, data: Dynamic, options: Map| {
            placed(context.call_position(), write(&files, path, &data, Some(&options)))
        },
    );
    engine.register_static_module("fs", module.into());
}

/// A function of a path.
fn native(
    module: &mut Module,
    name: &str,
    files: &Rc<Files>,
    guard: &Rc<Guard>,
    work: impl Fn(&Files, &Guard, &str) -> Fallible<Dynamic> + 'static,
) {
    let (files, guard) = (Rc::clone(files), Rc::clone(guard));
    module.set_native_fn(name, move |context: NativeCallContext, path: &str| {
        placed(context.call_position(), work(&files, &guard, path))
    });
}

fn read(files: &Files, guard: &Guard, path: &str) -> Fallible<Vec<u8>> {
    let (file, size) = files.open(path).map_err(|refused| raised(path, refused))?;
    read_all(file, size, guard).map_err(|unread| match unread {
        Unread::Io(error) => raised(path, error.into()),
        Unread::Limit(error) => error,
    })
}

fn write(files: &Files, path: &str, data: &Dynamic, options: Option<&Map>) -> Fallible<()> {
    let append = match options {
        Some(options) => Options::new(options, &["append"], wrong_argument)?.flag("append")?,
        None => false,
    };
    with_bytes(data, "data", wrong_argument, |bytes| {
        files.write(path, bytes, append).map_err(|refused| raised(path, refused))
    })
}

fn list(files: &Files, guard: &Guard, path: &str) -> Fallible<Dynamic> {
    let raised = |refused| raised(path, refused);
    let mut entries = Vec::new();
    for entry in files.list(path).map_err(raised)? {
        // Asked for as it grows: nobody knows how many there are.
        if entries.len() % 256 == 0 {
            guard.reserve(256 * ENTRY)?;
            guard.check_time()?;
        }
        entries.push(entry.map_err(raised)?);
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let maps = entries.into_iter().map(|entry| {
        let mut map = Map::new();
        map.insert("name".into(), entry.name.into());
        map.insert("kind".into(), entry.kind.into());
        map.insert("size".into(), i64::try_from(entry.size).unwrap_or(i64::MAX).into());
        Dynamic::from_map(map)
    });
    Ok(Dynamic::from_array(maps.collect::<Array>()))
}
