"""A local causal language model as the text encoder: its folder, its identity, and a bridge from it to SHDT.

Any model that `transformers` reads from a folder of safetensors: that library is imported when one is loaded, never
before, takes local files alone, and runs no code of the folder. The model stays as it is. What learns is the bridge,
and a LoRA if there is one; they are stored without it, and fit the model they were trained on, by content, alone.
"""

import hashlib
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from aiprod_core.adapters import Adapters, AdaptersConfig
from aiprod_core.checkpoint import load_weights, read_header
from aiprod_core.errors import InputError, WeightsError
from aiprod_core.lora import linear_modules
from aiprod_core.models.text_bridge import TextBridge, TextBridgeConfig

LIBRARY = "transformers"
READ = (".json", ".safetensors", ".model", ".txt")  # of a folder: configuration, weights, tokenizers old and new
CPU = torch.device("cpu")


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model without its last layer, frozen, and its tokenizer.

    `sha256`: of the files it was read from, wherever they lie. `hidden`, `depth`: width and number of its layers.
    `longest`: the most tokens it reads.
    """

    name: str
    sha256: str
    model: nn.Module
    tokenizer: Any
    hidden: int
    depth: int
    longest: int

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: torch.device = CPU,
        dtype: torch.dtype = torch.float32,
        trained_on: TextBridgeConfig | None = None,
    ) -> Self:
        """The model in `folder`. Raises `WeightsError` where it is missing, damaged or not the one of `trained_on`."""
        sha256 = folder_digest(folder)
        if trained_on is not None and sha256 != trained_on.language_model_sha256:
            raise WeightsError(
                f"language model: got {folder} (SHA-256 {sha256[:12]}…), expected {_told(trained_on)}, on which the "
                "text encoder was trained; name the folder of that very one, as it was then"
            )
        transformers = _library()
        only = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **only)
            model, found = transformers.AutoModel.from_pretrained(
                folder, dtype=dtype, use_safetensors=True, output_loading_info=True, **only
            )
            sizes = model.config.get_text_config()
            hidden, depth, longest = sizes.hidden_size, sizes.num_hidden_layers, sizes.max_position_embeddings
            model = model.get_decoder()  # of one that sees too, the part that reads
        except Exception as error:  # every architecture has errors of its own
            reason = " ".join(str(error).split())[:200]
            raise _unreadable(folder, reason) from error
        if found["missing_keys"]:  # they would be at random, with a warning
            raise _unreadable(folder, f"no weights of '{min(found['missing_keys'])}'")
        model = model.eval().requires_grad_(False).to(device)
        return cls(folder.resolve().name, sha256, model, tokenizer, hidden, depth, longest)

    def states(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """`ids`, `mask`: `[b n]` → hidden states `[b n h]`: its embeddings, then what comes out of each layer."""
        out = self.model(input_ids=ids, attention_mask=mask, use_cache=False, output_hidden_states=True)
        states: tuple[Tensor, ...] = out.hidden_states
        return states

    def bridge_config(self, *, width: int, rank: int = 0, layers: int = 2, longest: int = 128) -> TextBridgeConfig:
        """A bridge from this model to features of `width`: reads four of its depths, the last among them."""
        return TextBridgeConfig(
            language_model=self.name,
            language_model_sha256=self.sha256,
            hidden=self.hidden,
            reads=tuple(sorted({-(-self.depth * quarter // 4) for quarter in (1, 2, 3, 4)})),
            width=width,
            layers=layers,
            heads=max(width // 64, 1),
            longest=min(longest, self.longest),
            rank=rank,
        )


class BridgedEncoder(nn.Module):
    """A language model read through a bridge: stands where a `TextEncoder` does.

    The language model is none of its parts, so that it is neither trained nor stored with it; it goes along to another
    device, in the type that it was loaded in.
    """

    trained_on: Tensor

    def __init__(self, config: TextBridgeConfig, language: LanguageModel) -> None:
        """Puts the LoRA's hooks on `language`, which is for no other encoder then.

        Raises `InputError` for a LoRA on a model that has no linear layers by that name.
        """
        super().__init__()
        self.config = config
        self.language = language
        self.bridge = TextBridge(config)
        self.lora: Adapters | None = None
        if config.rank:
            if not linear_modules(language.model):
                raise InputError(
                    f"language model rank: got {config.rank} for {language.name}, whose layers are none that a LoRA is "
                    "for, expected 0; leave it out, or choose another model"
                )
            adapters = AdaptersConfig(base=language.sha256, rank=config.rank, targets="")  # of every linear layer
            self.lora = Adapters(adapters, language.model, root="language_model")
        identity = torch.tensor([*bytes.fromhex(config.language_model_sha256)], dtype=torch.uint8)
        self.register_buffer("trained_on", identity)
        self.register_load_state_dict_pre_hook(_check_identity)  # type: ignore[no-untyped-call]

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """`ids`, `mask`: `[b n]`, True where there is a token → `[b n d]`."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.lora is not None):
            states = self.language.states(ids, mask)
        return self.bridge([states[index] for index in self.config.reads], mask)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.language.model.to(self.bridge.mix.weight.device)
        return self


