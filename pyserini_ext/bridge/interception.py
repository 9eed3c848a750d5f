"""Loading a few Pyserini modules with some of their functions decorated.

Pyserini turns names into encoders in functions of modules that ``python -m`` executes, which
cannot be replaced from outside. So the loader parses the module's source and adds a decorator of
:mod:`pyserini_ext.bridge.dispatch` to the named functions; nothing else of the module changes.
"""

import ast
import importlib.machinery
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType

BRIDGE = "pyserini_ext.bridge"
DISPATCH = "dispatch"


@dataclass(frozen=True)
class Interception:
    """What is added to one module: decorators by function, calls before and after its body."""

    decorators: dict[str, str] = field(default_factory=dict)
    """Qualified function name -> decorator of the dispatch module, or of another module of the
    bridge, written ``MODULE.NAME``."""
    prologue: str | None = None
    """Function of the dispatch module called with the module's ``__name__`` before its body."""
    epilogue: str | None = None


TABLED = Interception(
    {
        "list_conditions": "two_click.add_conditions",
        "format_run_command": "two_click.step_a_line",
        "run_conditions": "two_click.with_table",
        "generate_report": "two_click.with_section",
    }
)
"""For harnesses with a fixed set of columns."""

INTERCEPTIONS = {
    "pyserini.setup": Interception({"configure_classpath": "with_fitting_java_options"}),
    "pyserini._jvm": Interception({"configure_classpath": "with_fitting_java_options"}),
    "pyserini.encode._openai": Interception(
        prologue="lend_openai_key", epilogue="take_back_openai_key"
    ),
    "pyserini.encode._base": Interception({"QueryEncoder.__init__": "note_encoded_queries"}),
    "pyserini.encode.__main__": Interception(
        {"init_encoder": "document_encoder"}, prologue="run_encode_command"
    ),
    "pyserini.encode.query": Interception(
        {"init_encoder": "encode_query_encoder"}, prologue="run_query_command"
    ),
    "pyserini.index.lucene.__main__": Interception(epilogue="after_index_command"),
    "pyserini.index.faiss": Interception(epilogue="after_index_command"),
    "pyserini.index.merge_faiss_indexes": Interception(epilogue="after_merging_command"),
    "pyserini.query_iterator": Interception({"DefaultQueryIterator.from_topics": "check_topics"}),
    "pyserini.search.faiss.__main__": Interception(
        {
            "define_dsearch_args": "check_faiss_options",
            "init_query_encoder": "dense_query_encoder",
        }
    ),
    "pyserini.search.lucene.__main__": Interception({"define_search_args": "check_lucene_options"}),
    "pyserini.search.faiss._searcher": Interception(
        {
            "FaissSearcher.__init__": "check_faiss_index",
            "FaissSearcher._init_encoder_from_str": "dense_query_encoder_from_name",
        }
    ),
    "pyserini.2cr.msmarco": Interception(
        {"list_conditions": "two_click.add_conditions", "format_command": "two_click.step_a_line"}
    ),
    "pyserini.2cr.beir": TABLED,
    "pyserini.2cr.bright": TABLED,
    "pyserini.server.search_controller": Interception(
        {
            "SearchController._add_index": "prebuilt_index_encoder",
            "SearchController.initialize_default_index": "no_default_index",
        }
    ),
    "pyserini.search.lucene._impact_searcher": Interception(
        {
            "LuceneImpactSearcher.__init__": "prepare_impact_searcher",
            "LuceneImpactSearcher.batch_search": "encode_batch_at_once",
            "LuceneImpactSearcher._init_query_encoder_from_str": "sparse_query_encoder_from_name",
        }
    ),
}

# A module of one Pyserini line only; its absence from the other is no problem.
OPTIONAL_MODULES = {
    "pyserini.setup": "1.x",
    "pyserini._jvm": "2.x",
    "pyserini.server.search_controller": "1.x",
}


def find_spec(fullname: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    """Spec of an intercepted module with the decorating loader, ``None`` for every other."""
    if fullname not in INTERCEPTIONS:
        return None
    spec = importlib.machinery.PathFinder.find_spec(fullname, path)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    loader = DecoratingLoader(fullname, spec.origin)
    return importlib.util.spec_from_file_location(fullname, spec.origin, loader=loader)


class DecoratingLoader(importlib.machinery.SourceFileLoader):
    """Compiles a module from its source with the additions of :data:`INTERCEPTIONS`."""

    def get_code(self, fullname: str) -> CodeType:
        """Code object of the module: what ``runpy`` calls, and what no bytecode cache bypasses."""
        source = self.get_data(self.path)
        tree, _ = transform(source, INTERCEPTIONS[fullname], self.path)
        return compile(tree, self.path, "exec", dont_inherit=True)


def transform(
    source: bytes | str, interception: Interception, filename: str
) -> tuple[ast.Module, list[str]]:
    """Parse a module and make the additions.

    Returns:
        The tree, and the names of functions that the module does not have.
    """
    tree = ast.parse(source, filename)
    absent = []
    for qualified_name, decorator in interception.decorators.items():
        function = _find(tree, qualified_name)
        if function is None:
            absent.append(qualified_name)
        else:
            # Last in the list is applied first, hence inside @staticmethod and its like.
            function.decorator_list.append(_dispatch(decorator, function))
    if interception.prologue:
        tree.body.insert(_first_statement(tree), _call(interception.prologue))
    if interception.epilogue:
        tree.body.append(_call(interception.epilogue))
    return ast.fix_missing_locations(tree), absent


def _find(tree: ast.Module, qualified_name: str) -> ast.FunctionDef | None:
    scope: list[ast.stmt] = tree.body
    *classes, name = qualified_name.split(".")
    for class_name in classes:
        found = [n for n in scope if isinstance(n, ast.ClassDef) and n.name == class_name]
        if not found:
            return None
        scope = found[0].body
    functions = [n for n in scope if isinstance(n, ast.FunctionDef) and n.name == name]
    return functions[-1] if functions else None


def _dispatch(name: str, place: ast.AST) -> ast.expr:
    return ast.copy_location(ast.parse(_named(name), mode="eval").body, place)


def _call(name: str) -> ast.stmt:
    return ast.parse(f"{_named(name)}(__name__)").body[0]


def _named(name: str) -> str:
    """The expression that imports a function of the bridge."""
    module, _, function = name.rpartition(".")
    return f"__import__('{BRIDGE}.{module or DISPATCH}', fromlist=['*']).{function}"


def _first_statement(tree: ast.Module) -> int:
    """Index after the docstring and ``from __future__`` imports."""
    index = 0
    for index, node in enumerate(tree.body):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not docstring and not future:
            return index
    return index
