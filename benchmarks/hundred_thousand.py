"""A hundred thousand yes/no rows in five thousand groups with a correlated slope, beside a peer: an hour with Bambi."""

import sys
from functools import partial

from ._cards import Benchmark, Card, Group
from ._simulate import priors, varying_slope

ROWS, GROUPS = 100_000, 5_000

CARD = Card(
    name="hundred_thousand_bernoulli",
    title=f"{ROWS:,} rows, {GROUPS:,} groups, bernoulli",
    formula="y ~ x + (1 + x | g)",
    frame=partial(varying_slope, ROWS, GROUPS, "bernoulli"),
    response="y",
    family="bernoulli",
    priors=priors("bernoulli"),
    population=("x",),
    groups=(Group(("g",), ("1", "x")),),
    tools=("bayesdeep", "bambi"),
)
BENCHMARK = Benchmark("a hundred thousand yes/no rows, five thousand groups", (CARD,), long=frozenset({CARD.name}))

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["hundred_thousand", *sys.argv[1:]]))
