import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aiprod_core.errors import WeightsError
from aiprod_core.family import SHDT_FILE
from aiprod_pipelines.backends.ltx2_checkpoint import open_checkpoint

Written = Callable[[str], Path]


@pytest.mark.parametrize("version", ["2.0", "2.3", "2.5"])
def test_the_version_is_told_from_the_header(version: str, folder: Written, single_file: Written) -> None:
    for path in (folder(version), single_file(version)):
        checkpoint = open_checkpoint(path)
        assert checkpoint.version == version
        assert (checkpoint.compression.time, checkpoint.compression.size_multiple_px) == (8, 32)
        assert checkpoint.layers == 2


def test_the_files_are_those_that_loading_reads(folder: Written, single_file: Written) -> None:
    whole = [path.as_posix() for path in open_checkpoint(folder("2.0")).files(two_stages=False)]
    assert any(path.endswith("transformer/diffusion_pytorch_model.safetensors") for path in whole)
    assert not any("latent_upsampler" in path for path in whole)
    shutil.copy(folder("2.0") / "vae/diffusion_pytorch_model.safetensors", single_file("2.0").parent / "vae")
    names = [path.name for path in open_checkpoint(single_file("2.0")).files(two_stages=True)]
    (single_file("2.0").parent / "vae/diffusion_pytorch_model.safetensors").unlink()
    assert names.count("diffusion_pytorch_model.safetensors") == 1  # the upsampler's: all others are in the single file
    assert {"ltx-2-19b-dev.safetensors", "tokenizer.json", "model.safetensors"} <= set(names)


@pytest.mark.parametrize(
    "missing",
    ["vae/config.json", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors", "tokenizer"],
)
def test_a_missing_component_is_named(missing: str, folder: Written, tmp_path: Path) -> None:
    shutil.copytree(folder("2.0"), tmp_path / "ltx2")
    path = tmp_path / "ltx2" / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(WeightsError, match=f"expected the component {missing.partition('/')[0]} of an LTX-2 release"):
        open_checkpoint(tmp_path / "ltx2")


def test_a_single_file_that_lies_alone(single_file: Written, tmp_path: Path) -> None:
    shutil.copy(single_file("2.0"), tmp_path)
    with pytest.raises(WeightsError, match=r"holds no model_index\.json"):
        open_checkpoint(tmp_path / single_file("2.0").name)


def test_what_is_no_ltx_2(family: Path, folder: Written, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="expected an LTX-2 transformer"):
        open_checkpoint(family / SHDT_FILE)
    (tmp_path / "text.safetensors").write_text("no weights at all")
    with pytest.raises(WeightsError, match="no readable safetensors"):
        open_checkpoint(tmp_path / "text.safetensors")
    with pytest.raises(WeightsError, match=r"holds no model_index\.json"):
        open_checkpoint(family)


def test_a_file_that_is_cut_short(single_file: Written, tmp_path: Path) -> None:
    shutil.copytree(single_file("2.0").parent, tmp_path / "ltx2")
    file = tmp_path / "ltx2" / single_file("2.0").name
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="cut short"):
        open_checkpoint(file)


def test_a_damaged_configuration(folder: Written, tmp_path: Path) -> None:
    shutil.copytree(folder("2.0"), tmp_path / "ltx2")
    config = tmp_path / "ltx2" / "vae" / "config.json"
    for content in ("{", json.dumps([1])):
        config.write_text(content)
        with pytest.raises(WeightsError, match="copy it again"):
            open_checkpoint(tmp_path / "ltx2")
