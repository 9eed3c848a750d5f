"""What of two contracts makes their passage vectors incomparable."""

import dataclasses
from typing import Any

from llm_encoders.config import EncoderConfig, concerns
from llm_encoders.sides import SIDES

# Queries may be encoded otherwise, and neither a temperature nor the scale of impacts changes a
# ranking. The instruction is compared as part of the passages' prefix.
_FREE = ("query_", "temperature", "impact_scale", "instruction")


def differences(one: EncoderConfig, other: EncoderConfig, names: tuple[str, str]) -> str:
    """What makes vectors of two contracts incomparable, in words; empty for nothing.

    Args:
        one: a contract.
        other: another one.
        names: what they are contracts of.
    """
    values = [_values(contract) for contract in (one, other)]
    if one.paradigm == other.paradigm:
        keys = [
            key for key in values[0] if concerns(key, one.paradigm) and not key.startswith(_FREE)
        ]
    else:
        keys = ["paradigm"]
    return "; ".join(
        f"{key} is {values[0][key]!r} in {names[0]} and {values[1][key]!r} in {names[1]}"
        for key in keys
        if values[0][key] != values[1][key]
    )


def _values(contract: EncoderConfig) -> dict[str, Any]:
    """All keys, prefixes with the instruction in its place."""
    prefixes = {f"{name}_prefix": contract.side(name).prefix for name in SIDES}
    return dataclasses.asdict(contract) | prefixes
