"""Rules of the house that can be read off the files."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(ROOT.glob("packages/*/src/**/*.py"))
BANNED_PACKAGES = ("torchvision", "torchaudio", "timm", "open-clip-torch", "torchcodec")
BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|factory)(_|$)|_(new|v2)$")
PINS = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")]


def test_the_lock_is_exact_pins_torch_first() -> None:
    assert PINS[0].startswith("torch==")
    for pin in PINS:
        assert re.fullmatch(r"[a-z0-9][a-z0-9_.-]*==[0-9][0-9a-z.]*", pin), pin


APART = {
    "ray",
    "opentelemetry-exporter-otlp-proto-http",
}  # extras, for who has a cluster or a collector


def test_the_lock_satisfies_every_package() -> None:
    locked = {pin.partition("==")[0] for pin in PINS}
    for path in sorted(ROOT.glob("packages/*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        extras = [name for extra in project.get("optional-dependencies", {}).values() for name in extra]
        names = {re.split(r"[>=<]", requirement)[0] for requirement in [*project["dependencies"], *extras]}
        for name in names - APART:
            assert name in locked or name.startswith("aiprod-"), f"{path}: {name} is not in requirements.lock"


def test_banned_packages_are_neither_locked_nor_allowed() -> None:
    names = {pin.partition("==")[0] for pin in PINS}
    allowed = (ROOT / "constraints.txt").read_text().replace("_", "-")
    for name in BANNED_PACKAGES:
        assert name not in names
        assert f"\n{name}==0.0.0+banned" in allowed


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_is_one_thing_with_a_name_and_a_docstring(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    assert not BANNED_NAMES.search(path.stem)
    assert ast.get_docstring(ast.parse(text)), "a module opens by saying what it does"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)


def test_the_readme_is_a_map() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 150
    for folder in sorted(path.name for path in (ROOT / "packages").iterdir()):
        assert folder in text
