"""Ten times the levels of InstEval, crossed at random: 41,280 effects on 734,210 rows. bayesdeep only."""

import sys
from typing import Any

import numpy as np

from ._cards import Benchmark, Card, Group
from ._floor import best
from ._tables import median_runs, number, table

ROWS, STUDENTS, LECTURERS, CELLS = 734_210, 29_720, 11_280, 280
SCALES = {"s": 0.325, "d": 0.513, "c": 0.117, "sigma": 1.177}
"""Posterior means of InstEval itself."""
SMALLER, VECTORS, TRAJECTORY, ITERATIONS = 2_000, 8, 63, 8_000
"""Size of the factorisation that is timed; vectors of a product, noise and mean of four chains; and what NUTS would take."""


def frame() -> Any:
    """Return ratings of lecturers by students; who rates whom, and in which cell, is drawn at random."""
    import pandas as pd

    rng = np.random.default_rng(1)
    codes = {"s": rng.integers(STUDENTS, size=ROWS), "d": rng.integers(LECTURERS, size=ROWS), "c": rng.integers(CELLS, size=ROWS)}
    service = (codes["c"] % 2).astype(float)
    y = 3.2 - 0.05 * service + SCALES["sigma"] * rng.normal(size=ROWS)
    for name, code in codes.items():
        y += rng.normal(0.0, SCALES[name], code.max() + 1)[code]
    return pd.DataFrame({"y": y, "service": service, **codes})


CARD = Card(
    name="crossed",
    title="InstEval with ten times the levels, simulated",
    formula="y ~ service + (1 | s) + (1 | d) + (1 | c)",
    frame=frame,
    response="y",
    priors={
        "Intercept": "Normal(3.2, 3.333)",
        "service": "Normal(0, 6.727)",
        "1|s_sigma": "HalfStudentT(3, 1.333)",
        "1|d_sigma": "HalfStudentT(3, 1.333)",
        "1|c_sigma": "HalfStudentT(3, 1.333)",
        "sigma": "HalfStudentT(4, 1.333)",
    },
    population=("service",),
    groups=(Group(("s",)), Group(("d",)), Group(("c",))),
    tools=("bayesdeep",),
)


def appendix(results: list[dict[str, Any]], cards: tuple[Card, ...]) -> str:
    """Return what the run's time is made of, and what other ways would take, from parts that are timed here."""
    del cards
    from scipy import sparse
    from scipy.linalg import cholesky

    runs = [r for r in median_runs(results) if "error" not in r]
    if not runs:
        return ""
    data, passes = frame(), runs[0]["details"].get("passes_per_draw")
    codes = {name: (data[name].to_numpy(), data[name].max() + 1) for name in ("s", "d", "c")}
    rng, pairs, seconds = np.random.default_rng(2), 0, 0.0
    for a, b in (("s", "d"), ("s", "c"), ("d", "c")):
        (i, n), (j, m) = codes[a], codes[b]
        cells = sparse.coo_array((np.ones(ROWS), (i, j)), shape=(n, m)).tocsr()
        right, left = rng.normal(size=(m, VECTORS)), rng.normal(size=(n, VECTORS))
        turned = cells.T.tocsr()
        seconds += best(lambda c=cells, r=right: c @ r) + best(lambda t=turned, v=left: t @ v)
        pairs += cells.nnz
    values = {name: rng.normal(size=levels) for name, (_, levels) in codes.items()}
    y = data["y"].to_numpy()

    def gradient() -> list[np.ndarray]:
        rest = y - sum(values[name][code] for name, (code, _) in codes.items())
        return [np.bincount(code, rest, levels) for code, levels in codes.values()]

    root = rng.normal(size=(SMALLER, SMALLER))
    matrix = root @ root.T + SMALLER * np.eye(SMALLER)
    size = LECTURERS + CELLS + 2
    cube = best(lambda: cholesky(matrix, check_finite=False)) * (size / SMALLER) ** 3
    slope = best(gradient)
    leapfrogs = ITERATIONS * TRAJECTORY * slope / 3600
    lines = [
        ["cells in which two groups meet", f"{pairs:,}"],
        [f"one pass over them for {VECTORS} vectors, s", number(seconds)],
        ["passes a draw of all coefficients", "—" if passes is None else number(passes)],
        ["passes x one, four draws, s", "—" if passes is None else number(passes * seconds)],
        [f"one factorisation of {size:,} coefficients, s (by the cube of a smaller one)", number(cube)],
        ["1,500 of them, which integrating the effects out takes, h", number(1500 * cube / 3600)],
        ["one gradient of all rows in NumPy, s", number(slope)],
        [f"{ITERATIONS:,} iterations of NUTS of {TRAJECTORY} gradients, h of a core", number(leapfrogs)],
    ]
    return f"## What it is made of\n\n{table(('part, in SciPy and NumPy, best of five', 'this machine'), lines)}"


BENCHMARK = Benchmark("crossed effects of ten times InstEval's levels", (CARD,), long=frozenset({"crossed"}), appendix=appendix)

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["crossed", *sys.argv[1:]]))
