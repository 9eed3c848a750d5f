"""Files of TREC CAR as its own tools write them: definite records, lists of unknown length."""

import gzip
import lzma
from collections.abc import Iterable, Sequence
from pathlib import Path

import cbor

PAGES, OUTLINES, PARAGRAPHS = range(3)


def record(*items: bytes) -> bytes:
    """A record of known length, as Haskell's ``encodeListLen``."""
    assert len(items) < 24
    return bytes([0x80 + len(items)]) + b"".join(items)


def listing(items: Iterable[bytes]) -> bytes:
    """A list of unknown length, as Haskell encodes all lists."""
    return b"\x9f" + b"".join(items) + b"\xff"


def header(kind: int) -> bytes:
    transform = record(*map(cbor.dumps, ("trec-car-export", "1a2b3c", "test")))
    provenance = record(listing([]), cbor.dumps("trec-car v2.0"), listing([]), listing([transform]))
    return record(cbor.dumps("CAR"), record(cbor.dumps(kind)), provenance)


def text(content: str) -> bytes:
    return record(cbor.dumps(0), cbor.dumps(content))


def link(anchor: str, page: str, section: str | None = None) -> bytes:
    inner = record(
        cbor.dumps(0),
        cbor.dumps(page),
        listing([] if section is None else [cbor.dumps(section)]),
        cbor.dumps(b"enwiki:" + page.replace(" ", "%20").encode()),
        cbor.dumps(anchor),
    )
    return record(cbor.dumps(1), inner)


def paragraph(docid: str, *bodies: bytes | str) -> bytes:
    parts = [text(body) if isinstance(body, str) else body for body in bodies]
    return record(cbor.dumps(0), cbor.dumps(docid.encode()), listing(parts))


def para(docid: str, *bodies: bytes | str) -> bytes:
    return record(cbor.dumps(1), paragraph(docid, *bodies))


def image(url: str, *caption: bytes) -> bytes:
    return record(cbor.dumps(2), cbor.dumps(url), listing(caption))


def item(level: int, docid: str, *bodies: bytes | str) -> bytes:
    return record(cbor.dumps(3), cbor.dumps(level), paragraph(docid, *bodies))


def infobox(title: str, key: str, value: bytes) -> bytes:
    entry = record(cbor.dumps(key), listing([value]))
    return record(cbor.dumps(4), cbor.dumps(title), listing([entry]))


def section(heading: str, name: str, *children: bytes) -> bytes:
    return record(cbor.dumps(0), cbor.dumps(heading), cbor.dumps(name.encode()), listing(children))


def page(title: str, name: str, *children: bytes, tag: int = 0) -> bytes:
    metadata = listing([record(cbor.dumps(5)), listing([cbor.dumps(b"enwiki:Other")])])
    return record(
        cbor.dumps(tag),
        cbor.dumps(title),
        cbor.dumps(name.encode()),
        listing(children),
        record(cbor.dumps(0)),
        metadata,
    )


def write(path: Path, kind: int | None, records: Sequence[bytes]) -> Path:
    """A file; ``None`` is one of release 1.5, which has no header."""
    content = b"".join(records) if kind is None else header(kind) + listing(records)
    packed = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)(content)
    path.write_bytes(packed)
    return path
