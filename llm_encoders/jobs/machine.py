"""What a measurement says of the machine it was made on."""

import platform
from pathlib import Path

_CPUS = Path("/proc/cpuinfo")


def processor_name(path: Path = _CPUS) -> str:
    """The processor's name as the system has it.

    Args:
        path: where Linux lists processors; need not exist.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
