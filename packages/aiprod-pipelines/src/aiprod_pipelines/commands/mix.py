"""Mix a sound track: dialogue, effects, ambience and music, ducked and brought to a loudness; or measure one."""

import dataclasses
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from aiprod_core.errors import InputError
from aiprod_pipelines import output
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound
from aiprod_pipelines.sound.ambience import BEDS, ambience
from aiprod_pipelines.sound.composition import STYLES, Mood
from aiprod_pipelines.sound.effects import LIBRARY, effect
from aiprod_pipelines.sound.file import read_sound_file, write_wav
from aiprod_pipelines.sound.loudness import SILENCE_LUFS, WEB_LUFS, Loudness, master, measure
from aiprod_pipelines.sound.mix import Placed, Role, mix
from aiprod_pipelines.sound.music import mood_of, music

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

BED_FADE_S = 0.5
MUSIC_FADE_S = 1.5
PLACE = re.compile(r"(.+?)(?:@(-?\d+(?:\.\d+)?)(?:,([+-]?\d+(?:\.\d+)?))?)?")
COMPOSED = re.compile(r"mood:([^,]+)(?:,(\d+(?:\.\d+)?))?")


class Layout(StrEnum):
    MONO = "mono"
    STEREO = "stereo"
    SURROUND = "5.1"

    @property
    def channels(self) -> int:
        return {Layout.MONO: 1, Layout.STEREO: 2, Layout.SURROUND: 6}[self]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one option names: a file or a name, the second it begins at, and decibels more or less."""

    what: str
    start_s: float = 0.0
    gain_db: float = 0.0


def parse_place(words: str) -> Asked:
    """WHAT, WHAT@SECONDS or WHAT@SECONDS,DB."""
    match = PLACE.fullmatch(words)
    if match is None:
        raise typer.BadParameter(f"got {words!r}, expected WHAT@SECONDS,DB such as thunder@3,-6")
    what, start_s, gain_db = match.groups()
    return Asked(what=what, start_s=float(start_s or 0), gain_db=float(gain_db or 0))


@app.command(
    epilog="""[bold]Examples[/bold]

    aiprod mix -o out.wav --dialogue line.wav@1.5 --music mood:calm,90 --ambience rain --effect thunder@3

    aiprod mix -o out.wav --music song.ogg@0,-6 --dialogue line.wav@2 --loudness -23 --channels 5.1

    aiprod mix --measure film.mp4""",
)
def run(
    out: Annotated[Path | None, typer.Option("--output-path", "-o", help="WAV to write, 32-bit float.")] = None,
    dialogue: Annotated[
        list[Asked] | None,
        typer.Option("--dialogue", parser=parse_place, metavar="FILE@SECONDS,DB", help="Speech; may be repeated."),
    ] = None,
    effects: Annotated[
        list[Asked] | None,
        typer.Option(
            "--effect", parser=parse_place, metavar="NAME@SECONDS,DB", help="By name or file; may be repeated."
        ),
    ] = None,
    beds: Annotated[
        list[Asked] | None,
        typer.Option("--ambience", parser=parse_place, metavar="NAME", help="By name or file; may be repeated."),
    ] = None,
    tune: Annotated[
        Asked | None,
        typer.Option("--music", parser=parse_place, metavar="mood:MOOD,BPM|FILE", help="Composed, or a file."),
    ] = None,
    duration_s: Annotated[
        float | None,
        typer.Option("--duration", min=0.01, help="Seconds. Left out: to the end of what has one.", show_default=False),
    ] = None,
    loudness_lufs: Annotated[
        float, typer.Option("--loudness", min=SILENCE_LUFS, max=0.0, help="LUFS: -23 broadcast, -16 or -14 web.")
    ] = WEB_LUFS,
    layout: Annotated[Layout, typer.Option("--channels", help="What to write.")] = Layout.STEREO,
    seed: Annotated[int, typer.Option(min=0, help="Of what is synthesised.")] = 0,
    listing: Annotated[bool, typer.Option("--list-effects", help="Say what can be synthesised.")] = False,
    measured: Annotated[
        Path | None, typer.Option("--measure", metavar="FILE", help="Say how loud a file is.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Mix a sound track, list what can be synthesised, or measure a file."""
    if listing:
        _list(as_json)
    elif measured is not None:
        _show(measure(read_sound_file(measured)), as_json)
    elif out is None:
        raise InputError("got no -o, --measure or --list-effects, expected one of them; name the sound to make")
    else:
        if out.suffix.lower() != ".wav":
            raise InputError(f"{out}: got the ending {out.suffix!r}, expected .wav; name it {out.stem}.wav")
        output.check_writable(out)
        console = Console(stderr=True)
        with console.status("mixing"):
            timed = _timed(dialogue or [], effects or [], seed)
            mixed = _mixed(timed, beds or [], tune, duration_s, layout, seed)
            finished = master(mixed, loudness_lufs)
            write_wav(out, finished)
        _show(measure(finished), as_json)


