"""The training file takes the keys it knows; for another it names the nearest."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from aiprod_core.errors import InputError
from aiprod_trainer.config import Section, TrainConfig, parse
from aiprod_trainer.strategies import STRATEGIES, build

GOOD = """
training_strategy: {name: video_autoencoder}
optimization: {steps: 10, batch_size: 2, learning_rate: 1.0e-3}
output_dir: runs/x
"""


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(GOOD)
    return path


def test_a_short_file_is_enough_and_overrides_reach_any_depth(file: Path) -> None:
    config = TrainConfig.read(file, {"optimization.steps": 20, "validation.interval": None, "seed": 3})
    assert config.optimization.steps == 20
    assert config.optimization.batch_size == 2
    assert config.validation.interval is None
    assert config.seed == 3
    assert config.output_dir == Path("runs/x")
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_a_config_does_not_change(file: Path) -> None:
    with pytest.raises(ValidationError):
        TrainConfig.read(file).seed = 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("optimisation: {}", r"run\.yaml: optimisation: unknown key; did you mean 'optimization'\?"),
        (
            "optimization: {steps: 1, batch_size: 1, learning_rate: 1, step: 2}",
            r"optimization\.step: .*did you mean 'steps'",
        ),
        ("checkpoints: {keep_last: 2}", r"checkpoints\.keep_last: unknown key; did you mean 'keep_last_n'\?"),
        ("tracking: {zzz: 1}", r"tracking\.zzz: unknown key; known: \['interval', 'tensorboard'\]"),
        ("seed: soon", r"seed: .*got 'soon'"),
        ("optimization: {steps: 0, batch_size: 1, learning_rate: 1}", r"optimization\.steps: .*greater than 0, got 0"),
        ("optimization: {steps: 1, batch_size: 1, learning_rate: 1, optimizer_type: sgd}", r"optimizer_type: .*'sgd'"),
        ("model: {preset: huge}", r"model\.preset: .*'nano', 'small' or 'full', got 'huge'"),
        ("data: {level: 4}", r"data\.level: .*got 4"),
        ("checkpoints: {keep_last_n: 0}", r"keep_last_n: .*got 0"),
    ],
)
def test_a_wrong_key_or_value_is_named(file: Path, line: str, message: str) -> None:
    lines = [old for old in GOOD.splitlines() if not old.startswith(line.split(":")[0] + ":")]
    file.write_text("\n".join([*lines, line]))
    with pytest.raises(InputError, match=message):
        TrainConfig.read(file)


def test_several_problems_are_all_said(file: Path) -> None:
    file.write_text(GOOD + "sed: 1\ndata: {level: 9}\n")
    with pytest.raises(InputError, match=r"data\.level.*; sed: unknown key; did you mean 'seed'"):
        TrainConfig.read(file)


def test_an_override_is_checked_like_the_file(file: Path) -> None:
    with pytest.raises(InputError, match=r"optimization\.step: unknown key; did you mean 'steps'"):
        TrainConfig.read(file, {"optimization.step": 3})


@pytest.mark.parametrize("content", ["a: [1, 2", "\tx: 1", "a: b: c"])
def test_bad_yaml_names_the_file(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(
        InputError, match=r"^training file: cannot read .*run\.yaml: .*see configs/train/ for examples$"
    ):
        TrainConfig.read(file)


@pytest.mark.parametrize("content", ["", "just words", "- a\n- list"])
def test_yaml_that_is_not_a_set_of_keys_is_refused(file: Path, content: str) -> None:
    file.write_text(content)
    for overrides in (None, {"optimization.steps": 3}):
        with pytest.raises(InputError, match=r"run\.yaml holds no sections; see configs/train/"):
            TrainConfig.read(file, overrides)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml"):
        TrainConfig.read(tmp_path / "absent.yaml")


def test_a_strategy_reads_its_own_options() -> None:
    class Options(Section):
        name: str
        crop_px: int = 64

    assert parse(Options, {"name": "x"}, "training_strategy").crop_px == 64
    with pytest.raises(InputError, match=r"training_strategy: crop: unknown key; did you mean 'crop_px'"):
        parse(Options, {"name": "x", "crop": 3}, "training_strategy")


def test_an_unknown_strategy_is_answered_with_the_known_ones(file: Path) -> None:
    with pytest.raises(InputError, match=rf"got 'diffusion', expected one of {', '.join(STRATEGIES)}"):
        build(TrainConfig.read(file, {"training_strategy": {"name": "diffusion"}}))
    with pytest.raises(InputError, match=r"training_strategy\.name: got None"):
        build(TrainConfig.read(file, {"training_strategy": {}}))


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[3] / "configs" / "train").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_file_that_ships_is_valid(path: Path) -> None:
    assert TrainConfig.read(path).training_strategy["name"] in STRATEGIES
