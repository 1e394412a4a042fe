"""Render a film again from its receipt and prove that it is the same."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from aiprod_core.errors import InputError, MediaError, WeightsError
from aiprod_pipelines import backends, output
from aiprod_pipelines.backends import Backend
from aiprod_pipelines.backends.ltx2 import notice_of, weights_of
from aiprod_pipelines.backends.ltx2_checkpoint import open_checkpoint
from aiprod_pipelines.commands.compare import facts, show
from aiprod_pipelines.commands.folders import ModelsRoot, TextModel
from aiprod_pipelines.commands.progress import live_progress
from aiprod_pipelines.film.build import News, State
from aiprod_pipelines.film.crew import Crew
from aiprod_pipelines.film.receipt import FilmReceipt, read_film_receipt, replay_film
from aiprod_pipelines.host import free_memory_bytes, usable_cores
from aiprod_pipelines.machine import this_machine
from aiprod_pipelines.media import check_video_path
from aiprod_pipelines.proof.paper import film_path, receipt_path
from aiprod_pipelines.proof.receipt import (
    Receipt,
    config_of,
    loras_in,
    read_receipt,
    this_code,
)
from aiprod_pipelines.quality.compare import Verdict, compare
from aiprod_pipelines.rendering import PipelineName, Setup, render_batch
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.sovereignty.offline import forbid_network

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog="[bold]Example[/bold]: aiprod replay cat.mp4.receipt.json --keep again.mp4")
def replay(
    receipt_file: Annotated[Path, typer.Argument(metavar="RECEIPT", help="The .receipt.json beside a film.")],
    keep: Annotated[Path | None, typer.Option(help="Write the new rendering to this .mp4.")] = None,
    model: Annotated[str | None, typer.Option(help="Folder of the weights, where their name is not enough.")] = None,
    text_model: TextModel = None,
    models_root: ModelsRoot = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as one JSON object.")] = False,
) -> None:
    """Render the clip of RECEIPT again with the same weights, seed, settings and threads, and compare.

    Of a film that 'aiprod film' made, every step is made again, and must have the same bytes.
    Exit code 0: identical or equivalent (above 55 dB). Exit code 1: different, or it cannot be rendered here.
    """
    whole = read_film_receipt(receipt_file)
    if whole is not None:
        if text_model is not None:
            raise InputError(f"text-model: got {text_model} for a film, whose weights read by themselves; leave it out")
        _replay_film(whole, receipt_file, models_root, as_json)
        return
    receipt = read_receipt(receipt_file)
    film = film_path(receipt_file)
    check_original(receipt, film)
    if keep is not None:
        check_video_path(keep)
        output.check_writable(keep)
    config = config_of(receipt, receipt_file.resolve().parent)
    check_backend(receipt, model)
    backend, models_dir = backends.locate(model or receipt.model.name, environment=models_root)
    check_weights(receipt, models_dir)
    note_differences(receipt)
    torch.set_num_threads(receipt.place.threads)
    setup = Setup(
        models_dir=models_dir,
        backend=backend,
        pipeline=pipeline_of(receipt),
        loras=loras_in(receipt, receipt_file.resolve().parent),
        language_model=text_model,
        device=receipt.place.device,
        precision=receipt.place.precision,
        quantization=receipt.place.quantization,
        execution=receipt.place.execution,
        rate_eur_per_h=receipt.cost.rate_eur_per_h,
    )
    with forbid_network(), live_progress() as on_progress:
        count = receipt.place.batch  # copies of it stand in for the others: bits depend on how many there were alone
        rendered = render_batch([config] * count, setup, [keep or film] * count, on_progress=on_progress)[0]
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / film.name
        again.write_bytes(rendered.mp4)
        comparison = compare(film, again)
    if keep is not None:
        output.save({keep: rendered.mp4, receipt_path(keep): rendered.receipt.to_json()})
    if as_json:
        typer.echo(json.dumps(facts(comparison)))
    else:
        show(comparison, Console())
    if comparison.verdict is Verdict.DIFFERENT:
        raise typer.Exit(1)


def _replay_film(receipt: FilmReceipt, path: Path, models_root: str | None, as_json: bool) -> None:
    memory_bytes = free_memory_bytes()
    with Crew(usable_cores()) as crew:
        others = replay_film(
            receipt, path, crew, models_root=models_root, memory_bytes=memory_bytes, on_news=_each_step
        )
    if as_json:
        typer.echo(json.dumps({"steps": len(receipt.steps), "different": others}))
    else:
        for name, words in others.items():
            typer.echo(f"{name}: {words}")
        verdict = "different" if others else "identical"
        typer.echo(
            f"{path.name}: {len(receipt.steps) - len(others)} of {len(receipt.steps)} steps identical: {verdict}"
        )
    if others:
        raise typer.Exit(1)


def _each_step(news: News) -> None:
    if news.state is State.MADE:
        typer.echo(f"{news.name} {news.elapsed_s:.1f} s", err=True)


def pipeline_of(receipt: Receipt) -> PipelineName:
    """The pipeline that made the film. Raises `InputError` for one that this version does not have."""
    try:
        return PipelineName(receipt.pipeline)
    except ValueError as error:
        raise InputError(
            f"receipt: got pipeline {receipt.pipeline!r}, expected one of {', '.join(PipelineName)}; "
            "replay it with the version that made it"
        ) from error


def check_original(receipt: Receipt, film: Path) -> None:
    """Raise `MediaError` unless `film` is the very file the receipt was written for."""
    if not film.is_file():
        raise MediaError(f"{film}: got no such file, expected the film beside its receipt; put it back to compare")
    digest = hashlib.sha256(film.read_bytes()).hexdigest()
    if digest != receipt.output.sha256:
        raise MediaError(
            f"{film}: got SHA-256 {digest[:12]}…, expected {receipt.output.sha256[:12]}… as the receipt says: "
            "the film was changed after it was rendered; put the first one back"
        )


def check_backend(receipt: Receipt, model: str | None) -> None:
    """Raise `InputError` where `--model` names no weights of the kind that made the film."""
    asked = Backend.LTX2 if (model or "").startswith(backends.LTX2_PREFIX) else Backend.SOVEREIGN
    if asked is not receipt.model.backend:
        expected = "ltx2:PATH" if receipt.model.backend is Backend.LTX2 else "a folder of AIPROD's own"
        raise InputError(
            f"model: got {model or 'none'}, expected {receipt.model.name} {receipt.model.version} that made the film; "
            f"name it with --model, as {expected}"
        )


def check_weights(receipt: Receipt, models_dir: Path) -> None:
    """Raise `WeightsError` unless the weights that rendered the film are the ones in `models_dir`."""
    if receipt.model.backend is Backend.LTX2:
        checkpoint = open_checkpoint(models_dir)
        typer.echo(notice_of(checkpoint), err=True)
        present = weights_of(checkpoint, receipt.pipeline)
    else:
        present = provision.verify(models_dir)
    for name, digest in receipt.model.weights.items():
        if present.get(name) != digest:
            raise WeightsError(
                f"{models_dir / name}: got other weights than the receipt's ({digest[:12]}…), expected "
                f"{receipt.model.name} {receipt.model.version}; give their folder with --model"
            )


def note_differences(receipt: Receipt) -> None:
    """Say on stderr what is not as it was when the film was rendered, since then bits may differ."""
    machine = this_machine()
    code = this_code(*receipt.model.libraries)
    pairs = {
        "instruction set": (receipt.place.isa, machine.isa),
        "processor": (receipt.place.processor, machine.processor),
        "sources": (receipt.code.source_sha256[:12], code.source_sha256[:12]),
        **{name: (was, code.libraries.get(name, "none")) for name, was in receipt.code.libraries.items()},
    }
    for name, (was, now) in pairs.items():
        if was != now:
            typer.echo(f"note: {name} was {was}, is {now}; bits may differ", err=True)
