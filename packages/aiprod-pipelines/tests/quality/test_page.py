import re
from html.parser import HTMLParser
from pathlib import Path

from aiprod_pipelines.quality.finding import Code, Finding, Report, Severity, Thumbnail, rows
from aiprod_pipelines.quality.page import render

CUTS = tuple(
    Finding(code=Code.CUT, severity=Severity.NOTE, sentence="A new shot begins.", start_s=at_s, end_s=at_s)
    for at_s in (1.0, 2.5)
)
BLACK = Finding(code=Code.BLACK, severity=Severity.FAULT, sentence="Black <here> & there.", start_s=3, end_s=4)
REPORT = Report(
    path=Path("a <b>.mp4"),
    facts={"codec": "h264", "width_px": 640},
    findings=(BLACK, *CUTS),
    duration_s=8.0,
    thumbnails=(Thumbnail(time_s=0.0, png=b"\x89PNG"),),
    waveform=(0.1, 0.9, 0.2),
)


class Tags(HTMLParser):
    """Opened tags that wait for their end."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "img", "rect", "line", "polygon"}:
            self.waiting.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"rect", "line", "polygon"}:
            assert self.waiting.pop() == tag


def test_the_page_is_whole_and_stands_alone() -> None:
    page = render([REPORT, Report(path=Path("x.cube"), facts={}, findings=())])
    tags = Tags()
    tags.feed(page)
    assert tags.waiting == []
    assert not re.search(r"(https?:|src=\"(?!data:)|url\(|@import|<script|<link)", page)
    assert "a &lt;b&gt;.mp4" in page
    assert "Black &lt;here&gt; &amp; there." in page
    assert "1 fault" in page
    assert "passed" in page


def test_a_span_lies_where_it_is_on_the_timeline() -> None:
    page = render([REPORT])
    assert '<rect class="mark fault" x="375.0" y="2" width="125.0"' in page  # 3 s to 4 s of 8 s


def test_notes_of_one_kind_take_one_line() -> None:
    assert [(row.code, row.when) for row in rows(REPORT.findings)] == [
        (Code.BLACK, "3.00–4.00 s"),
        (Code.CUT, "1.00 s, 2.50 s"),
    ]
