//! The events that a function's folder brings along: `event.json`, and what is in `events/`.

use std::path::{Path, PathBuf};

/// The event of the folder itself.
const OWN: &str = "event.json";

/// The folder of more.
const MORE: &str = "events";

/// The names of the events, the folder's own first.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let own = folder.join(OWN).is_file().then(|| OWN.to_owned());
    let entries = std::fs::read_dir(folder.join(MORE)).into_iter().flatten().flatten();
    let mut more: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "json"))
        .map(|name| format!("{MORE}/{name}"))
        .collect();
    more.sort();
    own.into_iter().chain(more).collect()
}

/// The text of the event `name`, if the folder has it.
pub(super) fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    // Only what was listed: a name cannot lead elsewhere.
    names(folder).contains(&name.to_owned()).then(|| std::fs::read(folder.join(name)).ok())?
}

/// Whether a file below the folder is such an event, or belongs to the tests: neither is a part of
/// the function.
pub(super) fn is_beside(path: &Path) -> bool {
    let script_of_tests = path.to_string_lossy().ends_with("_test.rhai");
    script_of_tests
        || path == Path::new(OWN)
        || path == Path::new("expected.json")
        || path.parent() == Some(&PathBuf::from(MORE))
}
