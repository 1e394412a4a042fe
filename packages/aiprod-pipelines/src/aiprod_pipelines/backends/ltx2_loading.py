"""LTX-2 weights into the models of diffusers: from local files alone, whole or not at all.

diffusers, transformers and accelerate are imported when something is loaded, never before.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from aiprod_core.errors import InputError, WeightsError
from aiprod_pipelines.backends.ltx2_checkpoint import CONFIGS, IN_SINGLE_FILE, INDEX, UPSAMPLER, Checkpoint, read_config
from aiprod_pipelines.backends.ltx2_names import placed

EXTRA = "aiprod-pipelines[ltx2]"
LIBRARIES = ("diffusers", "transformers", "accelerate")
LIBRARIES_OF_COMPONENTS = {"diffusers": "diffusers", "ltx2": "diffusers.pipelines.ltx2"}  # as INDEX names them
NOT_USED = ("processor", "prompt_enhancer", "duration_head")  # they write prompts and guess lengths: both are given


def import_diffusers() -> ModuleType:
    """diffusers, quiet. Raises `InputError` that names the extra to install where it is not there."""
    try:
        diffusers, transformers, _ = (importlib.import_module(name) for name in LIBRARIES)
    except ImportError as error:
        raise InputError(
            f"ltx2: got no {error.name or 'diffusers'}, expected the extra that runs LTX-2 weights; "
            f"install it with pip install '{EXTRA}'"
        ) from error
    for library in (diffusers, transformers):
        logging = importlib.import_module(f"{library.__name__}.utils.logging")
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    return diffusers


def load_components(checkpoint: Checkpoint, *, device: str, dtype: torch.dtype) -> dict[str, Any]:
    """The components of a pipeline by name, on `device` in `dtype`. Raises `WeightsError` where they do not fit."""
    diffusers = import_diffusers()
    with _readable(checkpoint):
        given: dict[str, Any] = dict.fromkeys(NOT_USED)
        if checkpoint.single_file is not None:
            given |= _from_single_file(checkpoint, dtype)
        pipeline = diffusers.LTX2Pipeline.from_pretrained(
            checkpoint.folder, dtype=dtype, local_files_only=True, **given
        )
    components = {name: pipeline.components[name] for name in CONFIGS}
    if checkpoint.single_file is None:
        for name in IN_SINGLE_FILE:
            _check_names(name, components[name], checkpoint.names(name))
    for component in components.values():
        if isinstance(component, nn.Module):
            component.to(device).eval().requires_grad_(False)
    components["vae"].enable_tiling()  # for pictures above its tile of 512 px; smaller ones are decoded as they are
    return components


def load_upsampler(checkpoint: Checkpoint, *, device: str, dtype: torch.dtype) -> nn.Module:
    """The latent upsampler of two stages. Raises `WeightsError` as `load_components` does."""
    import_diffusers()
    kind = importlib.import_module("diffusers.pipelines.ltx2").LTX2LatentUpsamplerModel
    folder = checkpoint.upsampler
    with _readable(checkpoint):
        model: nn.Module = kind.from_pretrained(folder, dtype=dtype, local_files_only=True)
    _check_names(UPSAMPLER, model, checkpoint.names(UPSAMPLER))
    return model.to(device).eval().requires_grad_(False)


def _from_single_file(checkpoint: Checkpoint, dtype: torch.dtype) -> dict[str, nn.Module]:
    """Components whose weights lie in one file, built from the configurations beside it."""
    accelerate = importlib.import_module("accelerate")
    kinds = read_config(checkpoint.folder / INDEX)
    models: dict[str, nn.Module] = {}
    for name in IN_SINGLE_FILE:
        library, kind = kinds[name]
        cls = getattr(importlib.import_module(LIBRARIES_OF_COMPONENTS[library]), kind)
        with accelerate.init_empty_weights(), _by_default(dtype):
            models[name] = cls.from_config(read_config(checkpoint.folder / name / CONFIGS[name]))
        tensors = _tensors(checkpoint, name, dtype)
        _check_names(name, models[name], set(tensors))
        models[name].load_state_dict(tensors, assign=True)
    return models


def _tensors(checkpoint: Checkpoint, component: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    with safe_open(checkpoint.single_file, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118  # not a dict
            spot = placed(name)
            if spot is not None and spot[0] == component:
                # A copy: arithmetic in place in the file, where tensors are not aligned, can differ in the last bit.
                tensors[spot[1]] = file.get_tensor(name).to(dtype, copy=True)
    return tensors


def _check_names(component: str, model: nn.Module, found: set[str]) -> None:
    """diffusers leaves what it does not find at random, with a warning; here it is an error."""
    differing = sorted(model.state_dict().keys() ^ found)
    if differing:
        raise WeightsError(
            f"ltx2: {component} does not fit its configuration: {len(differing)} tensors differ, first "
            f"'{differing[0]}'; take weights and configurations from the same release"
        )


@contextmanager
def _by_default(dtype: torch.dtype) -> Iterator[None]:
    """Within this block new tensors are of `dtype`, those that no file holds too, as when diffusers loads a model."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _readable(checkpoint: Checkpoint) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise WeightsError(
            f"ltx2: the weights in {checkpoint.folder} cannot be loaded ({reason}); copy the release again, weights "
            "and configurations together"
        ) from error
