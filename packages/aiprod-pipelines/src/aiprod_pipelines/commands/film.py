"""Build a film from a storyboard or a sentence: shots, grade, cut, sound, subtitles, delivery."""

import json
import shutil
import tarfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from aiprod_core.errors import AiprodError, InputError
from aiprod_pipelines import output
from aiprod_pipelines.commands.build_tree import live_tree
from aiprod_pipelines.commands.folders import CACHE_ROOT, CacheRoot, ModelsRoot, artifacts_folder
from aiprod_pipelines.commands.sizes import parse_size
from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.film.artifacts import Artifacts, Record
from aiprod_pipelines.film.build import build
from aiprod_pipelines.film.compile import Device, Film, compile_film
from aiprod_pipelines.film.crew import Crew
from aiprod_pipelines.film.cut import plain as plain_timeline
from aiprod_pipelines.film.cut import with_media
from aiprod_pipelines.film.history import History, reasons
from aiprod_pipelines.film.receipt import receipt_of
from aiprod_pipelines.film.reports import decode_report, plain
from aiprod_pipelines.film.scenarist import storyboard_of
from aiprod_pipelines.film.screenplay_file import read_screenplay, source_of
from aiprod_pipelines.film.storyboard_file import SCHEMA_FILE, json_schema, read_storyboard, to_yaml
from aiprod_pipelines.host import free_memory_bytes, usable_cores
from aiprod_pipelines.montage import timeline as timelines
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.quality import page
from aiprod_pipelines.quality.finding import Report
from aiprod_pipelines.subtitle_files import encode_subtitles

EPILOG = """
[bold]Examples[/bold]

aiprod film "a red cat walks on a beach, then it jumps; at night a blue bird flies in a forest" -o film.mp4

aiprod film film.yaml -o film.mp4 --watch

aiprod film film.yaml -o film.mp4 --dry-run

aiprod film film.yaml -o film.mp4 --explain "walk / shot"
"""
MOST_KEPT = "20GB"
YAML_SUFFIXES = (".yaml", ".yml")
LOOK_EVERY_S = 0.5

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the command was asked for, besides the storyboard."""

    storyboard: Path
    path: Path
    store: Artifacts
    models_root: str | None
    check: bool
    device: Device
    timelines: tuple[Path, ...]
    most_bytes: int
    as_json: bool


@app.command(epilog=EPILOG)
def film(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|PROMPT", help="A storyboard, .yaml; a screenplay, .fountain or .md; or a sentence."
        ),
    ],
    path: Annotated[Path, typer.Option("-o", "--output-path", help="The film to write.")] = Path("film.mp4"),
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Steps at a time, in processes of their own, as memory allows.")
    ] = usable_cores(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and why; make nothing.")] = False,
    explain: Annotated[
        str | None, typer.Option(metavar="STEP", help="Print what a step is made of, and why it would be made again.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Build again whenever the storyboard changes.")] = False,
    check: Annotated[bool, typer.Option("--qa/--no-qa", help="Technical QA of shots and film, beside it.")] = True,
    timeline: Annotated[
        list[Path] | None, typer.Option(help="Also write the cut as .otio, .edl or .fcpxml. Repeat for more.")
    ] = None,
    artifacts: Annotated[
        Path | None, typer.Option(envvar="AIPROD_ARTIFACTS", help="Where steps are kept; left out: in the cache.")
    ] = None,
    max_size: Annotated[
        int,
        typer.Option(parser=parse_size, metavar="SIZE", help="The most that is kept; the longest unused goes first."),
    ] = MOST_KEPT,  # type: ignore[assignment]  # parsed by typer
    device: Annotated[Device, typer.Option(help="What renders the shots: cpu, or cuda, an accelerator.")] = "cpu",
    models_root: ModelsRoot = None,
    cache_root: CacheRoot = CACHE_ROOT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Build a film. What has not changed since it was last made is not made again; a build that was stopped goes on.

    A sentence or a screenplay is made into a storyboard first, written beside the film, to be edited and built again.
    """
    wishes = Wishes(
        storyboard=_storyboard_path(source, path),
        path=path,
        store=Artifacts(artifacts or artifacts_folder(cache_root)),
        models_root=models_root,
        check=check,
        device=device,
        timelines=tuple(timeline or ()),
        most_bytes=max_size,
        as_json=as_json,
    )
    if dry_run or explain is not None:
        compiled = _compiled(wishes)
        last = History(wishes.store.root, path).read()
        _explain(compiled, wishes, last, explain) if explain is not None else _foretell(compiled, wishes, last)
        return
    output.check_writable(path)
    with Crew(workers) as crew:
        if watch:
            _watch(wishes, crew)
        _build(wishes, crew)


