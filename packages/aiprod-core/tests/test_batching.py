import subprocess
import sys
from typing import Any

import pytest

from aiprod_core.batching import alike_key, most_that_fit

REQUEST: dict[str, Any] = {"prompt": "a red cat", "seed": 1, "width": 128, "height": 128, "model": "nano", "images": []}


@pytest.mark.parametrize("own", [{"prompt": "a blue bird"}, {"seed": 2}, {"negative_prompt": "rain"}, {"camera": None}])
def test_words_and_seeds_are_each_clips_own(own: dict[str, Any]) -> None:
    key = alike_key(REQUEST)
    assert key is not None
    assert alike_key(REQUEST | own) == key


@pytest.mark.parametrize("other", [{"width": 256}, {"model": "full"}, {"guidance_scale": 2.0}, {"audio": False}])
def test_all_else_sets_requests_apart(other: dict[str, Any]) -> None:
    assert alike_key(REQUEST | other) not in (alike_key(REQUEST), None)


def test_the_order_of_fields_does_not_matter() -> None:
    assert alike_key(dict(reversed(REQUEST.items()))) == alike_key(REQUEST)


@pytest.mark.parametrize("given", [{"images": [{"frame": 0}]}, {"camera": ["pan-left", 1.0]}, {"source": "cat.mp4"}])
def test_what_is_given_something_is_rendered_alone(given: dict[str, Any]) -> None:
    assert alike_key(REQUEST | given) is None


@pytest.mark.parametrize(("limit_bytes", "clips"), [(2099, 2), (2100, 3), (0, 1)])
def test_as_many_as_the_estimate_goes_into_the_limit(limit_bytes: int, clips: int) -> None:
    assert most_that_fit(700, limit_bytes) == clips


def test_a_queue_asks_without_loading_torch() -> None:
    code = "import sys, aiprod_core.batching; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
