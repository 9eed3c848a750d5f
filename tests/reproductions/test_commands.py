"""Every command of every page is one that its program takes, and names what exists."""

import ast
import functools
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_encoders import registry
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.errors import EncoderError
from llm_encoders.spec import parse_spec
from llm_encoders.train.recipe.file import load_recipe, read_recipe
from pyserini_ext.conditions import load_conditions, select
from tests.conftest import REPOSITORY
from tests.reproductions.blocks import Block, blocks, commands, inline_commands, pages, shell_text
from tests.reproductions.parsers import PYTHON, SMALL

SHELL = {
    *("accelerate", "cat", "cd", "cmp", "cp", "curl", "diff", "echo", "grep", "head", "java", "ls"),
    *("md5sum", "mkdir", "pip", "pre-commit", "printf", "pytest", "sort", "source", "tail", "tar"),
    *("tensorboard", "torchrun", "unzip", "wandb", "wc", "wget"),
}
"""Programs that pages use beside Python and make."""
FOLDERS = ("llm_encoders/", "pyserini_ext/", "reproductions/", "tests/")
DISTILLED = "reproductions/recipes/scalingnote-dense-layers.yaml"
MADE = re.compile(r"(?m)^output: (\S+)")
HARNESSES = {
    "pyserini.2cr.msmarco": "msmarco-v1-passage",
    "pyserini.2cr.beir": "beir",
    "pyserini.2cr.bright": "bright",
}


def all_blocks() -> list[Block]:
    return [block for page in pages() for block in blocks(page)]


def commands_of(page: Path) -> Iterator[tuple[Block, list[str]]]:
    """The commands of a page's blocks; a variable keeps its value to the end of the page."""
    variables: dict[str, str] = {}
    for block in blocks(page):
        for words in commands(shell_text(block) or "", variables):
            yield block, words


def all_commands() -> dict[tuple[str, ...], str]:
    """The place of every command of every page, each command once."""
    found: dict[tuple[str, ...], str] = {}
    for page in pages():
        for block, words in commands_of(page):
            found.setdefault(tuple(words), block.place)
        for text in inline_commands(page):
            for words in commands(text):
                if any(word.startswith("--") for word in words):
                    found.setdefault(tuple(words), f"{page.relative_to(REPOSITORY)}, in the text")
    return found


def value_of(words: tuple[str, ...], option: str) -> str | None:
    return words[words.index(option) + 1] if option in words[:-1] else None


@functools.cache
def written() -> frozenset[str | None]:
    """What some command of a page writes."""
    return frozenset(value_of(words, "--output") for words in all_commands())


def problem(words: tuple[str, ...]) -> str | None:
    """What a command names that does not exist; ``None`` if all exists."""
    program = words[0]
    if program == "make":
        targets = re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
        return None if words[1] in targets else f"make has no target {words[1]}"
    if not (program in SHELL or program in PYTHON or program == "--encoder" or program == "<("):
        return f"unknown program {program}"
    for word in words:
        path = word.rpartition("=")[2].partition("::")[0]
        made = written() | {value_of(words, "--plot")}
        if path.startswith(FOLDERS) and path not in made and not (REPOSITORY / path).exists():
            return f"there is no {path}"
    try:
        return named(words)
    except EncoderError as error:
        return str(error)


def named(words: tuple[str, ...]) -> str | None:
    """What is wrong with the encoders, the recipe or the conditions that a command names."""
    module = value_of(words, "-m") if words[0] in (*PYTHON, "torchrun", "accelerate") else None
    rest = words[words.index("-m") + 2 :] if module else ()
    option = "--method" if module == "llm_encoders.mine_negatives" else "--encoder"
    name = value_of(words, option)
    if name is not None and (wrong := encoder_problem(name)):
        return wrong
    if module == "llm_encoders.train" and rest[0] != "--help":
        recipe, *overrides = (one for one in rest if not one.startswith("--"))
        load_recipe(REPOSITORY / recipe.replace("RECIPE.yaml", SMALL), overrides)
    if module == "llm_encoders.distill_query" and rest[0].endswith(".yaml"):
        recipe, *overrides = (one for one in rest if not one.startswith("--"))
        shipped = recipe.replace("RECIPE.yaml", DISTILLED)
        read_recipe(DistillRecipe, REPOSITORY / shipped, overrides)
    if module == "llm_encoders.models" and rest[0] not in {*registry.presets(), "NAME", "FOLDER"}:
        return f"no encoder {rest[0]}"
    if module == "pyserini_ext.regress":
        first = next((n for n, one in enumerate(rest) if one.startswith("--")), len(rest))
        select(load_conditions(), rest[:first])
    if module in HARNESSES and (condition := value_of(words, "--condition")):
        select(load_conditions(), [f"{HARNESSES[module]}/{condition}"])
    return None


