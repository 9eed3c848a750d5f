"""One form of the vocabulary head on a CPU: seconds, rate, and peak memory beyond its inputs."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch

from llm_encoders.heads.vocabulary_head import term_weights

BATCH, LENGTH, HIDDEN, VOCABULARY, SCALE = 32, 128, 256, 100_278, 0.25


def main() -> None:
    """Measure the form and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form")
    parser.add_argument("--small", action="store_true")
    options, _ = parser.parse_known_args()
    vocabulary = 1000 if options.small else VOCABULARY
    torch.manual_seed(0)
    lengths = torch.randint(40, 103, (BATCH,))
    mask = torch.arange(LENGTH) < lengths[:, None]
    states = torch.randn(BATCH, LENGTH, HIDDEN)
    weight = torch.randn(vocabulary, HIDDEN) * 0.05
    tokens = int(mask.sum())
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = resident_kib("VmRSS")

    def work() -> None:
        implementation, _, mode = options.form.partition("-")
        if implementation == "sgemm":
            square = states.reshape(-1, HIDDEN)
            for start in range(0, vocabulary, 2048):
                square[:tokens] @ weight[start : start + 2048].T
        elif not mode:
            with torch.inference_mode():
                term_weights(states, mask, weight, SCALE, implementation)
        else:
            inputs = states.detach().requires_grad_()
            head = weight.detach().requires_grad_(mode == "trained")
            term_weights(inputs, mask, head, SCALE, implementation).sum().backward()

    seconds = best_of(work, 3)
    # The plain formula multiplies padding, too; the rate counts what had to be done.
    operations = 2 * tokens * vocabulary * HIDDEN
    result = {
        "setting": f"{BATCH}x{LENGTH} ({tokens} real tokens), {HIDDEN}, {vocabulary}, float32",
        "seconds": round(seconds, 4),
        "rate": round(operations / seconds / 1e9, 2),
        "unit": "GFLOP/s of the forward product",
        "peak_mib": round((resident_kib("VmHWM") - before) / 1024, 1),
    }
    print(json.dumps(result))


def best_of(work: Callable[[], None], times: int) -> float:
    """Least seconds of several runs, after one that is not counted."""
    work()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def resident_kib(field: str) -> int:
    """Resident size of this process: ``VmRSS`` now, ``VmHWM`` at its largest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{field}:")]
    return int(line.split()[1])


if __name__ == "__main__":
    main()
