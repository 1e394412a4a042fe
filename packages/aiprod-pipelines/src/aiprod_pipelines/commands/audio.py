"""Store sound as a few codes a second with the neural codec, and make it sound again."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aiprod_core.errors import InputError
from aiprod_pipelines import output
from aiprod_pipelines.commands.folders import ModelsRoot
from aiprod_pipelines.sound.codec import SoundCodec
from aiprod_pipelines.sound.codes import SoundCodes, read_codes, write_codes
from aiprod_pipelines.sound.file import read_sound_file, write_wav
from aiprod_pipelines.sovereignty import provision

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

ModelOption = Annotated[str, typer.Option(help="Name of a folder of weights, or a path to one.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")]


@app.callback(
    epilog="""[bold]Examples[/bold]

    aiprod audio encode rain.wav -o rain.nac --codebooks 4

    aiprod audio decode rain.nac -o rain.wav"""
)
def audio() -> None:
    """Store sound as a few codes a second with the neural codec, and make it sound again.

    The shipped codec is mono at 24 kHz and knows the sounds of the procedural world alone: speech and music suffer.
    """


@app.command(epilog="[bold]Example[/bold]: aiprod audio encode rain.wav -o rain.nac --codebooks 4")
def encode(
    sound: Annotated[Path, typer.Argument(metavar="SOUND", help="A sound or film file; mixed down to one channel.")],
    out: Annotated[Path, typer.Option("--output-path", "-o", help="The file of codes to write, .nac.")],
    codebooks: Annotated[
        int | None,
        typer.Option(min=1, help="How many to use: fewer are smaller and coarser. Left out: all.", show_default=False),
    ] = None,
    model: ModelOption = provision.DEFAULT_MODEL,
    models_root: ModelsRoot = None,
    as_json: Json = False,
) -> None:
    """Write a sound as codes: 25 times a second up to 8 bytes, with the shipped weights."""
    _check_out(out, ".nac")
    codec = _load(model, models_root)
    with Console(stderr=True).status("encoding"):
        config = codec.nac.config
        heard = read_sound_file(sound, rate_hz=config.sample_rate_hz, most_channels=config.channels)
        stored = codec.encode(heard, codebooks)
        write_codes(out, stored)
    _tell(out, stored, as_json)


@app.command(epilog="[bold]Example[/bold]: aiprod audio decode rain.nac -o rain.wav")
def decode(
    codes: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `aiprod audio encode` wrote.")],
    out: Annotated[Path, typer.Option("--output-path", "-o", help="WAV to write, 32-bit float, at the codec's rate.")],
    model: ModelOption = provision.DEFAULT_MODEL,
    models_root: ModelsRoot = None,
    as_json: Json = False,
) -> None:
    """Make codes sound again, with the weights that wrote them."""
    _check_out(out, ".wav")
    stored = read_codes(codes)
    codec = _load(model, models_root)
    with Console(stderr=True).status("decoding"):
        write_wav(out, codec.decode(stored))
    _tell(out, stored, as_json)


def _check_out(path: Path, suffix: str) -> None:
    """Refuse a name before any work is done."""
    if path.suffix.lower() != suffix:
        raise InputError(f"{path}: got the ending {path.suffix!r}, expected {suffix}; name it {path.stem}{suffix}")
    output.check_writable(path)


def _load(model: str, models_root: str | None) -> SoundCodec:
    weights = provision.locate(model, environment=models_root)
    provision.verify(weights)
    return SoundCodec.load(weights)


def _tell(written: Path, stored: SoundCodes, as_json: bool) -> None:
    books, latents = stored.codes.shape
    facts = {
        "written": str(written),
        "size_bytes": written.stat().st_size,
        "duration_s": stored.duration_s,
        "codebooks": books,
        "bits_per_s": books * latents * stored.code_bits / stored.duration_s,
    }
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        typer.echo(
            f"{written}: {stored.duration_s:.2f} s, {facts['size_bytes']} bytes; "
            f"{books} codebooks, {facts['bits_per_s'] / 1000:.2f} kb/s"
        )
