"""``bayesdeep predict``."""

import sys
from argparse import Namespace

import bayesdeep as bd
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.files import write_file

from .command_phrases import check_output, load_data, say


def run(arguments: Namespace) -> None:
    """Write predictions as CSV, a row for each row of the data, in the same order, under one line of names."""
    out = check_output(arguments.out, arguments.overwrite, (".csv",))
    data = load_data(arguments.data)
    table = bd.load(arguments.fit).predict(
        data,
        kind=arguments.kind,
        interval=arguments.interval,
        new_groups=arguments.new_groups,
        seed=arguments.seed,
    )
    if table.columns.nlevels > 1:  # a predictor a level: "b_mean", "b_sd", …
        table.columns = ["_".join(map(str, names)) for names in table.columns]
    if out is None:
        table.to_csv(sys.stdout, index=False)
        return
    content = table.to_csv(index=False).encode("utf-8")
    say(f"wrote {write_file(out, content, "output", BayesdeepError)}: {len(table):,} rows")
