//! A zip: whether Lambda would start the layer, or find the function, in it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

use super::Findings;
use super::elf::{self, Linking, Machine};
use crate::cli::package::limits::{Limit, Room, grouped};

/// The program that Lambda starts.
const BOOTSTRAP: &str = "bootstrap";

/// The folder of a layer in which imports are looked for: `/opt/rhai` on Lambda.
const SHARED: &str = "rhai/";

/// More of a program is not read: what is asked of it stands in less.
const ENOUGH: u64 = 64 << 20;

/// The glibc of Lambda's images, 2.x: `provided.al2` and `provided.al2023`.
const GLIBC_AL2: u32 = 26;
const GLIBC_AL2023: u32 = 34;

pub(super) fn examine(path: &Path, findings: &mut Findings) {
    let opened = File::open(path).map_err(|error| error.to_string());
    let opened = opened.and_then(|file| ZipArchive::new(file).map_err(|error| error.to_string()));
    let mut archive = match opened {
        Ok(archive) => archive,
        Err(error) => return findings.error(format!("it cannot be read as a zip: {error}")),
    };
    let names: Vec<String> =
        archive.file_names().filter_map(Result::ok).map(|name| name.into_owned()).collect();
    let files: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !name.ends_with('/')).collect();
    sizes(path, &mut archive, findings);
    if files.contains(&BOOTSTRAP) {
        bootstrap(path, &mut archive, findings);
        shared(&files, findings);
    } else if let Some(folder) = surplus(&files) {
        findings.error(format!(
            "everything is in the folder `{folder}`: on Lambda it would be one level too deep\n\
             hint: zip what is in the folder, not the folder: `cd {folder} && zip -r ../new.zip .`"
        ));
    } else if files.iter().any(|name| name.starts_with(SHARED)) {
        findings.ok("there is no `bootstrap`: a layer of shared scripts");
        shared(&files, findings);
    } else if files.iter().any(|name| name.ends_with(".rhai") && !name.contains('/')) {
        findings.ok("there is no `bootstrap`: a function's zip");
    } else {
        findings.error(
            "there is no `bootstrap` at the root: Lambda would not find a runtime\n\
             hint: `layer/build.sh` makes a layer, `rhai-lambda package` a function's zip",
        );
    }
    let clutter = |name: &&&str| name.starts_with("__MACOSX") || name.ends_with(".DS_Store");
    if let Some(name) = files.iter().find(clutter) {
        findings
            .warning(format!("`{name}` is of a Mac's file system and serves nothing on Lambda"));
    }
}

fn sizes(path: &Path, archive: &mut ZipArchive<File>, findings: &mut Findings) {
    let zipped = path.metadata().map(|data| data.len()).unwrap_or_default();
    let mut unzipped = 0_u64;
    for index in 0..archive.len() {
        match archive.by_index_raw(index) {
            Ok(file) => unzipped = unzipped.saturating_add(file.size()),
            Err(error) => return findings.error(format!("the zip is damaged: {error}")),
        }
    }
    let rooms = [Limit::ZIPPED.room(zipped), Limit::UNZIPPED.room(unzipped)];
    if rooms.iter().all(|room| *room == Room::Enough) {
        let (zipped, unzipped) = (grouped(zipped), grouped(unzipped));
        findings.ok(format!("{zipped} bytes, {unzipped} unzipped"));
    }
    for room in rooms {
        match room {
            Room::Enough => {}
            Room::Little(warning) => findings.warning(warning),
            Room::None(error) => findings.error(error),
        }
    }
}

