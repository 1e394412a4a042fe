"""Samples are given what their mode of use gives, at the shares that are said, and sound that fits the pictures."""

import torch

from aiprod_core.models.shdt import NANO
from aiprod_trainer.strategies.given import SHARES, draw_given, frames_of_tokens

PLACES = frames_of_tokens(63, 7, NANO.compression, frame_rate_hz=10.0, sample_rate_hz=24000)


def test_a_token_belongs_to_the_frame_that_is_seen_while_it_sounds() -> None:
    assert PLACES.tolist()[:3] == [0, 0, 1]  # 0.02, 0.06 and 0.1 s: frame 0 lasts 0.1 s, the next latent frame 0.4 s
    assert PLACES[12] == 2  # 0.5 s is pixel frame 5, of the latent frame of 5 to 8
    assert PLACES.max() == 6
    assert PLACES.diff().ge(0).all()


def test_the_shares_are_as_said_and_most_samples_are_given_nothing() -> None:
    given = draw_given(4000, 7, PLACES, torch.Generator().manual_seed(0))
    assert given.video.shape == (4000, 7)
    assert given.audio.shape == (4000, 63)
    nothing = ~given.video.any(dim=1) & ~given.audio.any(dim=1)
    assert abs(nothing.float().mean() - (1 - sum(SHARES.values()))) < 0.03
    first_alone = given.video[:, 0] & ~given.video[:, 1:].any(dim=1) & ~given.audio.any(dim=1)
    assert abs(first_alone.float().mean() - SHARES["first frame"]) < 0.02
    assert abs(given.audio.all(dim=1).float().mean() - SHARES["sound"]) < 0.02


def test_all_but_a_span_is_the_same_time_in_both() -> None:
    given = draw_given(4000, 7, PLACES, torch.Generator().manual_seed(1))
    spans = given.video.any(dim=1) & given.audio.any(dim=1)
    assert spans.any()
    for video, audio in zip(given.video[spans], given.audio[spans], strict=True):
        assert torch.equal(video[PLACES], audio)
        missing = (~video).nonzero()[:, 0]
        assert len(missing) == missing[-1] - missing[0] + 1  # one span, without holes


def test_the_same_generator_gives_the_same() -> None:
    one, other = (draw_given(50, 7, PLACES, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one.video, other.video)
    assert torch.equal(one.audio, other.audio)
