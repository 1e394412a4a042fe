import json
import subprocess
import sys
from importlib import metadata

import pytest
import typer
from typer.testing import CliRunner

from aiprod_core.errors import InputError
from aiprod_pipelines import cli

HEAVY = ("torch", "numpy", "scipy", "av", "PIL", "pydantic", "diffusers", "transformers", "skia", "tensorboard")


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from aiprod_pipelines.cli import app\n"
        "result = CliRunner().invoke(app, ['--help'])\n"
        "print(json.dumps([result.exit_code, result.output, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    code, output, modules = json.loads(done.stdout)
    assert code == 0
    assert not set(HEAVY) & set(modules)
    for command in ("generate", "replay", "compare", "models", "doctor"):
        assert command in output
    assert "Render a sentence into a film clip with sound" in output


def test_every_named_command_says_what_it_does() -> None:
    for name, entry in cli.entry_points().items():
        assert len(cli.first_line(entry)) > 20, name


def test_version() -> None:
    result = CliRunner().invoke(cli.app, ["--version"])
    assert result.output.strip() == f"aiprod {metadata.version('aiprod-pipelines')}"


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli.app, ["paint"])
    assert result.exit_code == 2
    assert "paint" in result.stderr


def _app_that_raises(error: BaseException) -> typer.Typer:
    app = typer.Typer(cls=cli.LazyCommands)

    @app.callback(invoke_without_command=True)
    def fail() -> None:
        raise error

    return app


def test_an_error_is_one_line_and_exit_code_1() -> None:
    result = CliRunner().invoke(_app_that_raises(InputError("width: got 3,\n expected 8;  use 8")), [])
    assert result.exit_code == 1
    assert result.stderr == "error: width: got 3, expected 8; use 8\n"
    assert result.stdout == ""


def test_ctrl_c_is_exit_code_130() -> None:
    result = CliRunner().invoke(_app_that_raises(KeyboardInterrupt()), [])
    assert result.exit_code == 130
    assert "Traceback" not in result.output


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(_app_that_raises(ZeroDivisionError()), [], catch_exceptions=False)
