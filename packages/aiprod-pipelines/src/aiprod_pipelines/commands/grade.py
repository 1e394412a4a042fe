"""Give a clip its colours: looks, LUTs, CDLs, matching to another shot, SDR and HDR.

The picture is graded in ACEScct and encoded anew, its sound beside it as it was heard.
"""

import dataclasses
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from aiprod_core.errors import InputError
from aiprod_pipelines import output
from aiprod_pipelines.color import drift, exr, lut, match, reference, transfer
from aiprod_pipelines.color.grade import Cdl, Grade, LutSpace
from aiprod_pipelines.color.grader import CUBE, Grader
from aiprod_pipelines.color.look_sheet import encode_look_sheet
from aiprod_pipelines.color.looks import LOOKS
from aiprod_pipelines.color.spaces import ToneMap
from aiprod_pipelines.delivery.encode import deliver
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import read_picture
from aiprod_pipelines.picture import Encoding, Format, Frame

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class Hdr(StrEnum):
    """The two ways of Rec.2100."""

    PQ = Encoding.PQ.value
    HLG = Encoding.HLG.value


CUBE_OF_A_FRAME = 33
PROFILES = {Encoding.REC709: Profile.WEB, Encoding.PQ: Profile.HDR10, Encoding.HLG: Profile.HLG}
LUT_ENCODERS = {".cube": lut.encode_cube, ".clf": lut.encode_clf}


@app.command(
    epilog="""[bold]Examples[/bold]

    aiprod grade clip.mp4 -o warm.mp4 --look golden_hour --look-strength 0.7

    aiprod grade clip.mp4 -o match.mp4 --match reference.png --cdl shot.cc --lut film.cube:0.5

    aiprod grade clip.mp4 -o master.mp4 --hdr pq --exact

    aiprod grade --look noir --export-lut noir.cube""",
)
def run(
    clip: Annotated[Path | None, typer.Argument(metavar="CLIP", help="The film to grade.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option("--output-path", "-o", help="The graded film, or the sheet of looks.")
    ] = None,
    look: Annotated[str | None, typer.Option(help="A look by name; --list-looks shows all.")] = None,
    look_strength: Annotated[float, typer.Option(help="How much of the look, 0 to 1.")] = 1.0,
    lut_file: Annotated[
        str | None, typer.Option("--lut", metavar="FILE[:STRENGTH]", help="A .cube, .clf, .spi3d, .3dl or .csp table.")
    ] = None,
    lut_space: Annotated[
        LutSpace, typer.Option(help="What the table was made for: an SDR picture, or the working space.")
    ] = LutSpace.REC709,
    cdl: Annotated[
        str | None, typer.Option(metavar="FILE[:ID]", help="A decision list: .cc, .cdl, or one of a .ccc by its id.")
    ] = None,
    exposure: Annotated[float, typer.Option(help="Brighter or, below 0, darker, in stops.")] = 0.0,
    match_to: Annotated[
        Path | None, typer.Option("--match", metavar="FILE", help="A picture or film whose colours to come close to.")
    ] = None,
    match_strength: Annotated[float, typer.Option(help="How close, 0 to 1.")] = 1.0,
    match_window: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Follow a light that drifts, measured in windows of so long. Left out: one transform for the clip.",
            show_default=False,
        ),
    ] = None,
    hdr: Annotated[
        Hdr | None, typer.Option(help="Deliver Rec.2100, PQ (HDR10) or HLG. Left out: SDR.", show_default=False)
    ] = None,
    tone_map: Annotated[ToneMap, typer.Option("--tonemap", help="How scene light becomes display light.")] = (
        ToneMap.ACES
    ),
    profile: Annotated[
        Profile | None,
        typer.Option(help="What to deliver. Left out: web, hdr10 or hlg; exr for OUT.exr.", show_default=False),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help=f"Compute every pixel instead of a {CUBE}³ table: slower, for masters.")
    ] = False,
    export_lut: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the grade as a .cube or .clf table as well.")
    ] = None,
    list_looks: Annotated[bool, typer.Option("--list-looks", help="Show the looks and stop.")] = False,
    looks_sheet: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Show a picture, or a film's middle, in every look.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Give a clip its colours."""
    if list_looks:
        _show_looks(as_json=as_json)
        return
    if looks_sheet is not None:
        output.save({_asked(out, "-o SHEET.png"): encode_look_sheet(_picture(looks_sheet))})
        return
    if export_lut is not None and match_window is not None:
        raise InputError(
            "--export-lut: got a match that changes over time, expected one table; leave --match-window out"
        )
    if clip is None and export_lut is None:
        raise InputError("got no clip and no --export-lut, expected one of them; name the film to grade")
    target = Encoding(hdr.value) if hdr is not None else Encoding.REC709
    footage = Footage.open(clip) if clip is not None else None
    path, strength = _split_strength(lut_file)
    grade = Grade(
        match=_match(footage, match_to, match_strength, match_window),
        exposure_stops=exposure,
        cdl=_decisions(cdl),
        look=look,
        look_strength=look_strength,
        lut=path,
        lut_strength=strength,
        lut_space=lut_space,
    )
    source = footage.encoding if footage is not None else Encoding.REC709
    grader = Grader(grade, source, target, tone_map=tone_map, cube=None if exact else CUBE)
    written = []
    if export_lut is not None:
        output.save({export_lut: _encode_table(grader, export_lut)})
        written.append(export_lut)
    if footage is not None:
        path_out = _asked(out, "-o FILM.mp4")
        chosen = _profile(profile, path_out, dataclasses.replace(footage.format, encoding=target))
        if match_window is None:
            frames: Iterator[Frame] = map(grader, footage.frames())
        else:
            frames = _followed(footage, grader, match_to, match_strength, match_window)
        _deliver(path_out, frames, footage, chosen, target)
        written.append(path_out)
    _tell(written, grade, source, target, as_json=as_json)


