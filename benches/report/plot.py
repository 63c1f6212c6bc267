"""Draws what was measured: benches/echo.svg of the times, benches/growth.svg of the growth.

usage: plot.py BENCH FOLDER [times|growth]…
"""

import pathlib
import sys

import results
from svg import Logarithmic, Picture, ratio, short

OWN = "rhai-lambda"

# How a peer is called where there is no table to explain it.
NAMES = {
    "limit": ("raw sockets", "no JSON, no script: the limit"),
    "lambda_runtime": ("lambda_runtime", "compiled Rust"),
    "lambda_runtime_static": ("lambda_runtime, static", "compiled Rust"),
    "rhai-lambda": ("rhai-lambda", "a Rhai script"),
    "rhai_stock": ("stock Rhai", "a plain loop"),
    "python": ("Python", "AWS’s runtime client"),
    "node": ("Node.js", "AWS’s runtime client"),
    "bun": ("Bun", "a plain loop"),
    "deno": ("Deno", "a plain loop"),
    "bash": ("bash + curl", "AWS’s tutorial"),
}

WIDTH, MARGIN, LABELS, ROW = 880, 24, 196, 34
# Room for what stands behind the longest bar.
BEHIND = 92


def machine_line(machine):
    pinned = f"all pinned to one CPU of {machine['cpus']}"
    return f"{machine['cpu']}, {machine['kernel']}, {pinned}"


def panel(picture, left, right, top, peers, title, figure, base):
    """Bars of one figure, each with its ratio and its value, and the base's value as a line."""
    values = [figure(peer) for _, peer in peers]
    axis = Logarithmic(values, left, right - BEHIND)
    bottom = top + len(peers) * ROW
    picture.text(left, top - 18, title, 13, bold="yes")
    for power in axis.powers():
        x = axis.at(power)
        picture.line([(x, top - 6), (x, bottom)], "grid")
        picture.text(x, bottom + 15, short(power), 11, "soft", "middle")
    if base:
        x = axis.at(figure(base))
        picture.line([(x, top - 6), (x, bottom)], "rule", 1.2, "3 3")
    for at, (name, peer) in enumerate(peers):
        y, value = top + at * ROW, figure(peer)
        kind = {OWN: "own", results.BASE: "base"}.get(name, "other")
        picture.bar(left, y + 5, axis.at(value) - left, ROW - 14, kind)
        x, y = axis.at(value) + 7, y + ROW / 2 + 2
        times = f"{ratio(value / figure(base))}×" if base else ""
        bold = "yes" if name in (OWN, results.BASE) else ""
        picture.figure(x, y, times, ratio(value) if value < 1000 else short(value), bold)


def echo(section):
    """Cold start and warm echo of all peers, side by side."""
    peers = section["workloads"].get("echo", {})
    peers = [(name, peer) for name, peer in peers.items() if peer["failure"] is None]
    peers.sort(key=lambda item: item[1]["cold_ns"]["min"])
    base = dict(peers).get(results.BASE)
    top = 116
    height = top + len(peers) * ROW + 64
    picture = Picture(WIDTH, height, "Cold start and warm invocation of an echo, by runtime")
    picture.text(MARGIN, 36, "An echo function: cold start and warm invocation", 18, bold="yes")
    picture.text(MARGIN, 57, f"×: of the time of {results.BASE}, AWS’s own runtime for compiled Rust "
                 "(dashed line). Shorter is better. The axes are logarithmic.", 12, "soft")
    for at, (name, _) in enumerate(peers):
        label, gloss = NAMES.get(name, (name, ""))
        y = top + at * ROW
        picture.text(MARGIN, y + 15, label, 13, bold="yes" if name == OWN else "")
        picture.text(MARGIN, y + 28, gloss, 10.5, "soft")
    middle = (LABELS + WIDTH - MARGIN) / 2
    panel(picture, LABELS, middle, top, peers, "Cold: spawned to first answer, in ms",
          lambda peer: peer["cold_ns"]["min"] / 1e6, base)
    panel(picture, middle + 14, WIDTH - MARGIN + 14, top, peers,
          "Warm: event sent to answer received, in µs",
          lambda peer: peer["best_block_ns"] / 1e3, base)
    starts = max(peer["cold_ns"]["count"] for _, peer in peers)
    warm = max(peer["warm_ns"]["count"] for _, peer in peers)
    picture.text(MARGIN, height - 18, f"{machine_line(section['machine'])}; least of {starts} "
                 f"cold starts, best block of {warm:,} invocations", 11, "soft")
    return str(picture)


