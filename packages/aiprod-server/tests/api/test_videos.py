"""OpenAI's own SDK drives /v1/videos, unchanged: a real gateway, a real worker, and a child that draws real files."""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import av
import httpx2
import openai
import pytest
from gateway_at_work import Gateway
from PIL import Image

from aiprod_server.queue import clients

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
PROMPT = "a red cat walking to the right on a beach by day"
SMALL = {"size": "64x64", "seconds": "0.9"}
ELSEWHERE = "https://example.com/a.png"
Sdk = Callable[..., openai.OpenAI]


@pytest.fixture
def headers(here: Gateway, ada: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {here.key(ada)}"}


@pytest.fixture
def sdk(here: Gateway, ada: str) -> Iterator[Sdk]:
    """Makes clients of OpenAI, which are closed with the test; without a key, one of the test's client."""
    with ExitStack() as made:

        def client(key: str | None = None) -> openai.OpenAI:
            return made.enter_context(
                openai.OpenAI(base_url=f"{here.url}/v1", api_key=key or here.key(ada), max_retries=0)
            )

        yield client


def png(width: int = 64, height: int = 64) -> bytes:
    written = io.BytesIO()
    Image.effect_noise((width, height), 64).convert("RGB").save(written, "PNG", compress_level=0)
    return written.getvalue()


def data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@pytest.mark.usefixtures("working")
def test_a_video_from_its_order_to_its_end(sdk: Sdk) -> None:
    videos = sdk().videos
    video = videos.create_and_poll(prompt=PROMPT, **SMALL, poll_interval_ms=50)
    assert (video.status, video.progress, video.error) == ("completed", 100, None)
    assert (video.object, video.prompt, video.model) == ("video", PROMPT, "aiprod-sovereign")
    assert (video.size, video.seconds) == ("64x64", "0.9")  # 9 frames at 10 Hz
    assert video.completed_at >= video.created_at

    film = videos.download_content(video.id).read()
    with av.open(io.BytesIO(film)) as container:
        assert len(list(container.decode(video=0))) == 9
    assert Image.open(io.BytesIO(videos.download_content(video.id, variant="thumbnail").read())).size == (64, 64)

    deleted = videos.delete(video.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (video.id, True, "video.deleted")
    with pytest.raises(openai.NotFoundError):
        videos.retrieve(video.id)
    assert list(videos.list()) == []


@pytest.mark.usefixtures("working")
def test_a_video_that_fails_says_why(sdk: Sdk) -> None:
    video = sdk().videos.create_and_poll(prompt="a prompt that is refused", poll_interval_ms=50)
    assert (video.status, video.error.code) == ("failed", "generation_failed")
    assert "ask for something else" in video.error.message
    with pytest.raises(openai.NotFoundError, match="expected a completed one"):
        sdk().videos.download_content(video.id)


def test_extensions_that_other_servers_share(sdk: Sdk) -> None:
    asked = {"fps": 8.0, "num_frames": 17, "width": 96, "height": 64, "num_inference_steps": 7, "guidance_scale": 2.5}
    asked |= {"negative_prompt": "rain", "seed": 7}
    video = sdk().videos.create(prompt=PROMPT, extra_body=asked)
    assert {name: getattr(video, name) for name in asked} == asked
    assert (video.size, video.seconds, video.snapped) == ("96x64", "2.125", {})
    assert sdk().videos.create(prompt=PROMPT).seed != sdk().videos.create(prompt=PROMPT).seed


def test_json_and_forms_are_the_same(here: Gateway, headers: dict[str, str]) -> None:
    asked = {"prompt": PROMPT, "seconds": "1", "size": "100x64", "seed": 7}
    answers = [
        httpx2.post(f"{here.url}/v1/videos", headers=headers, **body).json()
        for body in ({"json": asked}, {"files": {name: (None, str(value)) for name, value in asked.items()}})
    ]
    for answer in answers:
        assert (answer.pop("id"), answer.pop("created_at")) != (None, None)
    assert answers[0] == answers[1]
    assert answers[0]["snapped"] == {"width": [100, 96], "num_frames": [10, 9]}
    assert answers[0]["seconds"] == "0.9"


@pytest.mark.parametrize("form", ["file", "url in a form", "url in JSON"])
def test_a_picture_to_begin_with(here: Gateway, sdk: Sdk, ada: str, headers: dict[str, str], form: str) -> None:
    videos, picture = sdk().videos, png(1024, 1024) if form == "url in a form" else png()
    match form:
        case "file":
            video = videos.create(prompt=PROMPT, input_reference=("red.png", picture, "image/png"))
        case "url in a form":
            video = videos.create(prompt=PROMPT, extra_body={"input_reference": {"image_url": data_url(picture)}})
        case _:
            body = {"prompt": PROMPT, "input_reference": {"image_url": data_url(picture)}}
            answer = httpx2.post(f"{here.url}/v1/videos", json=body, headers=headers)
            video = videos.retrieve(answer.json()["id"])
    kept = request_of(here, headers, video.id)["images"]
    assert [(one["frame"], one["strength"]) for one in kept] == [(0, 1.0)]
    assert here.service.storage.input_path(ada, kept[0]["sha256"]).read_bytes() == picture


def test_pages_are_turned_by_the_sdk(here: Gateway, sdk: Sdk) -> None:
    videos = sdk().videos
    made = [videos.create(prompt=f"{PROMPT} {number}").id for number in range(5)]
    assert [video.id for video in videos.list(limit=2)] == made[::-1]
    assert [video.id for video in videos.list(limit=2, order="asc")] == made
    page = videos.list(limit=2, after=made[3])
    assert ([video.id for video in page.data], page.has_more, page.last_id) == (made[1:3][::-1], True, made[1])
    assert list(sdk(here.key("eve")).videos.list()) == []


def test_a_remix_differs_by_its_prompt_alone(here: Gateway, sdk: Sdk, headers: dict[str, str]) -> None:
    videos = sdk().videos
    first = videos.create(
        prompt=PROMPT, **SMALL, input_reference=("red.png", png(), "image/png"), extra_body={"guidance_scale": 2.0}
    )
    remix = videos.remix(first.id, prompt="a blue bird flying over a forest")
    assert (remix.remixed_from_video_id, remix.prompt) == (first.id, "a blue bird flying over a forest")
    before, after = request_of(here, headers, first.id), request_of(here, headers, remix.id)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"prompt", "remixed_from", "seed_given"}
    with pytest.raises(openai.NotFoundError):
        sdk(here.key("eve")).videos.remix(first.id, prompt=PROMPT)


def test_a_video_that_is_cancelled(here: Gateway, sdk: Sdk, headers: dict[str, str]) -> None:
    videos = sdk().videos
    video = videos.create(prompt=PROMPT)
    with pytest.raises(openai.ConflictError):
        videos.delete(video.id)  # it waits still
    assert httpx2.post(f"{here.url}/api/v1/jobs/{video.id}/cancel", headers=headers).status_code == 200
    assert (videos.retrieve(video.id).status, videos.retrieve(video.id).error.code) == ("failed", "cancelled")


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"prompt": " "}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"prompt": PROMPT, "size": "64"}, "size"),
        ({"prompt": PROMPT, "size": "8x64"}, "size"),
        ({"prompt": PROMPT, "seconds": "0"}, "seconds"),
        ({"prompt": PROMPT, "seconds": "-4"}, "seconds"),
        ({"prompt": PROMPT, "extra_body": {"fps": 0}}, "fps"),
        ({"prompt": PROMPT, "extra_body": {"style": "noir"}}, "style"),
        (
            {"prompt": PROMPT, "extra_body": {"input_reference": {"image_url": ELSEWHERE}}},
            "input_reference[image_url]",
        ),
    ],
)
def test_bad_requests(sdk: Sdk, asked: dict, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk().videos.create(**asked)
    assert (refused.value.code, refused.value.param) == ("invalid_request", param)
    assert refused.value.type == "invalid_request_error"
    assert refused.value.body["message"].startswith(f"{param}: ")
    assert list(sdk().videos.list()) == []


def test_what_is_wrong_in_an_address(sdk: Sdk) -> None:
    videos = sdk().videos
    video = videos.create(prompt=PROMPT)
    for ask, param in (
        (lambda: videos.list(limit=0), "limit"),
        (lambda: videos.list(order="up"), "order"),
        (lambda: videos.download_content(video.id, variant="spritesheet"), "variant"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            ask()
        assert (refused.value.code, refused.value.param) == ("invalid_request", param)


def test_pictures_that_are_none(sdk: Sdk) -> None:
    for content in (b"no picture", png()[:60]):
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            sdk().videos.create(prompt=PROMPT, input_reference=("a.png", content, "image/png"))
        assert (refused.value.code, refused.value.param) == ("unreadable_media", "input_reference")


def test_keys_and_names_that_are_none(here: Gateway, sdk: Sdk, ada: str) -> None:
    with pytest.raises(openai.AuthenticationError) as unknown:
        sdk("sk-1").videos.list()
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError) as viewer:
        sdk(here.key(ada, ("viewer",))).videos.create(prompt=PROMPT)
    assert viewer.value.code == "missing_scope"
    with pytest.raises(openai.NotFoundError) as model:
        sdk().videos.create(prompt=PROMPT, model="sora-2")
    assert (model.value.code, model.value.param) == ("not_found", "model")
    with pytest.raises(openai.NotFoundError) as foreign:
        sdk(here.key("eve")).videos.retrieve(sdk().videos.create(prompt=PROMPT).id)
    assert foreign.value.code == "not_found"


def test_limits(here: Gateway, sdk: Sdk, ada: str) -> None:
    videos = sdk().videos
    clients.set_limits(here.service.engine, ada, max_queued=1)
    videos.create(prompt=PROMPT)
    with pytest.raises(openai.RateLimitError) as full:
        videos.create(prompt=PROMPT)
    assert (full.value.code, full.value.type) == ("quota_exceeded", "insufficient_quota")
    assert int(full.value.response.headers["retry-after"]) > 0


def test_the_same_key_is_the_same_video(sdk: Sdk) -> None:
    videos, key = sdk().videos, {"Idempotency-Key": "once"}
    first = videos.create(prompt=PROMPT, extra_headers=key)
    assert videos.create(prompt=PROMPT, extra_headers=key).id == first.id
    with pytest.raises(openai.UnprocessableEntityError) as other:
        videos.create(prompt=PROMPT, seconds="8", extra_headers=key)
    assert other.value.code == "idempotency_mismatch"


def test_films_are_no_videos(here: Gateway, sdk: Sdk, headers: dict[str, str]) -> None:
    body = {"kind": "film", "prompt": "a red cat walks on a beach; at night a blue bird flies in a forest"}
    film = httpx2.post(f"{here.url}/api/v1/generate", json=body, headers=headers)
    assert film.status_code == 202
    with pytest.raises(openai.NotFoundError, match="expected a clip"):
        sdk().videos.retrieve(film.json()["id"])
    assert list(sdk().videos.list()) == []


def request_of(here: Gateway, headers: dict[str, str], video_id: str) -> dict:
    return httpx2.get(f"{here.url}/api/v1/jobs/{video_id}", headers=headers).json()["request"]
