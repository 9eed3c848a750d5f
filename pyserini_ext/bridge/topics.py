"""Topics in Pyserini's commands with one of our encoders: every fault with its file and line.

Pyserini's readers end at a faulty line with an error that names neither. Other lines they take
without a word: of two queries with one id the second, of the id 007 the number 7, of a query with a
tab in it the beginning. A run of such topics has wrong figures, so those lines are refused, too.
"""

import gzip
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from llm_encoders.corpora.records import id_problem
from llm_encoders.errors import EncoderError
from pyserini_ext.bridge.faults import first_line
from pyserini_ext.bridge.names import option_values
from pyserini_ext.queries.record import require_words

FORMATS = (
    "Topics are a file .tsv or .txt with an id, a tab and a query in every line (or that as .gz); "
    '.jsonl with {"id": …, "title": query} in every line; or .json with {id: {"title": query}, …}.'
)
_BOM = "\ufeff"
_INTEGER = re.compile(r"[+-]?\d+")
_JAVA_SPACE = "".join(map(chr, range(33)))  # what Java's String.trim takes off
_FROM_BEIR = (
    'import json, sys; print(json.dumps({q["_id"]: {"title": q["text"]} for q in '
    'map(json.loads, open(sys.argv[1], encoding="utf-8-sig"))}))'
)


def check_file(path: str) -> None:
    """Refuse a file of topics that Pyserini cannot read, or would read as something else.

    Args:
        path: the value of ``--topics``; a name of Pyserini's own topics is let pass.

    Raises:
        EncoderError: names file and line.
    """
    if not os.path.isfile(path):
        return
    if option_values("--encoder"):
        require_words(Path(path))
    try:
        if path.endswith(".json"):
            _check_json(path)
        elif (check := _line_check(path)) is not None:
            _check_lines(path, check)
    except UnicodeDecodeError:
        raise EncoderError(f"{path} is not UTF-8. Convert it. {FORMATS}") from None
    except (gzip.BadGzipFile, EOFError):
        raise EncoderError(f"{path} is no whole gzip file.") from None


def check_titles(path: str, topics: dict[Any, Any]) -> None:
    """Refuse topics of a file, as read, of which one has no query.

    Raises:
        EncoderError: names file and topic.
    """
    if not os.path.isfile(path):
        return
    for name, topic in topics.items():
        title = topic.get("title") if isinstance(topic, dict) else None
        if not isinstance(title, str) or not title.strip():
            raise EncoderError(f"{path}: the topic '{name}' has no query. {FORMATS}")


def unreadable(path: str, error: Exception) -> EncoderError:
    """What to say where Pyserini found no topics, or could not read them."""
    reason = first_line(error)
    if not os.path.exists(path) and f"Topic {path} Not Found" in reason:
        return EncoderError(
            f"There is no file {path}, and Pyserini has no topics of that name. {FORMATS}"
        )
    if not os.path.exists(path):
        return EncoderError(f"Pyserini cannot get its topics {path} ({reason}).")
    if "cacm" in path and not path.endswith(".json"):
        return EncoderError(
            f"Pyserini takes {path} for the topics of CACM, since 'cacm' is in its name. Rename or "
            "move it."
        )
    return EncoderError(f"Pyserini cannot read the topics {path} ({reason}). {FORMATS}")


def _line_check(path: str) -> Any:
    """What takes a line apart, by the name of the file as Pyserini goes by it, or ``None``."""
    if "beir" not in path and "cacm" in path:
        return None
    if "beir" in path or path.removesuffix(".gz").endswith((".tsv", ".txt")):
        return _columns
    return _record if path.endswith(".jsonl") else None


def _check_lines(path: str, take_apart: Any) -> None:
    seen: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if number == 1 and line.startswith(_BOM):
            _refuse(
                path,
                1,
                "a byte-order mark, which Pyserini reads as part of the id. Save the "
                "file as UTF-8 without it.",
            )
        if number == 1 and _is_beir_query(line):
            command = shlex.join(["python", "-c", _FROM_BEIR, path])
            raise EncoderError(
                f"{path} holds queries as BEIR has them, which Pyserini does not read. Make topics "
                f"of them: {command} > topics.json"
            )
        name = take_apart(path, number, line.strip(_JAVA_SPACE))
        if problem := id_problem(name):
            _refuse(path, number, problem)
        if _INTEGER.fullmatch(name) and str(int(name)) != name:
            _refuse(
                path,
                number,
                f"Pyserini would take the id '{name}' for {int(name)}. Write the "
                "topics as .json, of which ids are kept.",
            )
        if name in seen:
            _refuse(path, number, f"the id '{name}' was given before, in line {seen[name]}.")
        seen[name] = number


def _lines(path: str) -> Iterator[str]:
    opener: Any = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as stream:
        yield from stream


def _columns(path: str, number: int, line: str) -> str:
    """The id of a line of two columns."""
    columns = line.split("\t")
    if len(columns) > 2:
        _refuse(
            path,
            number,
            f"{len(columns)} columns, of which Pyserini would drop the last; "
            "expected an id, a tab and a query.",
        )
    if len(columns) < 2 or not all(column.strip() for column in columns):
        _refuse(path, number, f"expected an id, a tab and a query. {FORMATS}")
    return columns[0]


def _record(path: str, number: int, line: str) -> str:
    """The id of a line with a JSON object."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        _refuse(path, number, f"expected a JSON object. {FORMATS}")
    name = next((record[key] for key in ("qid", "id") if key in record), None)
    if isinstance(name, bool) or not isinstance(name, str | int):
        _refuse(path, number, f"expected 'id' or 'qid', a text. {FORMATS}")
    if not isinstance(record.get("title"), str) or not record["title"].strip():
        _refuse(path, number, f"expected 'title', the text of the query. {FORMATS}")
    return str(name)


def _is_beir_query(line: str) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and {"_id", "text"} <= record.keys()


def _check_json(path: str) -> None:
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    if text.startswith(_BOM):
        _refuse(
            path,
            1,
            "a byte-order mark, which Pyserini does not read. Save the file as UTF-8 without it.",
        )
    try:
        topics = json.loads(text, object_pairs_hook=lambda pairs: _distinct(path, pairs))
    except ValueError as error:
        raise EncoderError(f"{path} is not valid JSON ({error}). {FORMATS}") from None
    if not isinstance(topics, dict) or not topics:
        raise EncoderError(f"{path} holds no JSON object of topics. {FORMATS}")
    for name in topics:
        if problem := id_problem(name):
            raise EncoderError(f"{path}: {problem}")


def _distinct(path: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise EncoderError(f"{path}: '{name}' is given twice in one object; ids must differ.")
        found[name] = value
    return found


def _refuse(path: str, number: int, problem: str) -> NoReturn:
    raise EncoderError(f"{path}, line {number}: {problem}")
