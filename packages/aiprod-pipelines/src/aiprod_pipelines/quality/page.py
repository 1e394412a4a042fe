"""Reports of inspections as one HTML page that stands alone: no script, no font and no picture from elsewhere.

Knows reports, not how they were made. Times run from left to right on one scale: pictures, findings, waveform.
"""

import base64
from collections.abc import Sequence
from html import escape

from aiprod_pipelines.quality.finding import Code, Finding, Report, Severity, rows

WIDTH = 1000  # of the drawing, in its own units
LANE = 15
WAVE = 64
NARROWEST = 3.0  # of a mark, so that a cut is seen
STYLE = """
:root { --paper:#f5f3ee; --card:#fff; --ink:#343c48; --soft:#79828f; --line:#dcd8cf; --wave:#8aa0b8;
  --fault:#c0392b; --warning:#c98a14; --note:#5b7f95; --good:#3d8b5f; }
@media (prefers-color-scheme: dark) { :root { --paper:#171a1f; --card:#20242b; --ink:#dfe3e8; --soft:#98a1ad;
  --line:#343a44; --wave:#57708c; --fault:#e5695c; --warning:#e0ac48; --note:#84aac2; --good:#62b887; } }
* { box-sizing:border-box }
body { margin:0 auto; padding:2.5rem 1.25rem; max-width:68rem; background:var(--paper); color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif }
h1 { margin:0 0 1.5rem; font-size:1.1rem; font-weight:600; letter-spacing:.02em; color:var(--soft) }
article { margin:0 0 2rem; padding:1.5rem; background:var(--card); border:1px solid var(--line); border-radius:10px }
header { display:flex; flex-wrap:wrap; gap:.75rem; align-items:baseline; margin-bottom:1rem }
h2 { margin:0; font-size:1.25rem; overflow-wrap:anywhere } header small { color:var(--soft) }
.badge { padding:.1rem .65rem; border-radius:99px; color:#fff; font-size:.8rem; font-weight:600 }
.fault { --tone:var(--fault) } .warning { --tone:var(--warning) }
.note { --tone:var(--note) } .good { --tone:var(--good) }
.badge { background:var(--tone) }
.strip { display:flex; gap:2px; overflow:hidden; border-radius:6px; background:#000 }
.strip img { flex:1 1 0; min-width:0; max-height:7rem; object-fit:contain; display:block }
svg { display:block; width:100%; height:auto; margin:.5rem 0 1rem }
svg text { fill:var(--soft); paint-order:stroke; stroke:var(--card); stroke-width:3px;
  font-size:10px; font-family:inherit } svg .mark { fill:var(--tone) }
svg .rail { stroke:var(--line) } svg .wave { fill:var(--wave) }
table { width:100%; border-collapse:collapse; font-size:.92rem }
th { text-align:left; font-weight:600; color:var(--soft); font-size:.8rem } td,th { padding:.35rem .6rem .35rem 0;
  border-bottom:1px solid var(--line); vertical-align:top }
td.num { white-space:nowrap } td.when { font-variant-numeric:tabular-nums; max-width:24rem }
td b { color:var(--tone) }
details { margin-top:1rem; color:var(--soft); font-size:.88rem } summary { cursor:pointer }
dl { display:grid; grid-template-columns:repeat(auto-fill,minmax(13rem,1fr)); gap:.3rem 1.5rem; margin:.75rem 0 0 }
dl div { display:flex; justify-content:space-between; gap:.75rem; border-bottom:1px dotted var(--line) }
dt { color:var(--soft) }
dd { margin:0; color:var(--ink); font-variant-numeric:tabular-nums; text-align:right;
  overflow-wrap:anywhere }
"""


def render(reports: Sequence[Report]) -> str:
    """The page of `reports`."""
    body = "\n".join(_article(report) for report in reports)
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Technical inspection</title>\n<style>{STYLE}</style></head>\n"
        f"<body>\n<h1>Technical inspection</h1>\n{body}\n</body>\n</html>\n"
    )


def _article(report: Report) -> str:
    tone, verdict = _verdict(report)
    length = f"<small>{report.duration_s:.2f} s</small>" if report.duration_s else ""
    return (
        f'<article>\n<header><h2>{escape(report.path.name)}</h2><span class="badge {tone}">{verdict}</span>{length}'
        f"</header>\n{_strip(report)}{_timeline(report)}{_table(report)}{_facts(report)}</article>"
    )


