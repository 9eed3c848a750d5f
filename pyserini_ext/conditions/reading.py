"""Reading a file of conditions strictly: every key known, every score with a source.

The schema is that of Pyserini's 2CR files, with the keys ``source`` and ``flaky`` added, which
Pyserini passes over.
"""

import datetime
import re
from pathlib import Path
from typing import Any, NoReturn

import yaml

from llm_encoders.errors import UsageError, nearest
from llm_encoders.reading import parse_yaml, read_text
from pyserini_ext.conditions.condition import Condition, Score, Source, Task
from pyserini_ext.conditions.families import Family

_CONDITION_KEYS = ("name", "display", "display-html", "display-row", "command", "source")
_HTML_KEYS = ("display_html", "display_row")  # as Pyserini's bright.yaml spells them
_TASK_KEYS = ("scores", "source", "flaky", "corpus")
_SOURCE_KEYS = ("published", "version", "date", "machine")
_DIGITS = 4  # of scores, as trec_eval prints them
_MOST_FLAKY = 0.05
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"\w[\w.+-]*")  # part of the names of files, and of selectors

Route = tuple[str | int, ...]
"""Keys and numbers that lead to a place in the file."""


def read_conditions(path: Path, family: Family) -> list[Condition]:
    """The conditions of a family's file.

    Raises:
        EncoderError: it cannot be read or is not YAML.
        UsageError: an unknown key (names the nearest), a missing one, a wrong value, a score
            without a source, a command that does not parse; names the line.
    """
    text = read_text(path)
    return _Reader(path, text, family).conditions(parse_yaml(text, str(path), shipped=True))


