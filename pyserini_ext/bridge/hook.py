"""Import hook that makes Pyserini's own commands know the encoders of this package.

``pyserini_ext.pth`` imports this module in every Python process of the environment, so it imports
nothing and only puts a finder on ``sys.meta_path``. Nothing else happens until Pyserini itself is
imported: then a Java runtime is chosen, and the few Pyserini modules that turn an encoder's name
into an encoder are loaded with decorated functions (see :mod:`pyserini_ext.bridge.interception`).

``PYSERINI_EXT_HOOK=0`` in the environment switches the hook off.
"""

import os
import sys

TYPE_CHECKING = False  # as type checkers know it, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from pyserini_ext.java import JavaRuntime

SWITCH = "PYSERINI_EXT_HOOK"


class PyseriniFinder:
    """Meta-path finder that lets every import pass except those of a few Pyserini modules."""

    @staticmethod
    def find_spec(
        fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Return a spec with a decorating loader for an intercepted module, else ``None``."""
        if not fullname.startswith("pyserini") or fullname.startswith("pyserini_ext"):
            return None
        if fullname == "pyserini":
            from pyserini_ext import java

            runtime = java.configure()
            _become_our_encode_command()
            _guard_command(runtime)
            return None
        if fullname.startswith("pyserini."):
            from pyserini_ext.bridge import interception

            return interception.find_spec(fullname, path)
        return None


def _become_our_encode_command() -> None:
    """Turn ``python -m pyserini.encode`` with one of our encoders into ``pyserini_ext.encode``.

    With Pyserini comes a JVM that takes Ctrl-C for itself and that most encoding does not need. So
    the process is replaced before Pyserini is imported. It cannot be done in place: the interpreter
    holds its import lock here.
    """
    words = getattr(sys, "orig_argv", [])
    starts = [i for i in range(1, len(words)) if words[i : i + 2] == ["-m", "pyserini.encode"]]
    if sys.argv[:1] != ["-m"] or not starts or os.name != "posix":
        return
    from pyserini_ext.bridge import encode_command

    if encode_command.is_our_encode_command():
        encode_command.announce_encode_command()
        words = [*words[: starts[0] + 1], "pyserini_ext.encode", *words[starts[0] + 2 :]]
        os.execv(sys.executable, [sys.executable, *words[1:]])


def _guard_command(runtime: "JavaRuntime | None") -> None:
    """Errors of Pyserini's commands are sentences where the encoder is ours."""
    if sys.argv[:1] == ["-m"] and "--encoder" in "=".join(sys.argv).split("="):
        from pyserini_ext.bridge import faults

        faults.guard_command(runtime)


def switched_off() -> bool:
    """Whether the environment switches the hook off."""
    return os.environ.get(SWITCH, "").lower() in ("0", "off", "false", "no")


def installed() -> bool:
    """Whether the finder is active in this process."""
    return PyseriniFinder in sys.meta_path


def install() -> None:
    """Put the finder first on ``sys.meta_path``, once."""
    if not installed() and not switched_off():
        sys.meta_path.insert(0, PyseriniFinder)


install()
