"""What can be written on the command line."""

import argparse
from typing import Any

from bayesdeep import __version__

EPILOG = """examples:
  bayesdeep demo
  bayesdeep fit radon/slopes --out radon.nc
  bayesdeep fit houses.csv "log_radon ~ floor + (1 + floor | county)" --prior "floor=Normal(0, 1)"
  bayesdeep predict radon.nc new_houses.csv --new-groups sample
  bayesdeep compare radon/pooled radon/slopes --report radon.html
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; the chosen command's name is in ``command``."""
    parser = _Parser(
        prog="bayesdeep",
        description="Bayesian multilevel and deep models in one formula language.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bayesdeep {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for add in (_demo, _models, _fit, _compare, _report, _predict):
        add(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """Takes no abbreviated options: scripts go on working when an option is added."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})


def _command(commands: Any, name: str, verb: str, text: str) -> argparse.ArgumentParser:
    """Add a command; ``verb`` is the module of this folder whose ``run`` carries it out."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(verb=verb)
    return parser


def _overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace output files that exist")


def _fitting(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("fitting")
    group.add_argument("--method", metavar="M", help="method of fitting, such as nuts (default: the card's, or auto)")
    group.add_argument("--draws", type=int, metavar="N", help="draws kept from each chain")
    group.add_argument("--tune", type=int, metavar="N", help="draws of each chain for tuning")
    group.add_argument("--chains", type=int, metavar="N", help="number of chains")
    group.add_argument("--seed", type=int, metavar="N", help="makes the result reproducible")
    group.add_argument("--quiet", action="store_true", help="no progress, only the table")


def _demo(commands: Any) -> None:
    parser = _command(commands, "demo", "run_demo", "fit and compare example models and write a report")
    parser.add_argument("--out", default="bayesdeep-demo", metavar="FOLDER", help="folder (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="fewer draws: a look, not a result")
    parser.add_argument("--seed", type=int, metavar="N", help="of every fit (default: always the same)")


def _models(commands: Any) -> None:
    parser = _command(commands, "models", "list_models", "list the model cards that come with the package")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _fit(commands: Any) -> None:
    parser = _command(commands, "fit", "fit_model", "fit a model card, or a formula to a file of data")
    parser.add_argument(
        "target", metavar="CARD|DATA", help="card (file or name), CSV or Parquet file, or example data set"
    )
    parser.add_argument(
        "formula", nargs="?", metavar="FORMULA", help='such as "y ~ x + (1 | g)"; in place of the card\'s'
    )
    group = parser.add_argument_group("model")
    group.add_argument("--family", metavar="F", help="response distribution (default: the card's, or gaussian)")
    group.add_argument("--link", metavar="L", help="link of the family's main parameter")
    group.add_argument(
        "--prior", action="append", default=[], metavar="NAME=PRIOR", help='"floor=Normal(0, 1)"; repeatable'
    )
    group.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=FORMULA", help='"sigma=~ x"; repeatable'
    )
    group.add_argument(
        "--known", action="append", default=[], metavar="NAME=VALUE", help='a column or number: "sigma=se"; repeatable'
    )
    group.add_argument("--missing", choices=("error", "drop"), help="what to do with missing values (default: error)")
    _fitting(parser)
    parser.add_argument("--all", action="store_true", help="show every group's effects, also when there are many")
    parser.add_argument("--out", metavar="FIT.nc", help="save the fit")
    _overwrite(parser)


def _compare(commands: Any) -> None:
    parser = _command(commands, "compare", "compare_models", "fit model cards and compare their predictions")
    parser.add_argument("cards", nargs="+", metavar="CARD", help="card (file or name)")
    parser.add_argument("--report", metavar="REPORT.html", help="write a report (.html or .md)")
    parser.add_argument(
        "--refits", choices=("auto", "yes", "no"), default="auto",
        help="fit again where scores need it (default: auto, where that takes under a minute)",
    )  # fmt: skip
    _fitting(parser)
    _overwrite(parser)


def _report(commands: Any) -> None:
    parser = _command(commands, "report", "report_fits", "write a report of a saved fit")
    parser.add_argument("fit", metavar="FIT.nc")
    parser.add_argument(
        "--out", default="report.html", metavar="REPORT.html", help=".html or .md (default: %(default)s)"
    )
    _overwrite(parser)


def _predict(commands: Any) -> None:
    parser = _command(commands, "predict", "predict_rows", "predict from a saved fit, as CSV with a row for each row of the data")
    parser.add_argument("fit", metavar="FIT.nc")
    parser.add_argument("data", metavar="DATA", help="CSV or Parquet file, or example data set")
    parser.add_argument("--kind", default="response", help="response, mean or linear (default: %(default)s)")
    parser.add_argument("--interval", type=float, default=0.9, metavar="P", help="default: %(default)s")
    parser.add_argument(
        "--new-groups", metavar="HOW", help="sample, average or raise (default: sample, with a note of which groups are new)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the predictive draws (default: from the fit's own)")
    parser.add_argument("--out", metavar="PRED.csv", help="file to write (default: the terminal)")
    _overwrite(parser)
