"""Synchrony: whether what is seen to happen is heard at that moment, and how often chance alone would say so."""

from collections.abc import Sequence

from aiprod_trainer.evaluation.attributes import Share
from aiprod_trainer.evaluation.onsets import onset_errors_s

WITHIN_S = 0.08
SHUFFLES = 16


def heard_share(
    events_s: Sequence[Sequence[float]], onsets_s: Sequence[Sequence[float]], within_s: float = WITHIN_S
) -> Share:
    """Share of events, over all clips, with an onset of the same clip at most `within_s` away; times in seconds."""
    errors = [
        error
        for events, onsets in zip(events_s, onsets_s, strict=True)
        for error in onset_errors_s([*events], [*onsets])
    ]
    return Share(sum(error <= within_s for error in errors), len(errors))


def chance_share(
    events_s: Sequence[Sequence[float]], onsets_s: Sequence[Sequence[float]], within_s: float = WITHIN_S
) -> Share:
    """As `heard_share`, with the sound of other clips: each clip meets those of the next sixteen, round the end."""
    right = count = 0
    for step in range(1, min(SHUFFLES + 1, len(onsets_s))):
        share = heard_share(events_s, [*onsets_s[step:], *onsets_s[:step]], within_s)
        right, count = right + share.right, count + share.count
    return Share(right, count)
