"""From a thousand to ten million rows: what a Gaussian model with a varying slope costs, and what it must cost."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from ._cards import TOOLS, Benchmark, Card, Group
from ._floor import floor
from ._simulate import priors, varying_slope
from ._tables import median_runs, number, table

GROUPS = 1000
SIZES = {10**k: f"rows_1e{k}" for k in range(3, 8)}
PEERS_UP_TO = 10**5

HEAD = (
    "rows", "total s", "tune + draw s", "one pass ms", "cross products ms", "one gradient ms", "one factorisation ms",
    "gradients while drawing", "gradients x one s", "cross products + factorisations s",
)  # fmt: skip
FLOOR = (
    "NumPy on one core, best of five: every number read once; cross products by group, all that a Gaussian model needs "
    "of its data; one gradient of the joint density; one factorisation of every group's block. The last but one column "
    "is what the gradients of all rows cost that NUTS took while drawing (tuning not counted; none where the effects "
    "are integrated out). The last is one reading of the data and one factorisation for every kept draw, the least that "
    "a sampler does which integrates the effects out and draws them once for each draw."
)


def card(rows: int) -> Card:
    """Return the card of a size; the number of groups is a thousand, or a tenth of the rows if that is less."""
    return Card(
        name=SIZES[rows],
        title=f"{rows:,} rows, {min(GROUPS, rows // 10):,} groups",
        formula="y ~ x + (1 + x | g)",
        frame=partial(varying_slope, rows, min(GROUPS, rows // 10)),
        response="y",
        priors=priors(),
        population=("x",),
        groups=(Group(("g",), ("1", "x")),),
        tools=TOOLS if rows <= PEERS_UP_TO else ("bayesdeep",),
    )


def appendix(results: list[dict[str, Any]], cards: tuple[Card, ...]) -> str:
    """Return bayesdeep's seconds beside the floor of this machine."""
    lines = []
    runs = {r["card"]: r for r in median_runs(results) if r["tool"] == "bayesdeep" and "error" not in r}
    for one in cards:
        if one.name not in runs:
            continue
        run, least = runs[one.name], floor(one.frame())
        steps = run["details"].get("gradients_while_drawing")
        exact = least["reduce"] + one.chains * one.draws * least["factorisation"]
        lines.append(
            [
                f"{run['rows']:,}",
                number(run["seconds"]["total"]),
                number(run["seconds"].get("sampling")),
                *(number(1000 * least[key]) for key in ("pass", "reduce", "gradient", "factorisation")),
                "—" if steps is None else f"{steps:,}",
                number(None if steps is None else steps * least["gradient"]),
                number(exact),
            ]
        )
    return f"## The floor\n\n{FLOOR}\n\n{table(HEAD, lines)}"


def picture(results: list[dict[str, Any]], path: Path) -> None:
    """Draw total and sampling seconds against rows, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    runs = [r for r in median_runs(results) if "error" not in r]
    state = "warm" if any(r["cache"] == "warm" for r in runs) else "cold"
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained", sharey=True)
    for axis, key, title in zip(axes, ("total", "sampling"), ("model to summary", "tuning and drawing"), strict=True):
        for tool in dict.fromkeys(r["tool"] for r in runs):
            points = sorted((r["rows"], r["seconds"][key]) for r in runs if r["tool"] == tool and r["cache"] == state)
            axis.plot(*zip(*points, strict=True), marker="o", label=tool)
        axis.set(xscale="log", yscale="log", xlabel="rows", title=f"Seconds, {title} ({state} cache)")
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("seconds")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


BENCHMARK = Benchmark(
    "Gaussian varying slope, by number of rows",
    tuple(card(rows) for rows in SIZES),
    long=frozenset(name for rows, name in SIZES.items() if rows > PEERS_UP_TO),
    appendix=appendix,
    picture=picture,
)

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["rows", *sys.argv[1:]]))
