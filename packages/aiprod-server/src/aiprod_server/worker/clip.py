"""Clips: one order, or several that are alike and rendered together, on the path of `aiprod generate`.

Pipelines stay warm between orders. A clip that an earlier attempt rendered is not rendered again.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.signal  # noqa: F401  # QA asks for it when it runs; a child that says it is ready has it
from numpy.typing import NDArray
from pydantic import ValidationError

from aiprod_core.batching import alike_key
from aiprod_core.camera import CameraMove
from aiprod_core.types import GenerationConfig, ImageCondition
from aiprod_pipelines.film.reports import plain
from aiprod_pipelines.film.scenarist import Wishes
from aiprod_pipelines.proof.receipt import Receipt
from aiprod_pipelines.quality.finding import Expected, Finding, Report
from aiprod_pipelines.quality.technical import inspect
from aiprod_pipelines.rendering import Rendered, Setup, render_batch
from aiprod_server.orchestration.director import directed
from aiprod_server.orchestration.gates import Judged, blocking, told
from aiprod_server.orchestration.translator import check_clip, clip_words
from aiprod_server.worker.carried import Carried, ending_badly, nth_seed
from aiprod_server.worker.child import Order, Say, fail
from aiprod_server.worker.context import Context
from aiprod_server.worker.previews import data_url, pictures_of, thumbnail

VIDEO, RECEIPT, QA, THUMBNAIL = "clip.mp4", "receipt.json", "qa.json", "thumbnail.jpg"
SPANS: Mapping[str, tuple[float, float]] = {  # stage → the share of the whole that is done where it begins and ends
    "load": (0.0, 0.02),
    "text": (0.02, 0.03),
    "steer": (0.03, 0.1),
    "denoise": (0.1, 0.8),
    "upsample": (0.8, 0.81),
    "refine": (0.81, 0.9),
    "decode video": (0.9, 0.96),
    "decode sound": (0.96, 0.97),
    "encode": (0.97, 0.98),
}


def render_clips(orders: Sequence[Order], context: Context, say: Say) -> None:
    """Carry out `orders`; those that turn out to be alike are rendered together, and one that fails fails alone."""
    clips: list[Clip] = []
    for order in orders:
        with ending_badly(say, order):
            clips.append(Clip(order, context, say))
    while clips := [clip for clip in clips if not say.has_ended(clip.order.job_id)]:
        for clip in clips:
            with ending_badly(say, clip.order):
                clip.work()
                if clip.way.agent is None:
                    clip.end()
        waiting = [clip for clip in clips if not say.has_ended(clip.order.job_id)]
        for group in _groups(waiting):
            _render(group, context, say)


def _groups(clips: Sequence["Clip"]) -> list[list["Clip"]]:
    """Clips that can be rendered together, in lists as long as fits into memory.

    One that must go alone, or is there already, is in a list of its own.
    """
    groups: dict[Any, list[Clip]] = {}
    for number, clip in enumerate(clips):
        key = None if clip.is_rendered else alike_key(asdict(clip.config))
        groups.setdefault((clip.setup, key or number), []).append(clip)
    lists = []
    for group in groups.values():
        most = group[0].context.most_at_once(group[0].setup, group[0].config) if len(group) > 1 else 1
        lists += [group[first : first + most] for first in range(0, len(group), most)]
    return lists


def _render(clips: Sequence["Clip"], context: Context, say: Say) -> None:
    """Render clips that are alike; where they fail together, each has a try alone."""
    if clips[0].is_rendered:
        clips[0].way.go_on("rendered")
        return
    began_s = time.perf_counter()
    try:
        rendered = _rendered(clips, context, say)
    except Exception as error:
        if len(clips) > 1:
            for clip in clips:
                _render([clip], context, say)
        else:
            fail(say, clips[0].order.job_id, error)
        return
    elapsed_s = (time.perf_counter() - began_s) / len(clips)
    for clip, one in zip(clips, rendered, strict=True):
        with ending_badly(say, clip.order):
            clip.take(one, elapsed_s)


def _rendered(clips: Sequence["Clip"], context: Context, say: Say) -> Sequence[Rendered]:
    setup = clips[0].setup

    def on_progress(stage: str, done: int, total: int) -> None:
        begin, end = SPANS[stage]
        for clip in clips:
            share = round(begin + (end - begin) * done / max(total, 1), 4)
            say.progress(clip.order.job_id, stage, done, total, share)

    def on_preview(share: float, pictures: NDArray[np.uint8]) -> None:
        begin, end = SPANS["denoise"][0], SPANS["refine"][1]
        for clip, picture in zip(clips, pictures, strict=True):
            shown = {"image": data_url(picture), "share": round(begin + (end - begin) * share, 4)}
            say.event(clip.order.job_id, "preview", shown)

    on_progress("load", 0, 1)
    return render_batch(
        [clip.config for clip in clips],
        setup,
        [clip.path(VIDEO) for clip in clips],
        on_progress=on_progress,
        loaded=context.loaded(setup),
        on_preview=on_preview if setup.preview_every else None,
    )


class Clip(Carried):
    """A clip's order. `config`, `setup`: what the renderer is given, once it is translated.

    `frames`: its pictures `[t h w 3]`, once it is rendered.
    """

    config: GenerationConfig
    setup: Setup
    frames: NDArray[np.uint8]

    def __init__(self, order: Order, context: Context, say: Say) -> None:
        super().__init__(order, context, say)
        self.is_rendered = False  # its file is there, of this attempt or of an earlier one
        self._is_earlier = False
        self._report: Report | None = None

    @property
    def seed_is_ours(self) -> bool:
        return not self.request["seed_given"]

    def direct(self) -> str:
        board = directed(self.request["prompt"], Wishes(shots=1), self.context.config.creative_director)
        self.request["prompt"] = board.shots[0].prompt or self.request["prompt"]
        return "told"

    def translate(self) -> str:
        check_clip(self.request, self.context.config)
        self.request["prompt"] = clip_words(self.request["prompt"], self.context.config.visual_translator)
        self.setup = self.context.setup(self.request["model"], self.request["tier"])
        self._take_up()
        self.config = self._config()
        return "planned"

    def take(self, rendered: Rendered, elapsed_s: float) -> None:
        """Put what was rendered into its place, and go on."""
        self.keep("receipt", RECEIPT, rendered.receipt.to_json())
        stored = self.keep("video", VIDEO, rendered.mp4)
        self.device_s += self.context.meter.clip_s(rendered.receipt)
        self.is_rendered, self.frames = True, rendered.clip.frames
        self.say.step(self.order.job_id, "render", stored.sha256, elapsed_s)
        self.way.go_on("rendered")

    def inspect(self) -> tuple[Sequence[Finding], Sequence[str]]:
        config = self.config
        rate = Fraction(config.frame_rate).limit_denominator(1001) if config.num_frames > 1 else None
        expected = Expected(
            size_px=(config.width, config.height), duration_s=config.duration_s, frame_rate=rate, sound=config.audio
        )
        self._report = inspect(self.path(VIDEO), expected=expected, thumbnails=False)
        found = blocking(self._report, self.context.config.technical_qa_gate)
        return found, [f"{finding.code}: {finding.sentence}" for finding in self._report.faults]

    def judge(self) -> Mapping[str, Judged]:
        judge = self.context.judge(self.setup.models_dir)
        return {"clip": judge.look(self.frames, self.config.frame_rate, self.config.prompt)}

    def begin_anew(self) -> None:
        self.is_rendered = self._is_earlier = False
        self.config = self._config()

    def deliver(self) -> Mapping[str, Any]:
        if not (self._is_earlier and self.found("check", "qa", QA)):
            self.make("check", "qa", QA, self._qa)
        if not (self._is_earlier and self.found("thumbnail", "thumbnail", THUMBNAIL)):
            self.make("thumbnail", "thumbnail", THUMBNAIL, lambda: thumbnail(self.frames[len(self.frames) // 2]))
        asked = ("seed", "num_frames", "frame_rate", "width", "height", "duration_s")
        return {name: getattr(self.config, name) for name in asked}

    def _take_up(self) -> None:
        """Go on from the file of an earlier attempt, where its receipt says that it is one of ours."""
        if not self.found("render", "video", VIDEO):
            return
        try:
            receipt = Receipt.model_validate_json(self.path(RECEIPT).read_bytes())
        except (OSError, ValidationError):
            return
        most = self.context.config.supervisor.max_retries
        seeds = [nth_seed(self.request["seed"], retries) for retries in range(most + 1)]
        if receipt.output.sha256 == self.files["video"].sha256 and receipt.seed in seeds:
            self.retries = seeds.index(receipt.seed)
            self.keep("receipt", RECEIPT, receipt.to_json())
            self.device_s += self.context.meter.clip_s(receipt)
            self.is_rendered = self._is_earlier = True
            self.frames = pictures_of(self.path(VIDEO))

    def _qa(self) -> bytes:
        technical = None if self._report is None else plain(self._report)
        facts = {"technical": technical, "semantic": {name: told(one) for name, one in self.judged.items()}}
        return json.dumps(facts | {"verdict": self.way.verdict}, indent=1).encode()

    def _config(self) -> GenerationConfig:
        asked, storage = self.request, self.context.storage
        camera = asked.get("camera")
        return GenerationConfig(
            prompt=asked["prompt"],
            negative_prompt=asked.get("negative_prompt") or "",
            seed=nth_seed(asked["seed"], self.retries),
            width=asked["width"],
            height=asked["height"],
            num_frames=asked["num_frames"],
            frame_rate=asked["frame_rate"],
            num_inference_steps=asked["num_inference_steps"],
            guidance_scale=asked["guidance_scale"],
            audio=asked["audio"],
            camera=None if camera is None else CameraMove(*camera),
            images=tuple(
                ImageCondition(
                    path=storage.input_path(self.order.client, image["sha256"]),
                    frame=image["frame"],
                    strength=image["strength"],
                )
                for image in asked.get("images", ())
            ),
        )
