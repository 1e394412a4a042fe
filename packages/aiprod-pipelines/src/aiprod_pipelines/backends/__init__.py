"""What renders: the project's own models, or LTX-2.x weights that the owner downloaded (`--model ltx2:PATH`).

Says which of them a `--model` means. Loads nothing.
"""

from enum import StrEnum
from pathlib import Path

from aiprod_core.errors import WeightsError
from aiprod_pipelines.sovereignty import provision

LTX2_PREFIX = "ltx2:"


class Backend(StrEnum):
    """Whose models render."""

    SOVEREIGN = "sovereign"
    LTX2 = "ltx2"


def locate(model: str, *, environment: str | None = None) -> tuple[Backend, Path]:
    """The backend and the place of the weights called `model`: `ltx2:PATH`, or what `provision.locate` finds.

    Raises `WeightsError` where nothing is there.
    """
    if not model.startswith(LTX2_PREFIX):
        return Backend.SOVEREIGN, provision.locate(model, environment=environment)
    written = model.removeprefix(LTX2_PREFIX)
    path = Path(written).expanduser()
    if not written or not path.exists():
        raise WeightsError(
            f"weights {model}: got no such file or folder, expected LTX-2 weights on this machine; write "
            f"{LTX2_PREFIX}PATH with a single file of Lightricks or a folder as diffusers writes it"
        )
    return Backend.LTX2, path.resolve()
