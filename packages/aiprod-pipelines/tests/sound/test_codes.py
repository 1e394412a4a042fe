"""Files of codes: every bit comes back, and a file that is cut, changed or somebody else's is refused."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from aiprod_core.errors import MediaError
from aiprod_pipelines.sound.codes import CHECK, HEADER, SoundCodes, pack, read_codes, unpack, write_codes


def _stored(books: int = 3, latents: int = 7, code_bits: int = 8) -> SoundCodes:
    codes = np.random.default_rng(0).integers(0, 2**code_bits, (books, latents))
    return SoundCodes(codes=codes, code_bits=code_bits, sample_rate_hz=24_000, samples=6500, codec="0123456789ab")


def _sealed(content: bytes) -> bytes:
    """The content with the checksum that it should have."""
    body = content[: -CHECK.size]
    return body + CHECK.pack(zlib.crc32(body))


@pytest.mark.parametrize(("books", "latents", "code_bits"), [(1, 1, 1), (3, 7, 3), (8, 63, 8), (4, 11, 10), (2, 5, 17)])
def test_what_is_packed_is_unpacked_in_as_few_bytes_as_it_needs(books: int, latents: int, code_bits: int) -> None:
    stored = _stored(books, latents, code_bits)
    content = pack(stored)
    again = unpack(content)
    assert len(content) == 30 + -(-books * latents * code_bits // 8)
    assert again.codes.dtype == np.int64
    np.testing.assert_array_equal(again.codes, stored.codes)
    assert (again.code_bits, again.sample_rate_hz, again.samples, again.codec) == (
        code_bits, 24_000, 6500, "0123456789ab",
    )  # fmt: skip
    assert again.duration_s == pytest.approx(6500 / 24_000)


def test_a_single_wrong_bit_is_refused() -> None:
    content = pack(_stored())
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(MediaError):
            unpack(bytes(changed))


def test_every_cut_and_every_appendix_is_refused() -> None:
    content = pack(_stored())
    for length in range(len(content)):
        with pytest.raises(MediaError, match=r"cut off|another kind"):
            unpack(content[:length])
    with pytest.raises(MediaError, match=f"got {len(content) + 1} bytes, expected {len(content)}"):
        unpack(content + b"\0")


def test_files_of_other_kinds_and_versions_say_so() -> None:
    with pytest.raises(MediaError, match="another kind"):
        unpack(b"RIFF" + bytes(100))
    content = pack(_stored())
    with pytest.raises(MediaError, match="got version 2, expected 1"):
        unpack(_sealed(content[:4] + b"\2" + content[5:]))


@pytest.mark.parametrize("field", range(2, 7))
def test_a_whole_file_without_a_sound_is_refused(field: int) -> None:
    """Books, bits, rate, samples or latents of zero: nothing that `pack` is ever given."""
    fields = list(HEADER.unpack_from(pack(_stored())))
    fields[field] = 0
    books, code_bits, latents = (fields[place] for place in (2, 3, 6))
    with pytest.raises(MediaError, match="without a sound"):
        unpack(_sealed(HEADER.pack(*fields) + bytes(-(-books * code_bits * latents // 8) + CHECK.size)))


def test_a_file_is_named_in_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.nac"
    write_codes(path, _stored())
    np.testing.assert_array_equal(read_codes(path).codes, _stored().codes)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(MediaError, match=r"a\.nac: got 40 bytes, expected 51"):
        read_codes(path)
    for absent in (tmp_path / "none.nac", tmp_path):
        with pytest.raises(MediaError, match=f"{absent}: cannot read it"):
            read_codes(absent)
    with pytest.raises(MediaError, match="cannot write it"):
        write_codes(tmp_path / "no folder" / "a.nac", _stored())
    assert [path.name for path in tmp_path.iterdir()] == ["a.nac"]
