"""Which requests may be rendered together, and how many of them fit. Loads nothing: a queue may ask as well as a model.

A request is a mapping of names to plain values, as in JSON. Clips of one batch go through the transformer side by side;
what is each clip's own are its words and its noise.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

OWN = frozenset({"prompt", "negative_prompt", "seed"})  # of each clip in a batch
GIVEN = frozenset({"camera", "images", "source"})  # a request with one of these is rendered alone


def alike_key(request: Mapping[str, Any]) -> str | None:
    """A SHA-256 that requests have in common if they may be rendered in one batch; None for one that may not at all.

    `request`: the fields of a `GenerationConfig`, and whatever else decides how it is rendered (model, pipeline, …).
    All of it must be alike but for `OWN`. Meant for AIPROD's own models: LTX-2 renders one at a time.
    """
    if any(request.get(name) for name in GIVEN):
        return None
    facts = {name: value for name, value in request.items() if name not in OWN | GIVEN}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def most_that_fit(alone_bytes: int, limit_bytes: int) -> int:
    """How many clips of one kind may be rendered at once in `limit_bytes`, if one takes `alone_bytes`; at least 1.

    On the safe side: the models are counted once a clip, and clips are decoded one after the other.
    """
    return max(1, limit_bytes // alone_bytes)
