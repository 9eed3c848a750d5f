"""Code from the Hub stays out: neither compiled kernels nor modelling code is ever fetched.

The package ``kernels``, where it is installed, fetches compiled code: Transformers asks it for an
attention implementation of the form ``organisation/kernel`` and in place of an absent
``flash_attn``, bitsandbytes for the products of quantised weights. Modelling code is refused by
``trust_remote_code=False`` wherever a model is loaded.
"""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object

_PACKAGE = "kernels"
_DOORS = ("get_kernel", "get_local_kernel", "load_kernel", "get_locked_kernel", "install_kernel")


def keep_remote_code_out(folder: Path, attention_implementation: str | None = None) -> None:
    """Call before a model of ``folder`` is loaded.

    Args:
        folder: holds ``config.json``.
        attention_implementation: what the user has asked for.

    Raises:
        UsageError: ``attention_implementation`` names a repository.
        EncoderError: the configuration names a kernel of the Hub.
    """
    if attention_implementation is not None and "/" in attention_implementation:
        raise UsageError(
            f"attention_implementation is '{attention_implementation}', a kernel of the Hub, whose "
            "code is not run here; use sdpa, eager or flash_attention_2."
        )
    path = folder / "config.json"
    if path.is_file():
        try:
            _refuse_kernels(read_object(path), path)
        except RecursionError:
            raise EncoderError(f"{path}: JSON nested too deeply.") from None
    close_kernels()


def _refuse_kernels(values: Any, path: Path, key: str = "") -> None:
    """Look for repository names at keys of implementations and kernels, at any depth."""
    if isinstance(values, dict):
        for name, value in values.items():
            of_code = "_implementation" in name or "kernel" in name
            _refuse_kernels(value, path, key or (name if of_code else ""))
    elif isinstance(values, list):
        for value in values:
            _refuse_kernels(value, path, key)
    elif key and isinstance(values, str) and "/" in values:
        raise EncoderError(
            f"{path}: {key} names '{values}', a kernel of the Hub, whose code is not run here; "
            "remove the key."
        )


def close_kernels() -> None:
    """Make ``kernels`` absent for this process, or unable to fetch where it is imported already.

    Call before bitsandbytes or PEFT, which imports it, is imported: it fetches as it is imported.
    """
    os.environ["USE_HUB_KERNELS"] = "NO"  # read when Transformers is imported
    package = sys.modules.get(_PACKAGE)
    if package is None:
        sys.modules[_PACKAGE] = None  # type: ignore[assignment]  # imports raise ImportError
        if "transformers" in sys.modules:  # which may have noted that it is installed
            from transformers.utils import import_utils

            import_utils.is_kernels_available.cache_clear()
    else:
        _replace(package, _DOORS)
    integration = sys.modules.get("transformers.integrations.hub_kernels")
    if integration is not None:
        integration._kernels_enabled = False  # type: ignore[attr-defined]
        _replace(integration, ("get_kernel_hub",))


def _replace(module: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if hasattr(module, name):
            setattr(module, name, _refuse)


def _refuse(*_: object, **__: object) -> NoReturn:
    # ImportError is what the callers expect where the package is absent.
    raise ImportError("code from the Hub is not run: kernels are off")
