"""Sound stored as codes: for each latent the code of each codebook, in as many bits as it needs, and 30 bytes besides.

All numbers are little-endian; bits are filled from the highest, latent after latent, so that the beginning of a file is
the beginning of its sound. Knows bytes and bits; which codec turns codes into sound, only by its digest.

    magic "APNC" · version · codebooks · bits of a code · 0 · sample rate · samples · latents · codec · codes · CRC-32
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from aiprod_core.errors import MediaError
from aiprod_pipelines import output

MAGIC, VERSION = b"APNC", 1
HEADER = struct.Struct("<4sBBBxIII6s")
CHECK = struct.Struct("<I")  # CRC-32 (ISO 3309) of all that stands before it
MOST_CODE_BITS = 32


@dataclass(frozen=True, kw_only=True)
class SoundCodes:
    """Codes int64 `[q l]`, each in [0, 2 ** code_bits), and the sound that they stand for.

    `samples`: how long it is at `sample_rate_hz`; the last latent may reach beyond it. `codec`: what made them.
    """

    codes: NDArray[np.int64]
    code_bits: int
    sample_rate_hz: int
    samples: int
    codec: str

    @property
    def duration_s(self) -> float:
        return self.samples / self.sample_rate_hz


def pack(sound: SoundCodes) -> bytes:
    """The file of `sound` as bytes, the same for the same codes."""
    books, latents = sound.codes.shape
    rate_hz, codec = sound.sample_rate_hz, bytes.fromhex(sound.codec)
    header = HEADER.pack(MAGIC, VERSION, books, sound.code_bits, rate_hz, sound.samples, latents, codec)
    shifts = np.arange(sound.code_bits)[::-1]
    bits = rearrange(sound.codes, "q l -> l q 1") >> shifts & 1
    content = header + np.packbits(bits.astype(np.uint8)).tobytes()
    return content + CHECK.pack(zlib.crc32(content))


def unpack(content: bytes) -> SoundCodes:
    """The sound of a file that `pack` made. Raises `MediaError` for one that is foreign, cut off or damaged."""
    if content[: len(MAGIC)] != MAGIC:
        raise MediaError("got a file of another kind, expected one that 'aiprod audio encode' wrote; name that")
    if len(content) < HEADER.size + CHECK.size:
        raise MediaError(f"got {len(content)} bytes, cut off within its header; copy it again from its source")
    _, version, books, code_bits, rate_hz, samples, latents, codec = HEADER.unpack_from(content)
    if version != VERSION:
        raise MediaError(f"got version {version}, expected {VERSION}; read it with the release that wrote it")
    promised = HEADER.size + -(-latents * books * code_bits // 8) + CHECK.size
    if len(content) != promised:
        raise MediaError(f"got {len(content)} bytes, expected {promised}: cut off or damaged; copy it again")
    body, (check,) = content[: -CHECK.size], CHECK.unpack_from(content, promised - CHECK.size)
    if zlib.crc32(body) != check:
        raise MediaError("got bytes that do not match their checksum: damaged; copy it again from its source")
    if not (latents and books and 0 < code_bits <= MOST_CODE_BITS and rate_hz and samples):
        raise MediaError("got a file without a sound in it, expected one of 'aiprod audio encode'; make it again")
    bits = np.unpackbits(np.frombuffer(body, np.uint8, offset=HEADER.size), count=latents * books * code_bits)
    weights = 1 << np.arange(code_bits, dtype=np.int64)[::-1]
    codes = rearrange(bits, "(l q n) -> q l n", q=books, n=code_bits) @ weights
    return SoundCodes(codes=codes, code_bits=code_bits, sample_rate_hz=rate_hz, samples=samples, codec=codec.hex())


def write_codes(path: Path, sound: SoundCodes) -> None:
    """Write `sound` whole or not at all. Raises `MediaError` where it cannot be."""
    output.save({path: pack(sound)})


def read_codes(path: Path) -> SoundCodes:
    """The sound stored in a file. Raises `MediaError` for one that is missing, foreign, cut off or damaged."""
    try:
        return unpack(path.read_bytes())
    except OSError as error:
        raise MediaError(f"{path}: cannot read it ({error.strerror}), expected codes; check the path") from error
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from error
