"""Chores are done again and again, go on after an error, and end when they are told to."""

import threading

from aiprod_server.housekeeping import Chore, Housekeeping

WAIT_S = 10.0


def test_a_chore_that_fails_is_told_and_done_again() -> None:
    errors: list[Exception] = []
    done_twice = threading.Event()

    def fail() -> None:
        if errors:
            done_twice.set()
        raise ValueError("a chore")

    keeping = Housekeeping([Chore(name="fails", every_s=0.001, do=fail)], errors.append)
    keeping.start()
    assert done_twice.wait(WAIT_S)
    keeping.stop()
    assert {str(error) for error in errors} == {"a chore"}


def test_more_to_do_is_done_at_once() -> None:
    left, done = [True, True, False], threading.Event()

    def work() -> bool:
        more = left.pop(0)
        if not left:
            done.set()
        return more

    keeping = Housekeeping([Chore(name="works", every_s=0.5, do=work)], on_error=lambda error: None)
    keeping.start()
    assert done.wait(1.4)  # three times within less than three pauses
    keeping.stop()


def test_a_slow_chore_holds_up_no_other() -> None:
    release, done = threading.Event(), threading.Event()
    chores = [
        Chore(name="slow", every_s=0.0, do=lambda: release.wait(WAIT_S) and None),
        Chore(name="quick", every_s=0.001, do=done.set),
    ]
    keeping = Housekeeping(chores, on_error=lambda error: None)
    keeping.start()
    assert done.wait(WAIT_S)
    release.set()
    keeping.stop()


def test_an_error_that_cannot_be_told_stops_nothing() -> None:
    done_twice, count = threading.Event(), [0]

    def fail() -> None:
        count[0] += 1
        if count[0] == 2:
            done_twice.set()
        raise ValueError("a chore")

    def lose(error: Exception) -> None:
        raise OSError("the database is away")

    keeping = Housekeeping([Chore(name="fails", every_s=0.001, do=fail)], lose)
    keeping.start()
    assert done_twice.wait(WAIT_S)
    keeping.stop()


def test_nothing_is_done_after_the_end() -> None:
    count = [0]

    def work() -> None:
        count[0] += 1

    keeping = Housekeeping([Chore(name="works", every_s=3600.0, do=work)], on_error=lambda error: None)
    keeping.start()
    keeping.stop()
    assert count == [0]
    assert not [thread for thread in threading.enumerate() if thread.name == "chore: works"]