def encoder_problem(spec: str) -> str | None:
    name, _ = parse_spec(spec)
    preset = registry.presets().get(name)
    if preset is not None:
        return f"{name} cannot be loaded" if preset.unavailable else None
    recipes = (REPOSITORY / "reproductions" / "recipes").glob("*.yaml")
    made = {MADE.search(path.read_text(encoding="utf-8"))[1] for path in recipes}
    made |= {
        word.partition("=")[2]
        for words in all_commands()
        for word in words
        if word.startswith("output=")
    }
    known = name in {*made, "bm25"} or name.isupper() or (name[0] in "./" or name.startswith("my/"))
    return None if known else f"no encoder {name}"


FAULTS = {
    "a misspelt option of Pyserini": "python -m pyserini.search.lucene --impct --index i "
    "--topics t.tsv --encoder llm-splade-tiny --output r --impact",
    "an option that does not go with the encoder": "python -m pyserini.search.lucene --index i "
    "--topics t.tsv --encoder llm-splade-tiny --output r",
    "unknown topics": "python -m pyserini.search.faiss --index i --encoder llm-dense-tiny "
    "--topics beir-v1.0.0-nfcorpus-tset --output r",
    "a misspelt option of ours": "python -m pyserini.encode --encoder llm-splade-tiny "
    "--corpus c --embedings v",
    "a misspelt option of Anserini": "python -m pyserini.index.lucene --collection "
    "JsonVectorCollection --input v --index i --generator DefaultLuceneDocumentGenerator --impct",
    "an unknown measure": "python -m pyserini.eval.trec_eval -c -m ndcg_cut10 q.txt r.txt",
    "a measure twice": "python -m pyserini.eval.trec_eval -m recall.5 -m recall.10 q.txt r.txt",
    "a misspelt module": "python -m llm_encoders.mine_negative --train t --output o",
    "a misspelt option of a script": "python reproductions/scratch/begin.py --pears p --output o",
    "a misspelt option of torchrun": "torchrun --nproc-per-nodes 4 -m "
    "llm_encoders.train RECIPE.yaml",
    "a missing option": "python -m llm_encoders.score --train t --output o",
    "a value out of bounds": "python -m pyserini_ext.regress tiny --parallel 0",
}
NAMES = {
    "a key of a distillation": "python -m llm_encoders.distill_query RECIPE.yaml student.kindd=x",
    "a key of a recipe": "torchrun -m llm_encoders.train RECIPE.yaml schedule.stepz=3",
    "a recipe": "python -m llm_encoders.train reproductions/recipes/smal.yaml",
    "an encoder": "python -m pyserini_ext.doctor --encoder llm-splade-tinny",
    "an encoder that is not published": "python -m pyserini_ext.doctor --encoder llm-splade-3b",
    "an option of an encoder": "python -m pyserini_ext.doctor --encoder llm-splade-tiny,dtipe=x",
    "a condition": "python -m pyserini_ext.regress beir/llm-splade-9b --data DIR",
    "a condition of Pyserini's harness": "python -m pyserini.2cr.bright --condition llm-splade-9b",
    "a program": "pyton -m pyserini.encode",
    "a target of make": "make quikstart",
}


