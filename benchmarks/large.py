"""A million rows in ten thousand groups, from data frame to summary: seconds and peak memory. bayesdeep only."""

import sys
from functools import partial

from ._cards import Benchmark, Card, Group
from ._simulate import priors, varying_slope

ROWS, GROUPS = 1_000_000, 10_000


def card(family: str) -> Card:
    """Return the card of a family."""
    return Card(
        name=f"large_{family}",
        title=f"{ROWS:,} rows, {GROUPS:,} groups, {family}",
        formula="y ~ x + (1 + x | g)",
        frame=partial(varying_slope, ROWS, GROUPS, family),
        response="y",
        family=family,
        priors=priors(family),
        population=("x",),
        groups=(Group(("g",), ("1", "x")),),
        tools=("bayesdeep",),
    )


CARDS = (card("gaussian"), card("bernoulli"))
BENCHMARK = Benchmark("a million rows", CARDS, long=frozenset(c.name for c in CARDS))

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["large", *sys.argv[1:]]))
