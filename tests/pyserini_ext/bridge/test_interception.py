"""What the hook adds to Pyserini's modules, on this Pyserini and on the source of another."""

import ast
import importlib.util
import os
from pathlib import Path

import pytest

from pyserini_ext.bridge.interception import (
    INTERCEPTIONS,
    OPTIONAL_MODULES,
    Interception,
    transform,
)

SOURCE_VARIABLE = "PYSERINI_2_SOURCE"
EXAMPLE = '''"""Docstring."""
from __future__ import annotations
TRACE = []
class Searcher:
    @staticmethod
    def named(x):
        return ("original", x)
def plain(x): return x
TRACE.append("body")
'''


def test_functions_are_decorated_inside_static_methods(monkeypatch):
    from pyserini_ext.bridge import dispatch

    calls = []
    monkeypatch.setattr(dispatch, "mark", lambda f: lambda x: ("mark", f(x)), raising=False)
    monkeypatch.setattr(dispatch, "enter", lambda name: calls.append(name), raising=False)
    wanted = Interception({"Searcher.named": "mark", "plain": "mark"}, prologue="enter")
    tree, absent = transform(EXAMPLE, wanted, "example.py")
    assert absent == []
    namespace = {"__name__": "example"}
    exec(compile(tree, "example.py", "exec"), namespace)
    assert namespace["Searcher"].named(1) == ("mark", ("original", 1))
    assert namespace["plain"](2) == ("mark", 2)
    assert calls == ["example"]


def test_absent_functions_are_named():
    wanted = Interception({"Searcher.gone": "x", "Gone.named": "x", "plain": "x"})
    assert transform(EXAMPLE, wanted, "example.py")[1] == ["Searcher.gone", "Gone.named"]


def installed_source() -> Path:
    return Path(importlib.util.find_spec("pyserini").origin).parent


def other_source() -> Path:
    folder = os.environ.get(SOURCE_VARIABLE)
    if not folder:
        pytest.skip(f"set {SOURCE_VARIABLE} to the 'pyserini' folder of a Pyserini 2.x source tree")
    return Path(folder)


@pytest.mark.parametrize("name", sorted(INTERCEPTIONS))
@pytest.mark.parametrize("source", [installed_source, other_source], ids=["installed", "2.x"])
def test_every_function_is_there_and_nothing_else_changes(name, source):
    path = (source() / Path(*name.split(".")[1:])).with_suffix(".py")
    if name in OPTIONAL_MODULES and not path.is_file():
        pytest.skip(f"{name} belongs to Pyserini {OPTIONAL_MODULES[name]} only")
    text = path.read_text()
    tree, absent = transform(text, INTERCEPTIONS[name], str(path))
    assert absent == []
    wanted = INTERCEPTIONS[name]
    additions = len(wanted.decorators) + bool(wanted.prologue) + bool(wanted.epilogue)
    assert ast.unparse(tree).count("__import__('pyserini_ext.bridge.") == additions
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [
                d for d in node.decorator_list if "pyserini_ext" not in ast.unparse(d)
            ]
    tree.body = [node for node in tree.body if "pyserini_ext" not in ast.unparse(node)]
    assert ast.dump(tree) == ast.dump(ast.parse(text))


@pytest.mark.parametrize("source", [installed_source, other_source], ids=["installed", "2.x"])
def test_wrapped_functions_take_what_the_wrappers_pass(source):
    """The wrappers read these parameters by position; a Pyserini that moves them must fail here."""
    expected = {
        ("encode/__main__.py", "init_encoder"): ["encoder", "encoder_class", "device"],
        ("encode/query.py", "init_encoder"): ["encoder", "device"],
        ("search/faiss/__main__.py", "init_query_encoder"): ["encoder", "encoder_class"],
        ("search/faiss/__main__.py", "define_dsearch_args"): ["parser"],
        ("search/lucene/__main__.py", "define_search_args"): ["parser"],
    }
    for (file, function), names in expected.items():
        tree = ast.parse((source() / file).read_text())
        found = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
        assert [a.arg for a in found.args.args][: len(names)] == names
