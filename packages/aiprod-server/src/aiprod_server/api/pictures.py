"""Pictures that clients give: decoded once, for real, before any is kept. Knows no job.

A file whose header promises more pixels than allowed is refused before they are made: some kilobytes can say billions.
"""

import base64
import binascii
import io
import warnings

from aiprod_server.problem import ProblemError

MOST_PX = 16_000_000
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}


def from_data_url(url: str, field: str) -> bytes:
    """The bytes of a `data:` URL in base64 (RFC 2397).

    Raises:
        ProblemError: it is not base64.
    """
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error:
        raise _unreadable(field, "got a data: URL that is not base64") from None


def checked(content: bytes, field: str) -> str:
    """The suffix of the picture's format, after all of it was decoded.

    Raises:
        ProblemError: it is no PNG, JPEG or WebP, damaged, or has too many pixels; `field` is named as its place.
    """
    from PIL import Image  # slow to import, and needed when a picture comes

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=tuple(SUFFIXES)) as picture:
                if picture.width * picture.height > MOST_PX:
                    raise _unreadable(field, f"got {picture.width} × {picture.height} px, expected at most {MOST_PX}")
                picture.load()
                return SUFFIXES[str(picture.format)]
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _unreadable(field, f"got too many pixels, expected at most {MOST_PX}") from None
    except (OSError, ValueError, SyntaxError, EOFError):  # what Pillow raises for damaged files
        raise _unreadable(field, "got something that is no whole PNG, JPEG or WebP") from None


def _unreadable(field: str, got: str) -> ProblemError:
    return ProblemError("unreadable_media", f"{field}: {got}; send another picture", param=field)
