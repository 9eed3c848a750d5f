"""Pairs: reading, filtering, deduplication, capping, chunking and cropping."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Most pairs kept per source (documentation would otherwise drown the rest).
CAPS = {
    "cpp-docs": 9000,
    "vba-docs": 5000,
    "office-docs-powershell": 5000,
    "windows-powershell-docs": 5000,
    "powershell-docs": 5000,
    "tldr-pages": 6000,
    "php-doc-en": 5000,
    "python-peps": 8000,
    "policyqa": 3000,
}
#: Relative sampling weight of one pair of a source (1 where absent).
WEIGHTS = {
    "medquad": 3.0,
    "medquad-crop": 3.0,
    "pubmedqa-labeled": 12.0,
    "pubmedqa-labeled-crop": 12.0,
    "qed-nq-train": 2.0,
    "selqa-dev-test": 2.0,
    "strategyqa-facts": 2.0,
    "squad-dev-1.1": 1.5,
    "python-peps": 0.7,
    "policyqa": 0.5,
    "tldr-pages": 0.7,
}
#: Sources of prose whose sentences also serve as pseudo-queries (inverse cloze).
CROPPED = {
    "medquad": 2,
    "pubmedqa-labeled": 4,
    "qed-nq-train": 1,
    "squad-dev-1.1": 2,
    "selqa-dev-test": 1,
    "python-peps": 1,
}
#: Sources with natural titles, put before the passage in half of the cases.
TITLED = {"qed-nq-train", "selqa-dev-test", "strategyqa-facts", "squad-dev-1.1"}
STUB = re.compile(r"you have landed on one of our|redirector page|!include\[|^redirect", re.I)
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
MAX_WORDS = 170
HELD_OUT_PERCENT = 2


@dataclass
class Pair:
    """One query and one passage; ``group`` names the passage the text comes from."""

    query: str
    passage: str
    source: str
    group: str
    held_out: bool = False


def passage_key(text: str) -> str:
    """A key shared by near-duplicates: letters of the first 300 characters, hashed."""
    letters = re.sub(r"[^a-z]+", "", text.lower()[:400])[:300]
    return hashlib.sha256(letters.encode()).hexdigest()[:16]


def is_usable(query: str, passage: str) -> bool:
    """Whether a pair is prose enough to learn from (no stubs, no bare tables)."""
    words = passage.split()
    if len(words) < 10 or len(query) < 4 or len(query.split()) > 60 or STUB.search(passage):
        return False
    letters = sum(character.isalpha() or character == " " for character in passage)
    return letters >= 0.7 * len(passage) and passage.count("|") < 0.03 * len(passage)


def clean_title(title: str, source: str) -> str:
    """The readable form of a title, or an empty string."""
    if source not in TITLED:
        return ""
    return re.sub(r"^1\.1_dev_|\.html$", "", title).replace("_", " ")


def chunks(text: str) -> list[str]:
    """Split a text at sentence ends into pieces of at most about MAX_WORDS words."""
    pieces: list[str] = []
    current: list[str] = []
    count = 0
    for sentence in SENTENCE.split(text):
        words = len(sentence.split())
        if current and count + words > MAX_WORDS:
            pieces.append(" ".join(current))
            current, count = [], 0
        current.append(sentence)
        count += words
    if current and (count >= 25 or not pieces):
        pieces.append(" ".join(current))
    return pieces[:14]


def crop(passage: str, rng: random.Random) -> tuple[str, str] | None:
    """A sentence (sometimes shortened) as query, and the passage mostly without it."""
    sentences = SENTENCE.split(passage)
    usable = [i for i, s in enumerate(sentences) if 6 <= len(s.split()) <= 40]
    if len(sentences) < 3 or not usable:
        return None
    index = rng.choice(usable)
    words = sentences[index].split()
    if rng.random() < 0.5:
        length = rng.randint(2, min(12, len(words)))
        start = rng.randint(0, len(words) - length)
        words = words[start : start + length]
    rest = sentences[:index] + sentences[index + 1 :] if rng.random() < 0.6 else sentences
    return " ".join(words), " ".join(rest)


def read_raw(folder: Path) -> Iterator[dict[str, str]]:
    """All records of ``folder/*.jsonl.gz`` in file order."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def prepare(folder: Path, seed: int = 13, *, whole: bool = False) -> list[Pair]:
    """Filter, dedupe, cap, chunk and crop the raw records into training pairs.

    Args:
        folder: of the records.
        seed: of what is drawn.
        whole: keep all pairs of a source, and crop no query.
    """
    rng = random.Random(seed)
    by_source: dict[str, list[dict[str, str]]] = defaultdict(list)
    for record in read_raw(folder):
        if is_usable(record["query"], record["passage"]):
            by_source[record["source"]].append(record)
    pairs: list[Pair] = []
    for source in sorted(by_source):
        records = by_source[source]
        rng.shuffle(records)
        seen_passages: Counter[str] = Counter()
        seen_queries: Counter[str] = Counter()
        per_passage = 1 if source in CAPS and source != "policyqa" else 6
        kept = 0
        for record in records:
            key = passage_key(record["passage"])
            query = " ".join(record["query"].split())
            if seen_passages[key] >= per_passage or seen_queries[query.lower()] >= 4:
                continue
            first = seen_passages[key] == 0
            seen_passages[key] += 1
            seen_queries[query.lower()] += 1
            pairs.extend(_expand(record, query, key, first and not whole, rng))
            kept += 1
            if not whole and kept >= CAPS.get(source, 10**9):
                break
    return pairs


def _expand(
    record: dict[str, str], query: str, key: str, crops: bool, rng: random.Random
) -> Iterator[Pair]:
    source = record["source"]
    held_out = int(key, 16) % 100 < HELD_OUT_PERCENT
    title = clean_title(record["title"], source)
    prefix = f"{title} " if title and rng.random() < 0.5 else ""
    for number, piece in enumerate(chunks(" ".join(record["passage"].split()))):
        group = f"{key}-{number}"
        if number < 3:
            yield Pair(query, prefix + piece, source, group, held_out)
        for _ in range(CROPPED.get(source, 0) if crops else 0):
            cropped = crop(piece, rng)
            if cropped:
                yield Pair(cropped[0], prefix + cropped[1], f"{source}-crop", group, held_out)