# The charts of growth: title, what grows, the series with their labels.
CHARTS = [
    ("events", "Echo: by size of the event", "bytes", {
        "orders": "many small objects",
        "text": "one long text",
        "limit": "the same over raw sockets",
    }),
    ("starts", "Start: by lines of script", "lines", {
        "files": "functions, files of 100 lines",
        "functions": "functions, in one file",
        "rows": "an array, an entry a line",
        "keys": "a map, a key a line",
        "constants": "a constant a line",
    }),
    ("starts", "Start: by imports", "imported files of 10 lines", {
        "imports": "start",
    }),
]


def chart(picture, left, right, top, bottom, series, what, labels):
    drawn = [(name, series[name]) for name in labels if name in series]
    xs = [x for _, one in drawn for x, _ in one["points"]]
    ys = [y / 1e6 for _, one in drawn for _, y in one["points"]]
    across = Logarithmic(xs, left, right, exact=True)
    up = Logarithmic(ys, bottom, top)
    for power in up.powers():
        y = up.at(power)
        picture.line([(left, y), (right, y)], "grid")
        picture.text(left - 6, y + 4, short(power), 11, "soft", "end")
    for power in across.powers():
        x = across.at(power)
        picture.line([(x, top), (x, bottom)], "grid")
        picture.text(x, bottom + 16, short(power), 11, "soft", "middle")
    picture.text(left, top - 8, "million instructions", 11, "soft")
    picture.text(right, bottom + 32, what, 11, "soft", "end")
    # Slope 1 through the last point of the first series, as far as it stays inside.
    last_x, last_y = drawn[0][1]["points"][-1]
    least_x = max(min(xs), last_x * 10 ** up.low * 1e6 / last_y)
    ends = [(x, last_y / 1e6 * x / last_x) for x in (least_x, last_x)]
    picture.line([(across.at(x), up.at(y)) for x, y in ends], "rule", 1.2, "4 4")
    for at, (name, one) in enumerate(drawn):
        points = [(across.at(x), up.at(y / 1e6)) for x, y in one["points"]]
        picture.line(points, f"l{at}", 2)
        for x, y in points:
            picture.dot(x, y, f"f{at}")
        y = bottom + 54 + at * 18
        picture.line([(left, y - 4), (left + 18, y - 4)], f"l{at}", 3)
        picture.text(left + 25, y, f"{labels[name]}: {one['last_slope']:.2f}", 12)


def growth(section):
    """Cost by the size of the work, both logarithmic, each with a line of slope 1."""
    charts = [one for one in CHARTS if section[one[0]]]
    height, top, gap = 480, 118, 58
    picture = Picture(WIDTH, height, "Cost by the size of the work")
    picture.text(MARGIN, 36, "Cost by the size of the work", 18, bold="yes")
    picture.text(MARGIN, 57, "Dashed: twice the work, twice the cost. Numbers: the exponent between the last "
                 "two points, the cost of an empty script or event aside.", 12, "soft")
    width = (WIDTH - 2 * MARGIN - gap * len(charts)) / len(charts)
    for at, (kind, title, what, labels) in enumerate(charts):
        left = MARGIN + gap - 10 + at * (width + gap)
        picture.text(left - 30, 90, title, 13, bold="yes")
        chart(picture, left, left + width, top, 312, section[kind], what, labels)
    picture.text(MARGIN, height - 14, machine_line(section["machine"]), 11, "soft")
    return str(picture)


DRAWN = {"times": ("echo.svg", echo), "growth": ("growth.svg", growth)}


def main():
    bench, folder, *sections = sys.argv[1:]
    measured = results.load(bench)
    for section in sections or DRAWN:
        name, draw = DRAWN[section]
        if section in measured and (section != "times" or "echo" in measured[section]["workloads"]):
            path = pathlib.Path(folder) / name
            path.write_text(draw(measured[section]), encoding="utf-8")
            print(f"drawn: {path}")
        else:
            print(f"note: {name} is not drawn: nothing was measured for it", file=sys.stderr)


if __name__ == "__main__":
    main()
