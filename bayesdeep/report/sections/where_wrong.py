"""Who is wrong where: errors and coverage by group size, region of the inputs and predicted uncertainty."""

import pandas as pd

from bayesdeep.compare.compared import Compared
from bayesdeep.compare.errors_by_region import errors, selective
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.plot.error_regions import errors as errors_figure
from bayesdeep.plot.selective import selective as selective_figure

from ..document import Block, Figure, Format, Heading, Paragraph, Table
from ..numbers import decimals, number, percent
from ..phrases import joined, named
from ..section import Section, Subject
from ..sound import only, scored_names, without

FORMATS: dict[str, Format] = {
    "rows": ",d",
    "rmse": ".3g",
    "mae": ".3g",
    "crps": ".3g",
    "accuracy": percent,
    "log_score": ".2f",
    "coverage_90": percent,
    "width_90": ".3g",
}
TITLES = {
    "size": "By size of the group",
    "range": "Inside and outside the range of the inputs",
    "distance": "By distance of the inputs",
    "uncertainty": "By the fit's own uncertainty",
}
MEANS = {
    "size": "How many rows of the row's group the prediction could draw on; 0 is a group never seen.",
    "range": "Whether a number lies beyond all those of the training part, or a level is new; one column at a time.",
    "distance": (
        "Thirds of the rows by Mahalanobis distance of the inputs that are numbers from their training mean: far rows are those "
        "with unusual inputs."
    ),
    "uncertainty": (
        "Thirds of the rows by the width of the fit's own intervals (or by 1 less its largest probability); each fit has its "
        "own thirds. Errors that grow from the first to the last, with coverage that stays, are what a fit that knows its own "
        "uncertainty shows."
    ),
}


