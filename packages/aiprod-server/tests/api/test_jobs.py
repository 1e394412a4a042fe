"""Jobs over HTTP: asked for, told what was moved, listed, cancelled, deleted; each client sees its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from door import Door, problem, tiny_model
from PIL import Image
from starlette.testclient import TestClient

from aiprod_server.app import create_app
from aiprod_server.queue import leases, submissions
from aiprod_server.queue.clients import set_limits
from aiprod_server.queue.jobs import State
from aiprod_server.settings import Settings

CAT = {"model": "tiny", "prompt": "a red cat"}


@pytest.fixture
def twin(engine: sa.Engine, tmp_path: Path) -> Iterator[Door]:
    """A gateway on each of the two databases."""
    url = engine.url.render_as_string(hide_password=False)
    app = create_app(Settings(database_url=url, storage=tmp_path, models_root=tiny_model(tmp_path / "models")))
    door = Door(http=TestClient(app), service=app.state.service, client="ada")
    door.headers = {"X-API-Key": door.key("ada")}
    yield door
    door.service.close()


def test_a_clip_is_queued_filled_in_and_told_what_was_moved(door: Door) -> None:
    answer = door.http.post("/api/v1/generate", json=CAT | {"num_frames": 30, "width": 100}, headers=door.headers)
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["state"], job["status"], job["kind"], job["tier"]) == ("queued", "pending", "clip", "standard")
    assert job["snapped"] == {"num_frames": [30, 29], "width": [100, 96]}
    assert (job["request"]["num_frames"], job["request"]["width"], job["request"]["height"]) == (29, 96, 128)
    assert 0 <= job["request"]["seed"] < 2**32
    assert door.http.get(answer.headers["location"], headers=door.headers).json() == job


def test_a_whole_number_may_have_a_point(door: Door) -> None:
    request = door.generate(num_frames=9.0, seed=7.0, frame_rate=12)["request"]
    assert (request["num_frames"], request["seed"], request["frame_rate"]) == (9, 7, 12.0)


def test_the_alias_queues_too(door: Door) -> None:
    answer = door.http.post("/v1/generate", json=CAT | {"seed": 7}, headers=door.headers)
    assert (answer.status_code, answer.json()["request"]["seed"]) == (202, 7)


def test_the_same_key_and_body_are_one_job_with_one_seed(twin: Door) -> None:
    asked = {"json": CAT, "headers": twin.headers | {"Idempotency-Key": "first"}}
    answers = [twin.http.post("/api/v1/generate", **asked) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true"]
    other = twin.http.post("/api/v1/generate", json=CAT | {"seed": 1}, headers=asked["headers"])
    problem(other, 422, "idempotency_mismatch", "Idempotency-Key")
    assert len(twin.http.get("/api/v1/jobs", headers=twin.headers).json()["data"]) == 1


def test_a_replay_tells_how_the_job_is_now(twin: Door) -> None:
    asked = {"json": CAT, "headers": twin.headers | {"Idempotency-Key": "first"}}
    job = twin.http.post("/api/v1/generate", **asked).json()
    submissions.cancel(twin.service.engine, job["id"], now_s=twin.service.clock())
    assert twin.http.post("/api/v1/generate", **asked).json()["state"] == "cancelled"


@pytest.mark.parametrize("key", ["", "a" * 256, "two words", "é"])
def test_a_key_that_is_none_is_refused(door: Door, key: str) -> None:
    headers = door.headers | {"Idempotency-Key": key}
    answer = door.http.post("/api/v1/generate", json=CAT, headers={k: v.encode() for k, v in headers.items()})
    problem(answer, 422, "invalid_field", "Idempotency-Key")


def test_a_form_queues_with_its_picture(door: Door, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "cat.png")
    with (tmp_path / "cat.png").open("rb") as file:
        fields = {"prompt": "a cat", "model": "tiny", "audio": "false", "num_frames": "9"}
        answer = door.http.post("/api/v1/generate", data=fields, files={"image": file}, headers=door.headers)
    request = answer.json()["request"]
    assert (request["num_frames"], request["audio"]) == (9, False)
    (image,) = request["images"]
    assert (image["frame"], image["strength"]) == (0, 1.0)
    assert door.service.storage.input_path(door.client, image["sha256"]).suffix == ".png"


def test_a_film_is_queued_from_words_or_from_a_storyboard(door: Door) -> None:
    words = door.generate(kind="film", prompt="A cat walks.\nThen it jumps.")
    assert (words["request"]["prompt"], words["request"]["model"]) == ("A cat walks.\nThen it jumps.", "tiny")
    board = {"kind": "film", "model": "tiny", "storyboard": {"shots": [{"prompt": "a cat"}]}}
    answer = door.http.post("/api/v1/generate", json=board, headers=door.headers)
    assert (answer.status_code, answer.json()["kind"]) == (202, "film")


def test_pages_go_on_where_the_last_one_ended(twin: Door) -> None:
    made = [twin.generate()["id"] for _ in range(5)]
    first = twin.http.get("/api/v1/jobs?limit=3", headers=twin.headers).json()
    assert [job["id"] for job in first["data"]] == made[:1:-1]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (made[4], made[2], True)
    rest = twin.http.get(f"/api/v1/jobs?limit=3&after={made[2]}", headers=twin.headers).json()
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([made[1], made[0]], False)
    oldest = twin.http.get("/api/v1/jobs?order=asc&limit=1&kind=clip&state=queued", headers=twin.headers).json()
    assert oldest["first_id"] == made[0]
    assert twin.http.get("/api/v1/jobs?kind=film", headers=twin.headers).json()["data"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("state=x", "state")],
)
def test_a_page_that_cannot_be_is_refused(door: Door, query: str, param: str) -> None:
    problem(door.http.get(f"/api/v1/jobs?{query}", headers=door.headers), 422, "invalid_field", param)


def test_another_clients_job_is_not_there(door: Door) -> None:
    job = door.generate()["id"]
    stranger = {"X-API-Key": door.key("mallory", "admin")}
    for method, path in (
        ("GET", f"/api/v1/jobs/{job}"),
        ("GET", f"/api/v1/jobs/{job}/download"),
        ("POST", f"/api/v1/jobs/{job}/cancel"),
        ("DELETE", f"/api/v1/jobs/{job}"),
        ("GET", f"/api/v1/jobs?after={job}"),
    ):
        told = problem(door.http.request(method, path, headers=stranger), 404, "not_found")
        nobodys = door.http.request(method, path.replace(job, "job_" + "0" * 24), headers=stranger).json()["detail"]
        assert told.replace(job, "") == nobodys.replace("job_" + "0" * 24, "")
    assert submissions.job(door.service.engine, job).state is State.QUEUED


def test_a_cancelled_job_is_an_error_and_can_be_deleted_with_its_files(door: Door) -> None:
    job = door.generate()["id"]
    path = f"/api/v1/jobs/{job}"
    problem(door.http.delete(path, headers=door.headers), 409, "job_not_ended")
    told = door.http.post(f"{path}/cancel", headers=door.headers).json()
    assert (told["state"], told["status"]) == ("cancelled", "error")
    door.service.storage.write(job, "clip.mp4", b"half", attempt=1)
    assert door.http.post(f"{path}/cancel", headers=door.headers).status_code == 200
    gone = door.http.delete(path, headers=door.headers)
    assert (gone.status_code, gone.content) == (204, b"")
    problem(door.http.get(path, headers=door.headers), 404, "not_found")
    problem(door.http.delete(path, headers=door.headers), 404, "not_found")
    assert not door.service.storage.job_file(job, "clip.mp4").exists()


def test_a_running_job_shows_how_far_it_is(twin: Door) -> None:
    job = twin.generate()["id"]
    held = leases.claim(twin.service.engine, "w", now_s=twin.service.clock())
    assert held is not None
    leases.report(twin.service.engine, held, "progress", {"share": 0.5}, share=0.5, now_s=twin.service.clock())
    told = twin.http.get(f"/api/v1/jobs/{job}", headers=twin.headers).json()
    assert (told["state"], told["status"], told["progress"], told["attempt"]) == ("running", "running", 0.5, 1)


def test_a_full_queue_is_said_with_a_time_to_come_back(twin: Door) -> None:
    set_limits(twin.service.engine, "ada", max_queued=1)
    twin.generate()
    answer = twin.http.post("/api/v1/generate", json=CAT, headers=twin.headers)
    problem(answer, 429, "quota_exceeded")
    assert int(answer.headers["retry-after"]) > 0


def test_models_are_listed(door: Door) -> None:
    listed = door.http.get("/api/v1/models", headers=door.headers).json()
    (tiny,) = [model for model in listed["data"] if model["id"] == "tiny"]
    assert (tiny["version"], tiny["frame_step"], tiny["side_step_px"], tiny["default"]) == ("1.2.3", 4, 16, False)
