"""``bayesdeep demo``."""

from argparse import Namespace
from pathlib import Path


def run(arguments: Namespace) -> None:
    """Fit and compare example models and write a report."""
    from bayesdeep.demo import run_demo

    run_demo(Path(arguments.out), arguments.quick, arguments.seed)
