import os
import subprocess
import sys
from collections.abc import ItemsView, Iterator, Mapping
from pathlib import Path

import pytest

from aiprod_core.errors import MediaError
from aiprod_pipelines.output import check_writable, save


def test_all_files_appear_with_their_content(tmp_path: Path) -> None:
    save({tmp_path / "a": b"one", tmp_path / "b": b"two"})
    assert (tmp_path / "a").read_bytes() == b"one"
    assert (tmp_path / "b").read_bytes() == b"two"
    assert len(list(tmp_path.iterdir())) == 2


def test_where_the_second_cannot_be_written_the_first_is_not_either(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(MediaError, match="none"):
        save({tmp_path / "a": b"new", tmp_path / "none" / "b": b"two"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


class _Interrupted(Mapping[Path, bytes]):
    """Files whose writing is stopped with Ctrl-C after the first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getitem__(self, path: Path) -> bytes:
        return b"content"

    def __iter__(self) -> Iterator[Path]:
        yield self.path
        raise KeyboardInterrupt

    def __len__(self) -> int:
        return 2

    def items(self) -> ItemsView[Path, bytes]:
        return ItemsView(self)


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        save(_Interrupted(tmp_path / "film.mp4"))
    assert not list(tmp_path.iterdir())


WRITE_A_MEGABYTE = """
import sys
from pathlib import Path
from aiprod_core.errors import MediaError
from aiprod_pipelines.output import is_full_disk, save
try:
    save({Path(sys.argv[1]): bytes(1_000_000)})
except MediaError as error:
    sys.exit(f"{error} {is_full_disk(error)}")
"""


def test_a_file_that_outgrows_its_limit_is_refused_and_removed(tmp_path: Path) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n" + WRITE_A_MEGABYTE
    done = subprocess.run([sys.executable, "-c", limited, tmp_path / "film.mp4"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "cannot write it" in done.stderr
    assert done.stderr.endswith(" False\n"), "there is room"
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_refused_and_left_clean(tmp_path: Path) -> None:
    in_small_disk = (
        'mount -t tmpfs -o size=64k none "$1" || exit 77; "$2" -c "$3" "$1/film.mp4"; code=$?; ls -A "$1"; exit $code'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", in_small_disk, "sh", tmp_path, sys.executable, WRITE_A_MEGABYTE],
        capture_output=True,
        text=True,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"a disk of 64 kB cannot be mounted here: {done.stderr.strip()}")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert done.stderr.endswith(" True\n")
    assert done.stdout == "", "no partial file may stay"


@pytest.mark.parametrize("path", ["/dev/null/film.mp4", "/proc/film.mp4", "missing/film.mp4"])
def test_an_unwritable_place_is_known_before_any_work(path: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot write it"):
        check_writable(tmp_path / path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"got a folder, expected a file name; add one, e.g. .*clip\.mp4"):
        check_writable(tmp_path)


def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; the unwritable places above cover it")
    tmp_path.chmod(0o500)
    with pytest.raises(MediaError, match="Permission denied"):
        check_writable(tmp_path / "film.mp4")
