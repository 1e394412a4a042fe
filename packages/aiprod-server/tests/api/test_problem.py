import json
from typing import get_args

import pytest
from pydantic import ValidationError

from aiprod_core.errors import AiprodError, InputError, MediaError, WeightsError
from aiprod_server.access.api_key import KeyFormatError, mint, parse
from aiprod_server.api.problem import DETAIL_CHARS, KINDS, Code, Problem


def test_members_of_both_forms():
    problem = Problem.of_error(InputError("width: got 70, expected a multiple of 32; use 64"), param="width")
    assert json.loads(problem.content()) == {
        "type": "urn:aiprod:problem:invalid-request",
        "title": "The request cannot be carried out as written",
        "status": 400,
        "detail": "width: got 70, expected a multiple of 32; use 64",
        "error": {
            "message": "width: got 70, expected a multiple of 32; use 64",
            "type": "invalid_request_error",
            "code": "invalid_request",
            "param": "width",
        },
    }


def test_instance_is_written_where_there_is_one():
    assert json.loads(Problem.of("not_found", "no job", instance="/api/v1/jobs/7").content())["instance"] == (
        "/api/v1/jobs/7"
    )


def test_every_code_has_a_kind():
    assert set(KINDS) == set(get_args(Code))
    for code, kind in KINDS.items():
        assert Problem.of(code, "x").status == kind.status


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (KeyFormatError("x"), 401, "invalid_api_key"),
        (InputError("x"), 400, "invalid_request"),
        (MediaError("x"), 422, "unreadable_media"),
        (WeightsError("x"), 503, "model_unavailable"),
        (AiprodError("x"), 500, "internal_error"),
        (RuntimeError("x"), 500, "internal_error"),
    ],
)
def test_errors_and_their_status(error, status, code):
    problem = Problem.of_error(error)
    assert (problem.status, problem.error.code) == (status, code)


@pytest.mark.parametrize("error", [WeightsError, AiprodError, OSError, KeyError])
def test_what_only_the_operator_can_repair_is_not_told(error):
    told = Problem.of_error(error("/srv/models/pa55word on db.internal")).content()
    assert b"pa55word" not in told
    assert b"db.internal" not in told


@pytest.mark.parametrize("error", [InputError, MediaError])
def test_messages_lose_folders_and_secrets(error):
    key = mint()
    told = Problem.of_error(error(f"/srv/uploads/7/dog.png: damaged; {key.reveal()}")).content().decode()
    assert "dog.png: damaged" in told
    assert "uploads" not in told
    assert key.secret not in told


def test_a_mistyped_key_is_not_quoted():
    text = mint().reveal()[:-1] + "-"
    with pytest.raises(KeyFormatError) as refused:
        parse(text)
    assert text[30:50] not in Problem.of_error(refused.value).content().decode()


def test_any_prompt_can_be_quoted():
    problem = Problem.of_error(InputError("prompt: got '" + "\x00\x1b[2J\ud800\n" * 200_000 + "'"))
    assert len(problem.detail) == DETAIL_CHARS
    assert json.loads(problem.content())["detail"] == problem.detail


def test_a_problem_does_not_change():
    with pytest.raises(ValidationError):
        Problem.of("not_found", "x").status = 200
