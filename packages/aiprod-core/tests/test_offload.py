"""Offloaded models render the same bits, and never hold more than the part in use."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import WeightsError
from aiprod_core.execution import Execution
from aiprod_core.family import SHDT_FILE, SovereignModels
from aiprod_core.generation import generate
from aiprod_core.lora import Lora, Loras, LowRank
from aiprod_core.offload import Offload, offload_to_cpu
from aiprod_core.quantize import WeightFormat, quantize
from aiprod_core.types import GenerationConfig

REQUEST = GenerationConfig(
    prompt="a red cat walks on a beach", width=32, height=32, num_frames=5, num_inference_steps=2
)
LINEAGE = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
FROM_DISK = Execution(offload=Offload.DISK)


def _held_bytes(model: nn.Module) -> int:
    return sum(weight.nbytes for weight in model.state_dict().values() if not weight.is_meta)


def _same(one: tuple[Tensor, Tensor | None], other: tuple[Tensor, Tensor | None]) -> bool:
    assert one[1] is not None
    assert other[1] is not None
    return torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_on_disk_give_the_same_bits(family: Path, dtype: torch.dtype) -> None:
    whole = SovereignModels.load(family, dtype=dtype)
    streamed = SovereignModels.load(family, dtype=dtype, execution=FROM_DISK)
    assert _same(generate(streamed, REQUEST), generate(whole, REQUEST))
    assert streamed.dtype == dtype


def test_never_more_than_one_layer_is_held(family: Path) -> None:
    whole = SovereignModels.load(family)
    streamed = SovereignModels.load(family, execution=FROM_DISK)
    staying = _held_bytes(streamed.shdt)
    layers = [_held_bytes(layer) for layer in whole.shdt.layers]
    assert staying + sum(layers) == _held_bytes(whole.shdt)
    held: list[int] = []
    for layer in streamed.shdt.layers:
        layer.attention.register_forward_hook(lambda *_: held.append(_held_bytes(streamed.shdt)))
    generate(streamed, REQUEST)
    assert staying < max(held) <= staying + max(layers)
    assert _held_bytes(streamed.shdt) == staying
    assert _held_bytes(streamed.text_encoder) == 0


def test_a_part_is_let_go_also_after_an_error(family: Path) -> None:
    streamed = SovereignModels.load(family, execution=FROM_DISK)
    staying = _held_bytes(streamed.shdt)

    def fail(*_: object) -> None:
        raise RuntimeError("stopped")

    streamed.shdt.layers[1].attention.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="stopped"):
        generate(streamed, REQUEST)
    assert _held_bytes(streamed.shdt) == staying


def test_eight_bits_on_disk_stay_so(family: Path) -> None:
    models = SovereignModels.load(family)
    quantize(models.shdt, WeightFormat.INT8)
    path = family / SHDT_FILE
    save_checkpoint(path, "shdt", models.shdt.config, models.shdt.state_dict(), LINEAGE)
    streamed = SovereignModels.load(family, execution=FROM_DISK)
    assert torch.int8 in {weight.dtype for weight in streamed.shdt.state_dict().values()}
    assert _same(generate(streamed, REQUEST), generate(models, REQUEST))


def test_a_lora_goes_on_weights_that_are_not_here(family: Path) -> None:
    name = "layers.1.video.narrow"
    layer = SovereignModels.load(family).shdt.get_submodule(name)
    assert isinstance(layer, nn.Linear)
    lora = Lora("l", {name: LowRank(torch.randn(2, layer.in_features), torch.randn(layer.out_features, 2))})
    films = []
    for execution in (Execution(), FROM_DISK):
        models = SovereignModels.load(family, execution=execution)
        Loras(models.shdt).set([(lora, 0.5)])
        films.append(generate(models, REQUEST))
    assert _same(*films)
    assert not _same(films[0], generate(SovereignModels.load(family), REQUEST))


def test_weights_beside_the_device_give_the_same_output(models: SovereignModels) -> None:
    """Here the device is the CPU itself: copies, but not of an accelerator."""
    expected = generate(models, REQUEST)
    for part in (models.shdt, models.text_encoder):
        offload_to_cpu(part, torch.device("cpu"))
    assert _held_bytes(models.text_encoder) == 0
    assert _same(generate(models, REQUEST), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator here: offload to the CPU is for one")
def test_weights_on_the_cpu_give_the_same_bits_as_on_an_accelerator(family: Path) -> None:
    whole = SovereignModels.load(family, device="cuda")
    streamed = SovereignModels.load(family, device="cuda", execution=Execution(offload=Offload.CPU))
    assert _same(generate(streamed, REQUEST), generate(whole, REQUEST))


def test_a_checkpoint_of_another_size_is_refused(family: Path, models: SovereignModels) -> None:
    other = replace(models.shdt.config, expansion=4.0)
    save_checkpoint(family / SHDT_FILE, "shdt", other, models.shdt.state_dict(), LINEAGE)
    with pytest.raises(WeightsError, match="does not fit SHDT"):
        SovereignModels.load(family, execution=FROM_DISK)


def test_less_memory_is_taken_also_while_loading(family: Path) -> None:
    """Without the compiler's algebra, which the meta device would import and which is larger than these models."""
    code = (
        "import sys; from pathlib import Path; from aiprod_core.family import SovereignModels; "
        "from aiprod_core.execution import Execution; from aiprod_core.offload import Offload; "
        f"SovereignModels.load(Path({str(family)!r}), execution=Execution(offload=Offload.DISK)); "
        "sys.exit('sympy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
