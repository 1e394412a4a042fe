"""The client drives a real gateway over a real socket, also where connections break."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking_proxy import Proxy, breaking_proxy
from gateway_at_work import Gateway

from aiprod_core.errors import AiprodError, InputError, MediaError
from aiprod_server.client import Client, ServiceError, UnreachableError, session
from aiprod_server.client import connection as connections
from aiprod_server.queue import leases, submissions
from aiprod_server.queue.watching import news

CLIP = {"prompt": "a red cat walking to the right on a beach by day", "width": 64, "height": 64, "num_frames": 9}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr("aiprod_server.api.stream.RETRY_MS", (20, 40))


@pytest.fixture
def studio(here: Gateway, ada: str) -> Iterator[Client]:
    with Client(here.url, here.key(ada)) as client:
        yield client


@pytest.fixture
def proxy(here: Gateway) -> Iterator[Proxy]:
    with breaking_proxy(here.url) as proxy:
        yield proxy


@pytest.fixture
def shaky(here: Gateway, ada: str, proxy: Proxy) -> Iterator[Client]:
    """The same client through connections that break."""
    with Client(proxy.url, here.key(ada)) as client:
        yield client


@pytest.mark.usefixtures("working")
def test_a_clip_from_its_order_to_its_file(studio: Client, tmp_path: Path) -> None:
    job = studio.submit(CLIP | {"tier": "eco", "seed": 7})
    assert (job.kind, job.tier, job.request["seed"], job.snapped) == ("clip", "eco", 7, {})
    events = list(studio.watch(job.id))
    assert [event.kind for event in events][:2] == ["queued", "running"]
    assert events[-1].kind == "completed"
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert all(event.at >= job.created_at for event in events)
    ended = studio.wait(job.id)
    assert (ended.state, ended.progress, ended.ended) == ("completed", 1.0, True)

    told: list[tuple[int, int]] = []
    file = studio.download(job.id, tmp_path / "cat.mp4", on_progress=lambda done, total: told.append((done, total)))
    assert (tmp_path / "cat.mp4").stat().st_size == file.size_bytes
    assert told[-1] == (file.size_bytes, file.size_bytes)
    assert studio.download(job.id, tmp_path / "cat.jpg", variant="thumbnail").media_type == "image/jpeg"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat.jpg", "cat.mp4"]
    with pytest.raises(InputError, match="it has: video, thumbnail"):
        studio.download(job.id, tmp_path / "x", variant="sound")
    studio.delete(job.id)
    assert list(studio.jobs()) == []


@pytest.mark.usefixtures("working")
def test_a_download_goes_on_after_its_last_byte(studio: Client, shaky: Client, proxy: Proxy, tmp_path: Path) -> None:
    job = studio.wait(studio.submit(CLIP).id)
    size = studio.download(job.id, tmp_path / "whole.mp4").size_bytes
    proxy.cuts.extend([2**20, size // 3, size // 3, 100])  # the first asks for the job
    shaky.download(job.id, tmp_path / "parts.mp4")
    assert (tmp_path / "parts.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    ranges = [line for head in proxy.seen for line in head.lower().split("\r\n") if line.startswith("range: ")]
    assert len(ranges) == 3
    assert ranges == sorted(ranges, key=lambda line: int(line.removeprefix("range: bytes=")[:-1]))


@pytest.mark.usefixtures("working")
def test_a_download_that_was_stopped_goes_on_when_called_again(studio: Client, tmp_path: Path) -> None:
    job, film = studio.wait(studio.submit(CLIP).id), tmp_path / "cat.mp4"

    class Stopped(Exception):
        pass

    def stop(done_bytes: int, total_bytes: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        studio.download(job.id, film, on_progress=stop)
    [partial] = tmp_path.iterdir()
    partial.write_bytes(partial.read_bytes()[:100])
    told: list[int] = []
    studio.download(job.id, film, on_progress=lambda done, total: told.append(done))
    assert told[0] > 100
    assert [path.name for path in tmp_path.iterdir()] == ["cat.mp4"]


@pytest.mark.usefixtures("working")
def test_bytes_that_are_others_are_not_kept(studio: Client, tmp_path: Path) -> None:
    job, film = studio.wait(studio.submit(CLIP).id), tmp_path / "cat.mp4"
    film.write_bytes(b"an older film")
    assert job.result is not None
    sha256 = job.result.files["video"].sha256
    (tmp_path / f".cat.mp4.{sha256[:16]}.part").write_bytes(b"x" * 100)
    with pytest.raises(MediaError, match="download it again"):
        studio.download(job.id, film)
    assert film.read_bytes() == b"an older film"
    studio.download(job.id, film)
    assert film.stat().st_size == job.result.files["video"].size_bytes


def test_a_watch_goes_on_after_its_last_event(here: Gateway, ada: str, shaky: Client, proxy: Proxy) -> None:
    engine = here.service.engine
    job = submissions.submit(engine, {"prompt": "x"}, client=ada, now_s=0.0)
    claim = leases.claim(engine, "worker", now_s=1.0)
    assert claim is not None
    assert claim.job_id == job.id  # the oldest of all
    for done in range(30):
        leases.report(engine, claim, "progress", {"done": done}, now_s=2.0)
    leases.fail(engine, claim, "no film today", now_s=3.0)
    proxy.cuts.extend([0, 700, 701, 900, 950, 50])
    events = list(shaky.watch(job.id))
    assert [event.id for event in events] == [event.id for event in news(engine, {job.id: 0}, most=100)[job.id]]
    assert dict(events[-1].data) == {"reason": "no film today"}
    assert not proxy.cuts
    assert list(shaky.watch(job.id, after=events[-1].id)) == []


def test_an_order_that_arrives_twice_is_one(studio: Client, shaky: Client, proxy: Proxy) -> None:
    proxy.cuts.extend([0, 10])  # the service has it, and its answer is lost
    job = shaky.submit(CLIP)
    assert len(proxy.seen) == 3
    assert [one.id for one in studio.jobs()] == [job.id]
    assert studio.submit(CLIP, idempotency_key="mine").id == studio.submit(CLIP, idempotency_key="mine").id
    assert len(list(studio.jobs())) == 2


def test_pages_of_jobs(studio: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PAGE", 2)
    made = [studio.submit(CLIP | {"seed": number}).id for number in range(7)]
    studio.cancel(made[5])
    assert [job.id for job in studio.jobs()] == made[::-1]
    assert [job.id for job in studio.jobs(state="cancelled")] == [made[5]]
    assert list(studio.jobs(kind="film")) == []
    assert studio.job(made[5]).ended


def test_models_and_estimates(studio: Client) -> None:
    [model] = [model for model in studio.models() if model.default]
    assert model.id == studio.submit(CLIP).request["model"]
    assert studio.estimate(CLIP | {"tier": "eco"}).tier == "eco"


def test_what_is_refused_says_why(here: Gateway, ada: str, studio: Client, tmp_path: Path) -> None:
    with pytest.raises(ServiceError) as bad:
        studio.submit({"prompt": " "})
    assert (bad.value.status, bad.value.code, bad.value.param) == (422, "invalid_field", "prompt")
    assert bad.value.problem["type"] == "urn:aiprod:problem:invalid-field"
    with pytest.raises(ServiceError, match="check the id") as missing:
        next(studio.watch("job_" + 24 * "0"))
    assert missing.value.code == "not_found"
    with pytest.raises(InputError, match="is queued and has no file"):
        studio.download(studio.submit(CLIP).id, tmp_path / "a.mp4")
    with pytest.raises(InputError, match="in a folder that is there"):
        studio.download("job_1", tmp_path / "nowhere" / "a.mp4")
    with pytest.raises(ServiceError) as waiting:
        studio.delete(next(studio.jobs()).id)
    assert waiting.value.code == "job_not_ended"
    for path in ("../admin/stats", "", "a/b", "ä"):
        with pytest.raises(InputError, match="got the id"):
            studio.job(path)
    key = here.key(ada, ("viewer",))
    with Client(here.url, key) as viewer, pytest.raises(ServiceError) as scope:
        viewer.submit(CLIP)
    assert scope.value.code == "missing_scope"
    assert key not in str(scope.value)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://a", "http://", "http://ada:pass@127.0.0.1", "http://a:b"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InputError, match="address of the service") as refused:
        Client(url, "aip_live_x")
    assert "pass" not in str(refused.value)


@pytest.mark.parametrize("key", ["", " ", "a\nb", "schlüssel"])
def test_keys_that_no_header_holds(key: str) -> None:
    with pytest.raises(InputError, match="copy it again"):
        Client("http://127.0.0.1:8000", key)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with Client(url, "aip_live_x", patience_s=0.05) as nobody:
        for ask in (lambda: nobody.job("job_1"), lambda: next(nobody.watch("job_1"))):
            with pytest.raises(UnreachableError, match=f"{url} does not answer"):
                ask()


def test_another_service(here: Gateway) -> None:
    with Client(f"{here.url}/elsewhere", here.key()) as lost, pytest.raises(AiprodError):
        lost.models()
    with pytest.raises(UnreachableError, match="no Model"):
        _said(b'{"data": [{}]}')
    with pytest.raises(UnreachableError, match="check the address"):
        _said(b"<html>")


def _said(content: bytes) -> None:
    """Ask for models where something else answers."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(content), content)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer_once() -> None:
            near, _ = listening.accept()
            with near:
                near.recv(2**16)
                near.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{listening.getsockname()[1]}", "aip_live_x") as other:
                other.models()
        finally:
            thread.join()
