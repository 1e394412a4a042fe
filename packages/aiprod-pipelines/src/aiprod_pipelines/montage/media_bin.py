"""The films, sounds and pictures that a timeline names, found on this disk and looked into once.

A name is looked for where it points, beside the timeline, and by file name in the folders given. Knows nothing of cuts.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
import opentimelineio as otio

from aiprod_core.errors import InputError
from aiprod_pipelines.footage import Footage
from aiprod_pipelines.media import damaged, picture_track

FILMS = (".mp4", ".mov", ".mkv", ".webm", ".mxf", ".avi", ".m4v")
SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".aac", ".aif", ".aiff")
STILLS = (".png", ".jpg", ".jpeg")
SUFFIXES = frozenset((*FILMS, *SOUNDS, *STILLS))


@dataclass(frozen=True, kw_only=True)
class Material:
    """A file and what is in it. `footage`: None for a sound alone. `timecode`: of its first frame, "" for none."""

    path: Path
    footage: Footage | None
    has_sound: bool
    timecode: str

    def first_frame(self, rate: Fraction) -> Fraction:
        """The number that the file's clock gives its first frame, at `rate`; 0 where it has no clock."""
        if not self.timecode:
            return Fraction(0)
        try:
            return Fraction(otio.opentime.from_timecode(self.timecode, float(rate)).value)
        except ValueError:
            return Fraction(0)  # of another rate than the timeline's: then its numbers mean nothing there


@dataclass
class MediaBin:
    """Where media is looked for. `folder`: the timeline's own. `search`: further folders, with all below them."""

    folder: Path
    search: tuple[Path, ...] = ()
    _opened: dict[Path, Material] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for folder in self.search:
            if not folder.is_dir():
                raise InputError(f"{folder}: got no such folder, expected one with media; check --media")

    def find(self, clip: otio.schema.Clip) -> Path | None:
        """The file of `clip`, or None. Raises `InputError` where two files of that name lie in the folders."""
        reference = clip.media_reference
        if isinstance(reference, otio.schema.ExternalReference) and reference.target_url:
            given = path_of(reference.target_url)
            for path in (given, self.folder / given, self.folder / given.name):
                if path.is_file():
                    return path
            return self._by_name(given.name)
        return self._by_name(clip.name or "") or self._by_name(reference.name or "" if reference else "")

    def open(self, path: Path) -> Material:
        """What is in the file. Raises `MediaError` for one that is damaged or neither picture nor sound."""
        if path not in self._opened:
            self._opened[path] = _look_into(path)
        return self._opened[path]

    def _by_name(self, name: str) -> Path | None:
        if not name:
            return None
        found = self._names.get(name.lower()) or self._stems.get(name.lower(), [])
        if len(found) > 1:
            raise InputError(
                f"{name}: got {found[0]} and {found[1]}, expected one file of that name; give a narrower --media folder"
            )
        return found[0] if found else None

    @cached_property
    def _files(self) -> list[Path]:
        beside = [path for path in self.folder.iterdir() if path.is_file()]
        below = [path for folder in self.search for path in folder.rglob("*") if path.is_file()]
        return sorted({path.resolve() for path in beside + below if path.suffix.lower() in SUFFIXES})

    @cached_property
    def _names(self) -> dict[str, list[Path]]:
        return _grouped([(path.name.lower(), path) for path in self._files])

    @cached_property
    def _stems(self) -> dict[str, list[Path]]:
        return _grouped([(path.stem.lower(), path) for path in self._files])


def path_of(url: str) -> Path:
    """The path that a URL or a path names; a file on this machine, whatever host and drive are said."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else Path(unquote(url) if "%" in url else url)


def _grouped(pairs: list[tuple[str, Path]]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for name, path in pairs:
        groups.setdefault(name, []).append(path)
    return groups


def _look_into(path: Path) -> Material:
    try:
        with av.open(str(path)) as container:
            tags: dict[str, str] = {}
            for holder in (*container.streams, container):
                tags |= {name.lower(): value for name, value in holder.metadata.items()}  # Matroska's are capitals
            has_picture, has_sound = picture_track(container) is not None, bool(container.streams.audio)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise damaged(path, error, "a film, a sound or a picture") from error
    return Material(
        path=path,
        footage=Footage.open(path) if has_picture else None,
        has_sound=has_sound,
        timecode=tags.get("timecode", ""),
    )
