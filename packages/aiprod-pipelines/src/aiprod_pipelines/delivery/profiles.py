"""Delivery profiles: what each name means in container, codec, pixels, sound and colour. Facts only; opens no file.

Every profile is deterministic: the same frames give the same bytes on any number of cores. So encoders run on a fixed
number of frame threads, and x265 and SVT-AV1 on one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from aiprod_core.errors import InputError
from aiprod_pipelines.delivery.content_light import UNMEASURED_NITS
from aiprod_pipelines.picture import Encoding

# x265 writes its settings, the CPU's abilities among them, into the stream unless told not to.
_X265 = "pools=none:frame-threads=1:info=0:log-level=none"
# BT.2020 primaries and D65 in units of 0.00002; 1000 and 0.0001 cd/m² in units of 0.0001 (SMPTE ST 2086).
_MASTERING_DISPLAY = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1)"
AAC_BITS_PER_S = {1: 128_000, 2: 256_000, 6: 512_000}  # by number of channels


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Tags of a stream, by the code points of ITU-T H.273. The range is always that of television."""

    primaries: int
    transfer: int
    matrix: int


COLOURS: Mapping[Encoding, Colour] = {
    Encoding.REC709: Colour(primaries=ColorPrimaries.BT709, transfer=ColorTrc.BT709, matrix=Colorspace.ITU709),
    Encoding.PQ: Colour(primaries=ColorPrimaries.BT2020, transfer=ColorTrc.SMPTE2084, matrix=Colorspace.BT2020),
    Encoding.HLG: Colour(primaries=ColorPrimaries.BT2020, transfer=ColorTrc.ARIB_STD_B67, matrix=Colorspace.BT2020),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a profile is made.

    `container`: the muxer's name. `suffix`: of the file, with its dot; a sequence has the suffix of one picture.
    `pixels`: what the encoder takes. `encodings`: what its frames may mean. `tag`: the name of the codec in MP4 and
    MOV where the muxer's own choice is not what players expect. `subtitles`: whether soft ones fit in the file.
    """

    container: str
    suffix: str
    codec: str
    pixels: str
    options: Mapping[str, str] = field(default_factory=dict)
    sound_codec: str = ""
    encodings: frozenset[Encoding] = frozenset({Encoding.REC709})
    tag: str = ""
    threads: int = 1
    subtitles: bool = True
    min_width_px: int = 16
    min_height_px: int = 16

    @property
    def is_sequence(self) -> bool:
        """Whether it is a folder of pictures instead of one file."""
        return self.container == "image2"


class Profile(StrEnum):
    """What a film is delivered as."""

    PREVIEW = "preview"
    WEB = "web"
    HEVC10 = "hevc10"
    AV1 = "av1"
    PRORES422 = "prores422"
    PRORES4444 = "prores4444"
    DNXHR = "dnxhr"
    EXR = "exr"
    HDR10 = "hdr10"
    HLG = "hlg"

    @property
    def recipe(self) -> Recipe:
        return RECIPES[self]

    def check(self, encoding: Encoding, width_px: int, height_px: int) -> None:
        """Raise `InputError` unless frames of this encoding and size can be delivered so."""
        recipe = self.recipe
        if encoding not in recipe.encodings:
            wanted = " or ".join(sorted(recipe.encodings))
            fitting = ", ".join(profile for profile in Profile if encoding in profile.recipe.encodings)
            raise InputError(
                f"profile {self}: got frames in {encoding}, expected {wanted}; "
                f"grade to {wanted} first, or choose one of {fitting}"
            )
        if width_px < recipe.min_width_px or height_px < recipe.min_height_px:
            raise InputError(
                f"profile {self}: got {width_px}×{height_px} px, expected at least "
                f"{recipe.min_width_px}×{recipe.min_height_px}; choose another profile or a larger picture"
            )


def _hevc(encodings: Encoding, *, x265: str = "") -> Recipe:
    return Recipe(
        container="mp4",
        suffix=".mp4",
        codec="libx265",
        pixels="yuv420p10le",
        options={"crf": "16", "preset": "fast", "x265-params": _X265 + x265},
        sound_codec="aac",
        encodings=frozenset({encodings}),
        tag="hvc1",
    )


def _mov(
    codec: str, pixels: str, options: Mapping[str, str], *, min_width_px: int = 16, min_height_px: int = 16
) -> Recipe:
    return Recipe(
        container="mov",
        suffix=".mov",
        codec=codec,
        pixels=pixels,
        options=options,
        sound_codec="pcm_s24le",
        min_width_px=min_width_px,
        min_height_px=min_height_px,
    )


RECIPES: Mapping[Profile, Recipe] = {
    Profile.PREVIEW: Recipe(
        container="mp4",
        suffix=".mp4",
        codec="libx264",
        pixels="yuv420p",
        # x264 gives the same bytes for the same number of threads, however many cores run them.
        options={"crf": "20", "preset": "ultrafast", "x264-params": "mbtree=0:sliced-threads=0"},
        threads=2,
        sound_codec="aac",
    ),
    Profile.WEB: Recipe(
        container="mp4",
        suffix=".mp4",
        codec="libx264",
        pixels="yuv420p",
        options={"crf": "17", "preset": "medium", "profile": "high", "x264-params": "mbtree=0"},
        sound_codec="aac",
    ),
    Profile.HEVC10: _hevc(Encoding.REC709),
    Profile.AV1: Recipe(
        container="mp4",
        suffix=".mp4",
        codec="libsvtav1",
        pixels="yuv420p10le",
        options={"crf": "24", "preset": "8", "svtav1-params": "lp=1"},
        sound_codec="aac",
    ),
    Profile.PRORES422: _mov("prores_ks", "yuv422p10le", {"profile": "hq", "vendor": "apl0"}),
    Profile.PRORES4444: _mov("prores_ks", "yuv444p10le", {"profile": "4444", "vendor": "apl0"}),
    # The encoder refuses anything smaller.
    Profile.DNXHR: _mov("dnxhd", "yuv422p10le", {"profile": "dnxhr_hqx"}, min_width_px=256, min_height_px=120),
    Profile.EXR: Recipe(
        container="image2", suffix=".exr", codec="exr", pixels="", encodings=frozenset(Encoding), subtitles=False
    ),
    Profile.HDR10: _hevc(
        Encoding.PQ,
        x265=":master-display={}:max-cll={},{}".format(_MASTERING_DISPLAY, *UNMEASURED_NITS),
    ),
    Profile.HLG: _hevc(Encoding.HLG),
}
