import json
import time
from pathlib import Path

import pytest

from aiprod_core.errors import WeightsError
from aiprod_pipelines.sovereignty import provision


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole folder of weights, called nano."""
    folder = tmp_path / "root" / "nano"
    folder.mkdir(parents=True)
    (folder / "shdt.safetensors").write_bytes(bytes(range(256)) * 64)
    (folder / "MODEL_CARD.md").write_text("# Nano\n")
    manifest = {"name": "nano", "version": "1.0", "files": {"shdt.safetensors": {"model": "SHDT"}}}
    (folder / provision.MANIFEST).write_text(json.dumps(manifest))
    (folder / provision.CHECKSUMS).write_text(provision.checksum_lines(folder))
    return folder


def test_whole_weights_pass_and_give_their_digests(folder: Path) -> None:
    digests = provision.verify(folder)
    assert set(digests) == {"shdt.safetensors", "MODEL_CARD.md", "MANIFEST.json"}
    assert all(len(digest) == 64 for digest in digests.values())


@pytest.mark.parametrize("at", [0, 8_000, 16_383])
def test_one_flipped_bit_is_named_and_refused(at: int, folder: Path) -> None:
    provision.verify(folder)
    content = bytearray((folder / "shdt.safetensors").read_bytes())
    content[at] ^= 0b0000_0100
    (folder / "shdt.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"shdt\.safetensors: got SHA-256 .* damaged; .*aiprod models verify"):
        provision.verify(folder)


def test_a_flipped_bit_in_the_manifest_is_refused_too(folder: Path) -> None:
    text = (folder / provision.MANIFEST).read_text()
    (folder / provision.MANIFEST).write_text(text.replace("1.0", "1.1"))
    with pytest.raises(WeightsError, match=r"MANIFEST\.json: got SHA-256"):
        provision.verify(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "shdt.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"shdt\.safetensors: got no such file"):
        provision.verify(folder)


def test_a_file_nobody_announced_is_refused(folder: Path) -> None:
    (folder / "surprise.bin").write_bytes(b"?")
    with pytest.raises(WeightsError, match=r"surprise\.bin: got a file that CHECKSUMS\.sha256 does not list"):
        provision.verify(folder)


def test_weights_without_a_checksum_are_refused(folder: Path) -> None:
    lines = (folder / provision.CHECKSUMS).read_text().splitlines(keepends=True)
    (folder / provision.CHECKSUMS).write_text("".join(line for line in lines if "shdt" not in line))
    with pytest.raises(WeightsError, match=r"shdt\.safetensors: got no checksum"):
        provision.verify(folder)


@pytest.mark.parametrize("line", ["nonsense", "0" * 64 + "  ../outside", "0" * 64 + "  /etc/passwd", "0" * 64 + "  "])
def test_checksums_that_make_no_sense_are_refused(line: str, folder: Path) -> None:
    (folder / provision.CHECKSUMS).write_text(line + "\n")
    with pytest.raises(WeightsError, match="got the line"):
        provision.verify(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"name": "x"}', "\x00"])
def test_a_manifest_that_makes_no_sense_is_refused(content: str, folder: Path) -> None:
    (folder / provision.MANIFEST).write_text(content)
    with pytest.raises(WeightsError, match=r"MANIFEST\.json: got an unreadable manifest"):
        provision.read_manifest(folder)


def test_a_second_look_hashes_nothing(folder: Path) -> None:
    with (folder / "shdt.safetensors").open("wb") as file:
        file.truncate(60_000_000)
    (folder / provision.CHECKSUMS).write_text(provision.checksum_lines(folder))
    began_s = time.perf_counter()
    provision.verify(folder)
    assert time.perf_counter() - began_s < 0.02


def test_weights_are_found_by_path_by_environment_and_in_order(folder: Path, tmp_path: Path) -> None:
    assert provision.locate(str(folder)) == folder
    assert provision.locate("nano", environment=str(folder.parent)) == folder
    assert folder in provision.available(str(folder.parent))
    roots = provision.roots("/first")
    assert roots[0] == Path("/first")
    assert roots[1:3] == [provision.OWN, provision.PACKAGED]


def test_missing_weights_say_where_and_how(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as refusal:
        provision.locate("giant", environment=str(tmp_path))
    assert str(tmp_path / "giant") in str(refusal.value)
    assert "aiprod models install" in str(refusal.value)
    with pytest.raises(WeightsError, match="aiprod models install"):
        provision.locate(str(tmp_path / "giant"))


def test_installed_weights_are_whole_and_found(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "own"
    target = provision.install(folder, root)
    assert target == root / "nano"
    assert provision.verify(target) == provision.verify(folder)
    assert provision.install(folder, root) == target, "the same weights again are no error"


def test_damaged_weights_are_not_installed(folder: Path, tmp_path: Path) -> None:
    (folder / "MODEL_CARD.md").write_text("changed")
    with pytest.raises(WeightsError, match=r"MODEL_CARD\.md"):
        provision.install(folder, tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_other_weights_of_that_name_are_kept(folder: Path, tmp_path: Path) -> None:
    target = provision.install(folder, tmp_path / "own")
    (folder / "MODEL_CARD.md").write_text("changed")
    (folder / provision.CHECKSUMS).write_text(provision.checksum_lines(folder))
    before = provision.verify(target)
    with pytest.raises(WeightsError, match="other weights of that name"):
        provision.install(folder, tmp_path / "own")
    assert provision.verify(target) == before


def test_the_shipped_weights_are_whole(weights: Path) -> None:
    assert provision.verify(weights)
