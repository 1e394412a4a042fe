"""A quantised release is whole, smaller, loads, and says what it descends from."""

import json
from pathlib import Path

import pytest
from tiny_family import write_tiny_family
from typer.testing import CliRunner

from aiprod_core.checkpoint import read_header
from aiprod_core.errors import InputError
from aiprod_core.family import SovereignModels
from aiprod_core.quantize import QuantizedLinear, WeightFormat
from aiprod_pipelines.sovereignty import provision
from aiprod_trainer.quantization import app, quantize_release


@pytest.mark.parametrize("stored_as", [*WeightFormat])
def test_a_release_in_eight_bits_is_whole_and_smaller(tmp_path: Path, stored_as: WeightFormat) -> None:
    write_tiny_family(tmp_path / "family")
    before, after = quantize_release(tmp_path / "family", tmp_path / "small", stored_as)
    assert after < before
    assert "shdt.safetensors" in provision.verify(tmp_path / "small")
    models = SovereignModels.load(tmp_path / "small")
    assert any(isinstance(module, QuantizedLinear) for module in models.shdt.modules())
    lineages = [json.loads(read_header(tmp_path / n / "shdt.safetensors")["lineage"]) for n in ("family", "small")]
    assert lineages[0] == lineages[1]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write_tiny_family(tmp_path / "family")
    with pytest.raises(InputError, match="there already"):
        quantize_release(tmp_path / "family", tmp_path / "family", WeightFormat.INT8)


def test_the_module_is_a_command(tmp_path: Path) -> None:
    write_tiny_family(tmp_path / "family")
    paths = ["--input", str(tmp_path / "family"), "--output", str(tmp_path / "small")]
    result = CliRunner().invoke(app, [*paths, "--format", "fp8_e4m3"])
    assert result.exit_code == 0, result.output
    assert "became" in result.stdout