class LanguageTokenizer:
    """Texts → ids and mask, by the language model's own tokenizer. An over-long text is refused, not cut."""

    def __init__(self, language: LanguageModel, longest: int) -> None:
        self.longest = longest
        self.tokenizer = language.tokenizer
        marks = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id, self.tokenizer.pad_token_id)
        self.mark = next((mark for mark in marks if mark is not None), 0)  # what there is to read of an empty text

    def __call__(self, texts: list[str], *, full: bool = False) -> tuple[Tensor, Tensor]:
        """Ids and mask, `[b n]`, padded to the longest of `texts`, or where `full` to the longest there may be.

        Raises `InputError` for an over-long one.
        """
        encoded = [ids or [self.mark] for ids in self.tokenizer(texts)["input_ids"]]
        length = max(len(ids) for ids in encoded)
        if length > self.longest:
            raise InputError(f"prompt: got {length} tokens, expected at most {self.longest}; shorten the sentence")
        length = self.longest if full else length
        ids = torch.tensor([ids + [self.mark] * (length - len(ids)) for ids in encoded])
        lengths = torch.tensor([len(ids) for ids in encoded])
        return ids, torch.arange(length) < lengths[:, None]


def load_bridged(
    path: Path, folder: Path | None, device: torch.device, dtype: torch.dtype
) -> tuple[BridgedEncoder, LanguageTokenizer] | None:
    """The text encoder in the checkpoint `path` over the language model in `folder`; None where it needs none.

    Raises `WeightsError` for a folder that is not given, cannot be read or is not the one that it was trained on, and
    `InputError` for one that it has no use for.
    """
    config = bridge_in(path)
    if config is None:
        if folder is not None:
            raise InputError(
                f"language model: got {folder}, expected none: the text encoder in {path.parent} reads by itself; "
                "leave it out"
            )
        return None
    if folder is None:
        raise WeightsError(
            f"language model: got none, expected {_told(config)}, through which the weights in {path.parent} read; "
            "name its folder: --text-model PATH of 'aiprod generate' and 'aiprod replay'"
        )
    language = LanguageModel.load(folder, device=device, dtype=dtype, trained_on=config)
    encoder = BridgedEncoder(config, language)
    load_weights(encoder, path)
    encoder = encoder.eval().requires_grad_(False).to(device, dtype)
    return encoder, LanguageTokenizer(language, config.longest)


def bridge_in(path: Path) -> TextBridgeConfig | None:
    """What the checkpoint of a text encoder says of its bridge; None where it has none.

    Raises `WeightsError` where it is missing, damaged, or of another version.
    """
    header = read_header(path)
    try:
        fields = json.loads(header["config"])
        if "language_model" not in fields:
            return None
        return TextBridgeConfig(**(fields | {"reads": tuple(fields["reads"])}))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"weights: {path} describes a bridge that is not of this version ({error}); "
            "use the weights that belong to it"
        ) from error


def folder_digest(folder: Path) -> str:
    """SHA-256 over names and contents of the files of a language model, as of the lines that sha256sum writes of them.

    Raises `WeightsError` where it is not the folder of one.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in READ and path.is_file())
        if folder / "config.json" not in files or all(path.suffix != ".safetensors" for path in files):
            raise _unreadable(folder, "no config.json, or no .safetensors, in it")
        lines = [f"{_file_digest(path)}  {path.name}\n" for path in files]
    except OSError as error:
        raise _unreadable(folder, error.strerror or str(error)) from error
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _library() -> Any:
    """`transformers`, quiet. Raises `InputError` that says how to install it where it is not there."""
    try:
        library = importlib.import_module(LIBRARY)
    except ImportError as error:
        raise InputError(
            f"language model: {LIBRARY} is not installed, expected it for weights that read through one; "
            "pip install 'aiprod-core[language]', or use weights with a text encoder of their own"
        ) from error
    logging = importlib.import_module(f"{LIBRARY}.utils.logging")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    return library


def _check_identity(module: nn.Module, tensors: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Raise `WeightsError` for weights that were trained on another language model, of the same shapes perhaps."""
    found = tensors.get(f"{prefix}trained_on")
    assert isinstance(module, BridgedEncoder)
    if found is not None and not torch.equal(found.cpu(), module.trained_on.cpu()):
        raise WeightsError(
            f"language model: got {_told(module.config)}, expected the one that these weights were trained on (SHA-256 "
            f"{bytes(found.tolist()).hex()[:12]}…); name the folder of that very one, as it was then"
        )


def _told(config: TextBridgeConfig) -> str:
    return f"{config.language_model} (SHA-256 {config.language_model_sha256[:12]}…)"


def _unreadable(folder: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"language model: cannot read {folder} ({reason}), expected a folder with a causal language model in "
        "safetensors and its tokenizer, as transformers saves them; copy it again, or check the path"
    )
