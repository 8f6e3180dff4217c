"""``bayesdeep demo``."""

from argparse import Namespace
from pathlib import Path


def run(arguments: Namespace) -> None:
    """Fit and compare example models and write a report."""
    from bayesdeep.demo import run_demo

    seed = {} if arguments.seed is None else {"seed": arguments.seed}
    run_demo(Path(arguments.out), arguments.quick, **seed)
