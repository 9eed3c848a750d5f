"""Order, errors, and how far ahead."""

import threading
import time

import pytest

from pyserini_ext.encode import prefetch
from pyserini_ext.encode.prefetch import prefetched


def test_all_in_order():
    assert list(prefetched(iter(range(50)))) == list(range(50))
    assert list(prefetched(iter(()))) == []


def test_made_ahead_in_another_thread():
    made = []

    def items():
        for number in range(5):
            made.append((number, threading.current_thread() is threading.main_thread()))
            yield number

    stream = prefetched(items(), depth=2)
    assert next(stream) == 0
    assert list(stream) == [1, 2, 3, 4]
    assert made == [(number, False) for number in range(5)]


def test_an_error_comes_in_its_place():
    def items():
        yield 1
        yield 2
        raise ValueError("third")

    stream = prefetched(items())
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(stream)


def test_stopping_early_stops_the_work():
    made = []

    def items():
        for number in range(1000):
            made.append(number)
            yield number

    stream = prefetched(items(), depth=2)
    next(stream)
    stream.close()
    assert len(made) < 10


def running():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_the_thread_has_ended_when_the_stream_has():
    def items():
        while True:
            time.sleep(0.2)
            yield None

    stream = prefetched(items())
    next(stream)
    stream.close()
    assert not running()


def test_a_thread_that_blocks_is_left_behind(monkeypatch):
    monkeypatch.setattr(prefetch, "_FAREWELL", 0.01)
    input_came = threading.Event()

    def items():
        yield 1
        input_came.wait()

    stream = prefetched(items())
    next(stream)
    stream.close()
    (left,) = running()
    input_came.set()
    left.join()
