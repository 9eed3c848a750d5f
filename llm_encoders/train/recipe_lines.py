"""In which line of a recipe the key stands that an error speaks of."""

import re

import yaml


def lines(text: str) -> dict[str, int]:
    """The line, from 1, of every key of a YAML text, by its dotted name."""
    found: dict[str, int] = {}

    def walk(node: yaml.Node | None, path: str) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = path + str(key.value)
                found[name] = key.start_mark.line + 1
                walk(value, f"{name}.")

    walk(yaml.compose(text, Loader=yaml.SafeLoader), "")
    return found


def line_of(message: str, known: dict[str, int]) -> int | None:
    """The line of the key that a message names, ``None`` if it names none of them.

    A dotted key is recognised anywhere, a section in quotes or as the first word, for its name may
    be a word of the language as well.
    """
    for name in sorted(known, key=len, reverse=True):
        alone = rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)"
        if re.search(alone if "." in name else rf"'{re.escape(name)}'|^{alone}", message):
            inner = [key for key in known if key.startswith(f"{name}.")]
            words = set(re.findall(r"\w+", message))
            named = [key for key in inner if key.rpartition(".")[2] in words]
            return known[named[0] if len(named) == 1 else name]
    return None
