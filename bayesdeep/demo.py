"""``bayesdeep demo``: radon in 85 counties, multilevel models and networks, one question, one report.

Houses in Minnesota were measured for radon; some counties have a hundred measurements, others one or two. How should a
county with two houses be judged: by these two, by the whole state, or by both?
"""

import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesdeep.core.errors import BayesdeepError, FitError
from bayesdeep.core.files import as_path, check_target
from bayesdeep.core.random import whole_seed

if TYPE_CHECKING:
    from bayesdeep.comparison import Comparison
    from bayesdeep.fit import Fit

REPORT = "report.html"
QUESTION = (
    "How much radon is there in the houses of each county of Minnesota: does pooling the counties, partly, predict better "
    "than taking each by itself or all as one, and does a network see something that these models do not?"
)


@dataclass(frozen=True)
class Plan:
    """One of the demo's models: its name, formula, own priors, what it assumes, and by which method and settings it is fitted."""

    name: str
    formula: str
    priors: Mapping[str, str]
    idea: str
    method: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)


NETWORK = "log_radon ~ net(floor, log_uranium, hidden=[16])"

# All models know the floor and the uranium in the soil, so that they differ in what they make of these and of counties. Without
# pooling every county has its own level, and what uranium says of it is part of that: a coefficient beside it means nothing.
PLANS = (
    Plan("complete pooling", "log_radon ~ floor + log_uranium", {}, "All counties with the same uranium are the same"),
    Plan(
        "no pooling",
        "log_radon ~ 0 + county + floor",
        {"county": "Normal(0, 10)"},
        "Each county is judged by its own houses; its uranium, one number a county, cannot say more",
    ),
    Plan(
        "multilevel",
        "log_radon ~ floor + log_uranium + (1 + floor | county)",
        {},
        "Counties differ beyond their uranium, by an amount that is learned; one with few houses leans on the others",
    ),
    Plan(
        "Bayesian net",
        "log_radon ~ floor + net(floor, log_uranium, hidden=[16]) + (1 | county)",
        {},
        "Whatever floor and uranium do together, beside counties that differ; every weight has a posterior",
        "nuts",
        {"tune": 360, "draws": 240},  # twice what it takes by itself: with the demo's seed, chains did not agree
    ),
    Plan("point net", NETWORK, {}, "The network as most people train one: a single set of weights, no counties", "sgd"),
    Plan("ensemble", NETWORK, {}, "Eight such networks, each trained from its own start", "ensemble"),
)


def run_demo(out: str | Path, quick: bool = False, seed: int = 20260101) -> int:
    """Fit multilevel models and networks to the radon data, say what comes out, and write ``report.html`` to a folder.

    Parameters
    ----------
    out
        The folder; made if it is not there. Only ``report.html`` in it is replaced.
    quick
        A quarter of the draws.
    seed
        Of every fit.

    Returns
    -------
    int
        0, the exit code.

    Raises
    ------
    FitError
        When the folder cannot be made or written to.
    """
    import bayesdeep as bd
    from bayesdeep.report import report

    began, seed = time.perf_counter(), whole_seed(seed, "demo")
    path = _prepare(out) / REPORT
    data = bd.load_dataset("radon")
    _say(f"Radon: {len(data)} houses in {data['county'].nunique()} counties. {QUESTION}")
    _say("")
    settings = {"draws": 500, "tune": 500} if quick else {}
    fits = {plan.name: _fit(plan, data, seed, settings) for plan in PLANS}
    how = (
        "All of them by fitting them again without half of the houses at a time."
        if quick
        else "Posteriors by leave-one-out, with refits for the few houses whose weights fail; trained networks by fitting them "
        "again without a fifth of the houses at a time."
    )
    with _timed(f"Comparing: how well would each model have predicted a house it had not seen? ({how})"):
        score = "folds" if quick else "auto"
        comparison = bd.compare(fits, k=2 if quick else 5, seed=seed, score=score, refits=True, progress=False)
    _say_comparison(comparison)
    multilevel = fits["multilevel"]
    _say_new_county(multilevel)
    with _timed("Writing the report, with figures"):
        extra = {
            "question": QUESTION,
            "data": "radon",
            "card": _card(multilevel),
            "about": {p.name: f"{p.idea}." for p in PLANS},
        }
        report(comparison, path, title="Radon in Minnesota", overwrite=True, main="multilevel", extra=extra)
    _say(f"\nThe report: {path} ({path.stat().st_size / 1e3:,.0f} kB); {time.perf_counter() - began:.0f} s in all.")
    return 0


