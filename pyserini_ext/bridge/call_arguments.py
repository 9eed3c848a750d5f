"""What Pyserini's functions pass to its own encoders, and what of it ours take."""

import inspect
from collections.abc import Callable
from typing import Any

from llm_encoders.errors import UsageError
from pyserini_ext.bridge import faults
from pyserini_ext.bridge.names import option_value

_POOLING = "cls"  # what Pyserini's functions and commands pass when the user names none


def arguments_by_name(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The call's arguments by name."""
    return inspect.signature(function).bind(*args, **kwargs).arguments


def refuse_or_ignore(given: dict[str, Any]) -> None:
    """Refuse the arguments of Pyserini's own encoders that ours do not take, or warn of them.

    Args:
        given: the call's arguments by name, the encoder's among them.

    Raises:
        UsageError: the queries would be others than those that were asked for.
    """
    encoder = given["encoder"]
    for name in ("multimodal", "instruction_config", "encoded_queries"):
        if given.get(name):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} does not work with the encoder {encoder}; leave it out.")
    pooling = given.get("pooling") not in (None, _POOLING)
    named = faults.in_command() and option_value("--pooling") is not None
    ignored = {
        "--tokenizer": given.get("tokenizer_name"),
        "--pooling": pooling or named,
        "--l2-norm": given.get("l2_norm"),
        "--explicit-truncate": given.get("explicit_truncate"),
    }
    if options := [option for option, value in ignored.items() if value]:
        from pyserini_ext.encode.options import warn_of_ignored

        warn_of_ignored(options, encoder)


def device_of(given: dict[str, Any]) -> str | None:
    """The device, unless it is a command's default, which would put an LLM on the CPU."""
    if faults.in_command() and option_value("--device") is None:
        return None
    from llm_encoders.devices import or_cpu

    return or_cpu(given.get("device"))
