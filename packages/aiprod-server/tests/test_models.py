"""Models as a request may name them: found by name alone, and known by their headers."""

from pathlib import Path

import pytest
from door import tiny_model

from aiprod_core.errors import WeightsError
from aiprod_server import models
from aiprod_server.models import UnknownModel


def test_a_model_says_its_sizes(tmp_path: Path) -> None:
    found = models.find("tiny", tiny_model(tmp_path, time=8, space=32, patch=1))
    assert (found.name, found.version, found.frame_step, found.side_step_px) == ("tiny", "1.2.3", 8, 32)
    assert [found.side_step_for(name) for name in ("distilled", "ti2vid_two_stages")] == [32, 64]


@pytest.mark.parametrize("name", ["gpt", "", "./tiny", "ltx2:tiny", "tiny/"])
def test_what_is_no_name_of_a_model_is_unknown(tmp_path: Path, name: str) -> None:
    root = tiny_model(tmp_path)
    with pytest.raises(UnknownModel, match="list of models"):
        models.find(name, root)
    with pytest.raises(UnknownModel):
        models.find(str(root / "tiny"), root)


def test_weights_that_say_nothing_are_said_and_not_listed(tmp_path: Path) -> None:
    root = tiny_model(tmp_path)
    assert "tiny" in [model.name for model in models.present(root)]
    (root / "tiny" / "shdt.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(WeightsError, match="does not say its sizes"):
        models.find("tiny", root)
    assert "tiny" not in [model.name for model in models.present(root)]
    (root / "tiny" / "shdt.safetensors").unlink()
    with pytest.raises(WeightsError, match="is missing"):
        models.find("tiny", root)
