"""A random sample of a stream."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import count
from typing import TypeVar

import numpy as np

_Item = TypeVar("_Item")
_STREAM = 5  # of random numbers, beside those of other draws by the same seed


def sample(items: Iterable[_Item], limit: int | None, seed: int) -> Iterator[_Item]:
    """A random sample in the order of the stream: the items of the smallest drawn numbers.

    Args:
        items: the stream; memory holds ``limit`` of them.
        limit: their number; ``None`` for all.
        seed: of the draws. The same seed and stream give the same sample.
    """
    if limit is None:
        yield from items
        return
    generator = np.random.default_rng([seed, _STREAM])
    draws = zip((-generator.random() for _ in count()), count(), items, strict=False)
    kept: list[tuple[float, int, _Item]] = []
    for drawn in draws:
        if len(kept) < limit:
            heapq.heappush(kept, drawn)
        elif drawn > kept[0]:
            heapq.heapreplace(kept, drawn)
    for _, _, item in sorted(kept, key=lambda one: one[1]):
        yield item
