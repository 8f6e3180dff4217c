"""``bayesdeep predict``."""

import sys
from argparse import Namespace

import bayesdeep as bd

from .words import check_output, load_data, say


def run(arguments: Namespace) -> None:
    """Write predictions as CSV, a row for each row of the data, in the same order."""
    out = check_output(arguments.out, arguments.overwrite, (".csv",))
    data = load_data(arguments.data)
    table = bd.load(arguments.fit).predict(
        data,
        kind=arguments.kind,
        interval=arguments.interval,
        new_groups=arguments.new_groups,
        seed=arguments.seed,
    )
    table.to_csv(sys.stdout if out is None else out, index=False)
    if out is not None:
        say(f"wrote {out}: {len(table):,} rows")
