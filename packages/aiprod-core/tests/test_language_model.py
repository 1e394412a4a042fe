"""A real causal language model, tiny and random, behind a bridge: it stands where the nano text encoder does."""

import json
import shutil
from dataclasses import make_dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_family import write_tiny_family
from tiny_language_model import write_bridged_family, write_language_model

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.errors import InputError, WeightsError
from aiprod_core.execution import Execution
from aiprod_core.family import TEXT_FILE, SovereignModels
from aiprod_core.generation import generate, generate_latents
from aiprod_core.language_model import BridgedEncoder, LanguageModel, LanguageTokenizer, bridge_in, folder_digest
from aiprod_core.models.text_bridge import TextBridgeConfig
from aiprod_core.offload import Offload
from aiprod_core.quantize import WeightFormat, quantize
from aiprod_core.types import GenerationConfig

SHORT, LONG = "a red cat", "A blue bird flies over a meadow at dusk."
REQUEST = GenerationConfig(prompt=SHORT, width=32, height=32, num_frames=9, num_inference_steps=2)


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language") / "tiny-gemma"
    write_language_model(folder)
    return folder


@pytest.fixture(scope="module", name="another")
def _another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the same shapes and the same name."""
    folder = tmp_path_factory.mktemp("other") / "tiny-gemma"
    write_language_model(folder, seed=1)
    return folder


@pytest.fixture(scope="module", name="family")
def _family(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    family = tmp_path_factory.mktemp("bridged") / "tiny"
    write_bridged_family(family, folder)
    return family


@pytest.fixture(name="copy")
def _copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def _encoder(folder: Path, rank: int = 0) -> tuple[BridgedEncoder, LanguageTokenizer]:
    language = LanguageModel.load(folder)
    torch.manual_seed(0)
    config = language.bridge_config(width=32, rank=rank)
    return BridgedEncoder(config, language).eval(), LanguageTokenizer(language, config.longest)


def test_padding_does_not_change_what_is_read(folder: Path) -> None:
    encoder, tokenizer = _encoder(folder)
    assert encoder.config.longest == 96  # as many as the language model holds
    alone = encoder(*tokenizer([SHORT]))
    ids, mask = tokenizer([SHORT, LONG])
    together = encoder(ids, mask)
    assert together.shape == (2, ids.shape[1], 32)
    assert (~mask[0]).any()
    torch.testing.assert_close(together[:1, : alone.shape[1]], alone)
    full = encoder(*tokenizer([SHORT], full=True))
    assert full.shape == (1, 96, 32)
    assert full.isfinite().all()
    torch.testing.assert_close(full[:, : alone.shape[1]], alone)
    torch.testing.assert_close(encoder(ids.masked_fill(~mask, 7), mask)[mask], together[mask])


def test_words_and_their_order_matter(folder: Path) -> None:
    encoder, tokenizer = _encoder(folder)
    one, other, third = (encoder(*tokenizer([text])).mean(dim=1) for text in ("red cat", "cat red", "Red cat"))
    assert not torch.allclose(one, other, atol=1e-3)
    assert not torch.allclose(one, third, atol=1e-3)  # it was trained on capitals


def test_an_empty_text_is_a_mark_and_an_over_long_one_is_refused(folder: Path) -> None:
    _, tokenizer = _encoder(folder)
    ids, mask = tokenizer([""])
    assert ids.tolist() == [[tokenizer.tokenizer.bos_token_id]]
    assert mask.all()
    tokenizer.tokenizer.backend_tokenizer.post_processor = None  # as of one that marks no beginning
    assert tokenizer([""])[1].tolist() == [[True]]
    assert tokenizer(["é" * 47 + "z"])[0].shape == (1, 96)  # a space before it, two bytes a letter
    with pytest.raises(InputError, match=r"prompt: got 97 tokens, expected at most 96; shorten the sentence"):
        tokenizer(["é" * 48])


def test_the_language_model_is_neither_trained_nor_stored(folder: Path) -> None:
    encoder, tokenizer = _encoder(folder, rank=2)
    assert all(name.startswith(("bridge.", "lora.language_model.")) for name, _ in encoder.named_parameters())
    assert encoder.state_dict().keys() == {name for name, _ in encoder.named_parameters()} | {"trained_on"}
    assert not any(parameter.requires_grad for parameter in encoder.language.model.parameters())
    encoder.train()
    assert not encoder.language.model.training
    encoder(*tokenizer([SHORT])).square().mean().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_a_lora_starts_as_nothing_and_changes_what_is_read(folder: Path) -> None:
    plain, tokenizer = _encoder(folder)
    tuned, _ = _encoder(folder, rank=2)
    tuned.bridge.load_state_dict(plain.bridge.state_dict())
    given = tokenizer([SHORT, LONG])
    assert torch.equal(tuned(*given), plain(*given))
    assert tuned.lora is not None
    for name, parameter in tuned.lora.named_parameters():
        if "layers.1.mlp.up_proj.lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    assert not torch.allclose(tuned(*given), plain(*given), atol=1e-3)


def test_a_family_is_saved_and_loaded_and_renders_the_same_bits(family: Path, folder: Path) -> None:
    clips = [generate(SovereignModels.load(family, language_model=folder), REQUEST) for _ in range(2)]
    assert torch.equal(clips[0][0], clips[1][0])
    assert clips[0][1] is not None
    assert clips[1][1] is not None
    assert torch.equal(clips[0][1], clips[1][1])
    models = SovereignModels.load(family, language_model=folder)
    other = generate(models, replace(REQUEST, prompt=LONG))[0]
    assert not torch.equal(other, clips[0][0])
    assert not models.text_encoder.training
    assert not any(parameter.requires_grad for parameter in models.text_encoder.parameters())


def test_batches_offloading_bf16_and_eight_bits_need_no_special_case(family: Path, folder: Path) -> None:
    models = SovereignModels.load(family, language_model=folder)
    alone = generate_latents(models, [REQUEST]).video
    batch = generate_latents(models, [REQUEST, replace(REQUEST, prompt=LONG)]).video
    streamed = SovereignModels.load(family, language_model=folder, execution=Execution(offload=Offload.DISK))
    half = SovereignModels.load(family, language_model=folder, dtype=torch.bfloat16)
    assert alone is not None
    assert batch is not None
    torch.testing.assert_close(batch[:1], alone, rtol=1e-3, atol=1e-3)
    assert torch.equal(generate_latents(streamed, [REQUEST]).video, alone)  # type: ignore[arg-type]
    features = models.text_encoder(*models.tokenizer([LONG]))
    torch.testing.assert_close(half.text_encoder(*half.tokenizer([LONG])).float(), features, rtol=0.2, atol=0.2)
    quantize(models.text_encoder, WeightFormat.INT8)
    small = models.text_encoder(*models.tokenizer([LONG]))
    assert not torch.equal(small, features)
    torch.testing.assert_close(small, features, rtol=0.1, atol=0.1)


def test_the_language_model_must_be_given_and_only_where_it_is_needed(
    family: Path, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=r"language model: got none, expected tiny-gemma \(SHA-256 [0-9a-f]{12}…\)"):
        SovereignModels.load(family)
    write_tiny_family(tmp_path / "own")
    assert bridge_in(tmp_path / "own" / TEXT_FILE) is None
    with pytest.raises(InputError, match=r"language model: got .*, expected none"):
        SovereignModels.load(tmp_path / "own", language_model=folder)


def test_another_language_model_is_refused(family: Path, folder: Path, another: Path) -> None:
    with pytest.raises(WeightsError, match=r"language model: got .*, expected tiny-gemma .* was trained"):
        SovereignModels.load(family, language_model=another)
    (one, _), (other, _) = _encoder(folder), _encoder(another)
    with pytest.raises(WeightsError, match=r"expected the one that these weights were trained on \(SHA-256"):
        other.load_state_dict(one.state_dict())


def test_the_identity_is_what_is_in_the_folder_and_not_where_it_lies(copy: Path, folder: Path) -> None:
    (copy / "README.md").write_text("not read")
    assert folder_digest(copy) == folder_digest(folder)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-5}))
    assert folder_digest(copy) != folder_digest(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["absent", "cut", "empty"])
def test_a_damaged_folder_is_refused(copy: Path, name: str, damage: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    if damage == "absent":
        (copy / name).unlink()
    with pytest.raises(WeightsError, match=r"language model: cannot read .*copy \(.+\), expected a folder with"):
        LanguageModel.load(copy)


def test_weights_that_lack_a_tensor_are_not_made_up(copy: Path) -> None:
    tensors = load_file(copy / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"no weights of 'layers\.1\.mlp\.up_proj\.weight'"):
        LanguageModel.load(copy)


def test_a_folder_that_is_not_there_or_runs_code_is_refused(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot read .*nowhere"):
        LanguageModel.load(tmp_path / "nowhere")
    ran = tmp_path / "ran"
    (copy / "own.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    config = json.loads((copy / "config.json").read_text())
    foreign = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (copy / "config.json").write_text(json.dumps(config | foreign))
    with pytest.raises(WeightsError, match="cannot read"):
        LanguageModel.load(copy)
    assert not ran.exists()


def test_a_bridge_of_another_version_is_refused(family: Path, tmp_path: Path) -> None:
    config = bridge_in(family / TEXT_FILE)
    assert config is not None
    assert config.language_model == "tiny-gemma"
    assert config.reads == (1, 2)
    lineage = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
    later = make_dataclass("Later", [("towers", int)], bases=(TextBridgeConfig,), frozen=True, kw_only=True)
    path = tmp_path / TEXT_FILE
    save_checkpoint(path, "text_encoder", later(**vars(config), towers=2), {"a": torch.zeros(1)}, lineage)
    with pytest.raises(WeightsError, match=r"describes a bridge that is not of this version \(.*'towers'\)"):
        bridge_in(path)