def _verdict(report: Report) -> tuple[str, str]:
    counts = [(severity, sum(f.severity is severity for f in report.findings)) for severity in Severity]
    worst = next((severity for severity, count in counts if count and severity is not Severity.NOTE), None)
    if worst is None:
        return "good", "passed"
    words = [f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in counts[:2] if count]
    return str(worst), escape(", ".join(words))


def _strip(report: Report) -> str:
    if not report.thumbnails:
        return ""
    pictures = "".join(
        f'<img alt="at {picture.time_s:.2f} s" title="{picture.time_s:.2f} s" '
        f'src="data:image/png;base64,{base64.b64encode(picture.png).decode()}">'
        for picture in report.thumbnails
    )
    return f'<div class="strip">{pictures}</div>\n'


def _timeline(report: Report) -> str:
    """One lane for every kind of finding that has a place in time, and the waveform below."""
    if not report.duration_s:
        return ""
    placed = [finding for finding in report.findings if finding.start_s is not None]
    kinds = list(dict.fromkeys(finding.code for finding in placed))
    parts = [_lane(kind, row, placed, report.duration_s) for row, kind in enumerate(kinds)]
    top = len(kinds) * LANE + 6
    if report.waveform:
        parts.append(f'<polygon class="wave" points="{_wave(report.waveform, top)}"/>')
        top += WAVE + 4
    for tick in range(6):
        anchor = "start" if tick == 0 else "end" if tick == 5 else "middle"
        parts.append(
            f'<text x="{tick * WIDTH / 5:g}" y="{top + 10}" text-anchor="{anchor}">'
            f"{tick * report.duration_s / 5:.2f} s</text>"
        )
    return f'<svg viewBox="0 0 {WIDTH} {top + 14}" role="img" aria-label="timeline">{"".join(parts)}</svg>\n'


def _lane(kind: Code, row: int, placed: Sequence[Finding], duration_s: float) -> str:
    y = row * LANE + 2
    marks = []
    for finding in placed:
        if finding.code is not kind or finding.start_s is None:
            continue
        end_s = finding.end_s if finding.end_s is not None else finding.start_s
        x = WIDTH * finding.start_s / duration_s
        width = max(WIDTH * (end_s - finding.start_s) / duration_s, NARROWEST)
        marks.append(
            f'<rect class="mark {finding.severity}" x="{min(x, WIDTH - width):.1f}" y="{y}" width="{width:.1f}" '
            f'height="{LANE - 5}" rx="1.5"><title>{escape(finding.sentence)}</title></rect>'
        )
    rail = f'<line class="rail" x1="0" x2="{WIDTH}" y1="{y + LANE - 3}" y2="{y + LANE - 3}"/>'
    name = f'<text x="{WIDTH - 2}" y="{y + LANE - 6}" text-anchor="end">{escape(kind)}</text>'
    return rail + "".join(marks) + name


def _wave(peaks: Sequence[float], top: int) -> str:
    """Points around a middle line, out along the upper side and back along the lower."""
    middle, step = top + WAVE / 2, WIDTH / len(peaks)
    upper = [(n * step, middle - max(peak, 0.01) * WAVE / 2) for n, peak in enumerate(peaks)]
    lower = [(x, 2 * middle - y) for x, y in reversed(upper)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in upper + lower)


def _table(report: Report) -> str:
    if not report.findings:
        return "<p>Nothing was found.</p>\n"
    lines = "".join(
        f'<tr class="{row.severity}"><td><b>{row.severity}</b></td><td class="num">{escape(row.code)}</td>'
        f'<td class="when">{row.when or "throughout"}</td><td>{escape(row.sentence)}</td></tr>\n'
        for row in rows(report.findings)
    )
    return f"<table><tr><th></th><th>what</th><th>when</th><th>found</th></tr>\n{lines}</table>\n"


def _facts(report: Report) -> str:
    entries = "".join(
        f"<div><dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in report.facts.items()
    )
    return f"<details open><summary>What it is</summary><dl>{entries}</dl></details>\n"
