"""The documentation strings of the Python standard library as a collection."""

import ast
import random
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pyserini_ext.quickstart.collection import Collection

_LEFT_OUT = {"test", "tests", "idle_test", "idlelib", "lib2to3", "site-packages", "turtledemo"}
_SUMMARY_WORDS = range(4, 26)
_BODY_WORDS = 20
_QUERIES = 300
_SEED = 1
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def standard_library() -> Collection:
    """Documentation strings of the Python standard library, as a known-item search task.

    A document is the docstring of a module, class or function, titled by its qualified name. For
    a fixed sample of those with a distinctive summary line and a body, the summary is taken out
    of the document and becomes a query whose one relevant document is the rest.
    """
    docstrings = _without_repetitions(dict(_docstrings()))
    summaries = Counter(_split(docstring)[0] for docstring in docstrings.values())
    eligible = []
    for name, docstring in docstrings.items():
        summary, body = _split(docstring)
        distinctive = len(summary.split()) in _SUMMARY_WORDS and summaries[summary] == 1
        told_again = summary.lower() in " ".join(body.split()).lower() or ">>>" in summary
        if distinctive and len(body.split()) >= _BODY_WORDS and not told_again:
            eligible.append(name)
    chosen = random.Random(_SEED).sample(sorted(eligible), min(_QUERIES, len(eligible)))
    queries, qrels = {}, {}
    for number, name in enumerate(sorted(chosen), start=1):
        summary, body = _split(docstrings[name])
        docstrings[name] = body
        queries[f"q{number}"] = summary
        qrels[f"q{number}"] = {name: 1}
    return Collection({n: (n, " ".join(d.split())) for n, d in docstrings.items()}, queries, qrels)


def _docstrings() -> Iterator[tuple[str, str]]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if _LEFT_OUT.intersection(parts):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue  # templates and files of other encodings
        yield from _of_node(tree, ".".join(parts).removesuffix(".__init__"))


def _of_node(node: _Documented, name: str) -> Iterator[tuple[str, str]]:
    docstring = ast.get_docstring(node)
    if docstring and docstring.strip():
        yield name, docstring
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _of_node(child, f"{name}.{child.name}")


def _without_repetitions(docstrings: dict[str, str]) -> dict[str, str]:
    """Keep one of those that say the same, so that a query has one right answer."""
    return {name: d for d, name in {d: name for name, d in docstrings.items()}.items()}


def _split(docstring: str) -> tuple[str, str]:
    summary, _, body = docstring.partition("\n\n")
    return " ".join(summary.split()), body
