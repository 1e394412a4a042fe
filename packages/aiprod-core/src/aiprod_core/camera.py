"""Camera moves: their names, how captions say them, and the path that each takes. One taxonomy for data and requests.

The procedural world draws its clips by it and requests are steered by it; it knows neither. Lengths are in frame
heights, x to the right and y down. At rest the frame shows x in [-aspect/2, aspect/2] and y in [0, 1].
"""

import math
from dataclasses import dataclass

from aiprod_core.errors import InputError

PAN_SPEED_PER_S = 0.12
TILT_HEIGHT = 0.16
ZOOM = 1.32
SHAKE = 0.014
SHAKE_ZOOM = 1.03  # so that no edge is seen
MOST_TRAVEL = 0.3  # of a pan whose frame holds all that there is: beyond, nothing was ever drawn


@dataclass(frozen=True)
class View:
    """The point that the frame's middle shows, from its rest, and the magnification."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0


REST = View()


@dataclass(frozen=True)
class Tag:
    """A camera move. `phrases[0]` is the canonical wording, the others are synonyms.

    `level`: of the world, from which its clips have it; None: none has. `steered`: whether a clip can be made to.
    """

    name: str
    phrases: tuple[str, ...]
    level: int | None = 1
    steered: bool = True


TAGS = {
    tag.name: tag
    for tag in (
        Tag("static", ("static camera", "locked-off shot")),
        Tag("pan-left", ("camera panning left", "pan to the left")),
        Tag("pan-right", ("camera panning right", "pan to the right")),
        Tag("zoom-in", ("camera zooming in", "slow zoom in")),
        Tag("zoom-out", ("camera zooming out", "slow zoom out")),
        Tag("tracking", ("tracking shot", "camera following along"), steered=False),
        Tag("tilt-up", ("camera tilting up", "tilt up"), level=2),
        Tag("tilt-down", ("camera tilting down", "tilt down"), level=2),
        Tag("handheld", ("handheld camera", "shaky camera"), level=2),
        Tag("dolly-in", ("camera dollying in", "dolly in"), level=None, steered=False),
        Tag("dolly-out", ("camera dollying out", "dolly out"), level=None, steered=False),
        Tag("crane-up", ("camera craning up", "crane shot rising"), level=None, steered=False),
        Tag("crane-down", ("camera craning down", "crane shot descending"), level=None, steered=False),
    )
}
STATIC = TAGS["static"]
STEERED = tuple(tag.name for tag in TAGS.values() if tag.steered)


@dataclass(frozen=True)
class CameraMove:
    """A move that is asked for. `strength` in [0, 1]: share of the path, 1 being as far as training clips go."""

    name: str
    strength: float = 1.0

    def validate(self) -> None:
        """Raise `InputError` for a move that no clip can be made to have, or a strength outside [0, 1]."""
        if self.name not in TAGS:
            raise InputError(f"camera: got {self.name!r}, expected one of {', '.join(STEERED)}; choose one of those")
        if self.name not in STEERED:
            why = "follows a subject not there yet" if TAGS[self.name].level else "needs depth, which is unknown"
            raise InputError(f"camera: got {self.name}, which {why}, expected one of {', '.join(STEERED)}; choose one")
        if not 0 <= self.strength <= 1:
            raise InputError(f"camera strength: got {self.strength}, expected 0 to 1; choose a value in that range")

    @property
    def moves(self) -> bool:
        """Whether the camera does anything at all."""
        return self.name != STATIC.name and self.strength > 0

    def view_at(self, elapsed: float, duration_s: float) -> View:
        """The camera when a share `elapsed` in [0, 1] of `duration_s` has gone by. Pans and tilts rest halfway."""
        match self.name:
            case "pan-left" | "pan-right":
                travel = min(PAN_SPEED_PER_S * duration_s, MOST_TRAVEL) * self.strength
                return View(x=(-1 if self.name == "pan-left" else 1) * travel * (elapsed - 0.5))
            case "tilt-up" | "tilt-down":
                travel = TILT_HEIGHT * self.strength
                return View(y=(-1 if self.name == "tilt-up" else 1) * travel * (eased(elapsed) - 0.5))
            case "zoom-in":
                return View(zoom=ZOOM ** (self.strength * eased(elapsed)))
            case "zoom-out":
                return View(zoom=ZOOM ** (self.strength * (1 - eased(elapsed))))
            case "handheld":
                return shaken(elapsed * duration_s, self.strength)
            case _:
                return REST


def eased(elapsed: float) -> float:
    """0 → 1 with a soft start and stop."""
    return elapsed * elapsed * (3 - 2 * elapsed)


def shaken(time_s: float, strength: float = 1.0) -> View:
    """Three slow waves an axis, which never repeat within a clip."""
    x = math.sin(math.tau * 0.7 * time_s) + 0.6 * math.sin(math.tau * 1.3 * time_s + 1.0)
    y = math.sin(math.tau * 0.9 * time_s + 2.0) + 0.5 * math.sin(math.tau * 1.7 * time_s)
    return View(x=SHAKE * strength * x, y=0.7 * SHAKE * strength * y, zoom=SHAKE_ZOOM**strength)


def prompt_with(prompt: str, tag: Tag) -> str:
    """The prompt with the canonical words of `tag` where captions have them: last. One that says so already stays.

    Raises `InputError` for a prompt that says another move.
    """
    said = said_in(prompt)
    if said is not None and said[0] != tag:
        raise InputError(
            f"camera: got {tag.name} for a prompt that says {said[1]!r}, expected one move; leave one of them out"
        )
    return prompt if said is not None else f"{prompt.rstrip(' .,')}, {tag.phrases[0]}"


def standing_still(prompt: str) -> str:
    """The prompt with a static camera instead of whatever it says of one."""
    said = said_in(prompt)
    if said is None:
        return prompt_with(prompt, STATIC)
    at = prompt.lower().index(said[1])
    return prompt[:at] + STATIC.phrases[0] + prompt[at + len(said[1]) :]


def said_in(prompt: str) -> tuple[Tag, str] | None:
    """The first move that a prompt says, and in which phrase."""
    lowered = prompt.lower()
    return next(((tag, phrase) for tag in TAGS.values() for phrase in tag.phrases if phrase in lowered), None)
