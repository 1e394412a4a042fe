from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.color import exr, transfer
from aiprod_pipelines.picture import Encoding, Frame


@pytest.mark.parametrize("encoding", [Encoding.REC709, Encoding.PQ])
def test_light_comes_back_as_halves_with_its_primaries(encoding: Encoding, tmp_path: Path) -> None:
    light = np.random.default_rng(0).uniform(-0.1, 50, (20, 30, 3)).astype(np.float32)
    exr.write(tmp_path / "a.exr", light, encoding)
    picture = exr.read(tmp_path / "a.exr")
    assert (picture.light == light.astype(np.float16)).all()
    assert picture.chromaticities is not None
    np.testing.assert_allclose(picture.chromaticities, exr.CHROMATICITIES[encoding.is_hdr], atol=1e-6)
    with OpenEXR.File(str(tmp_path / "a.exr")) as file:
        assert file.header()["whiteLuminance"] == (203 if encoding.is_hdr else 100)
        assert file.channels()["RGB"].pixels.dtype == np.float16


def test_more_than_a_half_holds_is_its_greatest(tmp_path: Path) -> None:
    exr.write(tmp_path / "a.exr", np.full((2, 2, 3), 1e6, np.float32), Encoding.PQ)
    assert (exr.read(tmp_path / "a.exr").light == exr.HALF_MAX).all()


def test_a_sequence_is_numbered_from_1_and_holds_the_frames(frame: Frame, tmp_path: Path) -> None:
    frames = [frame, 255 - frame]
    assert exr.write_sequence(tmp_path / "shot.exr", iter(frames), Encoding.REC709) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shot.000001.exr", "shot.000002.exr"]
    for number, original in enumerate(frames, 1):
        light = exr.read(exr.numbered(tmp_path / "shot.exr", number)).light
        assert (transfer.from_light(light, Encoding.REC709, np.uint8) == original).all()


def test_the_same_picture_is_the_same_bytes(tmp_path: Path) -> None:
    light = np.random.default_rng(0).random((9, 9, 3)).astype(np.float32)
    for name in ("a.exr", "b.exr"):
        exr.write(tmp_path / name, light, Encoding.REC709)
    assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()


def test_a_picture_of_others_is_read(media: Path) -> None:
    picture = exr.read(media / "image" / "ocio_clf_test.exr")
    assert picture.light.shape == (1024, 1024, 3)
    assert picture.chromaticities is None
    assert np.isfinite(picture.light).all()


def test_a_truncated_picture_is_refused_and_nothing_is_printed(
    media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (media / "image" / "ocio_clf_test.exr").read_bytes()
    (tmp_path / "half.exr").write_bytes(content[: len(content) // 2])
    with pytest.raises(MediaError, match=r"half\.exr: got a damaged or foreign file"):
        exr.read(tmp_path / "half.exr")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [None, b"", b"hello", b"\x76\x2f\x31\x01"])
def test_what_is_no_picture_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.exr"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=r"x\.exr: got"):
        exr.read(path)


def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected finite"):
        exr.write(tmp_path / "a.exr", np.full((2, 2, 3), np.nan, np.float32), Encoding.PQ)
    with pytest.raises(MediaError, match="got no frame"):
        exr.write_sequence(tmp_path / "a.exr", [], Encoding.PQ)
    with pytest.raises(MediaError, match="cannot write"):
        exr.write(tmp_path / "gone" / "a.exr", np.zeros((2, 2, 3), np.float32), Encoding.PQ)
    assert list(tmp_path.iterdir()) == []
