"""Whether clips move as their camera was asked to: every move and strength on held-out prompts, measured on pictures.

Beside steered clips stand clips whose prompt alone asks for the move, and the error of the measurement itself on real
renders, whose camera is known.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from aiprod_core.camera import STATIC, STEERED, TAGS, CameraMove, prompt_with
from aiprod_core.checkpoint import weights_digest
from aiprod_core.family import SovereignModels
from aiprod_core.generation import decode, generate_latents
from aiprod_core.models.judge import AttributeJudge
from aiprod_core.steering import START, known, steer, still_of
from aiprod_core.types import GenerationConfig, LatentState
from aiprod_trainer.evaluation.attributes import judge_clip
from aiprod_trainer.evaluation.camera_motion import CameraMotion, camera_motion
from aiprod_trainer.evaluation.nano import Plan, generation_digest, held_out
from aiprod_trainer.evaluation.observation import Clip, digest, keep, recall
from aiprod_trainer.evaluation.renders import OnProgress
from aiprod_trainer.worlds.camera import view_at
from aiprod_trainer.worlds.captions import caption
from aiprod_trainer.worlds.pixels import scene_video
from aiprod_trainer.worlds.scene import Scene, sample_scene

STRENGTHS = (0.3, 0.6, 1.0)
MOVES = tuple(name for name in STEERED if name != STATIC.name)
AXES = {"pan": "pan_px", "tilt": "tilt_px", "zoom": "zoom", "handheld": "shake_px"}
SIGNS = {"left": -1.0, "out": -1.0, "down": -1.0}
STILL = {"pan_px": 0.2, "tilt_px": 0.1, "zoom": 0.001, "shake_px": 0.1}  # up to here nothing moves
KEPT = ("subject", "colour", "action", "setting", "time", "weather")
RENDERS_LEVEL = 2  # the first whose cameras do all that is steered


@dataclass(frozen=True, kw_only=True)
class Row:
    """One move at one strength; None is by words alone. `asked`, `measured`: mean motion a frame towards the move, in
    pixels or the logarithm of the magnification; None of shaking, which has no direction. `right`: share of clips that
    move that way, of a static camera that do not move. `judged`: share that the judge names so, None where it knows no
    such move. `kept`: of the subject, colour, action, setting, time and weather, the share that is right."""

    move: str
    strength: float | None
    asked: float | None
    measured: float
    right: float
    judged: float | None
    kept: float
    clips: int


@dataclass(frozen=True)
class CameraReport:
    """`follows`: correlation of strength and motion by move. `errors`: of the measurement, by camera of the renders."""

    about: dict[str, Any]
    rows: Sequence[Row]
    follows: dict[str, float]
    errors: dict[str, dict[str, float]]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    def table(self) -> Table:
        """A row for each move and strength, for a terminal."""
        table = Table("move", "strength", "asked", "measured", "right", "judged so", "kept", "r", box=None)
        for row in self.rows:
            digits = 4 if axis_of(row.move) == "zoom" else 2
            table.add_row(
                row.move,
                "words" if row.strength is None else f"{row.strength:g}",
                "" if row.asked is None else f"{row.asked:.{digits}f}",
                f"{row.measured:.{digits}f}",
                f"{row.right:.0%}",
                "" if row.judged is None else f"{row.judged:.0%}",
                f"{row.kept:.1%}",
                f"{self.follows[row.move]:.2f}" if row.strength == STRENGTHS[-1] and row.move in self.follows else "",
            )
        return table


@dataclass(frozen=True)
class Seen:
    """One clip: how it moves, and what the judge says of it."""

    motion: CameraMotion
    said: dict[str, str]
    scene: Scene


def evaluate_camera(
    models: SovereignModels,
    judge: AttributeJudge,
    plan: Plan,
    folder: Path,
    on_progress: OnProgress,
    *,
    renders: int,
    moves: Sequence[str] = MOVES,
) -> CameraReport:
    """Every one of `moves`, at every strength, on the plan's prompts; clips are kept in `folder`.

    `renders`: how many real ones the measurement is checked on.
    """
    clips = folder / "clips" / digest(generation_digest(models, plan), "camera", START)
    clips.mkdir(parents=True, exist_ok=True)
    seen: dict[tuple[str, float | None], list[Seen]] = {}
    for index, scene in enumerate(held_out(plan.prompts, plan.level)):
        scene = replace(scene, camera=STATIC.name)
        request = replace(plan.request, prompt=caption(scene), seed=plan.seed + index)
        for (move, strength), clip in _clips(models, request, moves, clips / f"{index:05d}").items():
            looked = Seen(camera_motion(clip.video), judge_clip(judge, clip.video, None).said, scene)
            seen.setdefault((move, strength), []).append(looked)
        on_progress("generate", index + 1, plan.prompts)
    still = seen[STATIC.name, 0.0]
    rows = [_row(move, strength, made, judge, plan.request) for (move, strength), made in seen.items()]
    follows = {move: _follows(move, still, seen) for move in moves}
    about = {
        "prompts": plan.prompts,
        "seed": plan.seed,
        "renders": renders,
        "start": START,
        "clips": clips.name,
        "judge": weights_digest(judge),
    }
    report = CameraReport(about, rows, follows, measurement_errors(renders, plan.request.height, on_progress))
    (folder / "camera.json").write_text(report.to_json())
    return report


def axis_of(move: str) -> str:
    """Which of the measured motions a move is of."""
    return "pan_px" if move == STATIC.name else AXES[move.split("-")[0]]


def asked_motion(move: CameraMove, frames: int, frame_rate_hz: float, height_px: int) -> float | None:
    """The mean motion a frame that the path of a move has, as `CameraMotion` counts it; None for one that shakes."""
    last = frames - 1
    first, end = (move.view_at(elapsed, last / frame_rate_hz) for elapsed in (0.0, 1.0))
    match axis_of(move.name):
        case "pan_px":
            return abs(end.x - first.x) * height_px / last
        case "tilt_px":
            return abs(end.y - first.y) * height_px / last
        case "zoom":
            return abs(math.log(end.zoom / first.zoom)) / last
        case _:
            return None


def measurement_errors(renders: int, size_px: int, on_progress: OnProgress) -> dict[str, dict[str, float]]:
    """Mean absolute difference between measured and true motion of real renders, by their camera."""
    errors: dict[str, list[list[float]]] = {}
    for index in range(renders):
        scene = sample_scene(index, level=RENDERS_LEVEL, split="test")
        found, true = camera_motion(scene_video(scene, size_px=size_px)), true_motion(scene, size_px)
        pairs = zip((found.pan_px, found.tilt_px, found.zoom), true, strict=True)
        errors.setdefault(scene.camera, []).append([abs(one - other) for one, other in pairs])
        on_progress("measure renders", index + 1, renders)
    return {
        camera: {
            **dict(zip(("pan_px", "tilt_px", "zoom"), torch.tensor(rows).mean(dim=0).tolist(), strict=True)),
            "clips": len(rows),
        }
        for camera, rows in sorted(errors.items())
    }


def true_motion(scene: Scene, height_px: int) -> tuple[float, float, float]:
    """Mean pan, tilt and zoom a frame of a scene's camera, as `CameraMotion` counts them."""
    views = [view_at(scene, frame / scene.frame_rate_hz) for frame in range(scene.num_frames)]
    steps, last = list(pairwise(views)), scene.num_frames - 1
    pan = sum(height_px * before.zoom * (after.x - before.x) for before, after in steps) / last
    tilt = sum(height_px * before.zoom * (before.y - after.y) for before, after in steps) / last
    return pan, tilt, math.log(views[-1].zoom / views[0].zoom) / last


