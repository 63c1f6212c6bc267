"""Shows how cost grows with the work: larger events, longer scripts, more imports.

usage: growth.py BENCH CPU LOAD MOCK BOOTSTRAP

The inputs are made here. Cost is counted in instructions, which nothing else on the machine changes.
What the kernel does is not in them: events are timed as well.
"""

import json
import math
import pathlib
import shutil
import subprocess
import sys

import results

SIZES = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 6_000_000]
LINES = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
IMPORTS = [1, 2, 5, 10, 20, 35, 50]

HANDLER = "fn handler(event) {\n    event\n}\n"

# Ten lines, as handlers have them.
FUNCTION = """\
fn step_{0}(event, factor) {{
    let total = 0;
    for item in event.items {{
        let price = item.price * factor + {0};
        if price > 100 {{
            total += price - item.discount;
        }} else {{ total += price; }}
    }}
    #{{ name: "step {0}", total: total }}
}}
"""


def functions(count):
    return "".join(FUNCTION.format(at) for at in range(count))


def imports(count):
    return "".join(f'import "lib/part_{at}" as part_{at};\n' for at in range(count))


def split(lines):
    """A script of as many lines, most of them in imported files of 100 lines."""
    parts = {f"lib/part_{at}": functions(10) for at in range(lines // 100)}
    rest = functions(lines % 100 // 10)
    return {"function": imports(len(parts)) + rest + HANDLER, **parts}


def constants(lines):
    """A flat top level: a constant a line, made of an earlier one."""
    text = "const RATE_0 = 1;\n"
    text += "".join(f"const RATE_{at} = RATE_{at // 2} + {at};\n" for at in range(1, lines))
    return {"function": text + HANDLER}


def rows(lines):
    """A flat top level: one constant, an array with an entry a line."""
    entries = "".join(f'    #{{ sku: "sku-{at}", price: {at} }},\n' for at in range(lines))
    return {"function": f"const PRICES = [\n{entries}];\n" + HANDLER}


def keys(lines):
    """The same as a map, with a key a line."""
    entries = "".join(f'    "sku-{at}": {at},\n' for at in range(lines))
    return {"function": f"const PRICES = #{{\n{entries}}};\n" + HANDLER}


# Scripts by what grows; each is made for a number of lines or of imports.
STARTS = {
    "functions": (LINES, lambda lines: {"function": functions(lines // 10) + HANDLER}),
    "files": (LINES, split),
    "rows": (LINES, rows),
    "keys": (LINES, keys),
    "constants": (LINES, constants),
    "imports": (IMPORTS, lambda count: {
        "function": imports(count) + HANDLER,
        **{f"lib/part_{at}": functions(1) for at in range(count)},
    }),
}


def text_event(size):
    return {"text": "x" * (size - len('{"text":""}'))}


def orders_event(size):
    """Objects, strings and numbers; keys sorted, as answers have them."""
    order = {"customer": "Ada Lovelace", "express": True, "id": 4711, "items": [1, 2, 3],
             "note": None, "total": 12.75}
    each = len(json.dumps(order, separators=(",", ":"))) + 1
    return {"orders": [order] * max(1, (size - len('{"orders":[]}')) // each)}


def slope(points):
    """The exponent that fits best: the slope of a straight line in both logarithms."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    below = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / below


class Growth:
    def __init__(self, bench, cpu, mock, bootstrap):
        self.folder = pathlib.Path(bench) / "growth"
        self.limit = pathlib.Path(bench) / "peers/limit/echo"
        self.pinned = ["taskset", "-c", cpu, mock]
        self.bootstrap = pathlib.Path(bootstrap).resolve()
        shutil.rmtree(self.folder, ignore_errors=True)

    def function(self, name, scripts):
        """Makes the folder of a function, with the runtime in it."""
        folder = self.folder / name
        for path, text in scripts.items():
            file = folder / f"{path}.rhai"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        (folder / "bootstrap").symlink_to(self.bootstrap)
        return folder

    def mock(self, kind, event, peers, *options):
        """Has the mock measure these peers with one event."""
        workload = self.folder / "event"
        workload.mkdir(parents=True, exist_ok=True)
        text = json.dumps(event, separators=(",", ":"))
        (workload / "event.json").write_text(text, encoding="utf-8")
        output = self.folder / "figures.json"
        output.unlink(missing_ok=True)
        command = [*self.pinned, kind, workload, "--json", output, *options]
        command += [f"{name}={folder}" for name, folder in peers.items()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr.strip())
        return len(text), json.loads(output.read_text(encoding="utf-8"))

    def starts(self):
        """Instructions of a start, by what grows; what a start costs anyhow is apart."""
        peers = {"nothing": self.function("nothing", {"function": HANDLER})}
        for shape, (sizes, make) in STARTS.items():
            for size in sizes:
                peers[f"{shape}-{size}"] = self.function(f"{shape}-{size}", make(size))
        _, figures = self.mock("count", {}, peers, "--events", "0", "--only", "instructions")
        nothing = figures["nothing"]["start_instructions"]
        series = {}
        for shape, (sizes, _) in STARTS.items():
            counted = [figures[f"{shape}-{size}"]["start_instructions"] for size in sizes]
            series[shape] = fitted(list(zip(sizes, counted)), nothing)
        return series

    def events(self):
        """Instructions and least nanoseconds of an echo, by the size of the event."""
        own = {"rhai-lambda": self.function("echo", {"function": HANDLER})}
        limit = {"limit": self.limit} if self.limit.is_dir() else {}
        options = ["--cold", "0", "--large", "0", "--seconds", "2", "--warm", "2000"]
        series = {}
        for name, make, peers in (("text", text_event, own), ("orders", orders_event, own),
                                  ("limit", text_event, limit)):
            for peer in peers:
                counted, timed = [], []
                for size in [0, *SIZES]:
                    event = make(size) if size else {}
                    length, figures = self.mock("count", event, peers, "--events", "2",
                                                "--only", "instructions")
                    counted.append((length, figures[peer]["invocation_instructions"]))
                    _, figures = self.mock("times", event, peers, *options)
                    timed.append((length, figures[peer]["warm_ns"]["min"]))
                series[name] = fitted(counted[1:], counted[0][1])
                series[name]["times_ns"] = timed[1:]
        return series


def fitted(points, least):
    """A series with its exponents: of what comes on top of `least`, over all and at the end."""
    above = [(x, y - least) for x, y in points if y > least * 1.02]
    return {
        "points": points,
        "least": least,
        "slope": round(slope(above), 3),
        "last_slope": round(slope(above[-2:]), 3),
    }


def show(title, series):
    print(f"\n{title}\n")
    print(f"| {'what grows':<10} | {'least':>16} | {'most':>20} | exponent | at the end |")
    print(f"|{'-' * 12}|{'-' * 17}:|{'-' * 21}:|{'-' * 9}:|{'-' * 11}:|")
    for name, one in series.items():
        ends = [f"{x}: {y / 1e6:.2f} M" for x, y in (one["points"][0], one["points"][-1])]
        print(f"| {name:<10} | {ends[0]:>16} | {ends[1]:>20} "
              f"| {one['slope']:>8.2f} | {one['last_slope']:>10.2f} |")


def show_times(series):
    print("\nechoes: least time\n")
    print(f"| {'event':<10} | {'bytes':>8} | {'µs':>10} | bytes/ns |")
    print(f"|{'-' * 12}|{'-' * 9}:|{'-' * 11}:|{'-' * 9}:|")
    for name, one in series.items():
        for length, taken in one["times_ns"]:
            print(f"| {name:<10} | {length:>8} | {taken / 1e3:>10.1f} | {length / taken:>8.3f} |")


def main():
    bench, cpu, load, mock, bootstrap = sys.argv[1:]
    growth = Growth(bench, cpu, mock, bootstrap)
    starts = growth.starts()
    show("starts: instructions by lines of script, or by imports", starts)
    events = growth.events()
    show("echoes: instructions by bytes of the event", events)
    show_times(events)
    content = {"machine": results.machine(cpu, load), "starts": starts, "events": events}
    results.save(bench, "growth", content)
    print("\nall figures: target/bench/results.json")


if __name__ == "__main__":
    main()
