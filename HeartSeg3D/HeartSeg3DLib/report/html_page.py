"""A report as one HTML file that needs nothing else: styles, pictures and curve are inside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import singledispatch
from html import escape

from HeartSeg3DLib.notice import NOTE_SENTENCE
from HeartSeg3DLib.report.content import (
    Chart,
    Facts,
    Heading,
    KeyNumber,
    KeyNumbers,
    Lights,
    Notices,
    Page,
    Paragraph,
    Picture,
    Rgb,
    Row,
    Table,
    keep_units,
)
from HeartSeg3DLib.report.curve import Dot, Drawing, Line, Words
from HeartSeg3DLib.trust.light import Light

_STYLE = """
:root { --ink: #28303a; --quiet: #67717c; --line: #e2e6e9; --accent: #0b6b75; --amber: #b26a00; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6f7; color: var(--ink); line-height: 1.5; font-variant-numeric: tabular-nums;
  font-family: "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif; font-size: 15px; }
main { max-width: 860px; margin: 32px auto; padding: 44px 52px 36px; background: #fff; border-radius: 10px;
  box-shadow: 0 1px 3px rgba(20, 30, 40, .10); }
header { border-bottom: 2px solid var(--accent); padding-bottom: 14px; }
.kind { margin: 0; color: var(--accent); font-size: 13px; font-weight: 600; letter-spacing: .04em; }
h1 { margin: 2px 0 0; font-size: 27px; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
.subtitle, .small, figcaption, footer { color: var(--quiet); font-size: 13px; }
.subtitle { margin: 4px 0 0; }
h2 { margin: 36px 0 10px; font-size: 18px; font-weight: 650; break-after: avoid; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(108px, 1fr)); gap: 14px 12px;
  margin: 24px 0 0; }
.numbers dt { color: var(--quiet); font-size: 12px; white-space: nowrap; }
.numbers dd { margin: 0; font-size: 29px; line-height: 1.25; font-weight: 600; }
.numbers dd small { font-size: 14px; font-weight: 400; color: var(--quiet); }
.numbers .doubt { font-size: 12px; line-height: 1.3; font-weight: 600; color: var(--amber); }
.numbers div:first-child dd:not(.doubt) { color: var(--accent); }
.notices { margin: 26px 0 0; padding: 11px 18px; border-left: 3px solid var(--amber); background: #fdf7ec;
  border-radius: 0 6px 6px 0; break-inside: avoid; }
.notices p { margin: 4px 0; font-size: 14px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: right; font-weight: 600; color: var(--quiet); font-size: 12.5px; padding: 6px 0 6px 14px;
  border-bottom: 1px solid #bcc4ca; vertical-align: bottom; }
td { text-align: right; padding: 6px 0 6px 14px; border-bottom: 1px solid var(--line); vertical-align: top; }
th.words, td.words { text-align: left; }
th:first-child, td:first-child { padding-left: 0; }
td.words:last-child { color: var(--quiet); font-size: 13px; padding-left: 22px; }
th.words:last-child { padding-left: 22px; }
tr.amber td.words:last-child { color: var(--amber); }
th { white-space: nowrap; }
tr { break-inside: avoid; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 9px;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.phased { margin: 0; padding-left: 74px; text-indent: -74px; }
.phase { width: 53px; font-weight: 600; }
.phase, .lamp { display: inline-block; text-indent: 0; }
.light { margin: 0 0 10px; font-size: 14px; break-after: avoid; }
.lamp { width: 12px; height: 12px; border-radius: 50%; margin-right: 9px;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
figure { margin: 0 0 20px; break-inside: avoid; }
figure img { width: 100%; border-radius: 8px; display: block; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { margin-top: 6px; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 22px; margin: 0; font-size: 13.5px; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 34px; padding-top: 12px; border-top: 1px solid var(--line); }
@page { size: A4; margin: 15mm 16mm; }
@media print {
  body { background: #fff; font-size: 12px; }
  h2 { margin-top: 22px; }
  table { font-size: 12px; }
  th, td { padding-top: 3.5px; padding-bottom: 3.5px; }
  .numbers { grid-template-columns: repeat(auto-fit, minmax(88px, 1fr)); margin-top: 16px; }
  .numbers dt { font-size: 11px; }
  .numbers dd { font-size: 24px; }
  .notices { margin-top: 16px; }
  .facts { font-size: 12px; }
  main { margin: 0; padding: 0; max-width: none; box-shadow: none; border-radius: 0; }
  .notices { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
@media (max-width: 620px) { main { padding: 24px 18px; margin: 0; border-radius: 0; } }
"""


def to_html(page: Page) -> str:
    """Return the page as a complete HTML document."""
    body = "\n".join(_html(block) for block in page.blocks)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(page.title)} - HeartSeg report</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<header><p class="kind">HeartSeg report</p><h1>{escape(page.title)}</h1>
<p class="subtitle">{escape(page.subtitle)}</p></header>
{body}
<footer>{escape(NOTE_SENTENCE)}</footer>
</main>
</body>
</html>
"""


@singledispatch
def _html(block: object) -> str:
    raise TypeError(f"no way to draw {type(block).__name__}")


@_html.register
def _(block: Heading) -> str:
    return f"<h2>{escape(block.text)}</h2>"


@_html.register
def _(block: KeyNumbers) -> str:
    return f'<dl class="numbers">{"".join(map(_key_number, block.items))}</dl>'


def _key_number(item: KeyNumber) -> str:
    doubt = f'<dd class="doubt">{escape(item.doubt)}</dd>' if item.doubt else ""
    return (f"<div><dt>{escape(item.name)}</dt><dd>{escape(item.value)} <small>{escape(item.unit)}</small></dd>"
            f"{doubt}</div>")


@_html.register
def _(block: Notices) -> str:
    return f'<div class="notices">{"".join(f"<p>{escape(text)}</p>" for text in block.sentences)}</div>'


@_html.register
def _(block: Lights) -> str:
    return "".join(f'<p class="{"light phased" if when else "light"}">{_lamp(when, light)}</p>'
                   for when, light in block.items)


@_html.register
def _(block: Paragraph) -> str:
    return f'<p class="small">{escape(block.text)}</p>'


@_html.register
def _(block: Table) -> str:
    columns = "".join(f'<col style="width:{100 * share:.1f}%">' for share in block.widths)
    head = _cells(block, block.columns, "th")
    rows = "".join(_row(block, row) for row in block.rows)
    return f"<table><colgroup>{columns}</colgroup><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


@_html.register
def _(block: Picture) -> str:
    data = base64.b64encode(block.png).decode("ascii")
    return (f'<figure><img src="data:image/png;base64,{data}" alt="{escape(block.caption)}">'
            f"<figcaption>{escape(block.caption)}</figcaption></figure>")


@_html.register
def _(block: Chart) -> str:
    return (f"<figure>{to_svg(block.drawing, block.caption)}"
            f"<figcaption>{escape(block.caption)}</figcaption></figure>")


@_html.register
def _(block: Facts) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in block.items)
    return f'<dl class="facts">{items}</dl>'


def _lamp(when: str, light: Light) -> str:
    phase = f'<span class="phase">{escape(when)}</span>' if when else ""
    return (f'{phase}<span class="lamp" style="background:{_color(light.color)}"></span>'
            f"<b>{escape(light.name)}</b>{escape(keep_units(light.text.removeprefix(light.name)))}")


def _in_cell(when: str, light: Light) -> str:
    return f'<p class="phased">{_lamp(when, light)}</p>' if when else _lamp(when, light)


def _row(table: Table, row: Row) -> str:
    kind = ' class="amber"' if row.amber else ""
    swatch = f'<span class="swatch" style="background:{_color(row.swatch)}"></span>' if row.swatch else ""
    return f"<tr{kind}>{_cells(table, row.cells, 'td', swatch)}</tr>"


def _cells(table: Table, cells: Sequence[str | Lights], tag: str, before: str = "") -> str:
    parts = []
    for number, cell in enumerate(cells):
        words = ' class="words"' if table.left_aligned(number) else ""
        inside = escape(cell) if isinstance(cell, str) else "".join(_in_cell(*one) for one in cell.items)
        parts.append(f"<{tag}{words}>{before if number == 0 else ''}{inside}</{tag}>")
    return "".join(parts)


def to_svg(drawing: Drawing, title: str) -> str:
    """Return a drawing as an SVG element."""
    shapes = "".join(_svg(shape) for shape in drawing.shapes)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width:g} {drawing.height:g}" role="img" '
            f'font-family="inherit"><title>{escape(title)}</title>{shapes}</svg>')


def _svg(shape: Line | Dot | Words) -> str:
    color = _color(shape.color)
    if isinstance(shape, Line):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
        dashes = ' stroke-dasharray="3 3"' if shape.dashed else ""
        return (f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="{shape.width:g}" '
                f'stroke-linejoin="round"{dashes}/>')
    if isinstance(shape, Dot):
        return f'<circle cx="{shape.x:.2f}" cy="{shape.y:.2f}" r="{shape.radius:g}" fill="{color}"/>'
    anchor = {"left": "start", "center": "middle", "right": "end"}[shape.align]
    weight = ' font-weight="600"' if shape.bold else ""
    return (f'<text x="{shape.x:.2f}" y="{shape.y:.2f}" font-size="{shape.size:g}" fill="{color}" '
            f'text-anchor="{anchor}"{weight}>{escape(shape.text)}</text>')


def _color(color: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
