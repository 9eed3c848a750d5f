"""The steps of a condition's command: ``python -m MODULE …`` joined by ``&&``, and nothing else."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

from llm_encoders.errors import UsageError, nearest

COLLECTIONS = "collections"
"""Folder of test collections in commands, relative to where they are run."""

_OUTPUTS = {
    "pyserini_ext.beir": "--output",
    "pyserini_ext.index": "--index",
    "pyserini.encode": "--embeddings",
    "pyserini.index.lucene": "--index",
    "pyserini.search.lucene": "--output",
    "pyserini.search.faiss": "--output",
    "pyserini.fusion": "--output",
}
"""Modules of steps, with the option that names what each writes."""
_WRITE_RUNS = ("pyserini.search.lucene", "pyserini.search.faiss", "pyserini.fusion")
_AND = "&&"
_SHELL = set(";|&<>()")
_COMPARED = ("--encoder", "--embeddings", "--index", "--output", "--topics", "--corpus")
_SHORTENED = {name[:n] for name in _COMPARED for n in range(3, len(name))} - {"--input"}


@dataclass(frozen=True)
class Step:
    """One command."""

    module: str
    words: tuple[str, ...]
    """Options and their values."""

    @property
    def text(self) -> str:
        """As a user types it."""
        return shlex.join(("python", "-m", self.module, *self.words))

    @property
    def output(self) -> str:
        """The file or folder that it writes."""
        (value,) = self.values(_OUTPUTS[self.module])
        return value

    @property
    def encoder(self) -> str | None:
        """The encoder that it loads."""
        return next(iter(self.values("--encoder")), None)

    @property
    def collections(self) -> tuple[str, ...]:
        """Files and folders below ``collections/`` that it reads."""
        return tuple(word for word in self.words if word.startswith(f"{COLLECTIONS}/"))

    def values(self, option: str) -> list[str]:
        """Values of an option: the words up to the next option."""
        if option not in self.words:
            return []
        found = []
        for word in self.words[self.words.index(option) + 1 :]:
            if word.startswith("--"):
                break
            found.append(word)
        return found

    @property
    def writes_file(self) -> bool:
        """Whether the output is a file, a run; else it is a folder."""
        return self.module in _WRITE_RUNS

    @property
    def output_option(self) -> str:
        """The option that names the output."""
        return _OUTPUTS[self.module]

    def with_value(self, option: str, value: str) -> "Step":
        """The step with another value of an option that has one."""
        place = self.words.index(option) + 1
        return Step(self.module, (*self.words[:place], value, *self.words[place + 1 :]))

    def without(self, option: str) -> "Step":
        """The step without an option and its value, if it is there."""
        if option not in self.words:
            return self
        place = self.words.index(option)
        return Step(self.module, (*self.words[:place], *self.words[place + 2 :]))

    def reads(self, output: str) -> bool:
        """Whether it reads what another step writes."""
        if output == self.output:
            return False
        return any(word == output or word.startswith(f"{output}/") for word in self.words)

    def with_places(self, places: Mapping[str, str]) -> "Step":
        """The step with files and folders below ``collections/`` at other places."""
        return Step(self.module, tuple(places.get(word, word) for word in self.words))


def parse_steps(command: str) -> list[Step]:
    """The steps of a command line.

    Raises:
        UsageError: it is more than ``python -m MODULE …`` of known modules, joined by ``&&``.
    """
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise UsageError(f"the command does not parse ({error}).") from None
    parts: list[list[str]] = [[]]
    for word in words:
        if word == _AND:
            parts.append([])
        elif word and set(word) <= _SHELL:
            raise UsageError(f"the command has '{word}'; steps are joined by '{_AND}' only.")
        else:
            parts[-1].append(word)
    return [_step(part) for part in parts]


def _step(words: list[str]) -> Step:
    if words[:2] != ["python", "-m"] or len(words) < 3:
        raise UsageError(f"the step '{shlex.join(words)}' does not begin with 'python -m MODULE'.")
    module, options = words[2], words[3:]
    if module not in _OUTPUTS:
        raise UsageError(f"no condition runs '{module}'.{nearest(module, _OUTPUTS)}")
    step = Step(module, tuple(options))
    if joined := [word for word in options if word.startswith("--") and "=" in word]:
        option, _, value = joined[0].partition("=")
        raise UsageError(f"the step {module} has '{joined[0]}'; write '{option} {value}'.")
    if short := [word for word in options if word in _SHORTENED]:
        raise UsageError(f"the step {module} has the shortened option '{short[0]}'; write it out.")
    if twice := [one for one in _COMPARED if options.count(one) > 1]:
        raise UsageError(f"the step {module} has {twice[0]} twice; leave one out.")
    if len(step.values(_OUTPUTS[module])) != 1:
        raise UsageError(f"the step {module} needs one value for {_OUTPUTS[module]}.")
    return step


def fill(command: str, variables: dict[str, str]) -> str:
    """A command with its variables replaced, as Pyserini's harness replaces them.

    Raises:
        UsageError: a variable has no value, or a ``$`` begins none.
    """
    try:
        return Template(command).substitute(variables)
    except KeyError as error:
        raise UsageError(
            f"the command has ${{{error.args[0]}}}, which Pyserini does not fill in."
            f"{nearest(error.args[0], variables)}"
        ) from None
    except ValueError:
        raise UsageError("the command has a '$' that begins no variable; write '$$'.") from None
