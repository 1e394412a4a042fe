import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from told import Told

from aiprod_pipelines.delivery.profiles import Profile
from aiprod_pipelines.film.build import StepBroken
from aiprod_pipelines.film.receipt import FilmReceipt, replay_film
from aiprod_pipelines.film.storyboard_file import read_storyboard
from aiprod_server.orchestration.sanitizer import FieldError
from aiprod_server.worker import film as films
from aiprod_server.worker.carried import MEDIA_TYPES, nth_seed
from aiprod_server.worker.child import Order
from aiprod_server.worker.context import Context
from aiprod_server.worker.film import FilmOrder, render_film

MakeContext = Callable[..., Context]
BOARD: Mapping[str, Any] = {
    "size": "64x64",
    "frame_rate": "10",
    "subtitles": ["file"],
    "shots": [{"prompt": "a red cat walks on a beach", "duration": 0.5, "dialogue": [{"who": "Mia", "line": "Oh."}]}],
}
JOB = "job_00000000000000000000000{}"


def film(number: int = 1, *, steps: Mapping[str, str] | None = None, **request: Any) -> Order:
    asked = {"kind": "film", "tier": "eco", "model": "tiny", "seed_given": False}
    return Order(job_id=JOB.format(number), attempt=1, client="ann", request=asked | request, steps=dict(steps or {}))


def test_a_film_is_that_of_the_film_command(context_with: MakeContext, told: Told) -> None:
    context, one = context_with(), film(storyboard=BOARD)
    render_film(one, context, told)
    result = told.result(one.job_id)
    assert {role: facts["media_type"] for role, facts in result["files"].items()} == {
        "storyboard": "application/yaml",
        "video": "video/mp4",
        "poster": "image/png",
        "contact": "image/png",
        "thumbnail": "image/jpeg",
        "subtitles_srt": "application/x-subrip",
        "subtitles_vtt": "text/vtt",
        "qa": "application/json",
        "receipt": "application/json",
    }
    for facts in result["files"].values():
        assert context.storage.verified(one.job_id, facts["name"], facts["sha256"])
    assert (result["num_frames"], result["frame_rate"], result["width"]) == (5, 10.0, 64)
    assert (result["duration_s"], result["seed"], result["verdict"]) == (0.5, 0, "approved")
    assert result["device_s"] > 0
    steps = told.steps(one.job_id)
    assert {"shot1 / shot", "film / sound", "film / web", "deliver"} <= steps.keys()
    assert steps["film / web"] == result["files"]["video"]["sha256"]
    [preview] = told.events(one.job_id, "preview")
    assert preview["image"].startswith("data:image/jpeg;base64,")
    shares = [progress["share"] for progress in told.of(one.job_id, "progress")]
    assert shares == sorted(shares)
    assert shares[-1] == 0.99

    qa = json.loads(context.storage.job_file(one.job_id, "qa.json").read_bytes())
    assert [report["of"] for report in qa["technical"]] == ["web", "shot1"]
    assert qa["semantic"] == {"shot1": {"score": None, "not_judged": "these weights come without judge.safetensors"}}
    assert qa["verdict"] == "approved"

    storyboard = context.storage.job_file(one.job_id, "storyboard.yaml")
    assert read_storyboard(storyboard).quality == "draft"
    receipt = FilmReceipt.model_validate_json(context.storage.job_file(one.job_id, "receipt.json").read_bytes())
    assert receipt.files == {"film.mp4": result["files"]["video"]["sha256"]}
    again = replay_film(
        receipt,
        context.storage.job_file(one.job_id, "film.mp4"),
        context.crew,
        models_root=context.models_root,
        memory_bytes=4 * 2**30,
        on_news=lambda news: None,
    )
    assert again == {}, "every step of the storyboard that was delivered has the same bytes again"

    later = Told()
    render_film(film(2, storyboard=BOARD), context, later)
    assert later.result(JOB.format(2))["device_s"] == 0.0, "what another film has made is not made again"
    assert later.result(JOB.format(2))["files"]["video"] == result["files"]["video"]
    attempt = Told()
    render_film(film(steps=steps, storyboard=BOARD), context, attempt)
    assert [*attempt.steps(one.job_id)] == ["deliver"], "steps that are known are not told again"


