import json
from pathlib import Path

from typer.testing import CliRunner

from aiprod_pipelines.cli import app


def test_the_table_names_every_model_of_a_family(family: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(family)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert all(f"AIPROD {name}" in result.stdout for name in ("shdt", "hwvae", "nac", "text_encoder"))
    assert "× layers" in result.stdout


def test_json_adds_up(family: Path) -> None:
    found = json.loads(CliRunner().invoke(app, ["inspect", str(family), "--json"]).stdout)
    assert found["parameters"] == sum(component["parameters"] for component in found["components"]) > 0
    (shdt,) = (component for component in found["components"] if component["name"] == "shdt")
    assert shdt["metadata"]["aiprod"]["config"]["video_channels"] == 8


def test_markdown_holds_the_whole_configuration(family: Path) -> None:
    report = CliRunner().invoke(app, ["inspect", str(family / "shdt.safetensors"), "--format", "markdown"]).stdout
    assert report.startswith("# shdt.safetensors\n")
    assert '"video_channels": 8' in report
    assert "| AIPROD shdt |" in report


def test_a_broken_file_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    result = CliRunner().invoke(app, ["inspect", str(tmp_path / "x.safetensors")])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
