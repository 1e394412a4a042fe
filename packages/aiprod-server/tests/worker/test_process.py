"""A child takes orders, is heard, is killed with what it started, and does not outlive its parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aiprod_server.worker.child import Order
from aiprod_server.worker.process import RenderProcess, in_words

ORDER = Order(job_id="job_1", attempt=2, client="ada", request={"prompt": "café"}, steps={"shot1": "ab" * 32})
HEAD = """
import os, signal, subprocess, sys, time
from aiprod_core.errors import InputError, MediaError
from aiprod_server.worker.child import serve
def handle(orders, say):
    job_id = orders[0].job_id
"""
WAIT_S = 20.0


def started(body: str, **env: str) -> RenderProcess:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return RenderProcess([sys.executable, "-c", f"{HEAD}{lines}serve(handle)"], env)


def give(child: RenderProcess, *orders: Order) -> None:
    """Once it is ready for them."""
    assert heard(child) == [{"idle": True}]
    child.give(orders)


def heard(child: RenderProcess, until: str = "idle") -> list[dict[str, object]]:
    """Its answers, up to the one that has the word `until`, or its death."""
    answers: list[dict[str, object]] = []
    deadline = time.monotonic() + WAIT_S
    while child.alive and not any(until in answer for answer in answers):
        assert time.monotonic() < deadline, answers
        answers += child.answers(0.1)
    return answers


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_order_arrives_whole_and_every_word_comes_back() -> None:
    child = started(
        """
say.progress(job_id, "render", 1, 4, 0.25)
say.event(job_id, "state", {"state": orders[0].request["prompt"]})
print("not for the parent")
say.step(job_id, "render", orders[0].steps["shot1"], 1.5)
say.done(job_id, {"attempt": orders[0].attempt, "device": os.environ["AIPROD_DEVICE"]}, 2.5)
""",
        AIPROD_DEVICE="cpu",
    )
    give(child, ORDER)
    assert heard(child) == [
        {"job_id": "job_1", "progress": {"stage": "render", "done": 1, "total": 4, "share": 0.25}},
        {"job_id": "job_1", "event": "state", "data": {"state": "café"}},
        {"job_id": "job_1", "step": "render", "sha256": "ab" * 32, "elapsed_s": 1.5},
        {"job_id": "job_1", "done": {"attempt": 2, "device": "cpu"}, "device_s": 2.5},
        {"idle": True},
    ]
    child.kill()


def test_a_child_serves_one_batch_after_the_other() -> None:
    child = started("[say.done(order.job_id, {'pid': os.getpid()}, 0.0) for order in orders]")
    give(child, ORDER, Order(**vars(ORDER) | {"job_id": "job_2"}))
    first = heard(child)
    child.give([ORDER])
    assert [answer.get("job_id") for answer in first] == ["job_1", "job_2", None]
    assert heard(child)[0]["done"] == {"pid": child.pid}
    child.kill()


def test_an_answer_larger_than_a_pipe_arrives_and_so_does_an_order() -> None:
    child = started("say.done(job_id, {'said': orders[0].request['said']}, 0.0)")
    give(child, Order(**vars(ORDER) | {"request": {"said": "x" * 1_000_000}}))
    assert heard(child)[0]["done"] == {"said": "x" * 1_000_000}
    child.kill()


@pytest.mark.parametrize(
    ("body", "reason", "again"),
    [
        ("raise InputError('got 7, expected 8')", "got 7, expected 8", False),
        ("open('/dev/full', 'w').write('x' * 100_000)", "the machine says: No space left on device", True),
        (
            "try:\n    open('/dev/full', 'w').write('x' * 100_000)\n"
            "except OSError as error:\n    raise MediaError('clip.mp4: the disk is full; make room') from error",
            "clip.mp4: the disk is full; make room",
            True,
        ),
        ("raise MemoryError", "the machine's memory is too small for this job now", True),
        (
            "raise ValueError('/secret/path')",
            "an error in the render, ValueError; the operator's error log has it",
            True,
        ),
    ],
)
def test_what_a_render_raises_is_the_end_of_its_orders(body: str, reason: str, again: bool) -> None:
    child = started(f"say.done('job_2', {{}}, 0.0)\n{body}")
    give(child, ORDER, Order(**vars(ORDER) | {"job_id": "job_2"}))
    done, failed, idle = heard(child)
    assert (done["job_id"], idle) == ("job_2", {"idle": True})
    assert (failed["job_id"], failed["failed"], failed["again"]) == ("job_1", reason, again)
    assert (failed["trace"] is None) is (body.startswith("raise InputError"))
    child.kill()


def test_a_child_that_dies_has_said_its_last_words_and_how_it_ended() -> None:
    child = started("say.progress(job_id, 'render', 1, 1, 1.0)\nos._exit(3)")
    give(child, ORDER)
    assert [answer["job_id"] for answer in heard(child)] == ["job_1"]
    assert not child.alive
    assert child.kill() == "ended with exit status 3"


def test_a_signal_to_all_of_a_service_leaves_a_render_at_work() -> None:
    child = started(
        "os.kill(os.getpid(), signal.SIGTERM)\nos.kill(os.getpid(), signal.SIGINT)\nsay.done(job_id, {}, 0.0)"
    )
    give(child, ORDER)
    assert heard(child)[-1] == {"idle": True}
    child.kill()


def test_orders_for_a_dead_child_are_no_error() -> None:
    child = RenderProcess([sys.executable, "-c", ""], {})
    assert heard(child) == []
    child.give([ORDER])
    assert child.kill() == "ended with exit status 0"


def test_a_killed_child_takes_along_what_it_started() -> None:
    child = started("work = subprocess.Popen(['sleep', '60'])\nsay.done(job_id, {'pid': work.pid}, 0.0)\nwork.wait()")
    give(child, ORDER)
    (done,) = heard(child, "done")
    pid = dict(done["done"])["pid"]  # type: ignore[call-overload]
    assert is_running(pid)
    assert child.kill() == "was killed (SIGKILL), as the system does where memory runs out"
    deadline = time.monotonic() + WAIT_S
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ends_in_words() -> None:
    assert in_words(-11) == "crashed (signal 11, Segmentation fault)"
    assert in_words(1) == "ended with exit status 1"


@pytest.mark.parametrize("doing", ["waits", "renders", "renders in native code"])
def test_a_child_dies_with_its_parent(doing: str) -> None:
    """Also while it holds the interpreter, where it cannot read that its parent is gone."""
    body = {
        "waits": "say.done(job_id, {}, 0.0)",
        "renders": "say.done(job_id, {}, 0.0)\ntime.sleep(600)",
        "renders in native code": "import ctypes\nsay.done(job_id, {}, 0.0)\nctypes.PyDLL(None).sleep(600)",
    }[doing]
    parent = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_process import ORDER, give, heard, started
child = started({body!r})
give(child, ORDER)
heard(child, "done")
print(child.pid, flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert is_running(pid)
    os.kill(process.pid, 9)
    process.communicate()
    deadline = time.monotonic() + WAIT_S
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
