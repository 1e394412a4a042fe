import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from told import Told

from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.sovereignty.offline import NetworkError
from aiprod_server.worker import render
from aiprod_server.worker.child import Order
from aiprod_server.worker.context import Context
from aiprod_server.worker.render import carry_out, handle

PROMPT = "a red cat walking to the right on a beach by day under a clear sky, static camera"


def test_a_clip_of_the_shipped_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, order: Callable[..., Order], told: Told
) -> None:
    if not (provision.locate() / "judge.safetensors").is_file():
        pytest.skip("the shipped weights are not here, or not all of them")
    monkeypatch.setenv("AIPROD_STORAGE", str(tmp_path))
    monkeypatch.delenv("AIPROD_CONFIG", raising=False)
    monkeypatch.setattr(Context, "room_is_short", lambda self: None)  # a test's disk may be nearly full
    render._context.cache_clear()
    small: dict[str, Any] = {"width": 128, "height": 128, "num_inference_steps": 4, "guidance_scale": 1.0}
    one = order(model="aiprod-sovereign", tier="eco", prompt=PROMPT, **small)
    handle([one], told)
    result = told.result(one.job_id)
    assert result["qa"]["passed"]
    assert result["qa"]["score"] is not None
    assert result["verdict"] in ("approved", "escalated")
    render._context.cache_clear()


def test_no_job_is_begun_on_a_disk_that_is_nearly_full(
    context_with: Callable[..., Context], order: Callable[..., Order], told: Told
) -> None:
    carry_out([order(1), order(2)], context_with(local_storage={"min_free_bytes": 2**62}), told)
    for number in (1, 2):
        assert "the disk of the storage is nearly full" in told.failure(order(number).job_id)
        assert told.of(order(number).job_id, "again") == [True]


def test_a_render_has_no_way_to_the_network(
    context_with: Callable[..., Context], order: Callable[..., Order], told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call_home(*args: Any, **more: Any) -> None:
        with socket.socket() as line:
            line.connect(("192.0.2.1", 80))

    monkeypatch.setattr("aiprod_server.worker.clip.render_batch", call_home)
    with pytest.raises(NetworkError):
        carry_out([order()], context_with(), told)
    assert "expected no call outside this machine" in told.failure(order().job_id)