def translated(context: Context, order: Order, told: Told) -> FilmOrder:
    """The order with its plan, before anything is rendered."""
    carried = FilmOrder(order, context, told)
    carried.work()
    return carried


def test_words_become_a_storyboard_of_the_tier(context_with: MakeContext, told: Told) -> None:
    carried = translated(context_with(), film(prompt="A red cat walks on a beach.", seed=5, seed_given=True), told)
    assert told.states(JOB.format(1))[:4] == ["INIT", "ANALYSIS", "CREATIVE_DIRECTION", "VISUAL_TRANSLATION"]
    board = read_storyboard(carried.path("storyboard.yaml"))
    assert (board.seed, board.quality, board.model) == (5, "draft", "tiny")
    assert all("red cat" in (shot.prompt or "") for shot in board.shots)
    assert len(carried.film.checked) == len(board.shots) + 1
    assert carried.seed_is_ours is False


def test_a_storyboard_needs_no_director(context_with: MakeContext, told: Told) -> None:
    carried = translated(context_with(technical_qa_gate={"enabled": False}), film(storyboard=BOARD, seed=9), told)
    assert "CREATIVE_DIRECTION" not in told.states(JOB.format(1))
    assert carried.board.seed == 9
    assert carried.film.checked == {}
    assert carried.seed_is_ours is True


def test_another_seed_is_another_film(context_with: MakeContext, told: Told) -> None:
    carried = translated(context_with(), film(storyboard=BOARD), told)
    before = carried.film.plan["shot1 / shot"].step.params["request"]["seed"]
    carried.retries = 1
    carried.begin_anew()
    assert carried.board.seed == read_storyboard(carried.path("storyboard.yaml")).seed == nth_seed(0, 1)
    assert carried.film.plan["shot1 / shot"].step.params["request"]["seed"] != before
    assert not translated(context_with(), film(2, storyboard={**BOARD, "seed": 3}), told).seed_is_ours


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ({"creative_director": {"max_shots": 1}}, r"storyboard\.shots: got 2, expected at most 1"),
        ({"visual_translator": {"max_film_s": 1.0}}, "expected at most 1; make two films"),
        ({"visual_translator": {"max_film_side_px": 32}}, "expected sides of at most 32 px"),
    ],
)
def test_films_from_words_are_held_to_limits_too(
    context_with: MakeContext, told: Told, blocks: dict[str, Any], said: str
) -> None:
    asked = film(prompt="A red cat walks on a beach, then it jumps; at night a blue bird flies.", seed=5)
    blocks = {"creative_director": {"llm_provider": "rules"}} | blocks
    with pytest.raises(FieldError, match=said.replace("got 2", r"got \d")):
        translated(context_with(**blocks), asked, told)


def test_a_step_that_breaks_off_is_tried_again(
    context_with: MakeContext, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **more: Any) -> None:
        raise StepBroken("walk / shot: its process ended with status -9")

    monkeypatch.setattr(films, "build", broken)
    render_film(film(storyboard=BOARD), context_with(), told)
    assert told.failure(JOB.format(1)) == "walk / shot: the step broke off"
    assert told.of(JOB.format(1), "again") == [True]
    assert told.of(JOB.format(1), "trace") == ["walk / shot: its process ended with status -9"]


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_has_a_media_type(profile: Profile) -> None:
    suffix = ".tar" if profile.recipe.is_sequence else profile.recipe.suffix
    assert suffix in MEDIA_TYPES


def test_strangers_files_are_refused(context_with: MakeContext, told: Told) -> None:
    render_film(film(storyboard={**BOARD, "music": {"file": "/etc/hostname"}}), context_with(), told)
    assert told.failure(JOB.format(1)).startswith("storyboard.music.file: got a file")
    assert told.of(JOB.format(1), "again") == [False]
