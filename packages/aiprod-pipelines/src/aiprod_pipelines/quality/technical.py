"""Technical inspection of a film or a sound: decoded once, measured, judged; against a reference where there is one.

Frames are not held, the sound is (23 MB a minute of stereo). Knows nothing of what a film means (that is semantic QA)
and of how a report looks.
"""

import dataclasses
import math
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from aiprod_core.errors import MediaError
from aiprod_pipelines.media import MISSING_S
from aiprod_pipelines.quality import picture_faults, reference, sound_faults
from aiprod_pipelines.quality.decoding import VIDEO_SUFFIXES, Decoding, decode
from aiprod_pipelines.quality.finding import Code, Expected, Finding, Report, Severity, in_order
from aiprod_pipelines.quality.picture_track import PictureTrack
from aiprod_pipelines.quality.sound_faults import SoundFigures

THUMBNAILS = 10
WAVEFORM_STEPS = 600
UNEVEN_S = 0.0025  # containers whose clock ticks in milliseconds round as much
UNEVEN_SHARE = 0.1  # of the usual distance of frames
SMALL_PX = 240  # the shorter side
UNTAGGED = 2  # ITU-T H.273
EARLY_S, LATE_S = reference.EARLY_S, reference.LATE_S


def inspect(
    path: Path, *, expected: Expected | None = None, against: Path | None = None, thumbnails: bool = True
) -> Report:
    """Inspect the film or sound at `path`, against the reference `against` where it is given.

    `thumbnails`: whether the report has them; of a short clip they take longer than all the rest.
    A file that cannot be read at all is a report of one fault. Raises `MediaError` for a file that is not there, and
    for a reference that cannot be read.
    """
    if not path.is_file():
        raise MediaError(f"{path}: got no such file, expected a film or a sound; check the path")
    wanted = expected or Expected()
    track = PictureTrack(thumbnail_every_s=_every_s(path) if thumbnails else None)
    try:
        decoding = decode(path, track.see)
    except MediaError as error:
        return rejected(path, str(error))
    measured = sound_faults.figures(decoding.sound) if decoding.sound is not None else None
    findings = _integrity(path, decoding) + _shape(decoding, wanted)
    if not decoding.is_still:
        findings += picture_faults.judge(track, decoding.picture_end_s)
    findings += _full_frame(findings, wanted) + _together(decoding)
    if decoding.sound is not None and measured is not None:
        findings += sound_faults.judge(decoding.sound, measured, wanted, decoding.sound_start_s)
    facts = _facts(decoding, measured)
    if against is not None:
        other = PictureTrack(thumbnail_every_s=None)
        theirs = reference.Side(path=against, decoding=decode(against, other.see), track=other)
        more, figures = reference.judge(reference.Side(path=path, decoding=decoding, track=track), theirs)
        findings += more
        facts |= {name: round(value, 4) for name, value in figures.items()}
    return Report(
        path=path,
        facts=facts,
        findings=in_order(findings),
        duration_s=decoding.found_s,
        thumbnails=tuple(track.thumbnails),
        waveform=_waveform(decoding),
    )


def rejected(path: Path, reason: str) -> Report:
    """The report of a file that cannot be read."""
    fault = Finding(code=Code.UNREADABLE, severity=Severity.FAULT, sentence=reason)
    return Report(path=path, facts={"size_bytes": path.stat().st_size}, findings=(fault,))


def _every_s(path: Path) -> float:
    """Distance of thumbnails, by the length that the header promises."""
    try:
        with av.open(str(path)) as container:
            return (container.duration or 0) / av.time_base / THUMBNAILS
    except (av.FFmpegError, OSError, ValueError):
        return 1.0


def _fault(code: Code, sentence: str, **more: float | None) -> Finding:
    return Finding(code=code, severity=Severity.FAULT, sentence=sentence, **more)  # type: ignore[arg-type]


def _warning(code: Code, sentence: str, **more: float | None) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, sentence=sentence, **more)  # type: ignore[arg-type]


def _note(code: Code, sentence: str, **more: float | None) -> Finding:
    return Finding(code=code, severity=Severity.NOTE, sentence=sentence, **more)  # type: ignore[arg-type]