def _prepare(out: str | Path) -> Path:
    """Return the folder, made if need be and seen to be writable before any work is done."""
    out = as_path(out, "demo", FitError)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FitError(
            f"demo: cannot write to the folder '{out}': {error.strerror or error}; choose another with --out"
        ) from error
    check_target(out / REPORT, "demo", FitError, overwrite=True)
    return out


def _say(text: str, indent: str = "") -> None:
    lines = textwrap.wrap(text.strip("\n"), 96, initial_indent=indent, subsequent_indent=indent) or [""]
    print("\n" * (len(text) - len(text.lstrip("\n"))) + "\n".join(lines), flush=True)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    """Say what is done now, and how long it took."""
    _say(what)
    began = time.perf_counter()
    yield
    _say(f"({time.perf_counter() - began:.1f} s)", "  ")


def _fit(plan: Plan, data: Any, seed: int, settings: Mapping[str, Any]) -> "Fit":
    import bayesdeep as bd

    _say(f"Fitting {plan.name}: {plan.formula}")
    _say(f"{plan.idea}.", "  ")
    model = bd.Model(plan.formula, data, priors=plan.priors or None)
    own: Mapping[str, Any] = (settings if plan.method == "auto" else {}) if settings else plan.settings
    fit = model.fit(plan.method, seed=seed, **own)
    attrs, sizes = fit.idata.attrs, fit.idata["posterior"].sizes
    kind = "exact" if attrs["exact"] else "approximate"
    _say(
        f"{attrs['method']} ({kind}), {sizes['chain']} chains of {sizes['draw']:,} draws: "
        f"{attrs['seconds_total']:.1f} s, of which {attrs['seconds_compile']:.1f} s compiling. "
        f"Chosen because: {fit.explain_choice.split(': ', 1)[-1]}.",
        "  ",
    )
    diagnosis = fit.diagnose()
    _say(f"Diagnosis: {diagnosis.verdict}; {diagnosis.sentence}.", "  ")
    _say_estimates(fit)
    _say("")
    return fit


def _say_estimates(fit: "Fit") -> None:
    """Print the key estimates: population effects without long lists of levels, and standard deviations."""
    from bayesdeep.plot.parts import estimates
    from bayesdeep.report.numbers import between, decimals, number

    table = estimates(fit, ("intercept", "coefficient", "sd", "correlation", "parameter"))
    short = table[[not label.startswith("county[") for label in table.index]]
    width = max(len(label) for label in short.index)
    for label, row in short.iterrows():
        places = decimals(row["sd"])
        _say(
            (
                f"{label:<{width}} {number(row['mean'], f'.{places}f'):>7}   90 % interval "
                f"{between(row['lower'], row['upper'], places)}"
            ),
            "  ",
        )
    left_out = len(table) - len(short)
    if left_out:
        _say(f"and {left_out} estimates, one a county", "  ")


def _say_comparison(comparison: "Comparison") -> None:
    from bayesdeep.report.document import Table
    from bayesdeep.report.phrases import comparison_sentence
    from bayesdeep.report.terminal import text

    columns = ["elpd", "elpd_diff", "dse", "p", "weight", "rmse", "coverage_90", "width_90", "seconds"]
    columns = [c for c in columns if c in comparison.table]
    formats = dict.fromkeys(columns, ".2f") | {
        "elpd": ".1f",
        "elpd_diff": ".1f",
        "dse": ".1f",
        "p": ".1f",
        "seconds": ".1f",
    }
    print(text(Table(comparison.table[columns], "", formats, "")).lstrip("\n"))
    for name, warning in comparison.table.get("warning", {}).items():
        if warning:
            _say(f"Mind: {name}: {warning}.", "  ")
    _say(comparison_sentence(comparison), "  ")
    _say("")


def _say_new_county(fit: "Fit") -> None:
    """Print predictions for a county without data, a large and a small one."""
    from bayesdeep.report.newcomer import newcomer, width_sentence

    found = newcomer(fit)
    _say(f"Predicting the mean log radon of houses in a county, at {found.at.replace('`', '')}:")
    for label, row in found.mean.iterrows():
        _say(f"{label:<24} {row['mean']:5.2f}   90 % interval {row['lower']:5.2f} to {row['upper']:5.2f}", "  ")
    _say(width_sentence(found), "  ")
    _say("")


def _card(fit: "Fit") -> str:
    """Return the model as a card's text, or nothing where cards are not at hand."""
    try:
        from bayesdeep.cards.write_card import card_text

        return card_text(fit.spec, data="radon", title="Radon: county intercepts and floor slopes, partially pooled")
    except (ImportError, BayesdeepError):
        return ""