fn bootstrap(path: &Path, archive: &mut ZipArchive<File>, findings: &mut Findings) {
    let mut file = match archive.by_name(BOOTSTRAP) {
        Ok(file) => file,
        Err(error) => return findings.error(format!("`{BOOTSTRAP}` cannot be read: {error}")),
    };
    findings.ok("`bootstrap` is at the root");
    // A zip that was not made on Unix has no modes, and Lambda makes none up.
    match file.unix_mode() {
        Some(mode) if mode & 0o111 == 0o111 => findings.ok("`bootstrap` is executable"),
        _ => findings.error(
            "`bootstrap` is not executable for everybody\n\
             hint: `chmod 755 bootstrap`, and zip it on Linux or a Mac",
        ),
    }
    let mut bytes = Vec::new();
    if let Err(error) = file.by_ref().take(ENOUGH).read_to_end(&mut bytes) {
        return findings.error(format!("`{BOOTSTRAP}` cannot be unzipped: {error}"));
    }
    if bytes.starts_with(b"#!") {
        return findings.warning("`bootstrap` is a script: it is another runtime than this one");
    }
    let program = match elf::read(&bytes) {
        Ok(program) => program,
        Err(what) => {
            return findings
                .error(format!("`bootstrap` {what}\nhint: `layer/build.sh` makes one that is"));
        }
    };
    machine(path, program.machine, findings);
    linking(program.linking, findings);
}

fn machine(path: &Path, machine: Machine, findings: &mut Findings) {
    let (name, others) = match machine {
        Machine::X86_64 => ("x86_64", ["arm64", "aarch64"].as_slice()),
        Machine::Arm64 => ("arm64", ["x86_64", "amd64"].as_slice()),
        Machine::Other(number) => {
            return findings.error(format!(
                "`bootstrap` is for the machine {number}: Lambda has x86_64 and arm64\n\
                 hint: `layer/build.sh x86_64` or `layer/build.sh arm64`"
            ));
        }
    };
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    match others.iter().find(|other| file.contains(**other)) {
        Some(other) => findings.warning(format!(
            "`bootstrap` is for {name}, and the zip's name says {other}\n\
             hint: publish it with `--compatible-architectures {name}`"
        )),
        None => findings.ok(format!("`bootstrap` is for {name}")),
    }
}

fn linking(linking: Linking, findings: &mut Findings) {
    match linking {
        Linking::Static => {
            findings.ok("`bootstrap` is static: it starts on any of Lambda's images")
        }
        Linking::Dynamic(minor) if minor <= GLIBC_AL2 => {
            findings
                .ok(format!("`bootstrap` needs glibc 2.{minor}: all of Lambda's images have it"));
        }
        Linking::Dynamic(minor) if minor <= GLIBC_AL2023 => findings.warning(format!(
            "`bootstrap` needs glibc 2.{minor}: `provided.al2023` has it, `provided.al2` does not\n\
             hint: `layer/build.sh` makes one that starts on both"
        )),
        Linking::Dynamic(minor) => findings.error(format!(
            "`bootstrap` needs glibc 2.{minor}, Lambda's images have 2.{GLIBC_AL2023} and older\n\
             hint: `layer/build.sh` makes one that starts there"
        )),
    }
}

/// Scripts of a layer are found in one folder only.
fn shared(files: &[&str], findings: &mut Findings) {
    let is_script = |name: &&&str| name.ends_with(".rhai");
    let (inside, outside): (Vec<&str>, Vec<&str>) =
        files.iter().filter(is_script).partition(|name| name.starts_with(SHARED));
    if let Some(name) = outside.first() {
        findings.warning(format!(
            "`{name}` cannot be imported: shared scripts are looked for in `/opt/rhai`\n\
             hint: put it into `{SHARED}` of the zip"
        ));
    }
    if !inside.is_empty() {
        findings.ok(format!("shared scripts in `{SHARED}`: {}", inside.len()));
    }
}

/// The one folder that everything is in, if something that Lambda looks for is right below it.
fn surplus<'a>(files: &[&'a str]) -> Option<&'a str> {
    let (folder, _) = files.first()?.split_once('/')?;
    let start = format!("{folder}/");
    let names: Vec<&str> =
        files.iter().map(|name| name.strip_prefix(&start)).collect::<Option<_>>()?;
    let is_looked_for = |name: &&str| {
        *name == BOOTSTRAP
            || name.starts_with(SHARED)
            || name.ends_with(".rhai") && !name.contains('/')
    };
    let is_shared = folder == SHARED.trim_end_matches('/');
    (!is_shared && names.iter().any(is_looked_for)).then_some(folder)
}