def _integrity(path: Path, decoding: Decoding) -> list[Finding]:
    findings = []
    if decoding.damaged_s:
        times = sorted(decoding.damaged_s)
        findings.append(
            _fault(
                Code.DAMAGED,
                f"{len(times)} packets or frames are damaged, from {times[0]:.2f} s to {times[-1]:.2f} s.",
                start_s=times[0],
                end_s=times[-1],
                value=len(times),
                limit=0,
            )
        )
    promised_s = decoding.promised_s
    if promised_s is not None and promised_s - decoding.found_s > MISSING_S:
        findings.append(
            _fault(
                Code.CUT_OFF,
                f"The header promises {promised_s:.2f} s, the file holds {decoding.found_s:.2f} s.",
                start_s=decoding.found_s,
                end_s=promised_s,
                value=decoding.found_s,
                limit=promised_s,
            )
        )
    if decoding.is_still:
        findings.append(_fault(Code.STILL_PICTURE, "This is a still picture, not a film."))
    elif len(decoding.times_s) == 1:
        findings.append(_fault(Code.SINGLE_FRAME, "The film is one frame long.", value=1, limit=2))
    if not decoding.times_s and path.suffix.lower() in VIDEO_SUFFIXES:
        findings.append(_fault(Code.NO_PICTURE, "There is no picture in a file whose name promises a film."))
    if decoding.video_streams > 1:
        findings.append(
            _warning(
                Code.SEVERAL_STREAMS, f"There are {decoding.video_streams} picture tracks; the first is inspected."
            )
        )
    return findings


def _shape(decoding: Decoding, expected: Expected) -> list[Finding]:
    """Size, rate, length and tags: as expected, and as players can hold them."""
    findings = _unexpected(decoding, expected)
    picture = decoding.picture
    if picture is None:
        return findings
    width, height = picture.width_px, picture.height_px
    if width % 2 or height % 2:
        findings.append(_warning(Code.ODD_SIZE, f"{width}×{height} px: most players want even sizes."))
    if min(width, height) < SMALL_PX:
        findings.append(
            _warning(Code.SMALL, f"{width}×{height} px is small.", value=min(width, height), limit=SMALL_PX)
        )
    if height > width:
        findings.append(_note(Code.PORTRAIT, f"The picture stands upright: {width}×{height} px."))
    if UNTAGGED in picture.tags and not decoding.is_still:
        findings.append(_note(Code.NO_COLOUR_TAGS, "Primaries, transfer or matrix are not told: players will guess."))
    steps = np.diff(decoding.times_s)
    if len(steps) > 1 and not decoding.damaged_s:
        usual_s = float(np.median(steps))
        uneven = np.abs(steps - usual_s) > max(UNEVEN_S, UNEVEN_SHARE * usual_s)
        if uneven.any():
            findings.append(
                _warning(
                    Code.VARIABLE_RATE,
                    f"{uneven.sum()} of {len(steps)} frames do not last {1000 * usual_s:.1f} ms, as most do.",
                    value=float(uneven.mean()),
                    limit=0,
                )
            )
    return findings


def _unexpected(decoding: Decoding, expected: Expected) -> list[Finding]:
    picture, differences = decoding.picture, []
    if expected.size_px is not None:
        size = (picture.width_px, picture.height_px) if picture else None
        if size != expected.size_px:
            got = f"{size[0]}×{size[1]} px" if size else "no picture"
            differences.append(f"size: got {got}, expected {expected.size_px[0]}×{expected.size_px[1]} px")
    rate = picture.frame_rate if picture else None
    if expected.frame_rate is not None and rate != expected.frame_rate:
        differences.append(f"frame rate: got {rate}, expected {expected.frame_rate}")
    if expected.codec is not None and (picture is None or picture.codec != expected.codec):
        differences.append(f"codec: got {picture.codec if picture else 'no picture'}, expected {expected.codec}")
    frame_s = float(1 / rate) if rate else 0.0
    length_s = decoding.picture_end_s or decoding.found_s
    if expected.duration_s is not None and abs(length_s - expected.duration_s) > max(frame_s, 0.02):
        differences.append(f"duration: got {length_s:.3f} s, expected {expected.duration_s:g} s")
    findings = [_fault(Code.UNEXPECTED, f"{difference}.") for difference in differences]
    if expected.sound and decoding.sound is None:
        findings.append(_fault(Code.NO_SOUND, "There is no sound, and one is expected."))
    if expected.sound is False and decoding.sound is not None:
        findings.append(_fault(Code.UNEXPECTED, "sound: got a sound track, expected none."))
    return findings


