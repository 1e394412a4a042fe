"""A checkpoint says what it is; one that is damaged, foreign or does not fit is refused by name."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from aiprod_core.checkpoint import (
    FORMAT,
    Lineage,
    load_weights,
    read_header,
    read_tensors,
    save_checkpoint,
    weights_digest,
)
from aiprod_core.errors import WeightsError

LINEAGE = Lineage(initialised_from="random", trained_on=("aiprod-world 1",), steps=10, core_hours=0.25)


@dataclass(frozen=True)
class Sizes:
    width: int
    depths: tuple[int, ...] = (1, 2)


class Tiny(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 3)
        self.register_buffer("mean", torch.arange(3.0))


@pytest.fixture(name="saved")
def _saved(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, "tiny", Sizes(4), Tiny().state_dict(), LINEAGE)
    return path


def test_tensors_config_and_lineage_come_back(tmp_path: Path) -> None:
    model, again = Tiny(), Tiny()
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, "tiny", Sizes(4), model.state_dict(), LINEAGE)
    load_weights(again, path)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    header = read_header(path)
    assert header["format"] == FORMAT
    assert header["model"] == "tiny"
    assert json.loads(header["config"]) == {"width": 4, "depths": [1, 2]}
    lineage = json.loads(header["lineage"])
    assert Lineage(**lineage | {"trained_on": tuple(lineage["trained_on"])}) == LINEAGE
    assert asdict(LINEAGE)["licence"] == lineage["licence"]


def test_the_same_content_is_the_same_file_and_nothing_else_is_left(tmp_path: Path) -> None:
    model = Tiny()
    for name in ("one", "two"):
        save_checkpoint(tmp_path / name, "tiny", Sizes(4), model.state_dict(), LINEAGE)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_stored_types_are_kept_and_loading_casts_to_the_model(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    stored = {name: tensor.bfloat16() for name, tensor in Tiny().state_dict().items()}
    save_checkpoint(path, "tiny", Sizes(4), stored, LINEAGE)
    assert {tensor.dtype for tensor in read_tensors(path).values()} == {torch.bfloat16}
    model = Tiny()
    load_weights(model, path)
    assert model.linear.weight.dtype == torch.float32
    assert torch.equal(model.linear.weight, stored["linear.weight"].float())


def test_a_prefix_picks_one_of_several_models(tmp_path: Path) -> None:
    path, model = tmp_path / "both.safetensors", Tiny()
    both = {f"{part}.{name}": tensor.clone() for part in ("a", "b") for name, tensor in model.state_dict().items()}
    save_checkpoint(path, "both", Sizes(4), both, LINEAGE)
    load_weights(Tiny(), path, prefix="a.")
    with pytest.raises(WeightsError, match="does not fit Tiny"):
        load_weights(Tiny(), path)


def test_a_missing_file_says_where_weights_are_expected(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent\.safetensors is missing; run 'aiprod models list'"):
        read_header(tmp_path / "absent.safetensors")


def test_another_shape_is_refused_and_named(saved: Path) -> None:
    model = Tiny(width=5)
    before = model.linear.weight.clone()
    with pytest.raises(WeightsError, match=r"tiny\.safetensors does not fit Tiny: 1 tensors differ, first 'linear.wei"):
        load_weights(model, saved)
    assert torch.equal(model.linear.weight, before)


@pytest.mark.parametrize("name", ["linear.bias", "mean"])
def test_a_missing_tensor_is_named(tmp_path: Path, name: str) -> None:
    path, tensors = tmp_path / "short.safetensors", Tiny().state_dict()
    del tensors[name]
    save_checkpoint(path, "tiny", Sizes(4), tensors, LINEAGE)
    with pytest.raises(WeightsError, match=rf"short\.safetensors does not fit Tiny: 1 tensors differ, first '{name}'"):
        load_weights(Tiny(), path)


def test_one_tensor_too_many_is_named(tmp_path: Path) -> None:
    path = tmp_path / "long.safetensors"
    save_checkpoint(path, "tiny", Sizes(4), Tiny().state_dict() | {"more": torch.zeros(1)}, LINEAGE)
    with pytest.raises(WeightsError, match=r"long\.safetensors .* first 'more'"):
        load_weights(Tiny(), path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_damaged(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match=r"tiny\.safetensors is damaged .*'aiprod models verify'"):
        load_weights(Tiny(), saved)


@pytest.mark.parametrize("byte", [0, 7, 8, 20])
def test_a_flipped_bit_in_the_header_is_refused(saved: Path, byte: int) -> None:
    content = bytearray(saved.read_bytes())
    content[byte] ^= 0x80
    saved.write_bytes(content)
    with pytest.raises(WeightsError, match=r"tiny\.safetensors"):
        load_weights(Tiny(), saved)


def test_foreign_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file(Tiny().state_dict(), path)
    with pytest.raises(WeightsError, match=r"foreign\.safetensors is not a checkpoint of this project.*None.*aiprod-1"):
        load_weights(Tiny(), path)
    save_file(Tiny().state_dict(), path, metadata={"aiprod": json.dumps({"format": "aiprod-9"})})
    with pytest.raises(WeightsError, match=r"got format 'aiprod-9'"):
        read_tensors(path)
    save_file(Tiny().state_dict(), path, metadata={"aiprod": "{"})
    with pytest.raises(WeightsError, match=r"foreign\.safetensors is damaged"):
        read_tensors(path)


def test_a_folder_is_not_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=str(tmp_path)):
        read_header(tmp_path)


def test_a_file_of_another_kind_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    path.write_text("not weights at all, but long enough to look like a header of something")
    with pytest.raises(WeightsError, match=r"text\.safetensors is damaged"):
        read_tensors(path)


def test_the_digest_is_of_every_weight_but_those_left_out() -> None:
    model, again = Tiny(), Tiny()
    again.load_state_dict(model.state_dict())
    assert weights_digest(again) == weights_digest(model)
    again.mean[0] += 1e-6
    assert weights_digest(again) != weights_digest(model)
    assert weights_digest(again, without="mean") == weights_digest(model, without="mean")
