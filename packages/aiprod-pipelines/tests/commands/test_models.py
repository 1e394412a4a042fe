import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiprod_pipelines.cli import app
from aiprod_pipelines.sovereignty import provision


@pytest.fixture
def root(family: Path, tmp_path: Path) -> Path:
    shutil.copytree(family, tmp_path / "root" / "tiny")
    return tmp_path / "root"


def test_list_names_what_is_here(root: Path) -> None:
    result = CliRunner().invoke(app, ["models", "list", "--models-root", str(root)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "tiny" in result.stdout


def test_the_environment_names_a_root(root: Path) -> None:
    result = CliRunner().invoke(app, ["models", "verify", "tiny"], env={"AIPROD_MODELS": str(root)})
    assert result.exit_code == 0, result.output
    assert "are whole" in result.stdout


def test_verify_refuses_a_flipped_bit(root: Path) -> None:
    path = root / "tiny" / "hwvae.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 128
    path.write_bytes(content)
    result = CliRunner().invoke(app, ["models", "verify", str(root / "tiny")])
    assert result.exit_code == 1
    assert "hwvae.safetensors" in result.stderr
    assert result.stderr.count("\n") == 1


def test_checksums_are_those_of_sha256sum_and_can_seal(root: Path) -> None:
    folder = root / "tiny"
    printed = CliRunner().invoke(app, ["models", "checksums", str(folder)]).stdout
    assert printed == (folder / provision.CHECKSUMS).read_text()
    (folder / "MODEL_CARD.md").write_text("new")
    assert CliRunner().invoke(app, ["models", "checksums", str(folder), "--write"]).exit_code == 0
    assert "MODEL_CARD.md" in provision.verify(folder)


def test_install_brings_weights_to_where_they_are_found(root: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "install", str(root / "tiny"), "--to", str(tmp_path / "own")])
    assert result.exit_code == 0, result.output
    assert provision.locate("tiny", environment=str(tmp_path / "own")) == tmp_path / "own" / "tiny"


def test_sizes_hold_the_full_models() -> None:
    result = CliRunner().invoke(app, ["models", "sizes", "--json"])
    assert result.exit_code == 0, result.output
    largest = max(size["parameters"] for size in json.loads(result.stdout))
    assert 18e9 <= largest <= 20e9
