//! The build: `layer/build.sh`, as the README calls it, and the zip that it makes.

use super::{archive, commands, is_asked_for, layer, readme};
use crate::moto::shell;
use crate::tools;

/// Longer than a release build of everything takes on a small machine.
const BUILD_SECONDS: u32 = 1800;

/// Runs the README's build section and returns what it printed.
pub fn run() -> String {
    let document = std::fs::read_to_string(readme()).unwrap();
    let (_, script) = commands(&document)
        .into_iter()
        .find(|(heading, _)| heading == "Build")
        .expect("`layer/README.md` has a section `Build`");
    shell(&script, tools::root(), BUILD_SECONDS, |_| ())
}

#[test]
fn the_zip_holds_bootstrap_at_its_root() {
    if !is_asked_for("what is in the layer's zip") {
        return;
    }
    let entries = archive::entries(layer());
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "bootstrap",
            "share/licenses/rhai-lambda/LICENSE-APACHE",
            "share/licenses/rhai-lambda/LICENSE-MIT"
        ]
    );
    let modes: Vec<u32> = entries.iter().map(|entry| entry.mode).collect();
    assert_eq!(modes, [0o755, 0o644, 0o644]);
    // The first of January 1980, midnight: the zip tells nothing of when it was made.
    assert!(entries.iter().all(|entry| entry.changed == 0x0021_0000), "{entries:x?}");
    let size = std::fs::metadata(layer()).unwrap().len();
    assert!(size <= 2_000_000, "the layer has {size} bytes, at most 2,000,000 are allowed");
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    if !is_asked_for("a second build of the layer") {
        return;
    }
    let first = std::fs::read(layer()).unwrap();
    let printed = run();
    assert!(std::fs::read(layer()).unwrap() == first, "a second build made other bytes");
    for part in ["way: ", "bootstrap for x86_64, ", " bytes, sha256 "] {
        assert!(printed.contains(part), "no `{part}` in: {printed}");
    }
}

#[test]
fn wrong_use_is_told() {
    let output = std::process::Command::new(tools::root().join("layer/build.sh"))
        .arg("mips")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: unknown argument `mips`\nhint: see `layer/build.sh --help`\n"
    );
}
