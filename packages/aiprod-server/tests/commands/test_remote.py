"""`aiprod submit|status|watch|cancel|download` against a real gateway and a real worker, over a real socket."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gateway_at_work import Gateway
from PIL import Image
from typer.testing import CliRunner, Result

from aiprod_core.errors import AiprodError, InputError
from aiprod_server.client import Client, Event, ServiceError
from aiprod_server.commands import cancel, download, remote, status, submit, watch
from aiprod_server.commands.following import Rate, words_of

PROMPT = "a red cat walking to the right on a beach by day"
SMALL = ("--width", "64", "--height", "64", "--num-frames", "9")
APPS = {module.__name__.rpartition(".")[2]: module.app for module in (cancel, download, status, submit, watch)}
BOARD = """
title: Two shots
seed: 7
shots:
  - id: walk
    prompt: a red cat walks on a beach
    duration: 1.7
  - id: fly
    prompt: a blue bird flies over a forest
    duration: 1.7
"""

Run = Callable[..., Result]


@pytest.fixture
def environment(here: Gateway, ada: str) -> dict[str, str]:
    return {"AIPROD_SERVER": here.url, remote.KEY: here.key(ada)}


@pytest.fixture
def studio(environment: dict[str, str]) -> Iterator[Client]:
    with Client(environment["AIPROD_SERVER"], environment[remote.KEY]) as client:
        yield client


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Runs a command; what AIPROD can say in a line is raised."""

    def running(name: str, *words: str, **more: str) -> Result:
        result = CliRunner(env=environment | more).invoke(APPS[name], words)
        if isinstance(result.exception, AiprodError):
            raise result.exception
        return result

    return running


