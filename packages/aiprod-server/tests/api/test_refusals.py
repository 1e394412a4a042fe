"""What cannot be asked for: each mistake has its status and its problem document; nothing is queued."""

import base64
import io
import json
import logging
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from door import Door, problem
from PIL import Image

from aiprod_server.queue.clients import set_limits

CAT = {"model": "tiny", "prompt": "a red cat"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def nothing_is_queued(door: Door) -> Iterator[None]:
    yield
    assert door.http.get("/api/v1/jobs", headers=door.headers).json()["data"] == []


def png(width: int = 8, height: int = 8) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(written, "PNG")
    return written.getvalue()


def bomb() -> bytes:
    """A PNG of some hundred bytes that promises 10^10 pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def data_url(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "a\0cat"}, "prompt"),
        ({"prompt": "a\x1b[2Jcat"}, "prompt"),
        ({"prompt": "a \u202ecat"}, "prompt"),
        ({"prompt": "a" * 2001}, "prompt"),
        ({"prompt": "a" * 200_000}, "prompt"),
        ({"negative_prompt": "\x07"}, "negative_prompt"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"width": "128"}, "width"),
        ({"width": 0}, "width"),
        ({"num_frames": 10**9}, "num_frames"),
        ({"frame_rate": 0}, "frame_rate"),
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"guidance_scale": 51}, "guidance_scale"),
        ({"tier": "gold"}, "tier"),
        ({"model": "../models/tiny"}, "model"),
        ({"audio": "yes"}, "audio"),
        ({"fps": 10}, "fps"),
        ({"kind": "opera"}, "kind"),
        ({"camera": {"move": "dolly-in"}}, "camera.move"),
        ({"camera": {"move": "zoom-in"}, "prompt": "a cat, pan to the left"}, "camera"),
        ({"images": [{"data": data_url(png()), "frame": -1}]}, "images.0.frame"),
        ({"images": [{"data": "data:text/html;base64,AA=="}]}, "images.0.data"),
        ({"images": [{"data": data_url(png())}] * 9}, "images"),
        ({"webhook_url": "ftp://example.com/"}, "webhook_url"),
    ],
)
def test_a_field_that_is_wrong_is_named(door: Door, change: dict[str, Any], param: str) -> None:
    answer = door.http.post("/api/v1/generate", json=CAT | change, headers=door.headers)
    problem(answer, 422, "invalid_field", param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"kind": "film"}, "prompt"),
        ({"kind": "film", "prompt": "a cat", "width": 128}, "width"),
        ({"kind": "film", "prompt": "a cat", "storyboard": {}}, "prompt"),
        ({"kind": "film", "storyboard": []}, "storyboard"),
        ({"kind": "film", "storyboard": {"shots": []}}, "storyboard.shots"),
        ({"kind": "film", "storyboard": {"shots": [{"prompt": "a\0"}]}}, "storyboard.shots.0.prompt"),
    ],
)
def test_a_film_that_cannot_be_made_is_refused(door: Door, body: dict[str, Any], param: str) -> None:
    problem(door.http.post("/api/v1/generate", json=body, headers=door.headers), 422, "invalid_field", param)


def test_an_unknown_model_is_not_there(door: Door) -> None:
    answer = door.http.post("/api/v1/generate", json=CAT | {"model": "gpt"}, headers=door.headers)
    problem(answer, 404, "not_found", "model")


@pytest.mark.parametrize(
    "content",
    [b"", b"nope", b'{"prompt": "a', b'{"prompt": "\xff"}', b'{"prompt": "\\ud800"}', b"[" * 10_000],
)
def test_what_is_no_json_is_refused(door: Door, content: bytes) -> None:
    problem(door.http.post("/api/v1/generate", content=content, headers=door.headers | JSON), 400, "invalid_request")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(door: Door, number: str) -> None:
    content = json.dumps(CAT)[:-1] + f', "frame_rate": {number}}}'
    answer = door.http.post("/api/v1/generate", content=content, headers=door.headers | JSON)
    problem(answer, 422, "invalid_field", "frame_rate")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json"])
def test_another_media_type_is_refused(door: Door, kind: str) -> None:
    headers = door.headers | {"Content-Type": kind}
    answer = door.http.post("/api/v1/generate", content=json.dumps(CAT), headers=headers)
    problem(answer, 415, "unsupported_media_type")
    assert "application/json" in answer.headers["accept-post"]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"nope"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\0\0\r\n"),
    ],
)
def test_a_broken_form_is_refused(door: Door, kind: str, content: bytes) -> None:
    headers = door.headers | {"Content-Type": kind}
    problem(door.http.post("/api/v1/generate", content=content, headers=headers), 400, "invalid_request")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ([("prompt", (None, "a")), ("prompt", (None, "b"))], "prompt"),
        ([("prompt", ("prompt.txt", b"a cat"))], "prompt"),
        ([("prompt", (None, "a")), ("image", (None, "cat.png"))], "image"),
        ([("prompt", (None, "a")), ("seed", (None, "x"))], "seed"),
        ([("prompt", (None, "a")), ("colour", (None, "red"))], "colour"),
        ([("seed", (None, "1"))], "prompt"),
    ],
)
def test_a_form_with_a_wrong_field_names_it(door: Door, fields: list[Any], param: str) -> None:
    problem(door.http.post("/api/v1/generate", files=fields, headers=door.headers), 422, "invalid_field", param)


@pytest.mark.parametrize(
    "content",
    [b"nope", png()[:50], bomb(), b"<svg/>", b"GIF89a" + bytes(100)],
    ids=["text", "cut", "bomb", "svg", "gif"],
)
def test_a_picture_that_is_none_is_refused(door: Door, content: bytes) -> None:
    body = CAT | {"images": [{"data": data_url(png())}, {"data": data_url(content)}]}
    answer = door.http.post("/api/v1/generate", json=body, headers=door.headers)
    problem(answer, 422, "unreadable_media", "images.1.data")
    form = {"files": {"image": content}, "data": {"prompt": "a cat", "model": "tiny"}}
    problem(door.http.post("/api/v1/generate", **form, headers=door.headers), 422, "unreadable_media", "image")
    inputs = door.service.storage.inputs()
    assert not [path for path in inputs if path.parent == door.service.storage._inputs(door.client)]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(door: Door) -> None:
    answer = door.http.post("/api/v1/generate", content=bytes(300_001), headers=door.headers | JSON)
    problem(answer, 413, "body_too_large")


def test_a_body_without_a_length_is_refused_when_it_is_too_large(door: Door) -> None:
    answer = door.http.post("/api/v1/generate", content=iter([bytes(100_000)] * 4), headers=door.headers | JSON)
    problem(answer, 413, "body_too_large")


def test_unknown_addresses_and_methods_are_said(door: Door) -> None:
    problem(door.http.get("/nowhere"), 404, "not_found")
    problem(door.http.get("/api/v1/jobs/"), 404, "not_found")
    answer = door.http.put("/api/v1/jobs/x")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET"


def test_who_says_nothing_or_something_else_is_challenged(door: Door) -> None:
    key = door.key("ada")
    for headers in ({}, {"Authorization": "Basic YWRhOmFkYQ==", "X-API-Key": key}, {"X-API-Key": "x"}):
        answer = door.http.get("/api/v1/jobs", headers=headers)
        problem(answer, 401, "invalid_api_key")
        assert answer.headers["www-authenticate"].startswith('Bearer realm="aiprod"')
    for headers in ({"Authorization": f"Bearer {key}"}, {"authorization": f"bearer {key}"}, {"X-API-Key": key}):
        assert door.http.get("/api/v1/jobs", headers=headers).status_code == 200


def test_a_key_without_the_scope_is_told_which_it_lacks(door: Door) -> None:
    headers = {"X-API-Key": door.key("vera", "viewer")}
    answer = door.http.post("/api/v1/generate", json=CAT, headers=headers)
    assert "jobs:submit" in problem(answer, 403, "missing_scope")
    assert 'error="insufficient_scope", scope="jobs:submit"' in answer.headers["www-authenticate"]


def test_too_many_requests_are_told_when_to_come_back(door: Door) -> None:
    set_limits(door.service.engine, door.client, max_requests_per_min=2)
    answers = [door.http.get("/api/v1/models", headers=door.headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    problem(answers[2], 429, "rate_limited")
    assert 1 <= int(answers[2].headers["retry-after"]) <= 120
    set_limits(door.service.engine, door.client, max_requests_per_min=None)
    door.service.identities.forget(door.headers["Authorization"][16:27])


def test_nothing_secret_reaches_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = door.headers["Authorization"].removeprefix("Bearer ")
    for body in ({"prompt": "a very secret cat\0"}, {"prompt": "a very secret cat", "seed": "x"}):
        assert door.http.post("/api/v1/generate", json=body, headers=door.headers).status_code == 422
    door.http.get("/api/v1/jobs", headers={"X-API-Key": key[:-1]})
    assert "secret cat" not in caplog.text
    assert key[:-1] not in caplog.text
