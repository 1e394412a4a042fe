"""The tracks beside the picture: sound, encoded once, and soft subtitles (3GPP timed text).

Knows PyAV's encoders; knows nothing of the picture but how far it has come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.subtitles.subtitle import SubtitleSet

from aiprod_core.errors import InputError
from aiprod_pipelines.delivery.profiles import AAC_BITS_PER_S
from aiprod_pipelines.picture import CHANNELS, Sound
from aiprod_pipelines.subtitles import Cue

# ISO 639-1 to 639-2/T, of the languages that the studio speaks; MP4 and MOV know the latter only.
THREE_LETTERS = {
    "de": "deu",
    "en": "eng",
    "es": "spa",
    "fr": "fra",
    "hi": "hin",
    "it": "ita",
    "pt": "por",
    "ru": "rus",
}
PIECE_S = 1.0  # of sound, encoded while the picture's packets pass
CUE_CLOCK = Fraction(1, 1000)
# The encoder of timed text takes its style from the header of an ASS file.
_STYLE = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,sans-serif,18,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def three_letters(language: str) -> str:
    """The code of ISO 639-2 that MP4 takes. Raises `InputError` for what is not a language code."""
    code = THREE_LETTERS.get(language, language)
    if len(code) != 3 or not (code.isascii() and code.isalpha() and code.islower()):
        known = ", ".join(THREE_LETTERS)
        raise InputError(f"language: got {language!r}, expected three letters of ISO 639-2, or one of {known}")
    return code


@dataclass
class SoundTrack:
    """The sound of a film on its way into a container, as far as the picture has come."""

    container: av.container.OutputContainer
    stream: av.AudioStream
    sound: Sound
    written: int = 0  # samples

    @classmethod
    def of(cls, container: av.container.OutputContainer, sound: Sound, codec: str, language: str) -> "SoundTrack":
        """A track of `sound` by the encoder `codec`, `aac` or a PCM of 24 or 32 bits."""
        channels = sound.samples.shape[0]
        stream = container.add_stream(codec, rate=sound.rate_hz, layout=CHANNELS[channels])
        assert isinstance(stream, av.AudioStream)
        if codec == "aac":
            stream.codec_context.bit_rate = AAC_BITS_PER_S[channels]
        stream.metadata["language"] = three_letters(language)
        return cls(container, stream, sound)

    def advance(self, until_s: float) -> None:
        """Encode what is heard up to a piece after `until_s`."""
        while self.written < min(until_s * self.sound.rate_hz, self.sound.samples.shape[1]):
            piece = self.sound.samples[:, self.written :][:, : round(PIECE_S * self.sound.rate_hz)]
            self.container.mux(self.stream.encode(self._frame(piece)))
            self.written += piece.shape[1]

    def finish(self) -> None:
        """Encode the rest."""
        self.advance(self.sound.duration_s + PIECE_S)
        self.container.mux(self.stream.encode())

    def _frame(self, piece: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> av.AudioFrame:
        layout = CHANNELS[len(piece)]
        match self.stream.codec_context.name:
            case "pcm_s24le":  # rounded here, not cut off as in a change of format
                whole = np.rint(piece.clip(-1, 1 - 2**-23).astype(np.float64) * 2**23).astype(np.int32) << 8
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole.T).reshape(1, -1), "s32", layout)
            case "pcm_f32le":
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece.T).reshape(1, -1), "flt", layout)
            case _:
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece.clip(-1, 1)), "fltp", layout)
        frame.sample_rate, frame.pts = self.sound.rate_hz, self.written
        frame.time_base = Fraction(1, self.sound.rate_hz)
        return frame


def add_cues(container: av.container.OutputContainer, cues: Sequence[Cue], language: str) -> None:
    """Add `cues` to an MP4 or MOV file as soft subtitles; all other tracks must have been added."""
    stream = container.add_stream("mov_text")
    assert isinstance(stream, av.subtitles.stream.SubtitleStream)
    stream.codec_context.subtitle_header = _STYLE
    stream.codec_context.time_base = stream.time_base = CUE_CLOCK
    stream.metadata["language"] = three_letters(language)
    container.start_encoding()
    for number, cue in enumerate(cues):
        start, end = (round(time_s / CUE_CLOCK) for time_s in (cue.start_s, cue.end_s))
        text = cue.text.replace("\n", "\\N").replace("{", "(").replace("}", ")")  # braces are commands in ASS
        line = f"{number},0,Default,,0,0,0,,{text}"
        packet = stream.codec_context.encode_subtitle(SubtitleSet.create(line.encode(), 0, end - start))
        packet.stream, packet.time_base = stream, CUE_CLOCK
        packet.pts = packet.dts = start
        packet.duration = end - start
        container.mux(packet)
