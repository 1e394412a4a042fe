"""What may be asked for under `/api/v1`: the bodies, with the ranges that the OpenAPI document shows.

Knows the form of a field. What is left out is filled in by `orders`; what a text may be, the sanitizer knows, and the
document says it here. A field that is null is one that is left out.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter

from aiprod_core.camera import STEERED
from aiprod_server.api.reading import WHOLE
from aiprod_server.orchestration.blocks import Tier

MOST_IMAGES = 8
MOST_FRAMES = 1025  # of any model; a configuration may allow less
_BANNED = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069"
TEXT = rf"^[^{_BANNED}]*[^{_BANNED}\s\ufeff][^{_BANNED}]*$"  # with something to be seen in it
MODEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
# RFC 4648, 4: four characters are three bytes, of which the last two may be filled up.
DATA_URL = (
    r"^data:image/(png|jpeg|webp);base64,([A-Za-z0-9+/]{4})*"
    r"([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$"
)
URL = r"^https?://[^\x00-\x20\x7f\\]+$"

# Formats of our own: what the pattern cannot say, such as bytes that are a picture.
Text = Annotated[str, Field(json_schema_extra={"minLength": 1, "pattern": TEXT, "format": "prompt"})]
NoText = Annotated[str, Field(json_schema_extra={"pattern": rf"^[^{_BANNED}]*$", "format": "prompt"})]
Screenplay = Annotated[str, Field(json_schema_extra={"minLength": 1, "pattern": TEXT, "format": "screenplay"})]
Picture = Annotated[str, Field(pattern=DATA_URL, json_schema_extra={"format": "image-data-url"})]
WebhookUrl = Annotated[str, Field(pattern=URL, max_length=2048, json_schema_extra={"format": "webhook-url"})]
ModelName = Annotated[str, Field(pattern=MODEL_NAME)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1), WHOLE]
Side = Annotated[int, Field(ge=16, le=2048), WHOLE]
Frames = Annotated[int, Field(ge=1, le=MOST_FRAMES), WHOLE]
Rate = Annotated[float, Field(ge=1, le=120)]
Steps = Annotated[int, Field(ge=1, le=1000), WHOLE]
Guidance = Annotated[float, Field(ge=0, le=50)]
Share = Annotated[float, Field(ge=0, le=1)]


# Its form is that of `aiprod storyboard --schema`, in short here: at least one shot.
STORYBOARD: dict[str, Any] = {
    "format": "storyboard",
    "required": ["shots"],
    "properties": {"shots": {"type": "array", "minItems": 1}},
}


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ImageBody(_Body):
    """A picture that the clip shows at a frame. `strength`: 1 keeps it exactly, 0 ignores it."""

    data: Picture
    frame: Annotated[int, Field(ge=0, le=1024), WHOLE] = 0
    strength: Share = 1.0


class CameraBody(_Body):
    """A move of the camera. `strength`: share of its whole path."""

    move: Literal[STEERED]  # type: ignore[valid-type]  # the names stand in one place
    strength: Share = 1.0


class ClipFields(_Body):
    """What a clip can be asked to be, in JSON and in a form alike. Sides in pixels, `frame_rate` in Hz.

    Sizes, lengths and steps that the model or the tier cannot do are moved to the nearest that they can, and the answer
    says so in `snapped`. `webhook_url`: where the end of the job is told.
    """

    tier: Tier = "standard"
    prompt: Text
    negative_prompt: NoText | None = None
    seed: Seed | None = None
    width: Side | None = None
    height: Side | None = None
    num_frames: Frames | None = None
    frame_rate: Rate | None = None
    num_inference_steps: Steps | None = None
    guidance_scale: Guidance | None = None
    model: ModelName | None = None
    audio: bool = True
    webhook_url: WebhookUrl | None = None


class ClipBody(ClipFields):
    """A clip from a sentence, and pictures if wanted."""

    kind: Literal["clip"] = "clip"
    images: tuple[ImageBody, ...] = Field((), max_length=MOST_IMAGES, strict=False)
    camera: CameraBody | None = None


def without_null(schema: dict[str, Any]) -> None:
    """A form has no null: a field is there or not."""
    for name, field in schema["properties"].items():
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        if kinds:
            schema["properties"][name] = kinds[0]


class ClipForm(ClipFields):
    """A clip as the fields of a form. `image`, a file: the picture that the clip begins with."""

    model_config = ConfigDict(json_schema_extra=without_null)

    image: Annotated[bytes | None, Field(json_schema_extra={"format": "image"})] = None

    def clip(self) -> ClipBody:
        """The same as a body of JSON, without the picture."""
        return ClipBody(**self.model_dump(exclude_unset=True, exclude={"image"}))


class _FilmFields(_Body):
    kind: Literal["film"]
    tier: Tier = "standard"
    seed: Seed | None = None
    model: ModelName | None = None
    webhook_url: WebhookUrl | None = None


class FilmBody(_FilmFields):
    """A film from a sentence or a screenplay."""

    prompt: Screenplay


class StoryboardBody(_FilmFields):
    """A film from a storyboard, as `aiprod storyboard` writes it."""

    storyboard: dict[str, Any] = Field(json_schema_extra=STORYBOARD)


Body: TypeAlias = ClipBody | FilmBody | StoryboardBody


def _which(body: Any) -> str:
    if not isinstance(body, dict):
        return "clip"
    kind = str(body.get("kind", "clip"))
    return "storyboard" if kind == "film" and "storyboard" in body else kind


_Chosen = Annotated[
    Annotated[ClipBody, Tag("clip")] | Annotated[FilmBody, Tag("film")] | Annotated[StoryboardBody, Tag("storyboard")],
    Discriminator(_which, custom_error_type="kind", custom_error_message="expected clip or film"),
]
BODY: TypeAdapter[Body] = TypeAdapter(_Chosen)
