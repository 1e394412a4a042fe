from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aiprod_core.errors import InputError, MediaError
from aiprod_pipelines.color import lut
from aiprod_pipelines.color.grade import Cdl

GATE = 1e-6


def cube_of(size: int, top: float = 1.0) -> NDArray[np.float32]:
    steps = np.linspace(0, top, size, dtype=np.float32)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)


@pytest.fixture
def table() -> NDArray[np.float32]:
    return np.random.default_rng(2).uniform(-0.1, 1.2, (7, 7, 7, 3)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".cube", ".clf"])
@pytest.mark.parametrize("top", [1.0, 0.7518])
def test_a_table_we_write_is_read_back(suffix: str, top: float, table: NDArray[np.float32], tmp_path: Path) -> None:
    encode = {".cube": lut.encode_cube, ".clf": lut.encode_clf}[suffix]
    path = tmp_path / f"ours{suffix}"
    path.write_bytes(encode(table, title="ours", top=top))
    assert np.abs(lut.read(path)(cube_of(7, top)) - table).max() <= GATE


def test_a_table_of_one_dimension_is_read_back(tmp_path: Path) -> None:
    curve = np.random.default_rng(2).random((64, 3)).astype(np.float32)
    path = tmp_path / "curve.cube"
    path.write_bytes(lut.encode_cube(curve, title="curve"))
    ramp = np.repeat(np.linspace(0, 1, 64, dtype=np.float32)[:, None], 3, axis=1)
    assert np.abs(lut.read(path)(ramp) - curve).max() <= GATE


@pytest.mark.parametrize("suffix", [".cc", ".ccc"])
def test_a_decision_list_we_write_is_read_back(suffix: str, tmp_path: Path) -> None:
    cdl = Cdl(slope=(1.123456789, 1, 0.3), offset=(1e-4 / 3, 0, -0.2), power=(1.7, 1, 0.9), saturation=1.23)
    path = tmp_path / f"ours{suffix}"
    path.write_bytes(lut.encode_cdl(cdl, suffix, name="shot 1"))
    back = lut.read_cdl(path)
    for field in ("slope", "offset", "power", "saturation"):
        np.testing.assert_allclose(getattr(back, field), getattr(cdl, field), atol=GATE)
    assert lut.read_cdl(path, "shot 1") == back


def test_a_table_is_interpolated_in_tetrahedra(tmp_path: Path) -> None:
    """Trilinear interpolation of a corner of a cube gives a product, tetrahedral the least of the three."""
    corner = np.zeros((2, 2, 2, 3), np.float32)
    corner[1, 1, 1] = 1
    path = tmp_path / "corner.cube"
    path.write_bytes(lut.encode_cube(corner, title="corner"))
    colours = np.random.default_rng(0).random((100, 3)).astype(np.float32)
    np.testing.assert_allclose(lut.read(path)(colours)[:, 0], colours.min(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("ACES_Proxy_10_to_ACES.cube", (0.0, 0.0, 0.0), (0.0004883,) * 3),
        ("eotf_sRGB_3D.cube", (-0.1, -0.15, -0.2), (-0.0077399, -0.0116099, -0.0154799)),
        ("LogC_Video.cube", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ("LogC_Video.cube", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
        ("spi_ocio_srgb_test.spi3d", (0.0, 0.0, 0.0), (0.040157, 0.038904, 0.028316)),
        ("cdl_test1.cc", (1.0, 1.0, 1.0), None),
        ("ARRI_LogC4_to_ACES.clf", (0.27835, 0.27835, 0.27835), (0.18, 0.18, 0.18)),  # ARRI: LogC4 of middle grey
        ("resolve_1d3d.cube", (-1.0, -1.0, -1.0), None),
    ],
)
def test_tables_of_others_are_read(
    media: Path, name: str, given: tuple[float, ...], expected: tuple[float, ...] | None
) -> None:
    shown = lut.read(media / "lut" / name)(np.array([given], np.float32))
    assert np.isfinite(shown).all()
    if expected is not None:
        np.testing.assert_allclose(shown[0], expected, atol=2e-4)


def test_decision_lists_of_others_are_read(media: Path) -> None:
    assert lut.read_cdl(media / "lut" / "cdl_test1.cc") == Cdl(
        slope=(1.1, 1.2, 1.3), offset=(2.1, 2.2, 2.3), power=(3.1, 3.2, 3.3), saturation=0.7
    )
    collection = media / "lut" / "cdl_test1.ccc"
    assert lut.read_cdl(collection).saturation == 1.7
    assert lut.read_cdl(collection, "cc0002") != lut.read_cdl(collection)
    with pytest.raises(MediaError, match=r"cdl_test1\.ccc: .*nowhere"):
        lut.read_cdl(collection, "nowhere")


@pytest.mark.parametrize(("name", "told"), [("lut_truncated.cube", "line (260)"), ("lut_truncated.3dl", "369 element")])
def test_a_truncated_table_is_refused(media: Path, name: str, told: str) -> None:
    with pytest.raises(MediaError) as error:
        lut.read(media / "corrupt" / name)
    assert name in str(error.value)
    assert told in str(error.value)
    assert "/tmp" not in str(error.value).replace(str(media), "")


@pytest.mark.parametrize(
    "name", ["spi_ocio_srgb_test.spi3d", "ARRI_LogC4_to_ACES.clf", "cdl_test1.cc", "cdl_test1.ccc"]
)
def test_half_a_file_is_refused(media: Path, name: str, tmp_path: Path) -> None:
    content = (media / "lut" / name).read_bytes()
    half = tmp_path / name
    half.write_bytes(content[: len(content) // 2])
    with pytest.raises(MediaError, match="damaged or foreign"):
        lut.read(half)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "unspecified"),
        (b"hello\nworld\n", "line (1)"),
        (b'TITLE "x"\nLUT_3D_SIZE 2\n0 0 0\n0 0 x\n', "line (4)"),
        (b"LUT_3D_SIZE 2\n" + b"1 0 0\n" * 9, "Found 9, expected 8"),
        (b"LUT_3D_SIZE 2\n" + b"nan 0 0\n" * 8, "finite"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "damaged"),
    ],
)
def test_garbage_is_refused_with_its_line(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "garbage.cube"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"garbage\.cube: got") as error:
        lut.read(path)
    assert told in str(error.value)


def test_what_is_no_table_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"film\.png: got a file of another kind, expected one of \.cube"):
        lut.read(tmp_path / "film.png")
    with pytest.raises(MediaError, match=r"film\.cube: got a file of another kind, expected one of \.cc"):
        lut.read_cdl(tmp_path / "film.cube")
    with pytest.raises(InputError, match=r"expected \.cc or \.ccc"):
        lut.encode_cdl(Cdl(), ".xml", name="x")


def test_the_same_content_has_the_same_digest_under_any_name(table: NDArray[np.float32], tmp_path: Path) -> None:
    for name in ("a.cube", "b.cube"):
        (tmp_path / name).write_bytes(lut.encode_cube(table, title="x"))
    assert lut.read(tmp_path / "a.cube") == lut.read(tmp_path / "b.cube")
    (tmp_path / "a.cube").write_bytes(lut.encode_cube(table * 0.5, title="x"))
    assert lut.read(tmp_path / "a.cube") != lut.read(tmp_path / "b.cube")
