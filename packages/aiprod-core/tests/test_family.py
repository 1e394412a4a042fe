"""A family loads as what its files say, frozen, and refuses files that are missing, damaged or another's."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aiprod_core.checkpoint import Lineage, read_header, read_tensors, save_checkpoint
from aiprod_core.errors import WeightsError
from aiprod_core.family import (
    AUDIO_FILE,
    SHDT_FILE,
    TEXT_FILE,
    TOKENIZER_FILE,
    VIDEO_FILE,
    WORDS_FILE,
    SovereignModels,
    load_model,
)
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.shdt import SHDT


def test_loaded_models_are_frozen_and_say_what_they_know(models: SovereignModels) -> None:
    assert models.words == {"a", "red", "cat"}
    assert models.compression.space == 8
    assert models.sample_rate_hz == 24_000
    assert models.audio is not None
    for model in (models.shdt, models.text_encoder, models.video, models.audio):
        assert not model.training
        assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    "name",
    [
        SHDT_FILE,
        VIDEO_FILE,
        AUDIO_FILE,
        TEXT_FILE,
        TOKENIZER_FILE,
        WORDS_FILE,
    ],
)
def test_a_missing_or_damaged_file_is_an_error_that_says_so(family: Path, name: str) -> None:
    content = (family / name).read_bytes()
    (family / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=rf"{name}|tokenizer"):
        SovereignModels.load(family)
    (family / name).unlink()
    with pytest.raises(WeightsError, match=f"{name} is missing"):
        SovereignModels.load(family)


def test_weights_of_another_size_and_of_another_model_are_refused(family: Path) -> None:
    path = family / SHDT_FILE
    header, tensors = read_header(path), read_tensors(path)
    loaded = load_model(SHDT, path)
    assert json.loads(header["lineage"])["steps"] == 3
    lineage = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
    save_checkpoint(path, "shdt", replace(loaded.config, heads=4), tensors, lineage)
    with pytest.raises(WeightsError, match=r"shdt\.safetensors does not fit SHDT"):
        SovereignModels.load(family)
    with pytest.raises(WeightsError, match=r"shdt\.safetensors describes a model that is not HWVAE"):
        load_model(HWVAE, path)
