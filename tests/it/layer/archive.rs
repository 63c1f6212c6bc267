//! Zip files: what is in them, read from their central directory, and unpacked as Lambda does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// A file inside an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// The permissions, as `chmod` takes them.
    pub mode: u32,
    pub size: u32,
    /// MS-DOS date and time of the last change.
    pub changed: u32,
}

/// The entries of `archive`, in its order.
pub fn entries(archive: &Path) -> Vec<Entry> {
    let bytes = std::fs::read(archive).unwrap();
    let half = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    // The record at the end says where the directory starts; no archive here has a comment.
    let end = bytes.len() - 22;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06", "no end of a zip");
    let mut at = word(end + 16) as usize;
    let mut entries = Vec::new();
    for _ in 0..half(end + 10) {
        assert_eq!(&bytes[at..at + 4], b"PK\x01\x02", "no entry of a zip");
        let name_length = usize::from(half(at + 28));
        entries.push(Entry {
            name: String::from_utf8(bytes[at + 46..at + 46 + name_length].to_vec()).unwrap(),
            mode: (word(at + 38) >> 16) & 0o7777,
            size: word(at + 24),
            changed: word(at + 12),
        });
        at += 46 + name_length + usize::from(half(at + 30)) + usize::from(half(at + 32));
    }
    entries
}

/// Makes `archive` of the files in `folder`.
pub fn pack(archive: &Path, folder: &Path, names: &[&str]) {
    python(Command::new("python3").args(["-m", "zipfile", "-c"]).arg(archive).args(names), folder);
}

/// Unpacks `archive` below `folder`, with the permissions that it says.
pub fn unpack(archive: &Path, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    python(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(archive).arg("."), folder);
    for entry in entries(archive) {
        if !entry.name.ends_with('/') {
            let permissions = std::fs::Permissions::from_mode(entry.mode);
            std::fs::set_permissions(folder.join(entry.name), permissions).unwrap();
        }
    }
}

fn python(command: &mut Command, folder: &Path) {
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