def _timed(dialogue: Sequence[Asked], effects: Sequence[Asked], seed: int) -> list[Placed]:
    """What has a place and an end of its own."""
    placed = [_placed(read_sound_file(Path(asked.what)), asked, Role.DIALOGUE) for asked in dialogue]
    for number, asked in enumerate(effects):
        known = asked.what in LIBRARY or not Path(asked.what).suffix
        sound = effect(asked.what, seed + number) if known else read_sound_file(Path(asked.what))
        placed.append(_placed(sound, asked, Role.EFFECT))
    return placed


def _mixed(
    timed: Sequence[Placed],
    beds: Sequence[Asked],
    tune: Asked | None,
    duration_s: float | None,
    layout: Layout,
    seed: int,
) -> Sound:
    """All of it: what has an end says how long the beds are, where nobody else does."""
    composed = None if tune is None else COMPOSED.fullmatch(tune.what)
    song = None if tune is None or composed else _placed(read_sound_file(Path(tune.what)), tune, Role.MUSIC)
    ended = [*timed, *([song] if song else [])]
    if not ended and not beds and tune is None:
        raise InputError("got nothing to mix, expected --dialogue, --effect, --ambience or --music; add one")
    if not ended and duration_s is None:
        raise InputError("got nothing that ends, expected a length; add --duration SECONDS")
    length = max((one.start + one.sound.samples.shape[1] for one in ended), default=0)
    if duration_s is not None:
        length = round(duration_s * SOUND_RATE_HZ)
    if song is not None:
        song = dataclasses.replace(song, sound=_until(song, length), fade_out=round(MUSIC_FADE_S * SOUND_RATE_HZ))
    if tune is not None and composed is not None:
        mood, bpm = composed.groups()
        rest_s = length / SOUND_RATE_HZ - tune.start_s
        song = _placed(music(mood_of(mood), rest_s, float(bpm) if bpm else None, seed), tune, Role.MUSIC)
    laid = [_bed(asked, length, seed) for asked in beds]
    return mix([*timed, *laid, *([song] if song else [])], length, layout.channels)


def _bed(asked: Asked, length: int, seed: int) -> Placed:
    known = asked.what in BEDS or not Path(asked.what).suffix
    sound = ambience(asked.what, length, seed) if known else read_sound_file(Path(asked.what))
    placed, fade = _placed(sound, asked, Role.AMBIENCE), round(BED_FADE_S * SOUND_RATE_HZ)
    return dataclasses.replace(placed, sound=_until(placed, length), fade_in=fade, fade_out=fade)


def _placed(sound: Sound, asked: Asked, role: Role) -> Placed:
    start = round(asked.start_s * SOUND_RATE_HZ)
    return Placed(sound=sound, start=start, role=role, gain_db=asked.gain_db)


def _until(placed: Placed, length: int) -> Sound:
    """The sound of `placed` as far as sample `length` of the mix, so that it can be faded there."""
    return Sound(placed.sound.samples[:, : max(length - placed.start, 0)])


def _list(as_json: bool) -> None:
    facts = {
        "effects": {name: made.words for name, made in LIBRARY.items()},
        "ambience": {name: bed.words for name, bed in BEDS.items()},
        "moods": {str(mood): f"{STYLES[mood].bpm:g} beats a minute unless said" for mood in Mood},
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for title, named in facts.items():
        table = Table(show_header=False, box=None, title=title, title_justify="left")
        for name, words in named.items():
            table.add_row(name, words)
        Console().print(table)


def _show(loudness: Loudness, as_json: bool) -> None:
    facts = dataclasses.asdict(loudness)
    if as_json:
        typer.echo(json.dumps({name: None if value == -math.inf else value for name, value in facts.items()}))
        return
    table = Table(show_header=False, box=None)
    units = {"integrated_lufs": "LUFS", "momentary_lufs": "LUFS", "short_term_lufs": "LUFS", "range_lu": "LU"}
    for name, value in facts.items():
        shown = "too short or too quiet to have one" if value is None else f"{value:.1f} {units.get(name, 'dBTP')}"
        table.add_row(name.rsplit("_", 1)[0].replace("_", " "), shown)
    Console().print(table)
