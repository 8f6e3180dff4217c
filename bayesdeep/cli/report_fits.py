"""``bayesdeep report``."""

from argparse import Namespace

import bayesdeep as bd

from .command_phrases import check_output, say


def run(arguments: Namespace) -> None:
    """Write a report of a saved fit."""
    check_output(arguments.out, arguments.overwrite, (".html", ".md"))
    fit = bd.load(arguments.fit)
    from bayesdeep.report import report

    say(f"wrote {report(fit, arguments.out, overwrite=arguments.overwrite)}")
