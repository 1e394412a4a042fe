"""Which frames of which files a film asks for, in the order that it asks: known before the first is decoded.

So every file is decoded forward, once for each run of shots that follow each other in it, whatever is hidden under
another layer, nested, or played backwards.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from aiprod_pipelines.footage import Footage
from aiprod_pipelines.montage.edit import Edit, Shot
from aiprod_pipelines.montage.media_bin import MediaBin
from aiprod_pipelines.montage.reel import Fit, pictures
from aiprod_pipelines.picture import Format, Frame

Key: TypeAlias = tuple[int, ...]  # of a shot: the identities of the shots that it is nested in, and its own
FAR_S = 2  # a shot that begins this much further on in a file is sought, not read up to


@dataclass(kw_only=True)
class Reel:
    """A run through a file. `numbers`: its frames, in the order in which the film asks for them."""

    footage: Footage
    numbers: list[int] = field(default_factory=list)
    last_asked: int = -1  # frame of the film
    running: Iterator[Frame] | None = None
    taken: int = 0

    def leads_to(self, number: int, frame: int) -> bool:
        """Whether this run can go on to its file's frame `number`, which the film asks for at its own `frame`."""
        far = FAR_S * self.footage.frame_rate
        return self.last_asked < frame and self.numbers[-1] <= number <= self.numbers[-1] + far


@dataclass(kw_only=True)
class Reels(AbstractContextManager["Reels"]):
    """All the runs through files that an edit needs; a file is open only while its run is used."""

    format: Format
    fit: Fit
    depth: int
    by_shot: dict[Key, Reel]

    @classmethod
    def of(cls, edit: Edit, format: Format, media: MediaBin, fit: Fit, depth: int) -> "Reels":
        """Plan the runs. A shot that begins soon after where an earlier one of its file ended joins its run."""
        by_shot: dict[Key, Reel] = {}
        by_path: dict[Path, list[Reel]] = {}
        for frame in range(edit.num_frames):
            for key, path, shot, inner_frame in asked(edit, frame, ()):
                footage = media.open(path).footage
                assert footage is not None  # conform lets no sound among the pictures
                number = 0 if footage.num_frames == 1 else shot.picture(inner_frame, footage.frame_rate)
                reel = by_shot.get(key)
                if reel is None:
                    earlier = by_path.setdefault(path, [])
                    reel = next((one for one in earlier if one.leads_to(number, frame)), None)
                    if reel is None:
                        reel = Reel(footage=footage)
                        earlier.append(reel)
                    by_shot[key] = reel
                reel.numbers.append(number)
                reel.last_asked = frame
        return cls(format=format, fit=fit, depth=depth, by_shot=by_shot)

    def next(self, key: Key) -> Frame:
        """The next frame of a shot, in the order planned."""
        reel = self.by_shot[key]
        if reel.running is None:
            reel.running = pictures(reel.footage, reel.numbers, self.format, self.fit, depth=self.depth)
        frame = next(reel.running)
        reel.taken += 1
        if reel.taken == len(reel.numbers):
            _close(reel)
        return frame

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reel in self.by_shot.values():
            _close(reel)


def asked(edit: Edit, frame: int, key: Key) -> Iterator[tuple[Key, Path, Shot, int]]:
    """The shots of files that `frame` of `edit` needs, those of nested edits too, each with its own edit's frame."""
    for layer in edit.visible(frame):
        for shot in layer.shown(frame):
            own = (*key, id(shot))
            if isinstance(shot.source, Edit):
                yield from asked(shot.source, shot.picture(frame, shot.source.frame_rate), own)
            elif isinstance(shot.source, Path):
                yield own, shot.source, shot, frame


def _close(reel: Reel) -> None:
    if reel.running is not None:
        reel.running.close()  # type: ignore[attr-defined]  # a generator
        reel.running = None
