"""A tiny causal language model on disk, with random weights, and a family of models that reads through it."""

from pathlib import Path

import torch
from tiny_family import SENTENCES, seal, write_tiny_family
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, PreTrainedTokenizerFast

from aiprod_core.checkpoint import Lineage, save_checkpoint
from aiprod_core.family import TEXT_FILE, TOKENIZER_FILE
from aiprod_core.language_model import BridgedEncoder, LanguageModel

MARKS = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>"}


def write_language_model(folder: Path, *, seed: int = 0) -> None:
    """Write a folder as transformers saves it: Gemma 3 of two layers, 32 wide, and a tokenizer of 300 tokens."""
    torch.manual_seed(seed)
    config = Gemma3TextConfig(
        vocab_size=300,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=96,
        initializer_range=0.2,
    )
    Gemma3ForCausalLM(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=[*MARKS.values()], initial_alphabet=letters)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", tokenizer.token_to_id("<bos>"))]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **MARKS).save_pretrained(folder)


def write_bridged_family(folder: Path, language_model: Path, *, rank: int = 2) -> None:
    """Write a tiny family whose text encoder is a bridge from the language model, with a LoRA that does something."""
    write_tiny_family(folder)
    (folder / TOKENIZER_FILE).unlink()
    language = LanguageModel.load(language_model)
    torch.manual_seed(0)
    encoder = BridgedEncoder(language.bridge_config(width=32, rank=rank), language)
    tensors = {key: torch.randn_like(t) * 0.2 if not t.any() else t for key, t in encoder.state_dict().items()}
    lineage = Lineage(initialised_from="random", trained_on=(), steps=0, core_hours=0.0)
    save_checkpoint(folder / TEXT_FILE, "text_encoder", encoder.config, tensors, lineage)
    seal(folder)
