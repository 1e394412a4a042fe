"""Screenplays in files: which format a name stands for, and errors that name file and line."""

from collections.abc import Callable
from pathlib import Path

from aiprod_core.errors import InputError
from aiprod_pipelines.film.fountain import parse_fountain
from aiprod_pipelines.film.markdown import parse_markdown
from aiprod_pipelines.film.screenplay import Screenplay

FORMATS: dict[str, Callable[[str], Screenplay]] = {
    ".fountain": parse_fountain,
    ".spmd": parse_fountain,
    ".txt": parse_fountain,
    ".md": parse_markdown,
    ".markdown": parse_markdown,
}
MAX_BYTES = 4 * 2**20


def source_of(words: str) -> str | Path:
    """A file where the words are the name of one that can be a screenplay; else they are a prompt.

    Raises `InputError` where they are the name of a file of another kind, which nobody means as a prompt.
    """
    if len(words) >= 1000 or "\n" in words:
        return words
    path = Path(words)
    if path.suffix.lower() in FORMATS:
        return path
    if path.suffix and path.is_file():
        raise InputError(
            f"{path}: got a file ending in {path.suffix!r}, expected a sentence or a screenplay, "
            f"{', '.join(FORMATS)}; name a clip of your own in a storyboard instead"
        )
    return words


def read_screenplay(path: Path) -> Screenplay:
    """The screenplay at `path`. Raises `InputError` for a file that is absent, not text, too large, or empty."""
    parse = FORMATS.get(path.suffix.lower())
    if parse is None:
        raise InputError(f"{path}: got {path.suffix or 'no suffix'}, expected one of {', '.join(FORMATS)}; rename it")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}), expected a screenplay; check the name") from error
    if len(raw) > MAX_BYTES:
        raise InputError(f"{path}: got {len(raw)} bytes, expected a screenplay of at most {MAX_BYTES}; cut it in two")
    screenplay = parse(_text(path, raw))
    if not any(scene.blocks for scene in screenplay.scenes):
        line = screenplay.scenes[0].line if screenplay.scenes else 1
        raise InputError(f"{path}:{line}: got nothing that happens, expected action or dialogue; write some")
    return screenplay


def _text(path: Path, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
        wrong = text.find("\0")
        line = text[: max(wrong, 0)].count("\n") + 1
    except UnicodeDecodeError as error:
        text, wrong, line = "", error.start, raw[: error.start].count(b"\n") + 1
    if wrong >= 0:
        raise InputError(f"{path}:{line}: this is not text in UTF-8, expected a screenplay; save it as plain text")
    return text.replace("\r\n", "\n").replace("\r", "\n")
