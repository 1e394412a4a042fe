"""Films: a storyboard compiled, built and delivered as `aiprod film` does, one film at a time.

Steps are kept in the storage under the hash of all that made them, so an attempt goes on where the last one ended, and
a film that shares shots with another does not render them again. The crew and its models stay warm between films.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiprod_pipelines.film.artifacts import Record
from aiprod_pipelines.film.build import News, State, StepBroken, build
from aiprod_pipelines.film.compile import Film, compile_film
from aiprod_pipelines.film.receipt import receipt_of
from aiprod_pipelines.film.reports import decode_report, plain
from aiprod_pipelines.film.scenarist import Wishes
from aiprod_pipelines.film.storyboard import Storyboard
from aiprod_pipelines.film.storyboard_file import read_storyboard, to_yaml
from aiprod_pipelines.media import read_picture
from aiprod_pipelines.quality.finding import Finding, Report
from aiprod_pipelines.subtitle_files import encode_subtitles
from aiprod_server.orchestration.blocks import Agent
from aiprod_server.orchestration.director import directed
from aiprod_server.orchestration.gates import Judged, blocking, told
from aiprod_server.orchestration.storyboards import check_extent, strangers_storyboard
from aiprod_server.worker.carried import Carried, ending_badly, nth_seed
from aiprod_server.worker.child import Order, Say
from aiprod_server.worker.context import Context
from aiprod_server.worker.previews import data_url, pictures_of, thumbnail

STORYBOARD, RECEIPT, QA, THUMBNAIL = "storyboard.yaml", "receipt.json", "qa.json", "thumbnail.jpg"
SHOT, DELIVER = "shot", "deliver"
SHOT_WEIGHT = 8.0  # how much more than another step a shot counts in the share that is done
TOUCH_S = 300.0  # how often the steps of a film in the making are marked as used, lest another worker clear them
BYTES_A_GB = 1e9


def render_film(order: Order, context: Context, say: Say) -> None:
    """Carry out one order."""
    with ending_badly(say, order):
        film = FilmOrder(order, context, say)
        film.work()
        while film.way.agent is Agent.RENDERER:
            try:
                film.render()
            except StepBroken as error:
                step = str(error).partition(":")[0]
                say.failed(order.job_id, f"{step}: the step broke off", again=True, kind="StepBroken", trace=str(error))
                return
            film.work()
        film.end()


class FilmOrder(Carried):
    """A film's order. `board`: its storyboard, once there is one; `film`: its plan, once it is translated."""

    board: Storyboard
    film: Film
    made: Mapping[str, Record]

    @property
    def seed_is_ours(self) -> bool:
        return not self.request["seed_given"] and "seed" not in (self.request.get("storyboard") or {})

    def direct(self) -> str:
        board = directed(
            self.request["prompt"], Wishes(seed=self.request["seed"]), self.context.config.creative_director
        )
        quality = self.context.config.tier(self.request["tier"]).film_quality
        self.board = _changed(board, quality=quality, model=self.request["model"])
        return "told"

    def translate(self) -> str:
        given = self.request.get("storyboard")
        if given is not None:
            board = strangers_storyboard(given, self.request["tier"], self.context.config)
            seed = self.request.get("seed", board.seed)  # the storyboard has its own, unless the client says another
            self.board = _changed(board, model=self.request["model"], seed=seed)
        check_extent(self.board, self.context.config)
        self._first_seed = self.board.seed
        self._compile()
        return "planned"

    def render(self) -> None:
        """Build the film, and go on."""
        self.made = build(
            self.film.plan,
            self.context.artifacts,
            self.context.crew,
            memory_bytes=self.context.memory_bytes,
            on_news=_Site(self).hear,
        )
        most_bytes = self.context.config.local_storage.max_artifacts_gb * BYTES_A_GB
        self.context.artifacts.collect(int(most_bytes), spared=self.film.plan.keys)
        self.way.go_on("rendered")

    def inspect(self) -> tuple[Sequence[Finding], Sequence[str]]:
        reports = self._reports()
        found = [one for report in reports for one in blocking(report, self.context.config.technical_qa_gate)]
        return found, [f"{report.path.name}: {one.code}: {one.sentence}" for report in reports for one in report.faults]

    def judge(self) -> Mapping[str, Judged]:
        judge = self.context.judge(self.context.weights(self.board.model))
        judged = {}
        for task in self.film.plan:
            if task.step.kind == SHOT:
                asked, frames = task.step.params["request"], pictures_of(self.made[task.name].file)
                name = task.name.removesuffix(f" / {SHOT}")
                judged[name] = judge.look(frames, asked["frame_rate"], asked["prompt"])
        return judged

    def begin_anew(self) -> None:
        self.board = _changed(self.board, seed=nth_seed(self._first_seed, self.retries))
        self._compile()

    def deliver(self) -> Mapping[str, Any]:
        began_s = time.perf_counter()
        written = self._deliver_films()
        self._deliver_beside()
        storyboard = self.path(STORYBOARD)
        receipt = receipt_of(self.film, self.made, written, storyboard).to_json()
        stored = self.keep("receipt", RECEIPT, receipt)
        self.say.step(self.order.job_id, DELIVER, stored.sha256, time.perf_counter() - began_s)
        width, height = self.board.size_px
        rate = self.board.rate
        return {
            "seed": self.board.seed,
            "num_frames": self.film.num_frames,
            "frame_rate": float(rate),
            "width": width,
            "height": height,
            "duration_s": float(self.film.num_frames / rate),
        }

    def _compile(self) -> None:
        """Write the storyboard beside the film to be, and plan what it says, as the command does."""
        self.keep("storyboard", STORYBOARD, to_yaml(self.board, STORYBOARD).encode())
        self.film = compile_film(
            read_storyboard(self.path(STORYBOARD)),
            models_root=self.context.models_root,
            check=self.context.config.technical_qa_gate.enabled,
            device=self.context.film_device,
        )

    def _deliver_films(self) -> dict[Path, Record]:
        """The files of all profiles, the first of them as the video; of a sequence, its pictures in one archive."""
        written = {}
        for number, (profile, task) in enumerate(self.film.delivered.items()):
            record = self.made[task]
            role, stem = ("video", "film") if number == 0 else (f"video_{profile}", f"film.{profile}")
            name = f"{stem}{record.step.suffix}"
            self.keep(role, name, record.file)
            written[self.path(name)] = record
            if profile.recipe.is_sequence:
                self.keep("sound", "film.wav", self.made[self.film.sound].file)
        return written

    def _deliver_beside(self) -> None:
        for what, task in self.film.stills.items():
            self.keep(what, f"film.{what}.png", self.made[task].file)
        if "poster" in self.film.stills:
            self.keep("thumbnail", THUMBNAIL, thumbnail(read_picture(self.made[self.film.stills["poster"]].file)))
        if self.film.cues and "file" in self.film.storyboard.subtitles:
            for suffix in (".srt", ".vtt"):
                self.keep(f"subtitles_{suffix[1:]}", f"film{suffix}", encode_subtitles(self.film.cues, suffix))
        technical = [plain(report) for report in self._reports()]
        semantic = {name: told(one) for name, one in self.judged.items()}
        facts = {"technical": technical, "semantic": semantic, "verdict": self.way.verdict}
        self.keep("qa", QA, json.dumps(facts, indent=1).encode())

    def _reports(self) -> list[Report]:
        """The reports of technical QA, the film's own first."""
        found = [decode_report(self.made[task].file.read_bytes(), name) for name, task in self.film.checked.items()]
        return sorted(found, key=lambda report: report.path.name not in self.film.delivered)


