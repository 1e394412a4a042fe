import pytest

from aiprod_core.errors import AiprodError, InputError, MediaError, WeightsError
from aiprod_server.access.api_key import KeyFormatError, mint, parse
from aiprod_server.api.explanation import explain


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
    problem = explain(error)
    assert (problem.status, problem.error.code) == (status, code)


@pytest.mark.parametrize("error", [WeightsError, AiprodError, OSError, KeyError])
def test_what_only_the_operator_can_repair_is_not_told(error):
    told = explain(error("/srv/models/pa55word on db.internal")).content()
    assert b"pa55word" not in told
    assert b"db.internal" not in told


@pytest.mark.parametrize("error", [InputError, MediaError])
def test_messages_lose_folders_and_secrets(error):
    key = mint()
    told = explain(error(f"/srv/uploads/7/dog.png: damaged; {key.reveal()}")).content().decode()
    assert "dog.png: damaged" in told
    assert "uploads" not in told
    assert key.secret not in told


def test_a_mistyped_key_is_not_quoted():
    text = mint().reveal()[:-1] + "-"
    with pytest.raises(KeyFormatError) as refused:
        parse(text)
    assert text[30:50] not in explain(refused.value).content().decode()
