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


def decode(data: bytes | bytearray, at: int, depth: int = 0) -> tuple[Any, int]:
    """The item that begins at a byte, and the byte after it.

    Texts are ``str``, byte strings ``bytes``, arrays lists, maps dictionaries; tags are left out.

    Raises:
        IncompleteError: the data end first.
        MalformedError: it is no item.
    """
    if at >= len(data):
        raise IncompleteError(at + 1)
    start, head = at, data[at]
    major, size = head >> 5, head & 31
    at += 1
    if major == 7:
        return _simple(data, start, size)
    if size < 24:
        value = size
    elif size < 28:
        end = at + (1 << (size - 24))
        if end > len(data):
            raise IncompleteError(end)
        value, at = int.from_bytes(data[at:end], "big"), end
    elif size == _INDEFINITE and 2 <= major <= 5:
        return _indefinite(data, at, major, depth)
    else:
        raise MalformedError(start, f"0x{head:02x} begins no item")
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major <= 3:
        end = at + value
        if end > len(data):
            raise IncompleteError(end)
        content = bytes(data[at:end])
        return (content if major == 2 else _text(content, start)), end
    if depth >= _DEEPEST:
        raise MalformedError(start, f"lists are nested over {_DEEPEST} deep")
    if major == 6:
        return decode(data, at, depth + 1)
    count = value if major == 4 else 2 * value
    if at + count > len(data):  # an item has a byte at least
        raise IncompleteError(at + count)
    items: list[Any] = []
    for _ in range(count):
        item, at = decode(data, at, depth + 1)
        items.append(item)
    return (items if major == 4 else _mapping(items, start)), at


def _indefinite(data: bytes | bytearray, at: int, major: int, depth: int) -> tuple[Any, int]:
    """The rest of an item whose end a break marks."""
    start = at - 1
    if depth >= _DEEPEST:
        raise MalformedError(start, f"lists are nested over {_DEEPEST} deep")
    items: list[Any] = []
    while True:
        if at >= len(data):
            raise IncompleteError(at + 1)
        if data[at] == _BREAK:
            break
        if major <= 3 and (data[at] >> 5 != major or data[at] & 31 == _INDEFINITE):
            raise MalformedError(at, "a text holds something else than pieces of text")
        item, at = decode(data, at, depth + 1)
        items.append(item)
    at += 1
    if major == 2:
        return b"".join(items), at
    if major == 3:
        return "".join(items), at
    return (items if major == 4 else _mapping(items, start)), at


def _simple(data: bytes | bytearray, start: int, size: int) -> tuple[Any, int]:
    if size in _SIMPLE:
        return _SIMPLE[size], start + 1
    if size not in _FLOATS:
        raise MalformedError(start, f"0x{data[start]:02x} begins no item")
    end = start + 1 + struct.calcsize(_FLOATS[size])
    if end > len(data):
        raise IncompleteError(end)
    return struct.unpack(_FLOATS[size], data[start + 1 : end])[0], end


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
