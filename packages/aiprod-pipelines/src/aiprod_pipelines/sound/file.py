"""Sound in files: read from anything that holds some, written as WAV of 32-bit floats, which loses nothing."""

import struct
from pathlib import Path

import av
import numpy as np

from aiprod_core.errors import MediaError
from aiprod_pipelines import output
from aiprod_pipelines.media import damaged, read_sound
from aiprod_pipelines.picture import SOUND_RATE_HZ, Sound

MOST_CHANNELS = 6
LARGEST_BYTES = 2**32 - 2**16  # what a WAV file can count
STREAMED = (0, 0xFFFFFFFF)  # sizes of a WAV file whose writer could not go back to its header
IEEE_FLOAT = 3  # WAVE_FORMAT_IEEE_FLOAT of the RIFF registry


def read_sound_file(path: Path, *, rate_hz: int = SOUND_RATE_HZ, most_channels: int = MOST_CHANNELS) -> Sound:
    """The first sound track of a sound or film file at `rate_hz`: one channel, two, or 5.1, mixed down to the most.

    Raises `MediaError` for a file that is missing, holds no sound, is damaged or cut off.
    """
    samples, _ = read_sound(path, rate_hz=rate_hz, most_channels=most_channels)
    missing_bytes = _missing_bytes(path)
    if missing_bytes or not samples.shape[1]:
        raise MediaError(
            f"{path}: got {samples.shape[1] / rate_hz:.2f} s of sound, and {missing_bytes} bytes less than its header "
            "promises; copy it again from its source"
        )
    return Sound(np.ascontiguousarray(samples), rate_hz)


def duration_s(path: Path) -> float:
    """How long the sound of a file is, by its header. Raises `MediaError` where that cannot be said."""
    if not path.is_file():
        raise MediaError(f"{path}: got no such file, expected a sound; check the path")
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError(f"{path}: got no sound track, expected one; give a file with sound")
            stream = container.streams.audio[0]
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            if container.duration is not None:
                return float(container.duration / av.time_base)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise damaged(path, error, "a whole sound") from error
    return read_sound_file(path).duration_s


def write_wav(path: Path, sound: Sound) -> None:
    """Write `sound` whole or not at all. Raises `MediaError` where it cannot be, or is longer than WAV holds."""
    interleaved = np.ascontiguousarray(sound.samples.T, dtype="<f4").tobytes()
    if len(interleaved) > LARGEST_BYTES:
        raise MediaError(f"{path}: got {sound.duration_s:.0f} s, more than a WAV file holds; write it in parts")
    channels = len(sound.samples)
    fmt = struct.pack("<HHIIHH", IEEE_FLOAT, channels, sound.rate_hz, sound.rate_hz * 4 * channels, 4 * channels, 32)
    fact = struct.pack("<I", sound.samples.shape[1])
    body = b"".join(
        name + struct.pack("<I", len(chunk)) + chunk
        for name, chunk in ((b"fmt ", fmt), (b"fact", fact), (b"data", interleaved))
    )
    output.save({path: b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body})


def _missing_bytes(path: Path) -> int:
    """How much of a WAV file's data is not there, which its reader does not say; 0 for any other file."""
    with path.open("rb") as file:
        header = file.read(12)
        if header[:4] != b"RIFF" or header[8:] != b"WAVE":
            return 0
        size_bytes = path.stat().st_size
        while len(chunk := file.read(8)) == 8:
            name, length_bytes = chunk[:4], int(struct.unpack("<I", chunk[4:])[0])
            if name == b"data":
                return 0 if length_bytes in STREAMED else max(file.tell() + length_bytes - size_bytes, 0)
            file.seek(length_bytes + length_bytes % 2, 1)
    return 0
