"""Keeps all figures in one file, `target/bench/results.json`, and sums them up.

usage: results.py SECTION BENCH CPU LOAD [OPTION OF THE MOCK]…

puts the figures of all workloads, which the mock has written to BENCH/results/SECTION/WORKLOAD.json,
into BENCH/results.json, in place of those that an earlier run has left there, and prints a summary,
with ratios to the peer of the mock's option `--base`.
"""

import json
import os
import pathlib
import platform
import sys

BASE = "lambda_runtime"


def machine(cpu, load):
    """What is to be known of the machine that measured; `load` is that of before."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith(("model name", "Model")):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "pinned_to": cpu,
        "load_before": [float(value) for value in load.split()],
        "load_after": [round(value, 2) for value in os.getloadavg()],
    }


def load(bench):
    """All sections that were measured so far."""
    path = pathlib.Path(bench) / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def save(bench, section, content):
    """Replaces one section."""
    sections = load(bench)
    sections[section] = content
    text = json.dumps(sections, indent=1, sort_keys=True)
    (pathlib.Path(bench) / "results.json").write_text(text + "\n", encoding="utf-8")


def quotient(peer, base, *path):
    """How many times the base's figure at `path` the peer's is, as text."""
    for key in path:
        peer, base = (peer or {}).get(key), (base or {}).get(key)
    return f"{peer / base:.2f}" if peer is not None and base else "-"


# What of each section the summary shows: two figures, as paths into a peer's.
SUMMARY = {
    "times": (("cold_ns", "min"), ("best_block_ns",)),
    "instructions": (("start_instructions",), ("invocation_instructions",)),
}


def summary(section, workloads, base):
    """A table: a line a peer, a column a workload, the two ratios in each cell."""
    cold, warm = SUMMARY[section]
    names = sorted(workloads, key=lambda name: (name != "echo", name))
    peers = list(dict.fromkeys(peer for name in names for peer in workloads[name]))
    rows = [["peer", *names]]
    for peer in peers:
        row = [peer]
        for name in names:
            of_peer, of_base = workloads[name].get(peer), workloads[name].get(base)
            ratios = [quotient(of_peer, of_base, *path) for path in (cold, warm)]
            row.append("-" if ratios == ["-", "-"] else " / ".join(ratios))
        rows.append(row)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("| " + " | ".join(cells) + " |")
    rules = ["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]
    lines.insert(1, "|" + "|".join(rules) + "|")
    return "\n".join(lines)


def main():
    section, bench, cpu, load_before, *options = sys.argv[1:]
    base = options[options.index("--base") + 1] if "--base" in options else BASE
    files = sorted((pathlib.Path(bench) / "results" / section).glob("*.json"))
    workloads = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
    save(bench, section, {"machine": machine(cpu, load_before), "workloads": workloads})
    what = {"times": "cold / warm", "instructions": "instructions of a start / of an invocation"}
    print(f"\nall workloads: ratios to {base}, {what[section]}\n")
    print(summary(section, workloads, base))
    print("\nall figures: target/bench/results.json")


if __name__ == "__main__":
    main()
