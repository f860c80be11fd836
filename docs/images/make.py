#!/usr/bin/env python3
"""Draw run.svg: a run of configs/baseline.toml in a terminal of 80 columns.

    docs/images/make.py [RUNNER]

RUNNER is the program, target/release/runner unless stated. It runs in a folder of its own on a
pseudo terminal, and what it writes there is drawn as it stands: the screen in the middle of the third
epoch, and the end of the screen when it is done. Needs Python 3.9 or newer on Linux or macOS, nothing else.
"""

import fcntl
import html
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from pathlib import Path

COLUMNS, ROWS = 80, 60
PROJECT = Path(__file__).resolve().parents[2]
COMMAND = ["run", "configs/baseline.toml"]

# In pixels. A character of a monospaced font is 0.6 of its size wide.
FONT, LINE, MARGIN, BAR = 14, 19, 16, 30
WIDTH = round(COLUMNS * FONT * 0.6 + 2 * MARGIN)

STYLE = """
  text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
         white-space: pre; fill: #24292f }
  .page { fill: #ffffff; stroke: #d0d7de } .bar { fill: #f6f8fa; stroke: #d0d7de }
  .title, .dim { fill: #6e7781 } .cyan { fill: #0b7285 } .cyan.dim { fill: #99c9d3 } .prompt { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .page { fill: #0d1117; stroke: #30363d } .bar { fill: #161b22; stroke: #30363d }
    .title, .dim { fill: #8b949e } .cyan { fill: #56d4dd } .cyan.dim { fill: #2b6a70 } .prompt { fill: #3fb950 }
  }
"""


def output(runner):
    """What the program writes to a terminal."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ["configs", "data"]:
            os.symlink(PROJECT / name, Path(folder, name))
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ["TERM"] = "xterm-256color"
            os.environ.pop("NO_COLOR", None)
            # The parent has set the size before it writes.
            sys.stdin.readline()
            os.execv(runner, [runner, *COMMAND])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        attributes = termios.tcgetattr(terminal)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        os.write(terminal, b"\n")
        chunks = []
        while True:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # Linux says so when the program has ended.
                break
            if not chunk:
                break
            chunks.append(chunk)
        _, status = os.waitpid(pid, 0)
        text = b"".join(chunks).decode()
        if status != 0:
            sys.exit(f"{runner} ended with {os.waitstatus_to_exitcode(status)}:\n{text}")
        return text


class Screen:
    """As much of a terminal as the program needs."""

    def __init__(self):
        self.lines = [[]]
        self.row = self.column = 0
        self.style = ()

    def control(self, parameters, final):
        number = int(parameters.split(";")[0] or 0)
        if final == "m":
            colours = {0: (), 2: (*self.style, "dim"), 36: (*self.style, "cyan")}
            self.style = colours.get(number, self.style)
        elif final == "K":
            # 2 clears the line, 0 what is right of the cursor.
            self.lines[self.row] = [] if number == 2 else self.lines[self.row][: self.column]
        elif final == "A":
            self.row = max(self.row - max(number, 1), 0)
        elif final == "B":
            self.row += max(number, 1)
        elif final not in "hl":
            sys.exit(f"this script does not know the escape sequence {parameters}{final}")
        self.grow()

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            self.grow()
        else:
            line = self.lines[self.row]
            line.extend([(" ", ())] * (self.column + 1 - len(line)))
            line[self.column] = (character, self.style)
            self.column += 1

    def grow(self):
        while len(self.lines) <= self.row:
            self.lines.append([])

    def text(self, row):
        return "".join(character for character, _ in self.lines[row])


def screens(text):
    """The screen in the middle of the third epoch, and the one at the end."""
    screen, middle = Screen(), None
    for part in re.finditer(r"\x1b\[([?0-9;]*)([A-Za-z])|(.)", text, re.DOTALL):
        if part[2]:
            screen.control(part[1].lstrip("?"), part[2])
            continue
        screen.put(part[3])
        if part[3] == "\r" and middle is None:
            bar = re.match(r"epoch 3/5 train .* (\d+)/20 ", screen.text(screen.row))
            if bar and int(bar[1]) > 9:
                middle = [list(line) for line in screen.lines]
    if middle is None:
        sys.exit("the third epoch was over before its bar was drawn; try again")
    return middle, screen.lines


def spans(line):
    """A line as SVG: what has one style in a row is one piece at its own column."""
    pieces, start = [], 0
    while start < len(line):
        end = start
        while end < len(line) and line[end][1] == line[start][1]:
            end += 1
        text = "".join(character for character, _ in line[start:end])
        if text.strip():
            x = MARGIN + start * FONT * 0.6
            style = f' class="{" ".join(line[start][1])}"' if line[start][1] else ""
            pieces.append(f'<tspan x="{x:.1f}"{style}>{html.escape(text.rstrip())}</tspan>')
        start = end
    return "".join(pieces)


def panel(top, title, lines):
    """A window with a title; its SVG and where it ends."""
    height = BAR + len(lines) * LINE + MARGIN
    middle = f'<text class="title" x="{WIDTH / 2}" y="{top + 20}" text-anchor="middle">'
    parts = [
        f'<rect class="page" x="0.5" y="{top + 0.5}" width="{WIDTH - 1}" height="{height}" rx="6"/>',
        f'<path class="bar" d="M0.5 {top + BAR}v-{BAR - 6}q0 -5.5 6 -5.5h{WIDTH - 13}q6 0 6 5.5v{BAR - 6}z"/>',
        f"{middle}{html.escape(title)}</text>",
    ]
    for number, line in enumerate(lines):
        if not line:
            continue
        y = top + BAR + MARGIN / 2 + (number + 0.8) * LINE
        parts.append(f'<text xml:space="preserve" y="{y:.1f}">{spans(line)}</text>')
    return parts, top + height + 1


def main():
    runner = Path(sys.argv[1] if len(sys.argv) > 1 else PROJECT / "target/release/runner").resolve()
    middle, end = screens(output(str(runner)))
    prompt = [("$", ("prompt",))] + [(character, ()) for character in " runner " + " ".join(COMMAND)]
    while not any(character.strip() for character, _ in end[-1]):
        end.pop()
    last = max(i for i, line in enumerate(end) if "".join(c for c, _ in line).startswith("epoch 5/5"))
    first, bottom = panel(0, "while it trains", [prompt, *middle])
    second, bottom = panel(bottom + 10, "when it is done", end[last:])
    svg = "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom}" '
            f'viewBox="0 0 {WIDTH} {bottom}">',
            f"<style>{STYLE}</style>",
            *first,
            *second,
            "</svg>\n",
        ]
    )
    (PROJECT / "docs/images/run.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
