"""Makes the nano text encoder's tokenizer: byte-level byte pairs, learned from captions of the world."""

import random

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from aiprod_core.models.text_encoder import END, PAD, START
from aiprod_trainer.worlds.captions import sampled_caption
from aiprod_trainer.worlds.scene import MAX_LEVEL, sample_scene


def train_tokenizer(vocabulary: int = 1024, captions: int = 6000) -> str:
    """The tokenizer's JSON, the same on every machine. Learns from all levels, so that later ones add no tokens."""
    rng = random.Random("aiprod-tokenizer")
    texts = [sampled_caption(sample_scene(i, level=1 + i % MAX_LEVEL), rng) for i in range(captions)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[PAD, START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    ends = [(mark, tokenizer.token_to_id(mark)) for mark in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return str(tokenizer.to_str())
