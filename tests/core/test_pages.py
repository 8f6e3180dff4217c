"""Memory that is kept: arrays made and dropped again and again cost no page faults."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from bayesdeep.numerics.pages import keep_pages

if sys.argv[1] == "kept":
    keep_pages()

def step():
    a = np.ones(750_000)
    b = a + 1.0
    return (a * b).sum()

for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
"""


WHERE = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}


def faults(how: str) -> float:
    """Return page faults a step of a fresh process."""
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True, env=WHERE)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what glibc does by itself")
def test_arrays_of_the_length_of_the_data_are_made_from_memory_that_is_there() -> None:
    kept = faults("kept")
    assert kept < 20
    assert faults("as it is") > 50 * max(kept, 1.0), "without it there is nothing to mend: is the module still needed?"
