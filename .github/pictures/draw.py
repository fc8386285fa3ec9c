#!/usr/bin/env python3
"""Draws the README's pictures.

    python3 .github/pictures/draw.py            # writes the SVG files next to this script
    python3 .github/pictures/draw.py --check    # fails if they are not what would be written

Each picture has its own background and follows the reader's light or dark theme. The smallest text is 17 units high in a picture of 640 units
wide, so that it can be read on a phone.
"""

import pathlib
import sys
from xml.sax.saxutils import escape

FOLDER = pathlib.Path(__file__).resolve().parent
WIDTH = 640

STYLE = """
  .page { fill: #ffffff; stroke: #d0d7de; }
  .card { fill: #f6f8fa; stroke: #d0d7de; }
  .text { fill: #1f2328; }
  .soft { fill: #59636e; }
  .line { stroke: #59636e; fill: none; }
  .head { fill: #59636e; }
  .rail { stroke: #d0d7de; }
  .blue { fill: #0969da; }
  .green { fill: #1a7f37; }
  .amber { fill: #9a6700; }
  .blue-tint { fill: #ddf4ff; stroke: #54aeff; }
  .green-tint { fill: #dafbe1; stroke: #4ac26b; }
  .amber-tint { fill: #fff8c5; stroke: #d4a72c; }
  .on { fill: #ffffff; }
  text { font: 18px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
  .title { font-weight: 600; font-size: 19px; }
  .code { font: 17px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #3d444d; }
    .card { fill: #151b23; stroke: #3d444d; }
    .text { fill: #f0f6fc; }
    .soft { fill: #9198a1; }
    .line { stroke: #9198a1; }
    .head { fill: #9198a1; }
    .rail { stroke: #3d444d; }
    .blue { fill: #4493f8; }
    .green { fill: #3fb950; }
    .amber { fill: #d29922; }
    .blue-tint { fill: #121d2f; stroke: #1f6feb; }
    .green-tint { fill: #12261e; stroke: #238636; }
    .amber-tint { fill: #272115; stroke: #9e6a03; }
    .on { fill: #0d1117; }
  }
"""


def box(x, y, width, height, kind, radius=10):
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" class="{kind}" stroke-width="1.5"/>'


def text(x, y, words, kind="text", anchor="start"):
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2, kind="line", dash=""):
    dash = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}" stroke-width="2"{dash}/>'


def arrow(x1, y1, x2, y2, dash=""):
    """A horizontal or vertical arrow."""
    along, size = (1 if x2 + y2 > x1 + y1 else -1), 9
    if y1 == y2:
        tip = f"{x2},{y2} {x2 - along * size},{y2 - 6} {x2 - along * size},{y2 + 6}"
        shaft = line(x1, y1, x2 - along * size, y2, dash=dash)
    else:
        tip = f"{x2},{y2} {x2 - 6},{y2 - along * size} {x2 + 6},{y2 - along * size}"
        shaft = line(x1, y1, x2, y2 - along * size, dash=dash)
    return shaft + f'<polygon points="{tip}" class="head"/>'


def document(name, title, height, parts):
    body = "\n".join(parts)
    page = box(1, 1, WIDTH - 2, height - 2, "page", 14)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-labelledby="{name}">\n<title id="{name}">{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n{page}\n{body}\n</svg>\n"
    )


