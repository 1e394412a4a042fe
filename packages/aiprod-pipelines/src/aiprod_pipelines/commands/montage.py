"""Render a timeline to a film: OTIO, EDL or Final Cut XML, with transitions, speeds, titles and sound.

Also converts timelines and says what is in one.
"""

import dataclasses
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import opentimelineio as otio
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from aiprod_core.errors import InputError
from aiprod_pipelines import output
from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.montage import timeline as timelines
from aiprod_pipelines.montage.conform import conform, wanted
from aiprod_pipelines.montage.edit import Edit
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.reel import Fit
from aiprod_pipelines.montage.render import ahead, frames
from aiprod_pipelines.montage.soundtrack import sounds
from aiprod_pipelines.picture import Encoding, Format, Sound
from aiprod_pipelines.sound.loudness import master
from aiprod_pipelines.sound.mix import mix

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


def parse_rate(words: str) -> Fraction:
    """A frame rate such as 25, 23.976 or 24000/1001. Raises `typer.BadParameter`, a usage error."""
    try:
        rate = Fraction(words)
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(f"got {words!r}, expected a rate such as 25, 23.976 or 30000/1001") from error
    ntsc = Fraction(round(rate) * 1000, 1001)
    return ntsc if rate.denominator != 1 and abs(rate - ntsc) < Fraction(1, 100) else rate


def parse_frame_size(words: str) -> tuple[int, int]:
    """Width and height of "1280x720". Raises `typer.BadParameter`, a usage error."""
    match = re.fullmatch(r"(\d+)[x×](\d+)", words)
    if match is None:
        raise typer.BadParameter(f"got {words!r}, expected a size such as 1280x720")
    return int(match[1]), int(match[2])


