"""From a body to what is rendered: what is filled in, what is moved, and what clips have in common."""

from pathlib import Path
from typing import Any

import pytest
from door import tiny_model
from hypothesis import given
from hypothesis import strategies as st

from aiprod_server.api import orders
from aiprod_server.api.orders import batch_key, nearest
from aiprod_server.api.requests import BODY
from aiprod_server.models import UnknownModel
from aiprod_server.orchestration import config
from aiprod_server.orchestration.blocks import Orchestration
from aiprod_server.orchestration.sanitizer import FieldError


@pytest.fixture(scope="module")
def rules() -> Orchestration:
    return config.load(config.default_path())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def filled(rules: Orchestration, root: Path) -> Any:
    def order(**body: Any) -> dict[str, Any]:
        return orders.filled(BODY.validate_python({"model": "tiny", "prompt": "a cat"} | body), rules, root)

    return order


@given(value=st.integers(1, 2000), step=st.integers(1, 64), first=st.integers(1, 64), steps=st.integers(0, 100))
def test_the_nearest_is_legal_and_none_is_nearer(value: int, step: int, first: int, steps: int) -> None:
    most = first + steps * step
    legal = range(first, most + 1, step)
    made = nearest(value, step, most, first=first)
    assert made in legal
    assert abs(made - value) == min(abs(other - value) for other in legal)


def test_of_two_that_are_as_near_it_is_the_smaller() -> None:
    assert nearest(27, 4, 257, first=1) == 25


def test_a_tier_says_what_the_request_does_not(filled: Any, rules: Orchestration) -> None:
    for name, tier in rules.render_executor.tiers.items():
        request = filled(tier=name)
        assert (request["width"], request["num_inference_steps"]) == (tier.size_px, tier.steps)
        assert request["guidance_scale"] == tier.guidance_scale
        assert request["snapped"] == {}


def test_a_clip_of_two_stages_has_sides_whose_halves_are_legal(filled: Any) -> None:
    request = filled(tier="premium", width=240, height=272)
    assert (request["width"], request["height"]) == (224, 256)
    assert request["snapped"] == {"width": [240, 224], "height": [272, 256]}


def test_more_than_the_operator_allows_is_moved_to_the_most(filled: Any) -> None:
    request = filled(width=2048, num_frames=1025, num_inference_steps=1000)
    assert request["snapped"] == {"width": [2048, 512], "num_frames": [1025, 257], "num_inference_steps": [1000, 60]}


def test_what_a_distilled_model_cannot_follow_is_left_out_and_told(filled: Any) -> None:
    request = filled(tier="eco", guidance_scale=7.0, negative_prompt="rain")
    assert (request["guidance_scale"], request["negative_prompt"]) == (1.0, "")
    assert request["snapped"] == {"guidance_scale": [7.0, 1.0], "negative_prompt": ["rain", ""]}


def test_texts_are_clean(filled: Any) -> None:
    request = filled(prompt="  a cafe\u0301\n with\ta cat ", negative_prompt="  ")
    assert (request["prompt"], request["negative_prompt"]) == ("a café  with a cat", "")


def test_a_seed_that_is_drawn_is_known_as_such(filled: Any) -> None:
    assert filled(seed=0)["seed"] == 0
    assert filled(seed=0)["seed_given"]
    assert not filled()["seed_given"]
    assert len({filled()["seed"] for _ in range(5)}) > 1


def test_a_camera_is_steered_unless_the_prompt_says_another(filled: Any) -> None:
    assert filled(camera={"move": "zoom-in", "strength": 0.5})["camera"] == ["zoom-in", 0.5]
    with pytest.raises(FieldError, match="camera: got zoom-in for a prompt that says 'pan to the left'"):
        filled(prompt="a cat, pan to the left", camera={"move": "zoom-in"})


def test_the_operators_model_renders_what_names_none(rules: Orchestration, root: Path) -> None:
    executor = rules.render_executor.model_copy(update={"model": "tiny"})
    own = rules.model_copy(update={"render_executor": executor})
    assert orders.filled(BODY.validate_python({"prompt": "a cat"}), own, root)["model"] == "tiny"


def test_a_storyboard_has_a_seed_and_a_model_of_its_own(rules: Orchestration, root: Path) -> None:
    body = {"kind": "film", "storyboard": {"model": "tiny", "seed": 3, "shots": [{"prompt": "a cat"}]}}
    request = orders.filled(BODY.validate_python(body), rules, root)
    assert (request["model"], request["seed_given"], "seed" in request) == ("tiny", False, False)
    assert orders.filled(BODY.validate_python(body | {"seed": 4}), rules, root)["seed"] == 4
    body["storyboard"] = {"model": "gpt", "shots": [{"prompt": "a cat"}]}
    with pytest.raises(UnknownModel):
        orders.filled(BODY.validate_python(body), rules, root)


def test_clips_that_differ_in_words_and_seeds_alone_go_together(filled: Any) -> None:
    key = batch_key(filled(seed=1))
    assert key is not None
    assert key == batch_key(filled(seed=2, prompt="a dog", negative_prompt="rain"))
    assert key == batch_key(filled(width=130))  # moved to the same size
    changes: list[dict[str, Any]] = [{"width": 64}, {"num_frames": 9}, {"tier": "eco"}, {"audio": False}]
    for other in changes:
        assert batch_key(filled(**other)) != key
    assert batch_key(filled(camera={"move": "zoom-in"})) is None
    assert batch_key(filled() | {"images": [{"sha256": "", "frame": 0, "strength": 1.0}]}) is None
    assert batch_key({"kind": "film", "prompt": "a cat"}) is None
