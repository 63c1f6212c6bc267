"""The little of SVG that the charts need: text, lines, bars and logarithmic axes.

Pictures bring their own background, and colours for a dark one where the viewer asks for it.
"""

import math
from html import escape

STYLE = """\
<style>
  svg { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
  text { paint-order: stroke; stroke-width: 4px; stroke-linejoin: round; stroke: #ffffff; }
  .page { fill: #ffffff; } .ink { fill: #1f2328; } .soft { fill: #59636e; }
  .grid { stroke: #d8dee4; } .rule { stroke: #8c959f; }
  .own { fill: #0969da; } .base { fill: #57606a; } .other { fill: #b4bcc6; }
  .l0 { stroke: #0969da; } .l1 { stroke: #bc4c00; } .l2 { stroke: #1a7f37; } .l3 { stroke: #8250df; }
  .l4 { stroke: #9a6700; } .f4 { fill: #9a6700; }
  .f0 { fill: #0969da; } .f1 { fill: #bc4c00; } .f2 { fill: #1a7f37; } .f3 { fill: #8250df; }
  @media (prefers-color-scheme: dark) {
    text { stroke: #0d1117; }
    .page { fill: #0d1117; } .ink { fill: #e6edf3; } .soft { fill: #9198a1; }
    .grid { stroke: #2a313c; } .rule { stroke: #6e7681; }
    .own { fill: #4493f8; } .base { fill: #9198a1; } .other { fill: #3d444d; }
    .l0 { stroke: #4493f8; } .l1 { stroke: #f0883e; } .l2 { stroke: #3fb950; } .l3 { stroke: #ab7df8; }
    .l4 { stroke: #d29922; } .f4 { fill: #d29922; }
    .f0 { fill: #4493f8; } .f1 { fill: #f0883e; } .f2 { fill: #3fb950; } .f3 { fill: #ab7df8; }
  }
</style>"""


class Picture:
    def __init__(self, width, height, title):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            STYLE,
            f'<rect class="page" width="{width}" height="{height}" rx="8"/>',
        ]

    def text(self, x, y, text, size=12, kind="ink", anchor="start", bold=""):
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
            f'text-anchor="{anchor}"{weight}>{escape(text)}</text>'
        )

    def figure(self, x, y, main, beside, bold=""):
        """A large text with a small one behind it."""
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text class="ink" x="{x:.1f}" y="{y:.1f}" font-size="13"{weight}>{escape(main)}'
            f'<tspan class="soft" dx="6" font-size="11" font-weight="400">{escape(beside)}</tspan></text>'
        )

    def bar(self, x, y, width, height, kind):
        self.parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
            f'height="{height:.1f}" rx="2"/>'
        )

    def line(self, points, kind, width=1.0, dashes=""):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.parts.append(
            f'<polyline class="{kind}" points="{path}" fill="none" stroke-width="{width}"'
            f'{dashed} stroke-linejoin="round"/>'
        )

    def dot(self, x, y, kind):
        self.parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>')

    def __str__(self):
        return "\n".join([*self.parts, "</svg>", ""])


class Logarithmic:
    """An axis from whole power of ten to whole power of ten, or from and to exact ends."""

    def __init__(self, values, start, end, exact=False):
        low, high = math.log10(min(values)), math.log10(max(values))
        self.low = low if exact else math.floor(low)
        self.high = high if exact else math.ceil(high)
        self.start, self.end = start, end

    def at(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def powers(self):
        first, last = math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9)
        return [10.0 ** power for power in range(first, last + 1)]


def short(value):
    """A number with three digits, thousands as k and millions as M."""
    for factor, suffix in ((1e6, " M"), (1e3, " k")):
        if value >= factor:
            return f"{three(value / factor)}{suffix}"
    return three(value)


def three(value):
    """Three digits or so, without zeros at the end."""
    text = ratio(value) if value >= 0.1 else f"{value:.3f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def ratio(value):
    """Three digits, always."""
    return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}"