def _clips(
    models: SovereignModels, request: GenerationConfig, moves: Sequence[str], path: Path
) -> dict[tuple[str, float | None], Clip]:
    """All clips of one prompt; the draft that they share is rendered once, and not at all if no clip is missing."""
    drafts: list[LatentState] = []
    unsaid = replace(request, prompt=request.prompt.removesuffix(f", {STATIC.phrases[0]}"))

    def steered(camera: CameraMove) -> LatentState:
        if not drafts:
            drafts.append(generate_latents(models, [still_of(unsaid)]))
        return steer(models, replace(unsaid, camera=camera), drafts[0])

    def words_alone(move: str) -> LatentState:
        return generate_latents(models, [replace(unsaid, prompt=prompt_with(unsaid.prompt, TAGS[move]))])

    asked: list[tuple[str, float | None]] = [(STATIC.name, 0.0)]
    for move in moves:
        asked += [(move, None)] if known(TAGS[move], models.words) else []
        asked += [(move, strength) for strength in STRENGTHS]
    found = {}
    for move, strength in asked:
        file = path.with_name(f"{path.name}-{move}-{'words' if strength is None else strength}.npz")
        if not file.exists():
            latents = words_alone(move) if strength is None else steered(CameraMove(move, strength))
            keep(Clip(decode(models, latents, request)[0], None), file)
        found[move, strength] = recall(file)
    return found


def _row(
    move: str, strength: float | None, made: Sequence[Seen], judge: AttributeJudge, request: GenerationConfig
) -> Row:
    measured = [_towards(move, one.motion) for one in made]
    threshold = STILL[axis_of(move)]
    right = [abs(value) <= threshold if move == STATIC.name else value > threshold for value in measured]
    names = judge.config.classes["camera"]
    kept = [one.said[name] == one.scene.attributes[name] for one in made for name in KEPT]
    whole = CameraMove(move, 1.0 if strength is None else strength)
    return Row(
        move=move,
        strength=strength,
        asked=asked_motion(whole, request.num_frames, request.frame_rate, request.height),
        measured=sum(measured) / len(made),
        right=sum(right) / len(made),
        judged=sum(one.said["camera"] == move for one in made) / len(made) if move in names else None,
        kept=sum(kept) / len(kept),
        clips=len(made),
    )


def _towards(move: str, motion: CameraMotion) -> float:
    value: float = getattr(motion, axis_of(move))
    return value * SIGNS.get(move.split("-")[-1], 1.0)


def _follows(move: str, still: Sequence[Seen], seen: dict[tuple[str, float | None], list[Seen]]) -> float:
    """Pearson's correlation of strength and motion, a still camera being strength 0."""
    pairs = [(0.0, _towards(move, one.motion)) for one in still]
    pairs += [(strength, _towards(move, one.motion)) for strength in STRENGTHS for one in seen[move, strength]]
    return float(torch.corrcoef(torch.tensor(pairs, dtype=torch.float64).T)[0, 1])