def _watch(wishes: Wishes, crew: Crew) -> NoReturn:
    """Build whenever something is saved, with the same workers, whose models stay loaded; until Ctrl-C."""
    while True:
        seen = _times([wishes.storyboard])
        try:
            seen |= _times(_build(wishes, crew))
        except AiprodError as error:
            typer.secho(f"error: {error}", fg="red", err=True)
        typer.echo(f"watching {wishes.storyboard} and what it names; Ctrl-C ends it", err=True)
        while _times(seen) == seen:
            time.sleep(LOOK_EVERY_S)


def _check_suffix(path: Path, profile: Profile) -> None:
    """Raise `InputError` where a film of `profile` would have the name of another kind of file."""
    if path.suffix.lower() != profile.recipe.suffix:
        raise InputError(
            f"{path}: got the ending {path.suffix!r} for the profile {profile}, expected {profile.recipe.suffix}; "
            f"write -o {path.with_suffix(profile.recipe.suffix).name}, or change delivery in the storyboard"
        )


def _times(paths: Iterable[Path]) -> dict[Path, int]:
    """When each file was last changed; 0 for one that is not there."""
    return {path: path.stat().st_mtime_ns if path.exists() else 0 for path in paths}


def _storyboard_path(source: str, film: Path) -> Path:
    """The storyboard that is meant; a sentence or a screenplay is written into one.

    Raises `InputError` where another one is there already.
    """
    given = Path(source)
    if given.suffix.lower() in YAML_SUFFIXES:
        return given
    path = film.with_suffix(YAML_SUFFIXES[0])
    told = source_of(source)
    written = to_yaml(storyboard_of(read_screenplay(told) if isinstance(told, Path) else told), path.name)
    if path.exists() and path.read_text() != written:
        raise InputError(
            f"{path}: got a storyboard already, other than this text gives; build it with 'aiprod film {path}', "
            "or choose another --output-path"
        )
    output.save({path: written.encode(), path.with_name(SCHEMA_FILE.name): json_schema().encode()})
    return path


def _compiled(wishes: Wishes) -> Film:
    board = read_storyboard(wishes.storyboard)
    return compile_film(board, models_root=wishes.models_root, check=wishes.check, device=wishes.device)


def _build(wishes: Wishes, crew: Crew) -> list[Path]:
    """Build the film, write it and say so; returns the files that it was made of."""
    began_s = time.perf_counter()
    compiled = _compiled(wishes)
    _check_suffix(wishes.path, next(iter(compiled.delivered)))
    History(wishes.store.root, wishes.path).write(compiled.plan)
    before = {task.name for task in compiled.plan if wishes.store.find(task.step) is not None}
    with live_tree(compiled.plan, wishes.path.name) as on_news:
        made = build(
            compiled.plan,
            wishes.store,
            crew,
            memory_bytes=free_memory_bytes(),
            on_news=on_news,
        )
    files = _write(compiled, made, wishes)
    wishes.store.collect(wishes.most_bytes, spared=compiled.plan.keys)
    _report(compiled, made, files, wishes, len(made) - len(before), time.perf_counter() - began_s)
    return [path for task in compiled.plan for path in task.given.values()]


