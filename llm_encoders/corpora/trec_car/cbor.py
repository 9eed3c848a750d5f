"""CBOR (RFC 8949) as TREC CAR files hold it: one item decoded, with the byte that is wrong.

The package ``cbor``, through which ``trec-car-tools`` reads files, waits for ever where a text is
cut off, and ends Python where a damaged file nests too deep. So items are decoded here, and
``trec-car-tools`` gets what they hold.
"""

import struct
from typing import Any

_DEEPEST = 200
"""Lists within lists; sections and links need a dozen."""
_INDEFINITE = 31
_BREAK = 0xFF
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}


class IncompleteError(Exception):
    """The bytes end inside the item."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed
        """Bytes, from the beginning of the data, that are needed at least."""


class MalformedError(Exception):
    """The bytes are no CBOR."""

    def __init__(self, at: int, problem: str) -> None:
        super().__init__(at, problem)
        self.at = at
        """Offset of the byte that is wrong."""
        self.problem = problem


def decode(data: bytes, at: int) -> tuple[Any, int]:
    """The item that begins at a byte, and the byte after it.

    Texts are ``str``, byte strings ``bytes``, arrays lists, maps dictionaries; tags are left out.

    Raises:
        IncompleteError: the data end first.
        MalformedError: it is no item.
    """
    try:
        return _item(data, at, 0)
    except IndexError:
        raise IncompleteError(len(data) + 1) from None


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    start, head = at, data[at]
    major, value = head >> 5, head & 31
    at += 1
    if value > 23:
        if major == 7:
            return _float(data, start, value)
        if value == _INDEFINITE and 2 <= major <= 5:
            return _indefinite(data, start, major, depth)
        if value > 27:
            raise MalformedError(start, f"0x{head:02x} begins no item")
        end = at + (1 << (value - 24))
        value, at = int.from_bytes(_slice(data, at, end), "big"), end
    if major == 3:
        end = at + value
        return _text(_slice(data, at, end), start), end
    if major == 0:
        return value, at
    if major == 2:
        end = at + value
        return _slice(data, at, end), end
    if major == 1:
        return -1 - value, at
    if major == 7:
        if value not in _SIMPLE:
            raise MalformedError(start, f"0x{head:02x} begins no item")
        return _SIMPLE[value], at
    _check_depth(start, depth)
    if major == 6:
        return _item(data, at, depth + 1)
    count = value if major == 4 else 2 * value
    if at + count > len(data):  # an item has a byte at least
        raise IncompleteError(at + count)
    items: list[Any] = []
    for _ in range(count):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return (items if major == 4 else _mapping(items, start)), at


def _indefinite(data: bytes, start: int, major: int, depth: int) -> tuple[Any, int]:
    """An item whose end a break marks."""
    _check_depth(start, depth)
    at = start + 1
    items: list[Any] = []
    while (head := data[at]) != _BREAK:
        if major <= 3 and (head >> 5 != major or head & 31 == _INDEFINITE):
            raise MalformedError(at, "a text holds something else than pieces of text")
        item, at = _item(data, at, depth + 1)
        items.append(item)
    at += 1
    if major == 2:
        return b"".join(items), at
    if major == 3:
        return "".join(items), at
    return (items if major == 4 else _mapping(items, start)), at


def _float(data: bytes, start: int, size: int) -> tuple[float, int]:
    if size not in _FLOATS:
        raise MalformedError(start, f"0x{data[start]:02x} begins no item")
    end = start + 1 + struct.calcsize(_FLOATS[size])
    return struct.unpack(_FLOATS[size], _slice(data, start + 1, end))[0], end


def _slice(data: bytes, at: int, end: int) -> bytes:
    if end > len(data):
        raise IncompleteError(end)
    return data[at:end]


def _check_depth(start: int, depth: int) -> None:
    if depth >= _DEEPEST:
        raise MalformedError(start, f"lists are nested over {_DEEPEST} deep")


def _text(content: bytes, start: int) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError(start, "a text is not valid UTF-8") from None


def _mapping(items: list[Any], start: int) -> dict[Any, Any]:
    try:
        return dict(zip(items[::2], items[1::2], strict=True))
    except (TypeError, ValueError):
        raise MalformedError(start, "a map has a list as a key, or a key without a value") from None
