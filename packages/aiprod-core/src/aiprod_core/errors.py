"""The errors of AIPROD: every message says what was got, what is expected, and what to do.

Commands turn an `AiprodError` into one line on stderr and a non-zero exit code; libraries only raise.
"""


class AiprodError(Exception):
    """Root of every error that a user can cause or repair."""


class InputError(AiprodError):
    """A request that cannot be carried out as written: prompt, size, length, path, option."""


class MediaError(AiprodError):
    """A picture, sound or video that cannot be read or written."""


class WeightsError(AiprodError):
    """Weights that are missing, damaged, or do not fit the model."""
