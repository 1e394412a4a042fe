"""Sizes of memory and files, in the words of people and back."""

import re

import typer


def parse_size(words: str) -> int:
    """Bytes of "1.5GiB", "800 MB" or "1073741824". Raises `typer.BadParameter`, a usage error."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", words, re.IGNORECASE)
    if match is None:
        raise typer.BadParameter(f"got {words!r}, expected a size such as 1GiB, 800MB or 1073741824")
    number, prefix, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** ("KMGT".index(prefix.upper()) + 1 if prefix else 0))


def said(size_bytes: int) -> str:
    """A size as people say it: "3.4 MB"."""
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