@app.command(
    epilog="""[bold]Examples[/bold]

    aiprod montage cut.otio -o film.mp4 --size 1280x720 --profile web

    aiprod montage cut.edl -o film.mp4 --frame-rate 24000/1001 --media rushes

    aiprod montage cut.fcpxml --export cut.edl

    aiprod montage cut.otio --check""",
)
def run(
    timeline: Annotated[
        Path, typer.Argument(metavar="TIMELINE", help=f"{', '.join(timelines.READABLE)}.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option("--output-path", "-o", help="The film.", show_default=False)] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels. Left out: those of the first clip.", show_default=False)
    ] = None,
    frame_rate: Annotated[
        Fraction | None,
        typer.Option(
            parser=parse_rate, metavar="RATE", help="Frames a second. Left out: the timeline's; an EDL's: 24."
        ),
    ] = None,
    profile: Annotated[Profile, typer.Option(help="What to deliver.")] = Profile.WEB,
    media: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Where to look for media by name, with all below; may be repeated."),
    ] = None,
    fit: Annotated[
        Fit, typer.Option(help="For clips of another shape: cut edges, leave black, or squeeze.")
    ] = Fit.FILL,
    sequence: Annotated[str | None, typer.Option(help="Which of several sequences in the file.")] = None,
    loudness: Annotated[
        float | None,
        typer.Option(metavar="LUFS", help="Bring the sound to this level, such as -16.", show_default=False),
    ] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Leave the sound out.")] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Write the timeline as {', '.join(timelines.WRITABLE)}.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Say what is on the timeline, and which media is missing.")] = (
        False
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Render, convert or check a timeline."""
    if out is None and export is None and not check:
        raise InputError("got no -o, --export or --check, expected one of them; name the film to make")
    if out is not None:
        suffix = profile.recipe.suffix
        if out.suffix.lower() != suffix and not profile.recipe.is_sequence:
            raise InputError(f"{out}: got a name for another format, expected {suffix} for {profile}; rename it")
        output.check_writable(out)
    size_px = None if size is None else parse_frame_size(size)
    read = timelines.read(timeline, frame_rate=frame_rate, sequence=sequence)
    bin = MediaBin(folder=timeline.parent, search=tuple(media or ()))
    facts: dict[str, Any] = {"timeline": read.name}
    if check:
        facts |= _checked(read, bin)
    if export is not None:
        facts |= {"export": str(export), "left_out": timelines.write(read, export)}
    if out is not None:
        edit = conform(read, bin, frame_rate=frame_rate, own_sound=not silent)
        facts |= _rendered(edit, bin, out, size_px, profile, fit, loudness)
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        _show(facts)
    if facts.get("missing"):
        raise typer.Exit(1)


def _rendered(
    edit: Edit,
    media: MediaBin,
    out: Path,
    size_px: tuple[int, int] | None,
    profile: Profile,
    fit: Fit,
    loudness: float | None,
) -> dict[str, Any]:
    recipe = profile.recipe
    width, height = size_px or _first_size(edit, media)
    encoding = Encoding.REC709 if Encoding.REC709 in recipe.encodings else min(recipe.encodings)
    format = Format(width_px=width, height_px=height, frame_rate=edit.frame_rate, encoding=encoding)
    profile.check(encoding, width, height)
    notes = list(edit.notes)
    console = Console(stderr=True)
    shown = track(
        ahead(frames(edit, format, media, fit=fit)),
        "montage",
        edit.num_frames,
        console=console,
        disable=not console.is_terminal,
    )
    sound = None if recipe.is_sequence else _sound(edit, format, media, loudness, notes)
    deliver(out, shown, format, profile, sound=sound, metadata={"title": edit.name})
    return {
        "film": str(out),
        "frames": edit.num_frames,
        "frame_rate": str(edit.frame_rate),
        "size_px": [width, height],
        "profile": str(profile),
        "notes": notes,
    }


def _sound(edit: Edit, format: Format, media: MediaBin, loudness: float | None, notes: list[str]) -> Sound | None:
    placed = sounds(edit, format, media)
    if not placed:
        return None
    mixed = mix(placed, format.sample(edit.num_frames))
    if loudness is not None:
        return master(mixed, loudness)
    if np.abs(mixed.samples).max() > 1:
        notes.append("the sound is louder than full scale and is clipped; give --loudness -16")
    return mixed


def _first_size(edit: Edit, media: MediaBin) -> tuple[int, int]:
    """Even width and height of the first clip of the film."""
    for shot in sorted((shot for layer in edit.layers for shot in layer.shots), key=lambda shot: shot.start):
        if isinstance(shot.source, Edit):
            return _first_size(shot.source, media)
        footage = media.open(shot.source).footage if isinstance(shot.source, Path) else None
        if footage is not None:
            return footage.width_px // 2 * 2, footage.height_px // 2 * 2
    raise InputError("got no clip that says how large the film is, expected --size, such as 1280x720")


def _checked(timeline: otio.schema.Timeline, media: MediaBin) -> dict[str, Any]:
    """What is on the timeline, and the names of media that is not found."""
    missing = {
        wanted(clip)
        for clip in timeline.find_clips()
        if clip.enabled
        and not isinstance(clip.media_reference, otio.schema.GeneratorReference)
        and media.find(clip) is None
    }
    rows = [dataclasses.asdict(row) for row in timelines.rows(timeline)]
    return {"rows": rows, "missing": sorted(missing)}


def _show(facts: dict[str, Any]) -> None:
    console, errors = Console(), Console(stderr=True)
    if "rows" in facts:
        table = Table("track", "kind", "name", "start", "frames", "rate", "speed", box=None)
        for row in facts["rows"]:
            numbers = (f"{row[name]:g}" for name in ("start", "duration", "rate", "speed"))
            table.add_row(row["track"], row["kind"], row["name"], *numbers)
        console.print(table)
        for name in facts["missing"]:
            errors.print(f"missing: {name}", highlight=False, markup=False)
    for line in (*facts.get("left_out", ()), *facts.get("notes", ())):
        errors.print(f"note: {line}", highlight=False, markup=False)
    for name in ("export", "film"):
        if name in facts:
            console.print(facts[name], highlight=False, markup=False, soft_wrap=True)
