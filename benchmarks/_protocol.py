"""What a worker and the one who started it say to each other.

A worker is a fresh process in a tool's environment: ``python -m benchmarks.peers.NAME.worker JOB.json``. It imports
what it needs, reads its data, fits (the only part that is timed), saves its draws, and prints one line of JSON. Only
the standard library and NumPy are imported here: this file runs in every environment.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = (
    "bayesdeep", "bambi", "pymc", "pytensor", "nutpie", "numba", "numpyro", "jax", "statsmodels", "arviz", "numpy",
)  # fmt: skip


@dataclass
class Clock:
    """Seconds by name. A part that is a share of a measured span is put in with ``set``."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the wall clock seconds of the block to ``name``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def set(self, **seconds: float) -> None:
        """Put seconds in that were measured elsewhere."""
        self.seconds.update({name: float(value) for name, value in seconds.items()})


@dataclass(frozen=True)
class Job:
    """What to fit, and where things are.

    Attributes
    ----------
    card
        :meth:`benchmarks._cards.Card.record`.
    frame, design
        Parquet file of the rows, and arrays of the model by :func:`benchmarks._design.design`.
    before
        The same two files of a model to fit first, untimed; or None.
    output
        Where to save the draws.
    seed, method
        Seed, and bayesdeep's method.
    """

    card: Mapping[str, Any]
    frame: str
    design: str
    before: tuple[str, str] | None
    output: str
    seed: int = 1
    method: str = "auto"


@dataclass
class Answer:
    """What a worker found.

    Attributes
    ----------
    scalars
        Draws ``(chain, draw)`` by common name, or None for a point estimate.
    point
        Point estimates by common name.
    notes
        What a reader of the table must know.
    details
        Numbers worth keeping: divergences, leapfrog steps.
    """

    scalars: dict[str, np.ndarray] | None = None
    point: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def peak_memory() -> float:
    """Return the peak resident memory of this process so far, in MB.

    ``ru_maxrss`` of a child starts at what its parent held when it was forked; the kernel's high-water mark does not.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def show(table: Any) -> None:
    """Print a summary as a user would read it, but to nowhere: the last line of the output is the worker's answer."""
    with Path(os.devnull).open("w") as nowhere:
        print(table, file=nowhere)


def load_modules(*names: str) -> None:
    """Import modules, so that no timed span does."""
    for name in names:
        import_module(name)


def load_numba() -> None:
    """Import what Numba and PyTensor leave until the first function is compiled: a second and 200 modules."""
    from numba import njit

    load_modules("pytensor.link.numba.dispatch", "pytensor.link.c.exceptions", "pytensor.link.vm")
    njit(lambda x: x + 1.0)(1.0)


def work(load: Callable[[], None], fit: Callable[..., Any], answer: Callable[[Any, Mapping[str, Any]], Answer]) -> None:
    """Run a worker.

    Parameters
    ----------
    load
        Imports everything; seconds are reported as ``import`` and belong to nothing else.
    fit
        ``fit(job, frame, design, clock)`` from data to the printed summary; the timed part.
    answer
        ``answer(result, card)`` after the clock has stopped.
    """
    raw = json.loads(Path(sys.argv[1]).read_text())
    job = Job(**{**raw, "before": tuple(raw["before"]) if raw["before"] else None})
    clock = Clock()
    with clock("import"):
        load()
    baseline = peak_memory()
    if job.before is not None:
        fit(job, *_read(*job.before), Clock())
    inputs = _read(job.frame, job.design)
    began_cpu = os.times()
    with clock("total"):
        result = fit(job, *inputs, clock)
    ended_cpu = os.times()
    memory = peak_memory()
    found = answer(result, job.card)
    if found.scalars is not None:
        save(job.output, found.scalars)
    line = {
        "seconds": clock.seconds,
        "cpu_seconds": sum(ended_cpu[:4]) - sum(began_cpu[:4]),
        "memory_mb": memory,
        "memory_after_imports_mb": baseline,
        "posterior": None if found.scalars is None else job.output,
        "point": found.point,
        "notes": found.notes,
        "details": found.details,
        "versions": versions(),
    }
    print(json.dumps(line), flush=True)


def _read(frame: str, design: str) -> tuple[Any, dict[str, np.ndarray]]:
    import pandas as pd

    with np.load(design, allow_pickle=False) as file:
        return pd.read_parquet(frame), dict(file)


def save(path: str, scalars: Mapping[str, np.ndarray]) -> None:
    """Save draws ``(chain, draw)`` by name as one array ``(scalar, chain, draw)`` and the names."""
    np.savez(path, names=np.array(list(scalars)), values=np.stack(list(scalars.values())))


def versions() -> dict[str, str]:
    """Return the versions of the installed packages that numbers depend on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"python": sys.version.split()[0], **found}
