"""A named encoder's contract beside what the files of its repository say.

A publisher may change a repository after its contract was written down here. Then neither is
taken for granted: the difference is an error, and the user chooses.
"""

import dataclasses
from collections.abc import Collection
from pathlib import Path

from llm_encoders.checkpoints.contract_options import FIXED, as_written
from llm_encoders.checkpoints.layouts.derived import Derived
from llm_encoders.config import EncoderConfig
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.registry import Preset
from llm_encoders.sides import SIDES

_LENGTHS = tuple(f"{side}_max_length" for side in SIDES)


def agreed(
    preset: Preset, derived: Derived | None, folder: Path, chosen: Collection[str]
) -> EncoderConfig:
    """The contract of a named encoder: the preset's, and what it leaves to the files from them.

    Args:
        preset: of the encoder.
        derived: what its files say, if they are in a known layout.
        folder: that holds them.
        chosen: keys that the user gives, about which preset and files need not agree.

    Raises:
        UsageError: they say different things; names the key, the file and the way to choose.
        EncoderError: the files are not in the layout that the preset leaves something to.
    """
    if preset.layout is not None and (derived is None or derived.layout != preset.layout):
        raise EncoderError(
            f"{preset.name}: its contract is read from files in the layout of {preset.layout}, "
            f"but {folder} is not in it. Fetch the whole repository {preset.repository}."
        )
    if derived is None:
        return preset.contract
    ours = set(preset.written)
    if preset.layout is None:
        ours |= derived.sources.keys()  # the preset says everything, by defaults, too
    left_out = {*chosen, *derived.assumed}
    if left_out & {f"{side}_prefix" for side in SIDES}:
        left_out.add("instruction")
    for key, file in derived.sources.items():
        if key in ours - left_out:
            _require_same(preset, derived.contract, key, folder / file)
    kept = {key: getattr(preset.contract, key) for key in ours}
    return dataclasses.replace(derived.contract if preset.layout else preset.contract, **kept)


def _require_same(preset: Preset, said: EncoderConfig, key: str, file: Path) -> None:
    one, other = getattr(preset.contract, key), getattr(said, key)
    # A length is a limit, so publishers use shorter ones than their files allow.
    if one == other or (key in _LENGTHS and one < other):
        return
    choice = (
        f" Choose: --encoder '{preset.name},{key}={as_written(other)}' as the file says, or "
        f"'{preset.name},{key}={as_written(one)}'."
    )
    raise UsageError(
        f"{preset.name}: {key} is {one!r} in the contract of this name, but {file} says {other!r}; "
        f"the publisher may have changed the checkpoint.{'' if key in FIXED else choice}"
    )
