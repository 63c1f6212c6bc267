#!/usr/bin/env python3
"""Says what the bytes of `bootstrap` are spent on, by crate and by module of ours.

usage: layer/sizes.py [x86_64|arm64] [--of BINARY]

It builds the layer in a copy of the sources, `target/sizes`, with its symbols, and asks the symbol
table; with `--of` it asks that of a binary that is there already. A function counts for the first crate
in its name that is not Rust's own or a container: `Vec<rhai::Stmt>::push` counts for `rhai`.

`zip` is what a part takes compressed by itself, in proportion to the whole zip: about what would be
saved without it. What has no name, such as texts and the tables for panics, stands at the end by section.

example: layer/sizes.py x86_64
"""

import collections
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGETS = {"x86_64": "x86_64", "arm64": "aarch64"}
OURS = "rhai_lambda"
# Parts below this many bytes are summed up.
SMALL = 4096
RUSTS_OWN = ("core", "alloc", "std", "panic_unwind", "compiler_builtins", "unwind")
CONTAINERS = ("compact_str", "hashbrown", "once_cell", "smallvec", "thin_vec")
# What is written in C or assembler has no crate in its name.
RINGS = re.compile(r"ring_core|^(bn_|_?vpaes|aes|chacha20|poly1305|sha256|sha512|gcm_|p256|p384|x25519|fiat|mul4x|mulx4x|sqr|K256|K512)|internal$")
STT_OBJECT, STT_FUNC = 1, 2
SHT_SYMTAB, SHT_NOBITS, SHF_ALLOC = 2, 8, 2


def fail(message):
    sys.exit(f"error: {message}")


def build(arch):
    """Builds `bootstrap` with its symbols, beside the layer that may be there, and returns its path."""
    copy = ROOT / "target" / "sizes"
    for part in copy.iterdir() if copy.is_dir() else ():
        if part.name != "target":
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    shutil.copytree(ROOT, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target", ".git"))
    tools = os.environ.get("IT_TOOLS", str(ROOT / "target" / "tools"))
    environment = os.environ | {"CARGO_PROFILE_RELEASE_STRIP": "none", "IT_TOOLS": tools}
    built = copy / "target" / "layer" / "build"
    for left in built.glob(f"{TARGETS[arch]}-*/release/bootstrap"):
        left.unlink()
    # The script refuses the binary in the end, since its symbols name files of this machine.
    subprocess.run([copy / "layer" / "build.sh", arch], env=environment, check=False, stderr=subprocess.DEVNULL)
    found = sorted(built.glob(f"{TARGETS[arch]}-*/release/bootstrap"))
    return found[-1] if found else fail(f"`layer/build.sh {arch}` does not build in {copy}")


def sections(elf):
    """Returns the sections of an ELF file: name, type, flags, address, offset, size, link."""
    (offset,) = struct.unpack_from("<Q", elf, 40)
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQII", elf, offset + i * size) for i in range(count)]
    start = headers[names][4]
    named = lambda at: elf[start + at : elf.index(b"\0", start + at)].decode()
    return [(named(name), *rest) for name, *rest in headers]


def symbols(elf, table):
    """Yields the functions and data of the ELF file: address, size, name. Each address once."""
    symtab = next((section for section in table if section[1] == SHT_SYMTAB), None)
    if symtab is None:
        fail("the binary has no symbols")
    strings = table[symtab[6]][4]
    seen = {}
    for at in range(symtab[4], symtab[4] + symtab[5], 24):
        name, info, _, section, address, size = struct.unpack_from("<IBBHQQ", elf, at)
        if info & 15 in (STT_OBJECT, STT_FUNC) and size and 0 < section < len(table):
            text = elf[strings + name : elf.index(b"\0", strings + name)].decode()
            seen[address] = max(seen.get(address, (0, "")), (size, text))
    end = 0
    for address, (size, name) in sorted(seen.items()):
        if address >= end:
            yield address, size, name
            end = address + size


def part_of(name):
    """Returns whose a mangled name is: a crate, or a module of ours."""
    roots = re.finditer(r"Cs[0-9A-Za-z]*_(\d+)_?(?=[a-z])", name)
    crates = [name[root.end() : root.end() + int(root[1])] for root in roots]
    foreign = [crate for crate in crates if crate not in RUSTS_OWN]
    # What holds a crate's values is there for that crate.
    foreign = [crate for crate in foreign if crate not in CONTAINERS] or foreign
    if not foreign:
        if name.startswith("_R"):
            return "Rust's standard library"
        if "libunwind" in name or "nwind" in name:
            return "libunwind"
        return "ring" if RINGS.search(name) else "C library"
    if foreign[0] != OURS:
        return foreign[0]
    path, rest = [], name[name.index(OURS) + len(OURS) :]
    while len(path) < 2 and (ident := re.match(r"(?:s[0-9A-Za-z]*_)?(\d+)_?", rest)):
        length, rest = int(ident[1]), rest[ident.end() :]
        path.append(rest[:length])
        rest = rest[length:]
    deep = path[:1] == ["modules"] and len(path) > 1 and path[1].islower()
    return "::".join([OURS, *path[: 2 if deep else 1]])


def main(arguments):
    if arguments[:1] == ["--of"] and len(arguments) == 2:
        path = pathlib.Path(arguments[1])
    elif len(arguments) <= 1 and (arguments or ["x86_64"])[0] in TARGETS:
        path = build((arguments or ["x86_64"])[0])
    else:
        fail(__doc__.split("\n\n")[1])
    elf = path.read_bytes()
    table = sections(elf)
    loaded = [section for section in table if section[2] & SHF_ALLOC and section[1] != SHT_NOBITS]
    parts = collections.defaultdict(bytearray)
    named = collections.Counter()
    for address, size, name in symbols(elf, table):
        for section, _, _, start, offset, length, *_ in loaded:
            if start <= address < start + length:
                at = offset + address - start
                parts[part_of(name)] += elf[at : at + size]
                named[section] += size
    rest = {}
    for section, _, _, _, offset, length, *_ in loaded:
        left = length - named[section]
        packed = len(zlib.compress(elf[offset : offset + length], 9))
        rest[f"`{section}`, without names"] = (left, packed * left // max(length, 1))
    rows = {part: (len(code), len(zlib.compress(bytes(code), 9))) for part, code in parts.items()}
    small = [part for part, (size, _) in rows.items() if size < SMALL]
    others = [sum(column) for column in zip((0, 0), *(rows.pop(part) for part in small))]
    rest = {part: row for part, row in rest.items() if row[0] >= SMALL}
    everything = [*rows.values(), others, *rest.values()]
    # A part by itself compresses worse than among the others.
    whole = len(zlib.compress(b"".join(elf[s[4] : s[4] + s[5]] for s in loaded), 9))
    scale = whole / sum(packed for _, packed in everything)
    print("| part | bytes | zip |\n|---|---:|---:|")
    order = lambda entry: -entry[1][0]
    ordered = [*sorted(rows.items(), key=order), (f"{len(small)} smaller parts", others)]
    for part, (size, packed) in [*ordered, *sorted(rest.items(), key=order)]:
        print(f"| {part} | {size:,} | {int(packed * scale):,} |")
    print(f"| all | {sum(size for size, _ in everything):,} | {whole:,} |")


if __name__ == "__main__":
    main(sys.argv[1:])
