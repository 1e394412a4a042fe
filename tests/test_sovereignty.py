"""No call leaves the machine: a whole job where there is no network, and one whose every socket is watched (V1, V3)."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from tiny_family import PROMPT

from aiprod_pipelines.media import read_clip

REQUEST = [
    PROMPT,
    "--width",
    "64",
    "--height",
    "64",
    "--num-frames",
    "9",
    "--num-inference-steps",
    "2",
    "--threads",
    "1",
]
PACKAGES = ("aiprod-core", "aiprod-pipelines", "aiprod-trainer", "aiprod-server")
CLOUD = {"boto3", "botocore", "google-cloud-storage", "azure-storage-blob", "stripe", "wandb", "openai", "sentry-sdk"}

WATCH_EVERY_SOCKET = """
import json, sys
seen = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo"):
        seen.append([event, repr(arguments)])
sys.addaudithook(watch)
from aiprod_pipelines.cli import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
import pkgutil, importlib, aiprod_core, aiprod_pipelines, aiprod_trainer, aiprod_server
for package in (aiprod_core, aiprod_pipelines, aiprod_trainer, aiprod_server):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name != "aiprod_server.migrations.env":  # a script that Alembic runs, not a module
            importlib.import_module(module.name)
print(json.dumps(seen))
"""


def test_a_whole_film_without_a_route(weights: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    render = [sys.executable, "-m", "aiprod_pipelines.cli", "generate", *REQUEST, "--model", str(weights)]
    alone = ["unshare", "-rn", "sh", "-c", '[ "$(wc -l </proc/net/route)" -le 1 ] || exit 77; exec "$@"', "sh"]
    done = subprocess.run([*alone, *render, "--output-path", str(film)], capture_output=True, text=True)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"a network namespace without a route is not permitted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    clip = read_clip(film)
    assert clip.frames.shape == (9, 64, 64, 3)
    assert clip.audio is not None
    receipt = film.with_name("film.mp4.receipt.json")
    again = [sys.executable, "-m", "aiprod_pipelines.cli", "replay", str(receipt), "--model", str(weights), "--json"]
    replayed = subprocess.run([*alone, *again], capture_output=True, text=True)
    assert json.loads(replayed.stdout)["verdict"] == "identical", replayed.stderr


def test_a_sentence_becomes_a_film_without_a_route(tmp_path: Path) -> None:
    """From the shipped weights: storyboard, shots, grade, music, mix, cut, delivery and QA, in several processes."""
    board = tmp_path / "film.yaml"
    write = [sys.executable, "-m", "aiprod_pipelines.cli", "storyboard", "A red cat walks on a beach", "-o", str(board)]
    subprocess.run([*write, "--shots", "2", "--duration", "2"], check=True, capture_output=True)
    board.write_text(f"quality: draft\nsize: 128x128\nframe_rate: 10\n{board.read_text()}")
    alone = ["unshare", "-rn", "sh", "-c", '[ "$(wc -l </proc/net/route)" -le 1 ] || exit 77; exec "$@"', "sh"]
    film, kept = tmp_path / "film.mp4", tmp_path / "kept"
    make = [sys.executable, "-m", "aiprod_pipelines.cli", "film", str(board), "-o", str(film), "--artifacts", str(kept)]
    done = subprocess.run([*alone, *make, "--json"], capture_output=True, text=True)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"a network namespace without a route is not permitted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    clip = read_clip(film)
    assert clip.frames.shape == (20, 128, 128, 3)
    assert clip.audio is not None
    assert json.loads(done.stdout)["faults"] == []


def test_neither_a_film_nor_any_import_opens_a_socket(weights: Path, tmp_path: Path) -> None:
    arguments = ["generate", *REQUEST, "--model", str(weights), "--output-path", str(tmp_path / "film.mp4")]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WATCH_EVERY_SOCKET, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_cloud_package_is_required(package: str) -> None:
    named = {
        requirement.partition(">")[0].partition("=")[0].strip() for requirement in metadata.requires(package) or ()
    }
    assert named
    assert not named & CLOUD
