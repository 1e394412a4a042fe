import pytest

from aiprod_server.access.api_key import mint
from aiprod_server.redaction import redacted


def test_a_key_keeps_its_prefix_only():
    key = mint()
    assert redacted(f"got {key.reveal()}.") == f"got {key.prefix}_…."
    assert redacted(f"cut {key.reveal()[:40]}") == f"cut {key.prefix}_…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://aiprod:pa55@db:5432/jobs", "postgresql+psycopg://…@db:5432/jobs"),
        ("secret whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD/x==", "secret whsec_…"),
        ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", "Authorization: Bearer …"),
        ("https://a.example/hook?x=1&token=abc&y=2", "https://a.example/hook?x=1&token=…&y=2"),
        ("/srv/aiprod/models/tiny.safetensors: cannot read it", "tiny.safetensors: cannot read it"),
        ("'/srv/aiprod/models/' is empty", "'models' is empty"),
        ("~/clips/a.mp4, file:///srv/b.mp4", "a.mp4, b.mp4"),
        (r"C:\Users\ada\clip.mov", "clip.mov"),
        ("/health/ada.db, /metrics-of-mine/a and /v1/models/b", "ada.db, a and b"),
    ],
)
def test_what_strangers_must_not_read(text, shown):
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "got 1920/1080 and 24000/1001 frames/s, expected w/h; use 16/9",
        "https://a.example/one/two?size=3",
        "a basic idea and a bearer of news",
        "a token of thanks: the secret garden",
        "GET /api/v1/jobs/{job_id}/download 200 3.5 ms",
        "/health, /ready and /metrics/gpu; see /openapi.json.",
    ],
)
def test_plain_words_stay(text):
    assert redacted(text) == text


def test_a_prompt_of_1_mb():
    for text in ("a.", "/a", "a/", "x://", "whsec", "token=", "C:\\"):
        key = mint()
        assert key.secret not in redacted(f"{text * 300_000} {key.reveal()}")
