"""Renders the output of a terminal program as an SVG picture.

  script -qec "stty cols 100; build/bin/trinity demo" /dev/null | python3 tools/terminal_svg.py > docs/demo.svg

Reads text with SGR colour sequences (the few that the program uses) from standard input.
"""

import html
import re
import sys

COLUMN, LINE, MARGIN = 7.85, 18, 16  # pixels; the column fits 13 px monospaced fonts
BACKGROUND, FOREGROUND = "#11151c", "#d5dae3"
COLOURS = {"31": "#f07178", "32": "#9ece6a", "33": "#e5c07b", "35": "#c792ea", "36": "#56b6c2"}
SGR = re.compile(r"\x1b\[([0-9;]*)m")
PHRASE = re.compile(r"\S+(?: \S+)*")  # words with single spaces between them


def spans(line):
    """(text, style attributes) of one line."""
    style, out, position = "", [], 0
    for match in SGR.finditer(line):
        out.append((line[position:match.start()], style))
        code, position = match.group(1), match.end()
        if code in ("", "0"):
            style = ""
        elif code == "1":
            style = ' font-weight="bold" fill="#ffffff"'
        elif code == "2":
            style = ' fill="#5c6773"'
        else:
            style = f' fill="{COLOURS.get(code, FOREGROUND)}"'
    out.append((line[position:], style))
    return [(text, style) for text, style in out if text]


def main():
    lines = [line.rstrip("\r") for line in sys.stdin.read().split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    columns = max(len(SGR.sub("", line)) for line in lines)
    width, height = round(columns * COLUMN + 2 * MARGIN), len(lines) * LINE + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
          f'viewBox="0 0 {width} {height}" role="img">')
    print(f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>')
    print(f'<g font-family="Menlo, Consolas, DejaVu Sans Mono, monospace" '
          f'font-size="13" fill="{FOREGROUND}">')
    for number, line in enumerate(lines):
        column, y = 0, MARGIN + LINE * (number + 0.75)
        for text, style in spans(line):
            for match in PHRASE.finditer(text):  # each at its own column, whatever the font
                phrase = match.group()
                x = MARGIN + (column + match.start()) * COLUMN
                print(f'<text x="{x:.1f}" y="{y:.1f}" textLength="{len(phrase) * COLUMN:.1f}"'
                      f'{style}>{html.escape(phrase)}</text>')
            column += len(text)
    print("</g>\n</svg>")


if __name__ == "__main__":
    main()
