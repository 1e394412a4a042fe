import json
from pathlib import Path

from typer.testing import CliRunner

from aiprod_pipelines.cli import app
from aiprod_pipelines.commands import doctor
from aiprod_pipelines.sovereignty import provision


def test_a_machine_without_weights_is_told_what_to_do(tmp_path: Path, family: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json", "--model", "none-of-this-name"])
    findings = json.loads(result.stdout)
    assert result.exit_code == 1
    assert not findings["weights"]["fine"]
    assert "aiprod models install" in findings["weights"]["value"]
    assert findings["encoders"]["fine"]


def test_a_machine_with_weights_says_how_long_a_clip_takes(family: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--model", str(family)], env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    for word in ("processor", "threads", "memory", "libx264", "files are whole", "to render"):
        assert word in result.stdout


def test_the_estimate_grows_with_nothing_but_the_machine(family: Path) -> None:
    assert 0 < doctor.default_clip_s(family) < 120
    assert provision.verify(family)