class _Reader:
    def __init__(self, path: Path, text: str, family: Family) -> None:
        self._path, self._text, self._family = path, text, family
        self._tasks_key = "topics" if family.topic_sets else "datasets"

    def conditions(self, values: Any) -> list[Condition]:
        top = self._mapping(values, (), ("conditions",), ("conditions",))
        found: list[Condition] = []
        for number, one in enumerate(self._list(top["conditions"], ("conditions",))):
            condition = self._condition(one, ("conditions", number))
            if any(condition.name == other.name for other in found):
                place = ("conditions", number, "name")
                self._refuse(place, f"there is another condition '{condition.name}'.")
            found.append(condition)
        return found

    def _condition(self, values: Any, place: Route) -> Condition:
        known = (*_CONDITION_KEYS, *_HTML_KEYS, self._tasks_key)
        needed = ("name", "command", self._tasks_key)
        html = ("display", "display-html", "display-row") if self._family.topic_sets else ()
        one = self._mapping(values, place, known, (*needed, *html))
        texts = {key: self._text_of(one[key], (*place, key)) for key in ("name", "command")}
        if not _NAME.fullmatch(texts["name"]):
            problem = (
                f"'{texts['name']}' is no name; it may hold letters, digits, '.', '_' and '-'."
            )
            self._refuse((*place, "name"), problem)
        default = self._source(one["source"], (*place, "source")) if "source" in one else None
        at = (*place, self._tasks_key)
        tasks = [
            self._task(task, (*at, number), texts["name"], texts["command"], default)
            for number, task in enumerate(self._list(one[self._tasks_key], at))
        ]
        keys = [task.key for task in tasks]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                self._refuse((*at, number), f"'{key}' occurs twice.")
        if not tasks:
            self._refuse(at, f"'{self._tasks_key}' is empty.")
        for task in tasks:
            try:
                last = task.steps()[-1]
            except UsageError as error:
                self._refuse((*place, "command"), str(error))
            if last.output != task.run:
                self._refuse((*place, "command"), "the last step does not write $output.")
        display = self._text_of(one.get("display", texts["name"]), (*place, "display"))
        return Condition(self._family, texts["name"], display, texts["command"], tuple(tasks))

    def _task(
        self, values: Any, place: Route, condition: str, command: str, default: Source | None
    ) -> Task:
        family = self._family
        key_name = "topic_key" if family.topic_sets else "dataset"
        more = ("eval_key",) if family.topic_sets else ("query_prefix",)
        needed = (key_name, "scores", *(more if family.topic_sets else ()))
        one = self._mapping(values, place, (key_name, *more, *_TASK_KEYS), needed)
        key = self._text_of(one[key_name], (*place, key_name))
        if key not in family.keys:
            self._refuse((*place, key_name), f"no '{key}' in {family.title}.", key, family.keys)
        evaluation = family.evaluation_for(key)
        if family.topic_sets and one["eval_key"] != evaluation:
            self._refuse((*place, "eval_key"), f"the qrels of {key} are '{evaluation}'.")
        prefix = self._text_of(one.get("query_prefix", ""), (*place, "query_prefix"))
        source = self._source(one["source"], (*place, "source")) if "source" in one else default
        scores = self._scores(one, place, key, source)
        corpus = self._text_of(one.get("corpus", ""), (*place, "corpus"))
        if "corpus" in one and not _SHA256.fullmatch(corpus):
            self._refuse((*place, "corpus"), "a SHA-256 has 64 digits of 0-9 and a-f.")
        return Task(family, condition, command, key, evaluation, prefix, scores, corpus)

    def _scores(
        self, one: dict[str, Any], place: Route, key: str, source: Source | None
    ) -> dict[str, Score]:
        measures = self._family.measures_for(key)
        flaky = self._flaky(one.get("flaky", {}), (*place, "flaky"), measures)
        found: dict[str, Score] = {}
        for number, group in enumerate(self._list(one["scores"], (*place, "scores"))):
            at = (*place, "scores", number)
            for measure, value in self._mapping(group, at, measures).items():
                if not isinstance(value, float) or not 0 <= value <= 1:
                    self._refuse((*at, measure), f"{measure} is {value}, no fraction of 1.")
                if round(value, _DIGITS) != value:
                    self._refuse((*at, measure), f"{measure} has more than {_DIGITS} digits.")
                if source is None:
                    self._refuse((*at, measure), f"{measure} has no source; add 'source'.")
                if measure in found:
                    self._refuse((*at, measure), f"{measure} occurs twice.")
                found[measure] = Score(value, source, flaky.pop(measure, 0.0))
        for measure in flaky:
            self._refuse((*place, "flaky", measure), f"there is no score of {measure}.")
        return found

    def _flaky(self, values: Any, place: Route, measures: Any) -> dict[str, float]:
        flaky = dict(self._mapping(values, place, measures))
        for measure, value in flaky.items():
            if not isinstance(value, float) or not 0 < value <= _MOST_FLAKY:
                problem = f"is flaky by {value}; expected more than 0, at most {_MOST_FLAKY}."
                self._refuse((*place, measure), f"{measure} {problem}")
        return flaky

    def _source(self, values: Any, place: Route) -> Source:
        one = self._mapping(values, place, _SOURCE_KEYS)
        texts = {
            key: value.isoformat()
            if isinstance(value, datetime.date)
            else self._text_of(value, (*place, key))
            for key, value in one.items()
        }
        source = Source(**texts)
        if source.date is not None and not _is_date(source.date):
            self._refuse((*place, "date"), f"'{source.date}' is no date; write YYYY-MM-DD.")
        measured = source.version is not None and source.date is not None
        if (source.published is None) is not measured or (source.published and len(texts) > 1):
            self._refuse(
                place,
                "a source has 'published', where the score was read; or 'version' and 'date' of "
                "its measurement.",
            )
        return source

    def _mapping(
        self, values: Any, place: Route, known: Any, needed: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        if not isinstance(values, dict):
            self._refuse(place, "expected keys and values.")
        for key in values:
            if key not in known:
                self._refuse((*place, key), f"unknown key '{key}'.", str(key), known)
        for key in needed:
            if key not in values:
                self._refuse(place, f"the key '{key}' is missing.")
        return values

    def _list(self, values: Any, place: Route) -> list[Any]:
        if not isinstance(values, list):
            self._refuse(place, "expected a list.")
        return values

    def _text_of(self, value: Any, place: Route) -> str:
        if not isinstance(value, str):
            self._refuse(place, f"expected a text in place of {value!r}.")
        return value

    def _refuse(self, place: Route, problem: str, word: str = "", known: Any = ()) -> NoReturn:
        line = _line_of(self._text, place)
        raise UsageError(f"{self._path}, line {line}: {problem}{nearest(word, known)}")


def _is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _line_of(text: str, place: Route) -> int:
    """The line of a key or an entry, or of the last thing on the way that there is."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            pairs = [pair for pair in node.value if pair[0].value == str(step)]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
