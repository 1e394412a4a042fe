"""Reports of technical QA as files between the steps of a build, with their pictures; read and written as JSON."""

import base64
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiprod_pipelines.quality.finding import Code, Finding, Report, Severity, Thumbnail


def encode_report(report: Report) -> bytes:
    """All of a report but the path of its file, which is where a step happened to find it."""
    facts = dataclasses.asdict(report)
    del facts["path"]
    for picture in facts["thumbnails"]:
        picture["png"] = base64.b64encode(picture["png"]).decode()
    return json.dumps(facts).encode()


def decode_report(written: bytes, name: str) -> Report:
    """The report that `encode_report` wrote, of what people call `name`."""
    facts = json.loads(written)
    facts["findings"] = tuple(_finding(finding) for finding in facts["findings"])
    facts["thumbnails"] = tuple(
        Thumbnail(time_s=picture["time_s"], png=base64.b64decode(picture["png"])) for picture in facts["thumbnails"]
    )
    return Report(**{**facts, "path": Path(name), "waveform": tuple(facts["waveform"])})


def plain(report: Report) -> dict[str, Any]:
    """A report for people and programs: what was inspected, what it is, what was found."""
    return {
        "of": report.path.name,
        "faults": len(report.faults),
        "facts": dict(report.facts),
        "findings": [
            {name: value for name, value in dataclasses.asdict(finding).items() if value is not None}
            for finding in report.findings
        ],
    }


def _finding(facts: Mapping[str, Any]) -> Finding:
    region = facts["region_px"]
    return Finding(
        **{
            **facts,
            "code": Code(facts["code"]),
            "severity": Severity(facts["severity"]),
            "region_px": None if region is None else tuple(region),
        }
    )
