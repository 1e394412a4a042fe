"""What saves memory or time is an option, stands in the receipt, and is done again by a replay."""

from pathlib import Path

import pytest
import typer
from tiny_family import PROMPT
from typer.testing import CliRunner

from aiprod_core.execution import Attention, Execution
from aiprod_core.offload import Offload
from aiprod_pipelines.cli import app
from aiprod_pipelines.commands.sizes import parse_size
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.proof.receipt import read_receipt

SMALL = ["--width", "160", "--height", "32", "--num-frames", "5", "--num-inference-steps", "6", "--threads", "1"]


@pytest.mark.parametrize(
    ("words", "size_bytes"),
    [("1GiB", 2**30), ("1.5 GiB", 3 * 2**29), ("800MB", 800_000_000), ("2k", 2000), ("4096", 4096), ("1tib", 2**40)],
)
def test_a_size_is_read_as_it_is_written(words: str, size_bytes: int) -> None:
    assert parse_size(words) == size_bytes


@pytest.mark.parametrize("words", ["", "much", "-1GB", "1 GB of it", "iB"])
def test_what_is_no_size_is_a_usage_error(words: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected a size such as 1GiB"):
        parse_size(words)


def _generate(family: Path, film: Path, *options: str) -> bytes:
    arguments = ["generate", PROMPT, *SMALL, "--model", str(family), "--output-path", str(film), *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return film.read_bytes()


def test_weights_left_on_disk_are_the_same_film(family: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    assert _generate(family, film, "--offload", "disk") == _generate(family, tmp_path / "plain.mp4")
    assert read_receipt(receipt_path(film)).place.execution == Execution(offload=Offload.DISK)


def test_what_was_done_is_replayed(family: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    changed = _generate(family, film, "--cache", "0.5", "--attention", "math", "--vae-tiling")
    assert changed != _generate(family, tmp_path / "plain.mp4")
    done = read_receipt(receipt_path(film)).place.execution
    assert done == Execution(step_cache=0.5, attention=Attention.MATH, vae_tiling=True)
    again = CliRunner().invoke(app, ["replay", str(receipt_path(film)), "--model", str(family)])
    assert "identical" in again.stdout, again.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--offload", "cpu"), "use disk"),
        (("--offload", "disk", "--quantization", "int8"), "aiprod train quantize"),
        (("--cache", "0.1", "--snapshot-every", "1"), "snapshots"),
        (("--compile", "--max-memory", "1GiB"), "there is no estimate"),
    ],
)
def test_what_does_not_go_together_is_said(family: Path, tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    film = tmp_path / "film.mp4"
    arguments = ["generate", PROMPT, *SMALL, "--model", str(family), "--output-path", str(film), *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert not film.exists()
