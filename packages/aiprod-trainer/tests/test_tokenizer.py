"""Our tokenizer is the same on every machine, loses nothing, and holds every caption of the world."""

import random

import pytest

from aiprod_core.errors import InputError
from aiprod_core.models import text_encoder
from aiprod_core.models.text_encoder import TextTokenizer
from aiprod_trainer.tokenizer import train_tokenizer
from aiprod_trainer.worlds.captions import sampled_caption
from aiprod_trainer.worlds.scene import sample_scene


@pytest.fixture(scope="module", name="tokenizer")
def _tokenizer() -> TextTokenizer:
    return TextTokenizer(train_tokenizer(text_encoder.NANO.vocabulary), text_encoder.NANO.longest)


def test_it_is_learned_the_same_twice() -> None:
    assert train_tokenizer(400, captions=300) == train_tokenizer(400, captions=300)


def test_it_fits_the_text_encoder(tokenizer: TextTokenizer) -> None:
    assert tokenizer.tokenizer.get_vocab_size() <= text_encoder.NANO.vocabulary
    assert tokenizer.pad == 0


@pytest.mark.parametrize(
    "text", ["a red cat walks on a beach", "été, 東京 & emoji 🐈", "numbers 123", "", "x" * 20], ids=range(5)
)
def test_any_text_comes_back(tokenizer: TextTokenizer, text: str) -> None:
    ids, mask = tokenizer([text])
    assert mask.all()
    assert tokenizer.tokenizer.decode(ids[0].tolist(), skip_special_tokens=True).strip() == text.lower()


def test_every_caption_fits_with_room(tokenizer: TextTokenizer) -> None:
    rng = random.Random(0)
    captions = [sampled_caption(sample_scene(i, level=1 + i % 3, split="test"), rng) for i in range(300)]
    ids, mask = tokenizer(captions)
    assert ids.shape[1] <= text_encoder.NANO.longest
    words = sum(len(caption.split()) for caption in captions)
    assert mask.sum() - 2 * len(captions) < 1.5 * words  # mostly one token a word


def test_an_over_long_text_is_refused(tokenizer: TextTokenizer) -> None:
    with pytest.raises(InputError, match=r"prompt: got \d+ tokens, expected at most 64; shorten the sentence"):
        tokenizer(["a red cat walks on a beach " * 30])
