"""Artifacts: the same step is found, another is not; nothing half-written counts, and nothing in use is cleared."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from aiprod_core.errors import MediaError
from aiprod_pipelines.film.artifacts import JUST_USED_S, RECORD, Artifacts, Record, Step

STEP = Step(kind="effect", version=1, inputs={"clip": "ab"}, params={"gain": 1.5, "name": "é"}, suffix=".wav")


def kept(store: Artifacts, step: Step = STEP, content: bytes = b"sound") -> Record:
    draft = store.draft(step)
    draft.write_bytes(content)
    return store.keep(step, draft, 1.25)


def age(store: Artifacts, step: Step, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(store.path(step).with_name(f"{step.key}{RECORD}"), (then, then))


@pytest.mark.parametrize(
    "other",
    [
        replace(STEP, kind="music"),
        replace(STEP, version=2),
        replace(STEP, inputs={"clip": "ac"}),
        replace(STEP, params={"gain": 1.25, "name": "é"}),
        replace(STEP, suffix=".mkv"),
    ],
)
def test_whatever_differs_makes_another_key(other: Step) -> None:
    assert other.key != STEP.key


def test_the_order_of_fields_makes_no_other_key() -> None:
    assert replace(STEP, params={"name": "é", "gain": 1.5}).key == STEP.key


def test_what_is_kept_is_found(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    assert store.find(STEP) is None
    record = kept(store)
    found = Artifacts(tmp_path).find(STEP)
    assert found is not None
    assert (found.file, found.sha256, found.elapsed_s) == (record.file, record.sha256, 1.25)
    assert found.file.read_bytes() == b"sound"
    assert found.step.key == STEP.key


def test_a_file_without_its_record_does_not_count(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    record = kept(store)
    record.file.with_name(f"{STEP.key}{RECORD}").unlink()
    assert store.find(STEP) is None


@pytest.mark.parametrize("content", [b"", b"soun"])
def test_a_file_that_was_cut_off_does_not_count(tmp_path: Path, content: bytes) -> None:
    store = Artifacts(tmp_path)
    kept(store).file.write_bytes(content)
    assert store.find(STEP) is None


def test_a_damaged_record_does_not_count(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    kept(store).file.with_name(f"{STEP.key}{RECORD}").write_text("{")
    assert store.find(STEP) is None
    assert not list(store.records())


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    kept(store)
    assert not list(store.damaged())
    store.path(STEP).write_bytes(b"sounE")
    assert [record.step.key for record in store.damaged()] == [STEP.key]


def test_the_longest_unused_goes_first(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    steps = [replace(STEP, version=version) for version in range(4)]
    for number, step in enumerate(steps):
        kept(store, step, bytes(100))
        age(store, step, JUST_USED_S + 100 * (number + 1))
    gone = store.collect(250, spared=[steps[3].key])
    assert [record.step.version for record in gone] == [2, 1]
    assert {record.step.version for record in store.records()} == {0, 3}


def test_what_was_just_used_stays(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    kept(store)
    assert store.collect(0) == []
    age(store, STEP, JUST_USED_S + 1)
    assert store.find(STEP) is not None, "and finding it is using it"
    assert store.collect(0) == []


def test_a_forgotten_draft_is_cleared_in_time(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    draft = store.draft(STEP)
    draft.write_bytes(b"half")
    store.collect(0)
    assert draft.exists()
    then = time.time() - JUST_USED_S - 1
    os.utime(draft, (then, then))
    store.collect(0)
    assert not draft.exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="cannot keep artifacts there"):
        Artifacts(tmp_path / "file").draft(STEP)