def _write(film: Film, made: Mapping[str, Record], wishes: Wishes) -> dict[Path, Record]:
    """Put what was asked for beside each other: the files of all profiles, subtitles, timelines, QA, receipt."""
    path, written = wishes.path, {}
    for number, (profile, task) in enumerate(film.delivered.items()):
        place = path if number == 0 else path.with_name(f"{path.stem}.{profile}{profile.recipe.suffix}")
        written[place] = made[task]
        if profile.recipe.is_sequence:
            _unpack(made[task].file, path)
            _copy(made[film.sound].file, path.with_suffix(".wav"))
        else:
            _copy(made[task].file, place)
    for what, task in film.stills.items():
        _copy(made[task].file, path.with_suffix(f".{what}.png"))
    beside = {receipt_path(path): receipt_of(film, made, written, wishes.storyboard).to_json()}
    if film.cues and "file" in film.storyboard.subtitles:
        for suffix in (".srt", ".vtt"):
            beside[path.with_suffix(suffix)] = encode_subtitles(film.cues, suffix)
    if film.checked:
        reports = _reports(film, made)
        beside[path.with_name(f"{path.stem}.qa.json")] = json.dumps([plain(one) for one in reports], indent=1).encode()
        beside[path.with_name(f"{path.stem}.qa.html")] = page.render(reports).encode()
    output.save(beside)
    media = {role: what if isinstance(what, Path) else made[what].file for role, what in film.media.items()}
    for place in wishes.timelines:
        cut = with_media(plain_timeline(film.timeline), media)
        for left_out in timelines.write(cut, place):
            typer.echo(f"note: {place}: {left_out}", err=True)
    return written


def _reports(film: Film, made: Mapping[str, Record]) -> list[Report]:
    """The reports of QA, the film's own first."""
    found = [decode_report(made[task].file.read_bytes(), name) for name, task in film.checked.items()]
    return sorted(found, key=lambda report: report.path.name not in film.delivered)


def _copy(kept: Path, place: Path) -> None:
    with output.staged(place) as temporary:
        shutil.copyfile(kept, temporary)


def _unpack(kept: Path, place: Path) -> None:
    """The pictures of a sequence, `film.000001.exr` and so on."""
    with tarfile.open(kept) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            output.save({place.with_name(f"{place.stem}.{member.name}"): content.read()})


def _foretell(film: Film, wishes: Wishes, last: Mapping[str, Mapping[str, object]]) -> None:
    """Every step of the film, and why those that are not kept would be made."""
    todo = 0
    for task in film.plan:
        if wishes.store.find(task.step) is not None:
            typer.echo(f"· {task.name}: kept")
            continue
        todo += 1
        typer.echo(f"○ {task.name}: {'; '.join(reasons(task, film.plan, last))}")
    typer.echo(f"{todo} of {len(film.plan)} steps would be made")


def _explain(film: Film, wishes: Wishes, last: Mapping[str, Mapping[str, object]], name: str) -> None:
    """What a step is, and whether and why it would be made."""
    if name not in film.plan.tasks:
        known = ", ".join(repr(task.name) for task in film.plan)
        raise InputError(f"step {name!r}: got no such step, expected one of {known}")
    task = film.plan[name]
    record = wishes.store.find(task.step)
    typer.echo(f"{name}: {task.step.kind}, version {task.step.version}, key {task.step.key}")
    for role, other in task.made.items():
        typer.echo(f"  {role}: made by {other!r}")
    for role, path in task.given.items():
        typer.echo(f"  {role}: {path.name}, sha256 {task.step.inputs[role][:12]}…")
    typer.echo(f"  {json.dumps(task.step.params, ensure_ascii=False, indent=2)}")
    if record is not None:
        typer.echo(f"kept: {record.file}, {record.size_bytes} bytes, made in {record.elapsed_s:.1f} s")
    else:
        typer.echo(f"would be made: {'; '.join(reasons(task, film.plan, last))}")


def _report(
    film: Film, made: Mapping[str, Record], files: Mapping[Path, Record], wishes: Wishes, new: int, elapsed_s: float
) -> None:
    faults = [f"{report.path.name}: {fault.sentence}" for report in _reports(film, made) for fault in report.faults]
    if wishes.as_json:
        facts = {
            "output": {str(path): record.sha256 for path, record in files.items()},
            "receipt": str(receipt_path(wishes.path)),
            "steps": len(made),
            "steps_made": new,
            "elapsed_s": round(elapsed_s, 3),
            "faults": faults,
        }
        typer.echo(json.dumps(facts))
        return
    duration_s = film.num_frames / float(film.storyboard.rate)
    names = ", ".join(str(path) for path in files)
    typer.echo(f"{names}: {duration_s:.1f} s of film in {elapsed_s:.1f} s; {new} of {len(made)} steps made")
    for fault in faults:
        typer.secho(f"fault: {fault}", fg="yellow", err=True)