def applies(subject: Subject) -> bool:
    """There is a comparison with scores by row."""
    return subject.comparison is not None and bool(subject.comparison.assessed)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return what was found by region, as tables and pictures, and the selective prediction curve."""
    bad, whole = subject.untrusted(), subject.comparison
    assert whole is not None
    good = [name for name in scored_names(whole) if name not in bad]
    sound = (without(whole, bad) or only(whole, good)) if good else None
    struck = only(whole, bad) if set(bad) & set(scored_names(whole)) else None
    found: list[Block] = [block for name in bad for block in subject.warning(name)]
    found.append(
        Paragraph(
            "The scores of the comparison, row by row, taken apart: where does each model err, and do its intervals hold there?"
        )
    )
    tables = [(one, errors(one)) for one in (sound, struck) if one is not None]
    for by in TITLES:
        parts = [(one, _of(table, by)) for one, table in tables]
        regions = {where for _, table in parts for where in table.index.get_level_values("where")}
        if len(regions) > (1 if by == "range" else 0):
            found += [Heading(TITLES[by]), Paragraph(MEANS[by])]
            found += [block for one, table in parts for block in _one(one, by, table, one is struck)]
    return (*found, *_selective(sound, struck))


def _of(table: pd.DataFrame, by: str) -> pd.DataFrame:
    return table[table.index.get_level_values("by") == by]


def _one(comparison: Compared, by: str, table: pd.DataFrame, struck: bool) -> list[Block]:
    if not len(table):
        return []
    found: list[Block] = []
    places, fits = (list(dict.fromkeys(map(str, table.index.get_level_values(level)))) for level in ("where", "fit"))
    if not struck:
        found += [Paragraph(text) for text in sentences(table, by)]
        alt = f"Errors and coverage of {joined(fits)} {by_words(by)}: the table below has them."
        caption = "Vertical lines: about two standard errors. The number of rows is in brackets."
        if len(places) > 1:
            found.append(Figure.of(errors_figure(comparison, by, table=table), alt, caption))
    return [*found, _table(table, by, struck)]


def by_words(by: str) -> str:
    """Return by what rows are told apart, as it stands in a sentence."""
    return {
        "size": "by the number of training rows of the group",
        "range": "by whether inputs are in the training range",
        "distance": "by distance of the inputs",
        "uncertainty": "by predicted uncertainty",
    }[by]


def sentences(table: pd.DataFrame, by: str) -> list[str]:
    """Return which fits are told apart where, by paired differences in log score, in words."""
    if by not in ("size", "distance", "range") or "log_score_diff" not in table:
        return []
    said = []
    for where, own in table.groupby(level="where", sort=False):
        own = own.reset_index("fit").dropna(subset=["log_score_diff"])
        if len(own) < 2:
            continue
        first = own.loc[(own["log_score_dse"].fillna(0) == 0) & (own["log_score_diff"] == 0), "fit"]
        apart = own[own["log_score_diff"].abs() > 2 * own["log_score_dse"]]
        if not len(first):
            continue
        base, rows = named(first.iloc[0]), int(own["rows"].max())
        if rows < 10:
            said.append(f"{where}: {rows} rows, too few to say anything.")
        elif not len(apart):
            said.append(f"{where}: log scores do not tell any model from {base}.")
        else:
            gaps = [
                f"{named(r.fit)} by {number(float(r.log_score_diff), '+.3f')} ({number(float(r.log_score_dse), '.3f')})"
                for r in apart.itertuples()
            ]
            said.append(f"{where}: log score a row differs from that of {base} for {joined(gaps)}.")
    lead = {"size": "Training rows of the group", "distance": "Inputs", "range": "Inputs"}[by]
    return [f"{lead}. " + " ".join(said) + " In brackets: standard error, of pairs of rows."] if said else []


def _table(table: pd.DataFrame, by: str, struck: bool) -> Table:
    kept = [c for c in FORMATS if c in table and table[c].notna().any()]
    flat = table[kept].reset_index(["where", "fit"]).set_index("fit")
    formats = {c: FORMATS[c] for c in kept}
    if "rmse_se" in table:
        places = decimals(float(table["rmse_se"].median()))
        formats |= {c: f".{places}f" for c in ("rmse", "mae", "crps", "width_90") if c in kept}
    caption = (
        f"Scores {by_words(by)}; errors, CRPS and widths in the response's units, log score a row, coverage and width of 90 % "
        "intervals."
    )
    return Table(flat, caption, formats, "model", struck)


def _selective(sound: Compared | None, struck: Compared | None) -> list[Block]:
    shown: list[Block] = [
        Heading("Leaving out what a model is unsure of"),
        Paragraph(
            "If each model may decline the rows it is least sure of, how large is the error of the others? A line that falls to "
            "the right belongs to a model that knows where it is wrong; a level one to a model whose uncertainty says nothing "
            "about its errors, such as one with the same noise everywhere."
        ),
    ]
    for one in (sound, struck):
        if one is None:
            continue
        try:
            found = selective(one)
        except BayesdeepError:
            continue
        if one is sound:
            ends = "; ".join(f"{n} {v.iloc[0]:.3g} to {v.iloc[-1]:.3g}" for n, v in found.curve.items())
            alt = f"{found.error.capitalize()} from all rows to the most certain tenth: {ends}."
            caption = f"{found.error.capitalize()} of the rows kept; of few rows, at the right, it is uncertain."
            shown.append(Figure.of(selective_figure(one, found=found), alt, caption))
        shown.append(_areas(found.areas, one is struck))
    return shown if len(shown) > 2 else []


def _areas(areas: pd.DataFrame, struck: bool) -> Table:
    caption = (
        "aurc: mean error over all numbers of rows kept, lower is better; random: if rows were left out at random; oracle: if by "
        "their actual error; gained: how much of the way from random to oracle, 1 at best, near 0 where uncertainty says nothing."
    )
    return Table(areas, caption, {"aurc": ".3f", "random": ".3f", "oracle": ".3f", "gained": ".2f"}, "model", struck)


SECTION = Section("Who is wrong where?", 45, applies, blocks, "comparison")
