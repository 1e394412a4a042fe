"""Submit a clip or a film to a service, watch it and bring it here."""

import base64
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from aiprod_core.errors import InputError
from aiprod_server.client import Client, Estimate, Job
from aiprod_server.commands.download import bring
from aiprod_server.commands.following import follow
from aiprod_server.commands.remote import OWN_SERVER, AsJson, Server, end, say, studio

EPILOG = """
[bold]Examples[/bold]

aiprod submit "a red cat walking to the right on a beach by day" --tier eco --watch

aiprod submit "a cat running on a beach" --image cat.png --num-frames 33 --download cat.mp4

aiprod submit film.yaml --tier premium --download film.mp4

aiprod submit "a blue bird flies over a forest" --tier premium --estimate

AIPROD_SERVER names the service, and AIPROD_KEY holds the key to it.
"""
STORYBOARDS, SCREENPLAYS, MARKDOWN = (".yaml", ".yml"), (".fountain", ".spmd", ".txt"), (".md", ".markdown")
PICTURES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog=EPILOG)
def submit(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PROMPT|FILE",
            help="A sentence, for a clip; or a storyboard, .yaml, or a screenplay, .fountain or .md, for a film.",
            show_default=False,
        ),
    ],
    film: Annotated[bool, typer.Option("--film", help="Make a film of the sentence, and not a clip.")] = False,
    tier: Annotated[
        Literal["eco", "standard", "premium"], typer.Option(help="How well, and at what price.")
    ] = "standard",
    negative_prompt: Annotated[str | None, typer.Option(help="What to stay away from.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same film; drawn if left out.")] = None,
    width: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    num_frames: Annotated[int | None, typer.Option(help="Length of a clip in frames.")] = None,
    frame_rate: Annotated[float | None, typer.Option(help="Frames per second.")] = None,
    num_inference_steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance_scale: Annotated[float | None, typer.Option(help="How hard to follow the prompt.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture that the clip begins with.")] = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="With sound, or silent.")] = True,
    model: Annotated[str | None, typer.Option(help="One of the service's models.")] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say what it would take and cost; submit nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show how it goes, until its end.")] = False,
    download: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Watch it, and write the video there when it is done.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same order under the same key again is the same job.")
    ] = None,
    server: Server = OWN_SERVER,
    as_json: AsJson = False,
) -> None:
    """Submit a clip or a film, and say its job's id. Exit code 1 where it was watched and did not end well."""
    asked = {
        "negative_prompt": negative_prompt,
        "seed": seed,
        "width": width,
        "height": height,
        "num_frames": num_frames,
        "frame_rate": frame_rate,
        "num_inference_steps": num_inference_steps,
        "guidance_scale": guidance_scale,
        "images": None if image is None else [{"data": picture_url(image)}],
        "audio": None if audio else False,
        "model": model,
    }
    request = request_of(source, film) | {"tier": tier}
    request |= {name: value for name, value in asked.items() if value is not None}
    if download is not None and not download.parent.is_dir():
        raise InputError(f"{download}: its folder is not there; make it, or name another place")
    with studio(server) as client:
        if estimate:
            _say_estimate(client.estimate(request), as_json)
            return
        job = client.submit(request, idempotency_key=idempotency_key)
        if not watch and download is None:
            say(job, as_json)
            return
        _see_through(client, job, download, as_json)


def request_of(source: str, film: bool) -> dict[str, Any]:
    """What `source` asks for: the words of a clip or a film, or what the file of that name holds.

    Raises:
        InputError: a file that cannot be read, or of another kind.
    """
    path = Path(source)
    suffix = path.suffix.lower() if len(source) < 1000 else ""
    if suffix in STORYBOARDS or suffix in MARKDOWN:
        return {"kind": "film", "storyboard": _storyboard(path, is_screenplay=suffix in MARKDOWN)}
    if suffix in SCREENPLAYS:
        return {"kind": "film", "prompt": _fountain(path)}
    if suffix and path.is_file():
        kinds = ", ".join((*STORYBOARDS, *SCREENPLAYS, *MARKDOWN))
        raise InputError(f"{path}: got a file ending in {suffix!r}, expected a sentence, or one of {kinds}")
    return {"kind": "film", "prompt": source} if film else {"prompt": source}


def _storyboard(path: Path, *, is_screenplay: bool) -> dict[str, Any]:
    """What a storyboard holds; a screenplay in Markdown is made into one here, since services read Fountain."""
    from aiprod_pipelines.film.scenarist import storyboard_of  # only for films: these take a second
    from aiprod_pipelines.film.screenplay_file import read_screenplay
    from aiprod_pipelines.film.storyboard_file import read_storyboard

    board = storyboard_of(read_screenplay(path)) if is_screenplay else read_storyboard(path)
    return board.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _fountain(path: Path) -> str:
    """The words of a screenplay, which was read once, for errors that name its lines."""
    from aiprod_pipelines.film.screenplay_file import read_screenplay

    read_screenplay(path)
    return path.read_text("utf-8-sig")


def picture_url(path: Path) -> str:
    """A picture as a data: URL (RFC 2397). Raises `InputError` for a file that is none."""
    kind = PICTURES.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: got {path.suffix or 'no suffix'}, expected a picture, one of {', '.join(PICTURES)}")
    try:
        picture = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}); check the name") from error
    if not picture:
        raise InputError(f"{path}: got an empty file, expected a picture; choose another")
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _see_through(client: Client, job: Job, download: Path | None, as_json: bool) -> None:
    typer.echo(job.id, err=True)
    ended = follow(client, job.id)
    if download is not None and ended.state == "completed":
        bring(client, job.id, download, "video")
    end(ended, as_json)


def _say_estimate(told: Estimate, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told.model_dump()))
    elif told.device_s is None:
        typer.echo("not known: the service has neither measured its machine nor finished jobs of this kind")
    else:
        cost = "" if told.cost_eur is None else f", {told.cost_eur:.4f} EUR"
        wait = "" if told.wait_s is None else f"; it would begin in about {told.wait_s:.0f} s"
        typer.echo(f"{told.device_s:.1f} s of a device{cost}, by its {told.basis}{wait}")
