//! What a program needs of the machine that it starts on, read from its own first bytes.

/// A program as the kernel sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) machine: Machine,
    pub(super) linking: Linking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    X86_64,
    Arm64,
    /// Its number in the ELF standard.
    Other(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linking {
    Static,
    /// With the newest glibc 2.x whose symbols it asks for; 0 if it asks for none.
    Dynamic(u32),
}

/// The kind of program header that names a dynamic linker.
const INTERPRETER: u32 = 3;

/// Reads the header of a 64-bit, little-endian ELF file.
pub(super) fn read(bytes: &[u8]) -> Result<Program, String> {
    if !bytes.starts_with(b"\x7fELF") {
        return Err("is no program of Linux (no ELF file)".to_owned());
    }
    if bytes.get(4..6) != Some(&[2, 1]) {
        return Err("is no 64-bit program".to_owned());
    }
    let truncated = || "is cut off".to_owned();
    let machine = match half(bytes, 18).ok_or_else(truncated)? {
        62 => Machine::X86_64,
        183 => Machine::Arm64,
        other => Machine::Other(other),
    };
    let table = word(bytes, 32).ok_or_else(truncated)?;
    let size = half(bytes, 54).ok_or_else(truncated)?;
    let count = half(bytes, 56).ok_or_else(truncated)?;
    let mut linking = Linking::Static;
    for index in 0..count {
        let at = u64::from(index) * u64::from(size) + u64::from(table);
        let at = usize::try_from(at).map_err(|_| truncated())?;
        if word(bytes, at).ok_or_else(truncated)? == INTERPRETER {
            linking = Linking::Dynamic(newest_glibc(bytes));
        }
    }
    Ok(Program { machine, linking })
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The names of the versions stand in the file as text.
fn newest_glibc(bytes: &[u8]) -> u32 {
    let start = b"GLIBC_2.";
    let mut newest = 0;
    for (at, _) in bytes.windows(start.len()).enumerate().filter(|(_, window)| window == start) {
        let digits = bytes[at + start.len()..].iter().take(3).take_while(|b| b.is_ascii_digit());
        let minor = digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        newest = newest.max(minor);
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::{Linking, Machine, Program, read};

    /// An ELF file with one program header.
    fn elf(machine: u16, kind: u32, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..36].copy_from_slice(&64_u32.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend([0; 52]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn machine_and_linking_are_read() {
        let program = |machine, linking| Ok(Program { machine, linking });
        assert_eq!(read(&elf(62, 1, b"")), program(Machine::X86_64, Linking::Static));
        let versions = b"\0GLIBC_2.9\0GLIBC_2.26\0GLIBC_2.2.5\0";
        assert_eq!(read(&elf(183, 3, versions)), program(Machine::Arm64, Linking::Dynamic(26)));
        assert_eq!(read(&elf(40, 3, b"")), program(Machine::Other(40), Linking::Dynamic(0)));
    }

    #[test]
    fn what_is_none_is_refused_and_nothing_panics() {
        let whole = elf(62, 3, b"GLIBC_2.");
        for length in 0..whole.len() - 60 {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        assert!(read(b"#!/bin/sh\n").is_err());
    }
}
