"""Subtitles as files: SRT and WebVTT written and read here, ASS through pysubs2.

The two plain formats are kept to the character: pysubs2 would drop what stands in braces and a last line of digits.
Bold, colour and place that a file may hold are left out.
"""

import html
import re
from collections.abc import Sequence
from pathlib import Path

import pysubs2

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.subtitles import Cue

TIMES = re.compile(r"\s*(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3})\s*-->\s*(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3})(?:\s.*)?")
TAGS = re.compile(r"</?(?:[ibus]|c|v|lang|ruby|rt|font)(?:[.\s][^>]*)?>|<\d[\d:.]*>", re.IGNORECASE)
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
NOT_CUES = ("WEBVTT", "NOTE", "STYLE", "REGION")
FORMATS = (".srt", ".vtt", ".ass")
FONT_SHARE = 0.055  # of the picture's height


def to_srt(cues: Sequence[Cue]) -> str:
    """SubRip: numbered cues. It has no place for who speaks."""
    return "".join(
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def to_vtt(cues: Sequence[Cue]) -> str:
    """WebVTT (W3C), each cue with its speaker where it has one."""
    blocks = ["WEBVTT\n\n"]
    for cue in cues:
        voice = f"<v {html.escape(cue.speaker, quote=False)}>" if cue.speaker else ""
        text = html.escape(cue.text, quote=False)
        blocks.append(f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{voice}{text}\n\n")
    return "".join(blocks)


def to_ass(cues: Sequence[Cue], width_px: int = 1920, height_px: int = 1080) -> str:
    """Advanced SubStation Alpha for a picture of this size: white with a dark edge, at the bottom."""
    file = pysubs2.SSAFile()
    file.info |= {"PlayResX": str(width_px), "PlayResY": str(height_px)}
    margin_px = round(0.06 * height_px)
    style = pysubs2.SSAStyle(
        fontname="DejaVu Sans", fontsize=FONT_SHARE * height_px, outline=height_px / 400, shadow=0, marginv=margin_px
    )
    file.styles["Default"] = style
    for cue in cues:
        event = pysubs2.SSAEvent(start=round(cue.start_s * 1000), end=round(cue.end_s * 1000), name=cue.speaker)
        # braces would begin a command: they have no escape, but their full-width likes show
        event.text = cue.text.replace("{", "｛").replace("}", "｝").replace("\\", "＼").replace("\n", "\\N")
        file.append(event)
    return file.to_string("ass")


def encode_subtitles(cues: Sequence[Cue], suffix: str) -> bytes:
    """`cues` in the format of a file's ending, such as `.srt`. Raises `InputError` for one that is not known."""
    match suffix.lower():
        case ".srt":
            return to_srt(cues).encode()
        case ".vtt":
            return to_vtt(cues).encode()
        case ".ass":
            return to_ass(cues).encode()
        case other:
            raise InputError(f"subtitles: got the ending {other!r}, expected {', '.join(FORMATS)}; name them so")


def read_subtitles(path: Path) -> tuple[Cue, ...]:
    """The cues of an SRT, WebVTT or ASS file. Raises `MediaError` naming the line for what is none."""
    if not path.is_file():
        raise MediaError(f"{path}: got no such file, expected subtitles; check the path")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MediaError(f"{path}: got a byte at {error.start} that is not UTF-8; save the file as UTF-8") from error
    match path.suffix.lower():
        case ".srt" | ".vtt":
            return parse_subtitles(text, str(path))
        case ".ass":
            return _from_ass(text, path)
        case other:
            raise MediaError(f"{path}: got the ending {other!r}, expected {', '.join(FORMATS)}; convert it first")


def parse_subtitles(text: str, name: str = "subtitles") -> tuple[Cue, ...]:
    """The cues of SRT or WebVTT `text`. Raises `MediaError` naming `name` and the line."""
    is_vtt = text.startswith("WEBVTT")
    cues: list[Cue] = []
    for first, rows in _blocks(text):
        if is_vtt and rows[0].split(maxsplit=1)[0] in NOT_CUES:
            continue
        place = 0 if "-->" in rows[0] else 1
        where = f"{name}, line {first + place}, cue {len(cues) + 1}"
        times = TIMES.fullmatch(rows[place]) if place < len(rows) else None
        if times is None:
            got = rows[min(place, len(rows) - 1)].strip()
            raise MediaError(f"{where}: got {got[:60]!r}, expected a line such as 00:00:01,000 --> 00:00:02,500")
        start_s, end_s = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
        if start_s >= end_s:
            raise MediaError(f"{where}: got an end at {end_s:g} s for a start at {start_s:g} s; put it after the start")
        shown = "\n".join(rows[place + 1 :])
        voice = VOICE.search(shown) if is_vtt else None
        plain = TAGS.sub("", shown)
        cues.append(
            Cue(
                start_s=start_s,
                end_s=end_s,
                text=html.unescape(plain) if is_vtt else plain,
                speaker=html.unescape(voice.group(1)) if voice else "",
            )
        )
    if not cues and not is_vtt:
        raise MediaError(f"{name}, line 1: got no cue, expected SRT or WebVTT; check the file")
    return tuple(cues)


def _blocks(text: str) -> list[tuple[int, list[str]]]:
    """What blank lines part: the number of the first line of each, and its lines."""
    blocks: list[tuple[int, list[str]]] = []
    blank = True
    for number, row in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not row.strip():
            blank = True
        elif blank:
            blocks.append((number, [row]))
            blank = False
        else:
            blocks[-1][1].append(row)
    return blocks


def _from_ass(text: str, path: Path) -> tuple[Cue, ...]:
    if "[Events]" not in text:
        raise MediaError(f"{path}: got no [Events], expected an ASS file; save it again")
    try:
        events = pysubs2.SSAFile.from_string(text, format_="ass")
    except (pysubs2.exceptions.Pysubs2Error, ValueError, KeyError) as error:
        raise MediaError(f"{path}: got no readable ASS file ({error}), expected one; save it again") from error
    return tuple(
        Cue(start_s=event.start / 1000, end_s=event.end / 1000, text=event.plaintext, speaker=event.name)
        for event in events
        if event.is_text
    )


def _clock(at_s: float, point: str) -> str:
    whole_ms = round(at_s * 1000)
    minutes, rest_ms = divmod(whole_ms, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest_ms // 1000:02d}{point}{rest_ms % 1000:03d}"


def _seconds(fields: Sequence[str | None]) -> float:
    hours, minutes, seconds, thousandths = (int(field or 0) for field in fields)
    return (hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + thousandths) / 1000