def as_shipped(words: tuple[str, ...]) -> tuple[str, ...]:
    """The command with a shipped encoder in the place of a large one, in all that is named by it.

    Pages of models differ in that name alone, so that most of their commands become one.
    """
    for option in ("--encoder", "--condition"):
        name = (value_of(words, option) or "").partition(",")[0]
        preset = registry.presets().get(name)
        if preset is not None and preset.repository:
            kind = "splade" if preset.contract.paradigm == "sparse" else "dense"
            return tuple(word.replace(name, f"llm-{kind}-tiny") for word in words)
    return words


@pytest.fixture
def verdicts(once) -> dict[tuple[str, ...], str]:
    """What the parsers say of every command of the pages and of the faulty ones."""
    faulty = [tuple(words) for text in FAULTS.values() for words in commands(text)]
    listed = list(dict.fromkeys([*map(as_shipped, all_commands()), *faulty]))

    def ask(folder: Path) -> None:
        result = subprocess.run(
            [sys.executable, "-m", "tests.reproductions.parsers"],
            input=json.dumps(listed),
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
        )
        assert result.returncode == 0, result.stderr
        (folder / "verdicts.json").write_text(result.stdout, encoding="utf-8")

    answers = (once("verdicts-of-commands", ask) / "verdicts.json").read_text(encoding="utf-8")
    return dict(zip(listed, json.loads(answers), strict=True))


@pytest.mark.slow
def test_every_command_is_taken_by_its_parser(verdicts):
    wrong = {
        f"{place}: {' '.join(words)}": said
        for words, place in all_commands().items()
        if (said := verdicts[as_shipped(words)])
    }
    assert wrong == {}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_command_is_noticed(verdicts, fault):
    (words,) = commands(FAULTS[fault])
    assert verdicts[tuple(words)]


def test_everything_that_is_named_exists():
    found = {place: wrong for words, place in all_commands().items() if (wrong := problem(words))}
    assert found == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_name_is_noticed(name):
    (words,) = commands(NAMES[name])
    assert problem(tuple(words))


def test_variables_are_set_or_explained():
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for block, words in commands_of(page):
            for name in re.findall(r"\$\{?([A-Za-z]\w*)", " ".join(words)):
                assert f"`{name}`" in text, f"{block.place}: ${name} is neither"


def test_python_blocks_compile_and_import_what_exists():
    count = 0
    for block in all_blocks():
        if block.language == "python":
            for node in ast.walk(ast.parse(block.text, block.place)):
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith("llm_"):
                    module = importlib.import_module(str(node.module))
                    assert all(hasattr(module, one.name) for one in node.names), block.place
                    count += 1
    assert count


def test_a_shell_script_is_read_as_a_shell_reads_it():
    text = """
R=a/b; D="--x 1 --y 2"
for N in one \\
         two; do
  run $R/$N.yaml ${D}
done
A=1 run 'q w' > out.txt && next | last
cat > f <<'EOF'
not a command
EOF
for N in 3 4; do echo $N; done
for N in 5 6; do
  for M in 7 8; do
    add $N $M
  done
  for K in 9; do echo $K; done
done
"""
    assert list(commands(text)) == [
        ["run", "a/b/one.yaml", "--x", "1", "--y", "2"],
        ["run", "a/b/two.yaml", "--x", "1", "--y", "2"],
        *(["run", "q w"], ["next"], ["last"], ["cat"], ["echo", "3"], ["echo", "4"]),
        *(["add", "5", "7"], ["add", "5", "8"], ["echo", "9"]),
        *(["add", "6", "7"], ["add", "6", "8"], ["echo", "9"]),
    ]


def test_a_block_is_found_with_its_line_and_mark():
    page = REPOSITORY / "reproductions" / "models" / "tiny.md"
    first, *others = blocks(page)
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[first.line - 1] == "```bash" and not first.runnable
    assert any(block.runnable for block in others)


def test_what_a_terminal_shows_is_told_from_what_is_typed():
    page = REPOSITORY / "README.md"
    typed = Block(page, 1, "console", False, "$ ls -a \\\n  b\nout\n$ wc b\n3 b\n")
    assert list(commands(shell_text(typed) or "")) == [["ls", "-a", "b"], ["wc", "b"]]
    assert shell_text(Block(page, 1, "console", False, "ls\n")) == "ls\n"
    assert shell_text(Block(page, 1, "text", False, "ls\n")) is None
