"""The judge's strategy: labels sit on their frames, batches repeat, and a few steps learn a batch by heart."""

from pathlib import Path

import pytest
import torch
from tiny_family import write_tiny_family

from aiprod_core.errors import InputError
from aiprod_trainer.config import OptimizationSection, TrainConfig
from aiprod_trainer.strategies.attribute_judge import AttributeJudge, frame_of, judge_config, marked
from aiprod_trainer.worlds.motion import events_of
from aiprod_trainer.worlds.scene import sample_scene


@pytest.fixture(name="strategy", scope="module")
def _strategy(tmp_path_factory: pytest.TempPathFactory) -> AttributeJudge:
    folder: Path = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    return AttributeJudge(_config(folder))


def _config(folder: Path, **options: object) -> TrainConfig:
    size = {"clips": 32, "fitted_on": 8, "validated_on": 4}
    return TrainConfig(
        training_strategy={"name": "attribute_judge", "recordings": str(folder), **size, **options},
        optimization=OptimizationSection(steps=10, batch_size=4, learning_rate=2e-3),
        output_dir=folder,
    )


def test_moments_are_marked_in_the_interval_they_fall_in() -> None:
    assert marked([0.0, 0.6, 0.65, 1.29], 13, 10.0).nonzero()[:, 0].tolist() == [0, 6, 12]
    assert marked([-0.01, 1.3], 13, 10.0).sum() == 0
    assert [frame_of(n / 10) for n in range(25)] == list(range(25))


def test_an_excerpt_carries_the_events_of_its_time(strategy: AttributeJudge) -> None:
    scene = next(s for s in (sample_scene(n) for n in range(100)) if s.action == "jump")  # lands at .48, 1.28, 2.08 s
    assert [event.time_s for event in events_of(scene)] == [0.48, 1.28, 2.08]
    labels = strategy._labels(scene, first=4, frames=17)
    assert labels["events"].nonzero()[:, 0].tolist() == [0, 8, 16]
    assert labels["onsets"].nonzero()[:, 0].tolist() == [4, 44, 84]
    assert labels["onsets"].shape == (85,)


def test_classes_are_the_words_of_the_level() -> None:
    assert len(judge_config(1).classes["subject"]) == 8
    assert len(judge_config(2).classes["subject"]) == 16
    assert judge_config(1).classes["ambience weather"] == ("clear", "rain", "snow", "fog")


def test_batches_are_functions_of_the_step(strategy: AttributeJudge) -> None:
    one, again, other = strategy.batch(1), strategy.batch(1), strategy.batch(2)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["video"], other["video"])
    assert strategy.batch(0)["video"].shape[2] == 25
    assert one["video"].shape == (4, 3, 17, 64, 64)
    assert one["sound"].shape == (4, 1, 17 * 2400)


def test_a_batch_is_learnt_by_heart(strategy: AttributeJudge) -> None:
    batch, generator = strategy.batch(1), torch.Generator()
    optimizer = torch.optim.AdamW(strategy.model.parameters(), lr=2e-3)
    losses = []
    for _ in range(12):
        found = strategy.loss(batch, generator)
        losses.append(found["loss"].item())
        optimizer.zero_grad()
        found["loss"].backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]


def test_it_learns_from_clips_that_went_through_the_released_codecs(tmp_path: Path) -> None:
    write_tiny_family(tmp_path / "family")
    codecs = {"codecs": str(tmp_path / "family"), "recoded_clips": 1}
    plain = AttributeJudge(_config(tmp_path))
    recoded = AttributeJudge(_config(tmp_path, **codecs, recoded_share=1.0))
    assert not torch.equal(plain.batch(1)["video"], recoded.batch(1)["video"])
    batch = recoded.batch(1)  # four excerpts of the one clip, whose scene is known
    assert batch["subject"].unique().tolist() == [
        recoded.model.config.classes["subject"].index(recoded.learnt.scene(0).subject)
    ]
    assert len({path.parent.name for path in tmp_path.rglob("*-frames.npy")}) == 2  # kept apart from the renders


def test_validation_tells_each_attribute_and_writes_a_sheet(strategy: AttributeJudge, tmp_path: Path) -> None:
    with torch.no_grad():
        figures = strategy.validate(tmp_path, 7)
    assert {"subject", "camera", "ambience weather", "all", "damaged subject", "events_found"} <= figures.keys()
    assert all(0 <= value <= 1 for value in figures.values())
    assert (tmp_path / "step-00000007.png").is_file()


def test_an_unknown_option_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'clips'"):
        AttributeJudge(_config(tmp_path, clip=3))