@pytest.mark.usefixtures("working")
def test_submit_watch_and_download_at_once(run: Run, tmp_path: Path) -> None:
    result = run("submit", PROMPT, *SMALL, "--tier", "eco", "--seed", "7", "--download", str(tmp_path / "cat.mp4"))
    assert result.exit_code == 0
    assert re.fullmatch(r"job_\w+ completed, 0\.9 s long, 0\.5 s of a device\n", result.stdout)
    assert result.stderr.splitlines()[1:] == ["queued", "running", "render", "completed"]
    assert (tmp_path / "cat.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.usefixtures("working")
def test_machines_read_json(run: Run, tmp_path: Path) -> None:
    job = json.loads(run("submit", PROMPT, *SMALL, "--json").stdout)
    assert (job["state"], job["request"]["width"]) == ("queued", 64)
    events = [json.loads(line) for line in run("watch", job["id"], "--json").stdout.splitlines()]
    assert {event["kind"] for event in events} == {"queued", "running", "progress", "step", "completed"}
    rest = run("watch", job["id"], "--json", "--after", str(events[-2]["id"])).stdout.splitlines()
    assert [json.loads(line)["kind"] for line in rest] == ["completed"]
    file = json.loads(run("download", job["id"], "-o", str(tmp_path / "cat.mp4"), "--json").stdout)
    assert (tmp_path / "cat.mp4").stat().st_size == file["size_bytes"]
    assert json.loads(run("status", job["id"], "--json").stdout)["result"]["files"]["video"] == file


@pytest.mark.usefixtures("working")
def test_a_job_that_fails_is_an_exit_code(run: Run, tmp_path: Path) -> None:
    result = run("submit", "a prompt that is refused", "--download", str(tmp_path / "cat.mp4"))
    assert result.exit_code == 1
    assert "ask for something else" in result.stdout
    assert list(tmp_path.iterdir()) == []
    job_id = result.stdout.split()[0]
    assert [run("watch", job_id, *words).exit_code for words in ((), ("--json",))] == [1, 1]
    with pytest.raises(InputError, match="is failed and has no file"):
        run("download", job_id, "-o", str(tmp_path / "cat.mp4"))


@pytest.mark.usefixtures("working")
def test_ctrl_c_leaves_the_job(environment: dict[str, str], studio: Client) -> None:
    program = "from aiprod_server.commands.submit import app; app()"
    words = (sys.executable, "-c", program, f"{PROMPT}, slowly", *SMALL, "--watch")
    with subprocess.Popen(
        words, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        job_id = process.stderr.readline().strip()
        assert process.stderr.readline().strip() in ("queued", "running")  # it watches
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
        assert process.returncode == 130
    assert f"the job goes on: `aiprod watch {job_id}`" in said
    assert environment[remote.KEY] not in said
    assert studio.wait(job_id).state == "completed"


def test_status_lists_the_newest(run: Run, studio: Client) -> None:
    made = [studio.submit({"prompt": f"{PROMPT} {number} [bold]"}).id for number in range(3)]
    run("cancel", made[0])
    listed = run("status", "--limit", "2").stdout
    assert [made[number] in listed for number in range(3)] == [False, True, True]
    assert json.loads(run("status", "--state", "cancelled", "--json").stdout)["id"] == made[0]
    assert run("status", made[1]).stdout.startswith(f"{made[1]} queued")


def test_cancel_once(run: Run, studio: Client) -> None:
    job_id = studio.submit({"prompt": PROMPT}).id
    assert run("cancel", job_id).stdout == f"{job_id} cancelled\n"
    assert json.loads(run("cancel", job_id, "--json").stdout)["state"] == "cancelled"
    with pytest.raises(ServiceError, match="no job"):
        run("cancel", "job_" + 24 * "0")


def test_every_option_arrives(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    words = (*SMALL, "--frame-rate", "8", "--num-inference-steps", "7", "--guidance-scale", "2.5", "--seed", "3")
    more = ("--negative-prompt", "rain", "--no-audio", "--tier", "standard", "--image", str(tmp_path / "red.png"))
    request = json.loads(run("submit", PROMPT, *words, *more, "--json").stdout)["request"]
    expected = {"width": 64, "num_frames": 9, "frame_rate": 8.0, "num_inference_steps": 7, "guidance_scale": 2.5}
    expected |= {"negative_prompt": "rain", "audio": False, "tier": "standard", "seed": 3, "prompt": PROMPT}
    assert {name: request[name] for name in expected} == expected
    assert [one["frame"] for one in request["images"]] == [0]
    result = run("submit", PROMPT, "--width", "100")
    assert "width: asked for 100, made 96" in result.stderr


def test_the_same_order_is_one_job(run: Run, studio: Client) -> None:
    ids = {run("submit", PROMPT, "--idempotency-key", "mine").stdout for _ in range(2)}
    assert len(ids) == len(list(studio.jobs())) == 1


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("film.yaml", BOARD, "storyboard"),
        ("film.fountain", "INT. KITCHEN - DAY\n\nA red cat walks to the window.\n", "prompt"),
        ("film.md", "# INT. KITCHEN - DAY\n\nA red cat walks to the window.\n", "storyboard"),
    ],
)
def test_files_are_films(run: Run, tmp_path: Path, name: str, text: str, kept: str) -> None:
    (tmp_path / name).write_text(text)
    job = json.loads(run("submit", str(tmp_path / name), "--json").stdout)
    assert job["kind"] == "film"
    assert "cat" in json.dumps(job["request"][kept])


def test_a_sentence_may_be_a_film(run: Run) -> None:
    assert json.loads(run("submit", PROMPT, "--film", "--json").stdout)["kind"] == "film"


def test_estimates_queue_nothing(run: Run, studio: Client) -> None:
    assert json.loads(run("submit", PROMPT, "--estimate", "--json").stdout)["tier"] == "standard"
    assert run("submit", PROMPT, "--estimate").stdout
    assert list(studio.jobs()) == []


def test_what_is_wrong_is_said_before_anything_is_queued(run: Run, studio: Client, tmp_path: Path) -> None:
    (tmp_path / "film.yaml").write_text("shots: 7")
    (tmp_path / "cat.gif").write_bytes(b"GIF89a")
    (tmp_path / "empty.png").touch()
    for words, said in (
        ((str(tmp_path / "film.yaml"),), "film.yaml:1"),
        ((str(tmp_path / "nobody.yaml"),), "nobody.yaml"),
        ((str(tmp_path / "cat.gif"),), "expected a sentence"),
        ((PROMPT, "--image", str(tmp_path / "cat.gif")), "expected a picture"),
        ((PROMPT, "--image", str(tmp_path / "nobody.png")), "cannot read it"),
        ((PROMPT, "--image", str(tmp_path / "empty.png")), "empty file"),
        ((PROMPT, "--download", str(tmp_path / "nowhere" / "cat.mp4")), "its folder is not there"),
        ((PROMPT, "--server", "127.0.0.1:8000"), "address of the service"),
    ):
        with pytest.raises(InputError, match=said):
            run("submit", *words)
    with pytest.raises(InputError, match=r"AIPROD_KEY.*aiprod keys create"):
        run("status", AIPROD_KEY="")
    with pytest.raises(ServiceError, match="width"):
        run("submit", PROMPT, "--width", "7")
    assert list(studio.jobs()) == []


def test_a_key_that_is_none_is_not_shown(run: Run) -> None:
    key = "aip_live_0123456789a_" + 49 * "x"
    with pytest.raises(ServiceError) as refused:
        run("status", AIPROD_KEY=key)
    assert refused.value.code == "invalid_api_key"
    assert key not in str(refused.value)


def progress(stage: str, done: int, at: float) -> Event:
    return Event(id=1, kind="progress", at=at, data={"stage": stage, "done": done, "total": 8, "share": 0.5})


def test_rates_are_of_a_stage() -> None:
    rate = Rate()
    assert str(rate) == ""
    for event, said in (
        (progress("render", 1, 100.0), ""),
        (progress("render", 3, 101.0), "2.0 steps/s"),
        (progress("render", 4, 106.0), "2.0 s/step"),
        (progress("decode", 4, 107.0), ""),
        (progress("decode", 8, 108.0), "4.0 steps/s"),
        (progress("decode", 1, 109.0), ""),  # another attempt
    ):
        rate.hear(event)
        assert str(rate) == said


def test_events_in_words() -> None:
    assert words_of(Event(id=1, kind="running", at=0.0, data={"attempt": 1})) == "running"
    assert words_of(Event(id=1, kind="running", at=0.0, data={"attempt": 2})) == "running, attempt 2"
    assert words_of(Event(id=1, kind="retry", at=0.0, data={"reason": "a crash", "run_at": 5})).endswith("a crash")
    assert words_of(Event(id=1, kind="preview", at=0.0, data={"image": "data:", "share": 0.5})) == ""