def generation():
    """From a Postman item to a call."""
    cards = [
        ("blue", "Postman item", "spec/postman/", ["PATCH /meetings/:meetingId/livestream/status", "formdata  action = start"]),
        ("blue", "OpenAPI description", "spec/openapi.json", ["updateMeetingLiveStreamStatus", "action: start | stop | mode"]),
        ("green", "Generated client", "client.rs in OUT_DIR", ["zoom.update_meeting_live_stream_status()", "    .action(Action::Start)"]),
        ("amber", "Request to Zoom", "HTTPS", ["PATCH /v2/meetings/84912345678/livestream/status", "multipart/form-data; Bearer token"]),
    ]
    steps = [
        ("the converter", "with the facts in spec/overlay.json"),
        ("build.rs", "runs progenitor at compile time"),
        ("the layer in src/", "tokens, multipart, 429, errors"),
    ]
    left, width, height, gap, top = 24, WIDTH - 48, 112, 62, 24
    parts = []
    for number, (color, title, place, code) in enumerate(cards):
        y = top + number * (height + gap)
        parts.append(box(left, y, width, height, f"{color}-tint"))
        parts.append(f'<circle cx="{left + 32}" cy="{y + 30}" r="15" class="{color}"/>')
        parts.append(text(left + 32, y + 36, str(number + 1), "on title", "middle"))
        parts.append(text(left + 58, y + 36, title, "text title"))
        parts.append(text(left + width - 18, y + 36, place, "soft code", "end"))
        for row, words in enumerate(code):
            indent = len(words) - len(words.lstrip())
            parts.append(text(left + 58 + indent * 10, y + 68 + row * 26, words.strip(), "text code"))
        if number < len(steps):
            name, what = steps[number]
            parts.append(arrow(left + 32, y + height + 4, left + 32, y + height + gap - 4))
            words = f'<tspan class="text title">{escape(name)}</tspan> <tspan class="soft">{escape(what)}</tspan>'
            parts.append(f'<text x="{left + 58}" y="{y + height + gap / 2 + 6:g}">{words}</text>')
    height = top * 2 + len(cards) * height + len(steps) * gap
    return document("generation", "From Postman item to call", height, parts)


def call():
    """The life of one call."""
    you, crate, zoom = 110, 320, 530
    height = 856
    parts = []
    for x, name, color in [(you, "your code", "blue"), (crate, "this crate", "green"), (zoom, "Zoom", "amber")]:
        parts.append(line(x, 68, x, height - 20, "rail"))
        parts.append(box(x - 92, 22, 184, 46, f"{color}-tint"))
        parts.append(text(x, 51, name, "text title", "middle"))

    def message(y, start, end, words, kind="text code"):
        away = 4 if end > start else -4
        parts.append(arrow(start + away, y, end - away, y))
        # Beside the rail that a long arrow crosses.
        middle = (start + end) / 2 if crate in (start, end) else (start + crate) / 2
        parts.append(text(middle, y - 10, words, kind, "middle"))

    def wait(y, words):
        parts.append(box(crate - 76, y, 152, 42, "amber-tint", 21))
        parts.append(text(crate, y + 27, words, "text", "middle"))

    def frame(y, size, words):
        parts.append(box(18, y, WIDTH - 36, size, "card"))
        parts.append(text(36, y + 32, words, "text title"))
        for x in (you, crate, zoom):
            parts.append(line(x, y + 48, x, y + size - 1, "rail"))

    message(112, you, crate, "start")
    message(160, crate, zoom, "PATCH")
    message(208, zoom, crate, "429, wait 30 s")
    wait(226, "waiting")

    frame(292, 264, "If an event says that the stream is running")
    message(380, zoom, you, "signed event")
    message(428, you, crate, "record")
    wait(446, "wait ends")
    message(530, crate, you, "Ok(())", "green title")

    frame(576, 260, "If no event comes")
    wait(626, "after 30 s")
    message(710, crate, you, "check, if set", "text")
    message(758, you, crate, "yes", "text")
    message(758, crate, zoom, "PATCH")
    message(806, zoom, crate, "204")
    message(806, crate, you, "Ok(())", "green title")
    return document("call", "The life of one call", height, parts)


def main():
    pictures = {"generation.svg": generation(), "call.svg": call()}
    if sys.argv[1:] == ["--check"]:
        old = [name for name, svg in pictures.items() if (FOLDER / name).read_bytes() != svg.encode()]
        if old:
            sys.exit(f"{', '.join(old)}: out of date; run `python3 .github/pictures/draw.py`")
        return
    for name, svg in pictures.items():
        (FOLDER / name).write_bytes(svg.encode())


main()
