"""The text encoder reads what is there and no padding; the tokenizer refuses what it cannot hold."""

import pytest
import torch

from aiprod_core.errors import InputError, WeightsError
from aiprod_core.models.text_encoder import TextEncoder, TextTokenizer


def test_padding_does_not_change_what_is_read(text_model: TextEncoder, tokenizer: TextTokenizer) -> None:
    short, long = "a red cat", "a blue bird flies over a meadow"
    ids, mask = tokenizer([short])
    alone = text_model(ids, mask)
    ids, mask = tokenizer([short, long])
    together = text_model(ids, mask)
    assert together.shape == (2, ids.shape[1], 32)
    torch.testing.assert_close(together[:1, : alone.shape[1]], alone)
    full = text_model(*tokenizer([short], full=True))
    assert full.shape == (1, 32, 32)
    torch.testing.assert_close(full[:, : alone.shape[1]], alone)
    other = ids.clone()
    other[~mask] = 5
    torch.testing.assert_close(text_model(other, mask)[mask], together[mask])


def test_the_order_of_words_matters(text_model: TextEncoder, tokenizer: TextTokenizer) -> None:
    one, other = (text_model(*tokenizer([text])).mean(dim=1) for text in ("red cat", "cat red"))
    assert not torch.allclose(one, other, atol=1e-3)


def test_ids_end_in_marks_and_padding_is_masked(tokenizer: TextTokenizer) -> None:
    ids, mask = tokenizer(["A RED cat", "a red cat walks on a beach"])
    assert torch.equal(ids[0][mask[0]], tokenizer(["a red cat"])[0][0])
    start, end = (tokenizer.tokenizer.token_to_id(mark) for mark in ("<s>", "</s>"))
    assert (ids[:, 0] == start).all()
    assert [int(row[keep][-1]) for row, keep in zip(ids, mask, strict=True)] == [end, end]
    assert mask[1].all()
    assert (ids[0][~mask[0]] == tokenizer.pad).all()
    assert (~mask[0]).any()


def test_an_empty_text_is_two_marks(tokenizer: TextTokenizer) -> None:
    ids, mask = tokenizer([""])
    assert ids.shape == (1, 2)
    assert mask.all()


def test_an_over_long_text_is_refused_not_cut(tokenizer: TextTokenizer) -> None:
    assert tokenizer(["a" + " a" * 29])[0].shape == (1, 32)
    with pytest.raises(InputError, match=r"prompt: got 33 tokens, expected at most 32; shorten the sentence"):
        tokenizer(["a" + " a" * 30])


@pytest.mark.parametrize("content", ["", "{", "{}", "no json"])
def test_a_tokenizer_that_is_not_one_is_refused(content: str) -> None:
    with pytest.raises(WeightsError, match="tokenizer: not readable"):
        TextTokenizer(content, 32)


def test_a_tokenizer_without_our_marks_is_refused(tokenizer_json: str) -> None:
    with pytest.raises(WeightsError, match="got one without '<pad>'"):
        TextTokenizer(tokenizer_json.replace("<pad>", "<other>"), 32)