def _full_frame(findings: list[Finding], expected: Expected) -> list[Finding]:
    bars = [finding for finding in findings if finding.code is Code.BARS]
    if not (bars and expected.full_frame):
        return []
    return [_fault(Code.UNEXPECTED, "bars: got black bars, expected pictures that fill the frame.")]


def _together(decoding: Decoding) -> list[Finding]:
    """Picture and sound beside each other."""
    if decoding.is_still or not decoding.times_s:
        return []
    if decoding.sound is None:
        return [_note(Code.NO_SOUND, "There is no sound.")]
    findings = []
    late_s = decoding.sound_start_s - decoding.times_s[0]
    if not -EARLY_S <= late_s <= LATE_S:
        findings.append(
            _warning(
                Code.START_OFFSET,
                f"The sound begins {abs(late_s):.3f} s {'after' if late_s > 0 else 'before'} the picture.",
                value=late_s,
                limit=LATE_S if late_s > 0 else -EARLY_S,
            )
        )
    longer_s = decoding.sound_end_s - decoding.picture_end_s
    if abs(longer_s) > MISSING_S:
        findings.append(
            _warning(
                Code.LENGTHS_DIFFER,
                f"The sound ends {abs(longer_s):.2f} s {'after' if longer_s > 0 else 'before'} the picture.",
                value=longer_s,
                limit=MISSING_S,
            )
        )
    return findings


def _facts(decoding: Decoding, measured: SoundFigures | None) -> dict[str, str | float | int]:
    facts: dict[str, str | float | int] = {"container": decoding.container, "duration_s": round(decoding.found_s, 3)}
    if (picture := decoding.picture) is not None:
        facts |= {
            "codec": picture.codec,
            "pixels": picture.pixels,
            "width_px": picture.width_px,
            "height_px": picture.height_px,
            "frame_rate": str(picture.frame_rate),
            "frames": len(decoding.times_s),
            "colour_tags": _tags(picture.tags),
        }
    if decoding.sound is not None and measured is not None:
        facts |= {
            "sound_codec": decoding.sound_codec,
            "sound_channels": decoding.sound_channels,
            "sound_rate_hz": decoding.sound.rate_hz,
        }
        figures = dataclasses.asdict(measured.loudness) | {
            "peak_dbfs": measured.peak_dbfs,
            "sound_snr_estimate_db": measured.snr_db,
            "stereo_correlation": measured.correlation,
        }
        facts |= _rounded(figures)
    return facts


def _tags(tags: tuple[int, int, int]) -> str:
    """Primaries, transfer and matrix by name, the number where it has none."""
    kinds: tuple[type[IntEnum], ...] = (ColorPrimaries, ColorTrc, Colorspace)
    names = ({member.value: member.name.lower() for member in kind} for kind in kinds)
    return " / ".join(
        known.get(tag, "untold" if tag == UNTAGGED else str(tag)) for known, tag in zip(names, tags, strict=True)
    )


def _rounded(figures: Mapping[str, float | None]) -> dict[str, float]:
    """Figures that were measured, to two places; what has no number, as the level of silence, is left out."""
    return {name: round(value, 2) for name, value in figures.items() if value is not None and math.isfinite(value)}


def _waveform(decoding: Decoding) -> tuple[float, ...]:
    if decoding.sound is None:
        return ()
    loudest = np.abs(decoding.sound.samples).max(axis=0)
    edges = np.linspace(0, len(loudest), min(WAVEFORM_STEPS, len(loudest)) + 1).astype(int)[:-1]
    return tuple(float(min(peak, 1.0)) for peak in np.maximum.reduceat(loudest, edges))
