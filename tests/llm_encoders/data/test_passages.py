"""Orders in which passages are read."""

import numpy as np

from llm_encoders.data.passages import longest_first


class Texts:
    """Passages of these lengths."""

    def __init__(self, *lengths):
        self._lengths = lengths

    def texts(self, rows):
        return ["x" * self._lengths[row] for row in rows], [None] * len(rows)


def test_windows_of_neighbours_with_the_longest_first():
    passages = Texts(1, 3, 2, 9, 9, 4, 7)
    assert longest_first(passages, np.arange(7), 3).tolist() == [1, 2, 0, 3, 4, 5, 6]
    assert longest_first(passages, np.array([6, 0, 3]), 10).tolist() == [3, 6, 0]
