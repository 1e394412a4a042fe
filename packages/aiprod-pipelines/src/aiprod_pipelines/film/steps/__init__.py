"""The kinds of steps that a film is built of, each in a module of its name with one function, `make`.

`make(params, inputs, out, report)` reads the files `inputs`, writes the file `out`, and tells `report` (done, total).
It must depend on nothing else: what it writes is kept under the hash of these. Whoever changes what a kind writes
raises its version here, and everything made by it is made again. Nothing heavy is imported before a step runs.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Report: TypeAlias = Callable[[int, int], None]  # parts done, parts in all
Make: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Path], Path, Report], None]

VERSIONS: Mapping[str, int] = {
    "shot": 1,  # a clip from words
    "graded": 1,  # a clip in its colours
    "picture": 1,  # the cut, encoded
    "synthesised": 1,  # music, ambience, an effect
    "soundtrack": 1,  # the mix
    "delivered": 1,  # picture, sound and subtitles in one file
    "still": 1,  # its poster, its contact sheet
    "checked": 1,  # the report of technical QA
}


def load(kind: str) -> Make:
    """The function that makes steps of a kind; its module is imported now."""
    found: Make = importlib.import_module(f"{__name__}.{kind}").make
    return found