def _profile(asked: Profile | None, out: Path, format: Format) -> Profile:
    """What to deliver; refused before a frame is graded where it does not fit its file or its frames."""
    chosen = asked or (Profile.EXR if out.suffix.lower() == ".exr" else PROFILES[format.encoding])
    suffix = chosen.recipe.suffix
    if out.suffix.lower() != suffix:
        raise InputError(f"{out}: got a name for another format, expected {suffix} for the profile {chosen}; rename it")
    chosen.check(format.encoding, format.width_px, format.height_px)
    output.check_writable(out)
    return chosen


def _deliver(out: Path, frames: Iterator[Frame], footage: Footage, profile: Profile, target: Encoding) -> None:
    console = Console(stderr=True)
    shown = track(frames, "grading", footage.num_frames, console=console, disable=not console.is_terminal)
    if profile is Profile.EXR:
        exr.write_sequence(out, shown, target)
    else:
        format = dataclasses.replace(footage.format, encoding=target)
        deliver(out, shown, format, profile, sound=footage.sound())


def _match(footage: Footage | None, wanted: Path | None, strength: float, window_s: float | None) -> match.Match | None:
    """One transform for the clip; none where none is asked for, and where it is to follow the clip's light."""
    if wanted is None:
        if window_s is not None:
            raise InputError("--match-window: got no --match, expected what to match; add --match FILE")
        return None
    if footage is None:
        raise InputError("--match: got no clip, expected the film to match; name it")
    if window_s is not None:
        return None
    return match.fit(reference.measure_shot(footage), reference.measure_file(wanted), strength=strength)


def _followed(
    footage: Footage, grader: Grader, wanted: Path | None, strength: float, window_s: float
) -> Iterator[Frame]:
    """Every frame by a grade of its own, in smaller tables, since each is used once."""
    assert wanted is not None  # `_match` has refused it
    windows = reference.measure_windows(footage, window_s)
    transforms = drift.follow(windows, reference.measure_file(wanted), footage.num_frames, strength=strength)
    chain, cube = grader.chain, None if grader.cube is None else CUBE_OF_A_FRAME
    for frame, transform in zip(footage.frames(), transforms, strict=True):
        grade = dataclasses.replace(chain.grade, match=transform)
        yield Grader(grade, chain.source, chain.target, tone_map=chain.tone_map, cube=cube)(frame)


def _decisions(given: str | None) -> Cdl:
    """Of "shot.cc", "shots.ccc" or "shots.ccc:some id"."""
    if given is None:
        return Cdl()
    path, _, correction = (given, "", "") if Path(given).is_file() else given.rpartition(":")
    return lut.read_cdl(Path(path or given), correction if path else "")


def _split_strength(given: str | None) -> tuple[Path | None, float]:
    """Of "film.cube" and "film.cube:0.5"."""
    if given is None:
        return None, 1.0
    path, _, strength = given.rpartition(":")
    try:
        return (Path(path), float(strength)) if path and not Path(given).is_file() else (Path(given), 1.0)
    except ValueError as error:
        raise InputError(f"--lut: got strength {strength!r}, expected FILE or FILE:STRENGTH with 0 to 1") from error


def _encode_table(grader: Grader, path: Path) -> bytes:
    encode = LUT_ENCODERS.get(path.suffix.lower())
    if encode is None:
        raise InputError(f"{path}: got an unknown kind of table, expected {' or '.join(LUT_ENCODERS)}")
    return encode(grader.table(), title=path.stem.replace('"', ""), top=grader.top)


def _picture(path: Path) -> NDArray[np.uint8]:
    if path.suffix.lower() in reference.PICTURES:
        return read_picture(path)
    footage = Footage.open(path)
    middle = footage.num_frames // 2
    to_sdr = Grader(Grade(), footage.encoding)
    frame = to_sdr(next(footage.frames(middle, middle + 1)))
    return transfer.quantise(frame / np.iinfo(frame.dtype).max, np.uint8).astype(np.uint8)


def _asked(path: Path | None, example: str) -> Path:
    if path is None:
        raise InputError(f"got no --output-path, expected a file to write; add {example}")
    return path


def _show_looks(*, as_json: bool) -> None:
    if as_json:
        facts = {name: {"description": look.description, "keeps_grey": look.keeps_grey, "grade": look.grade.to_dict()}
                 for name, look in LOOKS.items()}  # fmt: skip
        typer.echo(json.dumps(facts))
        return
    table = Table("look", "what it is", "keeps greys", box=None)
    for name, look in LOOKS.items():
        table.add_row(name, look.description, "yes" if look.keeps_grey else "")
    Console().print(table)


def _tell(written: list[Path], grade: Grade, source: Encoding, target: Encoding, *, as_json: bool) -> None:
    if as_json:
        facts = {"grade": grade.to_dict(), "from": source, "to": target, "written": [str(path) for path in written]}
        typer.echo(json.dumps(facts))
        return
    for path in written:
        typer.echo(f"{path}: {source} to {target}")
