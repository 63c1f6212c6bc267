"""Checks the built `bootstrap` and packs the layer's zip: what `build.sh` does not do in shell.

The check reads the ELF file itself, so that no binutils for the target's processor are needed.
The zip depends on nothing but names and contents: no times, no owners, one order.
"""

import hashlib
import pathlib
import re
import struct
import sys
import zipfile
import zlib

MACHINES = {"x86_64": 62, "arm64": 183}
# How often zopfli goes over the data: more takes longer and saves little.
ITERATIONS = 5
PT_INTERP = 3
SHT_GNU_VERNEED = 0x6FFFFFFE


def fail(message):
    sys.exit(f"error: {message}")


def check(path, arch, floor):
    """Fails unless `path` runs on `arch`, needs no glibc above `floor` and names no path of ours."""
    elf = pathlib.Path(path).read_bytes()
    if elf[:6] != b"\x7fELF\x02\x01":
        fail(f"`{path}` is not a 64-bit little-endian ELF file")
    (machine,) = struct.unpack_from("<H", elf, 18)
    if machine != MACHINES[arch]:
        fail(f"`{path}` is for machine {machine}, {arch} is {MACHINES[arch]}")
    versions = glibc_versions(elf)
    if not has_interpreter(elf) and not versions:
        needs = "static"
    else:
        highest = max(versions, default=(0,))
        if highest > tuple(int(part) for part in floor.split(".")):
            fail(f"`{path}` needs glibc {dotted(highest)}, at most {floor} is allowed")
        needs = f"dynamic, needs glibc {dotted(highest)}"
    leaks = sorted(set(re.findall(rb"/(?:home|root|Users)/[\w./-]+|[\w./-]*/registry/src/[\w./-]*", elf)))
    if leaks:
        fail(f"`{path}` holds paths of this machine: {', '.join(leak.decode() for leak in leaks)}")
    print(f"layer: bootstrap for {arch}, {needs}, {len(elf):,} bytes")


def has_interpreter(elf):
    """Whether the kernel has to load the file through a dynamic linker."""
    (offset,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    kinds = (struct.unpack_from("<I", elf, offset + i * size)[0] for i in range(count))
    return PT_INTERP in kinds


def glibc_versions(elf):
    """Returns every `GLIBC_x.y` that the file asks for, as tuples of numbers."""
    (offset,) = struct.unpack_from("<Q", elf, 40)
    size, count = struct.unpack_from("<HH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQII", elf, offset + i * size) for i in range(count)]
    versions = set()
    for _, kind, _, _, start, _, link, entries in headers:
        if kind != SHT_GNU_VERNEED:
            continue
        strings = headers[link][4]
        for _ in range(entries):
            _, names, _, first, following = struct.unpack_from("<HHIII", elf, start)
            name = start + first
            for _ in range(names):
                _, _, _, string, step = struct.unpack_from("<IHHII", elf, name)
                text = elf[strings + string : elf.index(b"\0", strings + string)].decode()
                if text.startswith("GLIBC_"):
                    versions.add(tuple(int(part) for part in text[6:].split(".")))
                name += step
            start += following
    return versions


def dotted(version):
    """Writes a version as people do."""
    return ".".join(str(part) for part in version)


def deflate(content):
    """Compresses with zopfli: 3.5 % smaller than zlib at its best, and readable for everybody."""
    # Only `pack` needs it, and `build.sh` has it in a virtual environment.
    import zopfli.zlib

    # A limit on the number of blocks would cost half a per cent.
    stream = zopfli.zlib.compress(content, numiterations=ITERATIONS, blocksplittingmax=0)
    # A zip stores it without zlib's header and checksum.
    return stream[2:-4]


def pack(archive, files):
    """Writes `archive` with the files given as `name=path`, the same bytes for the same contents.

    Written by hand, as `zipfile` takes nothing that is compressed already.
    """
    archive = pathlib.Path(archive)
    archive.parent.mkdir(parents=True, exist_ok=True)
    entries, directory = b"", b""
    for name, _, path in sorted(file.partition("=") for file in files):
        content = pathlib.Path(path).read_bytes()
        packed = deflate(content)
        # Version 2.0, no flags, deflate, the first of January 1980; then what is in it.
        fields = struct.pack(
            "<HHHHHIIIHH",
            20, 0, 8, 0, 0x21, zlib.crc32(content), len(packed), len(content), len(name), 0,
        )
        mode = 0o100755 if name == "bootstrap" else 0o100644
        # Made on Unix (3): without it the mode means nothing.
        directory += b"PK\1\2" + struct.pack("<BB", 20, 3) + fields
        directory += struct.pack("<HHHII", 0, 0, 0, mode << 16, len(entries)) + name.encode()
        entries += b"PK\3\4" + fields + name.encode() + packed
    end = b"PK\5\6" + struct.pack(
        "<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(entries), 0
    )
    # Whoever reads the archive meanwhile sees the old one or the new one, whole.
    draft = archive.with_name(archive.name + ".new")
    draft.write_bytes(entries + directory + end)
    with zipfile.ZipFile(draft) as layer:
        if broken := layer.testzip():
            fail(f"`{broken}` cannot be read back from `{draft}`")
    draft.replace(archive)
    content = archive.read_bytes()
    print(f"layer: {archive}, {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["check", path, arch, floor]:
            check(path, arch, floor)
        case ["pack", archive, *files] if files:
            pack(archive, files)
        case _:
            fail("usage: artifact.py check BINARY ARCH GLIBC | pack ZIP NAME=FILE…")