def _changed(board: Storyboard, **values: Any) -> Storyboard:
    """The storyboard with these values; what it says already stays unsaid in its file."""
    return board.model_copy(update={name: value for name, value in values.items() if getattr(board, name) != value})


class _Site:
    """Hears how a build goes on, and tells those who watch: steps, the share that is done, a picture of each shot."""

    def __init__(self, order: FilmOrder) -> None:
        self._order, self._plan = order, order.film.plan
        self._shares: dict[str, float] = {}
        self._done = 0
        self._touched_s = time.monotonic()

    def hear(self, news: News) -> None:
        """Told by the build what has become of a task."""
        order, task = self._order, self._plan[news.name]
        self._shares[news.name] = news.share
        order.device_s += order.context.meter.step_s(news)
        if news.state in (State.KEPT, State.MADE):
            record = order.context.artifacts.find(task.step)
            if record is not None and order.order.steps.get(news.name) != record.sha256:
                order.say.step(order.order.job_id, news.name, record.sha256, news.elapsed_s)
            if record is not None and news.state is State.MADE and task.step.kind == SHOT:
                self._show(record)
            self._done += 1
        order.say.progress(order.order.job_id, news.name, self._done, len(self._plan), self._share())
        self._touch()

    def _share(self) -> float:
        weights = {task.name: SHOT_WEIGHT if task.step.kind == SHOT else 1.0 for task in self._plan}
        done = sum(weights[name] * share for name, share in self._shares.items())
        return round(0.99 * done / sum(weights.values()), 4)  # what is left is to deliver it

    def _show(self, record: Record) -> None:
        if not self._order.context.config.render_executor.preview_every_steps:
            return
        pictures = pictures_of(record.file)
        shown = {"image": data_url(pictures[len(pictures) // 2]), "share": self._share()}
        self._order.say.event(self._order.order.job_id, "preview", shown)

    def _touch(self) -> None:
        now_s = time.monotonic()
        if now_s - self._touched_s > TOUCH_S:
            self._touched_s = now_s
            for task in self._plan:
                self._order.context.artifacts.find(task.step)
