"""Everything here runs the real command on a tiny, untrained family of models."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image
from tiny_family import PROMPT
from typer.testing import CliRunner

from aiprod_core.family import load_model
from aiprod_core.lora import Lora, LowRank, linear_modules, save_lora
from aiprod_core.models.shdt import SHDT
from aiprod_pipelines.cli import app
from aiprod_pipelines.media import read_clip
from aiprod_pipelines.proof.paper import receipt_path
from aiprod_pipelines.proof.receipt import read_receipt
from aiprod_pipelines.snapshot import snapshot_path
from aiprod_pipelines.sovereignty import provision

SMALL = ["--width", "32", "--height", "32", "--num-frames", "9", "--num-inference-steps", "2", "--threads", "1"]


class Studio:
    """A folder to render into, and the command that does."""

    def __init__(self, folder: Path, family: Path) -> None:
        self.folder = folder
        self.family = family
        self.film = folder / "film.mp4"

    def generate(self, *arguments: str, prompt: str = PROMPT) -> Result:
        paths = ["--model", str(self.family), "--output-path", str(self.film)]
        return CliRunner().invoke(app, ["generate", prompt, *SMALL, *paths, *arguments])

    def refused(self, *arguments: str, prompt: str = PROMPT) -> str:
        """The one line of an error, after which nothing may lie in the folder."""
        result = self.generate(*arguments, prompt=prompt)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        assert not list(self.folder.iterdir())
        return result.stderr


@pytest.fixture
def studio(tmp_path: Path, family: Path) -> Studio:
    (tmp_path / "films").mkdir()
    return Studio(tmp_path / "films", family)


def test_a_film_with_sound_and_its_receipt(studio: Studio) -> None:
    result = studio.generate("--seed", "5", "--negative-prompt", "rain")
    assert result.exit_code == 0, result.output
    clip = read_clip(studio.film)
    assert clip.frames.shape == (9, 32, 32, 3)
    assert clip.audio is not None
    assert clip.audio.shape == (1, round(0.9 * 24_000))
    receipt = read_receipt(receipt_path(studio.film))
    assert (receipt.prompt, receipt.negative_prompt, receipt.seed) == (PROMPT, "rain", 5)
    assert receipt.model.weights == provision.verify(studio.family)
    assert receipt.place.threads == 1
    assert {"load", "text", "denoise", "decode video", "decode sound", "encode"} <= receipt.timings_s.keys()
    assert sorted(path.name for path in studio.folder.iterdir()) == ["film.mp4", "film.mp4.receipt.json"]


def test_a_device_that_is_not_here_is_refused(studio: Studio) -> None:
    assert "device: got cuda:99, expected one that is here: cpu" in studio.refused("--device", "cuda:99")
    assert studio.generate("--device", "cpu").exit_code == 0
    receipt = receipt_path(studio.film)
    receipt.write_text(receipt.read_text().replace('"device": "cpu"', '"device": "cuda:99"'))
    replayed = CliRunner().invoke(app, ["replay", str(receipt), "--model", str(studio.family)])
    assert replayed.exit_code == 1
    assert "device: got cuda:99" in replayed.stderr


def test_same_seed_same_bytes_other_seed_other_film(studio: Studio) -> None:
    films = []
    for seed in ("1", "1", "2"):
        assert studio.generate("--seed", seed).exit_code == 0
        films.append(studio.film.read_bytes())
    assert films[0] == films[1] != films[2]


def test_a_silent_film(studio: Studio) -> None:
    assert studio.generate("--no-audio").exit_code == 0
    assert read_clip(studio.film).audio is None


def test_json_and_contact_sheet(studio: Studio) -> None:
    sheet = studio.folder / "sheet.png"
    result = studio.generate("--json", "--contact-sheet", str(sheet))
    facts = json.loads(result.stdout)
    assert facts["output"] == str(studio.film)
    assert facts["sha256"] == read_receipt(receipt_path(studio.film)).output.sha256
    assert facts["peak_memory_bytes"] > 0
    with Image.open(sheet) as picture:
        assert picture.size[0] > 32


def test_pictures_are_pinned(studio: Studio, tmp_path: Path) -> None:
    assert studio.generate("--seed", "3").exit_code == 0
    free = read_clip(studio.film).frames
    for name, colour in (("red", (220, 30, 30)), ("blue", (30, 30, 220))):
        Image.new("RGB", (64, 40), colour).save(tmp_path / f"{name}.png")
    pins = ["--image", str(tmp_path / "red.png"), "0", "1.0", "--image", str(tmp_path / "blue.png"), "8", "0.5"]
    result = studio.generate("--seed", "3", *pins)
    assert result.exit_code == 0, result.output
    assert (read_clip(studio.film).frames != free).any()
    images = read_receipt(receipt_path(studio.film)).settings.images
    assert [(image.path, image.frame, image.strength) for image in images] == [
        ("../red.png", 0, 1.0),
        ("../blue.png", 8, 0.5),
    ]


def test_unknown_words_are_said_and_the_film_is_made(studio: Studio) -> None:
    result = studio.generate(prompt="A red dragon walks on a beach.")
    assert result.exit_code == 0
    assert "does not know 'dragon'" in result.stderr
    assert "aiprod models install" in result.stderr
    assert "does not know" not in studio.generate().stderr


def test_the_other_entry_is_the_same_command(studio: Studio) -> None:
    paths = ["--model", str(studio.family), "--output-path", str(studio.film)]
    command = [sys.executable, "-m", "aiprod_pipelines.ti2vid_one_stage", PROMPT, *SMALL, *paths]
    subprocess.run(command, check=True, capture_output=True)
    by_module = studio.film.read_bytes()
    assert studio.generate().exit_code == 0
    assert studio.film.read_bytes() == by_module


def test_an_empty_prompt(studio: Studio) -> None:
    assert "got an empty one" in studio.refused(prompt="  ")


def test_an_over_long_prompt(studio: Studio) -> None:
    assert "expected at most 96" in studio.refused(prompt="a red cat walks on a beach " * 30)


@pytest.mark.parametrize(
    ("option", "value", "nearest"),
    [
        ("--width", "100", "use 96 or 112"),
        ("--height", "0", "use 16"),
        ("--num-frames", "24", "use 21 or 25"),
        ("--num-frames", "-1", "use 1"),
        ("--frame-rate", "0", "expected 1.0 to 120.0"),
        ("--num-inference-steps", "0", "expected 1 to 1000"),
        ("--guidance-scale", "nan", "expected 0.0 to 50.0"),
        ("--seed", "-1", "seed"),
    ],
)
def test_illegal_requests_name_the_legal_ones(option: str, value: str, nearest: str, studio: Studio) -> None:
    assert nearest in studio.refused(option, value)


def test_missing_weights_name_the_command(studio: Studio, tmp_path: Path) -> None:
    studio.family = tmp_path / "none"
    assert "aiprod models install" in studio.refused()


@pytest.mark.parametrize("name", ["shdt.safetensors", "tokenizer.json", "MANIFEST.json"])
def test_one_flipped_bit(name: str, studio: Studio, tmp_path: Path) -> None:
    shutil.copytree(studio.family, tmp_path / "tiny")
    content = bytearray((tmp_path / "tiny" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "tiny" / name).write_bytes(content)
    studio.family = tmp_path / "tiny"
    line = studio.refused()
    assert name in line
    assert "aiprod models verify" in line


def test_a_truncated_picture(studio: Studio, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3_000])
    assert "cut.png" in studio.refused("--image", str(tmp_path / "cut.png"), "0", "1")
    assert "none.png" in studio.refused("--image", str(tmp_path / "none.png"), "0", "1")
    assert "image frame" in studio.refused("--image", str(tmp_path / "whole.png"), "9", "1")
    assert "image strength" in studio.refused("--image", str(tmp_path / "whole.png"), "0", "2")


@pytest.mark.parametrize("words", [["x.png"], ["x.png", "0"], ["x.png", "zero", "1"]])
def test_an_image_without_its_three_words_is_a_usage_error(words: list[str], studio: Studio) -> None:
    result = studio.generate("--image", *words)
    assert result.exit_code == 2
    assert "expected PATH FRAME STRENGTH" in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize("path", ["/dev/null/film.mp4", "/proc/film.mp4", "/no/such/folder/film.mp4", "film.avi"])
def test_an_unwritable_output(path: str, studio: Studio) -> None:
    line = studio.refused("--output-path", path)
    assert path in line


def test_a_full_disk(studio: Studio) -> None:
    render = [sys.executable, "-m", "aiprod_pipelines.cli", "generate", PROMPT, *SMALL, "--model", str(studio.family)]
    mount = 'mount -t tmpfs -o size=8k none "$0" || exit 77'
    script = f'{mount}; "$@" --output-path "$0/film.mp4"; code=$?; ls -A "$0"; exit $code'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, studio.folder, *render], capture_output=True, text=True
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"a disk of 8 kB cannot be mounted here: {done.stderr.strip()}")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == "", "no partial file may stay"


def test_ctrl_c_in_the_middle(studio: Studio) -> None:
    ours, its = pty.openpty()
    paths = ["--model", str(studio.family), "--output-path", str(studio.film)]
    command = [sys.executable, "-m", "aiprod_pipelines.cli", "generate", PROMPT, *SMALL, *paths]
    command += ["--num-inference-steps", "1000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=its, env={**os.environ, "TERM": "xterm"})
    os.close(its)
    shown = b""
    while b"denoise" not in shown and process.poll() is None:
        shown += os.read(ours, 1024)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    os.close(ours)
    assert not list(studio.folder.iterdir())


def test_a_retake_is_rendered_and_replayed_from_its_receipt(studio: Studio, film: Path) -> None:
    made = studio.generate("--pipeline", "retake", "--source", str(film), "--start", "0.5", "--end", "0.9")
    assert made.exit_code == 0, made.output
    receipt = read_receipt(receipt_path(studio.film))
    assert receipt.pipeline == "retake"
    assert receipt.settings.num_frames == 17  # the film's, whatever was asked
    assert receipt.settings.source is not None
    assert receipt.settings.source.start_s == 0.5
    again = CliRunner().invoke(app, ["replay", str(receipt_path(studio.film)), "--model", str(studio.family)])
    assert again.exit_code == 0, again.output
    assert "identical" in again.stdout


@pytest.mark.parametrize("stored_as", ["int8", "fp8_e4m3"])
def test_eight_bit_weights_render_a_film_that_replays(studio: Studio, stored_as: str) -> None:
    assert studio.generate().exit_code == 0
    plain = read_clip(studio.film).frames.astype(float)
    made = studio.generate("--quantization", stored_as)
    assert made.exit_code == 0, made.output
    difference = np.abs(read_clip(studio.film).frames - plain)
    assert 0 < difference.mean() < 10
    assert read_receipt(receipt_path(studio.film)).place.quantization == stored_as
    again = CliRunner().invoke(app, ["replay", str(receipt_path(studio.film)), "--model", str(studio.family)])
    assert "identical" in again.stdout, again.output


def test_a_lora_changes_the_film_and_is_in_the_receipt_that_replays_it(studio: Studio, tmp_path: Path) -> None:
    assert studio.generate().exit_code == 0
    plain = studio.film.read_bytes()
    shdt = load_model(SHDT, studio.family / "shdt.safetensors")
    name, module = next(iter(linear_modules(shdt).items()))
    layer = LowRank(torch.ones(2, module.in_features), torch.ones(module.out_features, 2))
    save_lora(Lora("ones", {name: layer}), tmp_path / "ones.safetensors")
    made = studio.generate("--lora", str(tmp_path / "ones.safetensors"), "0.5")
    assert made.exit_code == 0, made.output
    assert studio.film.read_bytes() != plain
    assert read_receipt(receipt_path(studio.film)).model.loras[0].strength == 0.5
    again = CliRunner().invoke(app, ["replay", str(receipt_path(studio.film)), "--model", str(studio.family)])
    assert "identical" in again.stdout, again.output
    assert studio.generate("--lora", str(tmp_path / "ones.safetensors"), "0").exit_code == 0
    assert studio.film.read_bytes() == plain
    wrong = studio.generate("--lora", str(tmp_path / "ones.safetensors"), "much")
    assert wrong.exit_code == 2
    assert "expected PATH STRENGTH" in wrong.stderr
    foreign = studio.generate("--lora", str(studio.family / "nac.safetensors"), "1")
    assert foreign.exit_code == 1
    assert "keys that fit no module" in foreign.stderr


def test_options_that_contradict_the_pipeline_are_refused(studio: Studio, film: Path) -> None:
    assert "source: got one for ti2vid_one_stage" in studio.refused("--source", str(film))
    assert "got a span of no source" in studio.refused("--pipeline", "retake", "--start", "1")
    assert "source: got none" in studio.refused("--pipeline", "extend")
    pictures = ("--image", "a.png", "0", "1")
    assert "image: got one for retake" in studio.refused("--pipeline", "retake", "--source", str(film), *pictures)
    span = ("--start", "1", "--end", "0.5")
    assert "expected a span of the 1.70 s" in studio.refused("--pipeline", "retake", "--source", str(film), *span)


def test_guidance_options_reach_the_film_and_its_receipt(studio: Studio) -> None:
    assert studio.generate().exit_code == 0
    plain = studio.film.read_bytes()
    options = ["--apg-eta", "0", "--stg-scale", "1", "--stg-blocks", "0", "--audio-guidance-scale", "2"]
    assert studio.generate(*options).exit_code == 0
    assert studio.film.read_bytes() != plain
    settings = read_receipt(receipt_path(studio.film)).settings
    assert (settings.apg_eta, settings.stg_scale, settings.stg_blocks) == (0.0, 1.0, (0,))
    assert settings.audio_guidance_scale == 2.0
    studio.film.unlink()
    receipt_path(studio.film).unlink()
    assert "stg-blocks: got 7, expected layers 0 to 1" in studio.refused("--stg-scale", "1", "--stg-blocks", "7")
    assert "apg-eta: got 2.0, expected 0.0 to 1.0" in studio.refused("--apg-eta", "2")


def test_a_render_killed_in_the_middle_goes_on_to_the_same_bytes(studio: Studio) -> None:
    many = ["--num-inference-steps", "400", "--snapshot-every", "20"]
    whole = studio.generate(*many[:2])
    assert whole.exit_code == 0, whole.output
    expected = studio.film.read_bytes()
    studio.film.unlink()
    paths = ["--model", str(studio.family), "--output-path", str(studio.film)]
    command = [sys.executable, "-m", "aiprod_pipelines.ti2vid_one_stage", PROMPT, *SMALL, *paths, *many]
    snapshot = snapshot_path(studio.film)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not snapshot.exists() and process.poll() is None:
            time.sleep(0.005)
        process.kill()
    assert snapshot.exists()
    assert not studio.film.exists()
    resumed = studio.generate(*many)
    assert resumed.exit_code == 0, resumed.output
    assert "resumed at step" in resumed.stderr
    assert studio.film.read_bytes() == expected
    assert not snapshot.exists()
