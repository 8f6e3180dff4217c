"""Learned columns to JSON and back, shared by the terms that have a design matrix."""

from bayesdeep.core.columns import Json, LearnedColumns, TermColumns


def pack(columns: LearnedColumns) -> Json:
    """Return learned columns as JSON."""
    return {
        "intercept": columns.intercept,
        "terms": [
            [t.name, t.start, t.stop, None if t.labels is None else list(t.labels), t.kind]
            for t in columns.terms
        ],
        "means": list(columns.means),
        "sds": list(columns.sds),
        "state": columns.state,
    }


def unpack(state: Json) -> LearnedColumns:
    """Return learned columns from JSON."""
    terms = tuple(
        TermColumns(name, start, stop, None if labels is None else tuple(labels), kind)
        for name, start, stop, labels, kind in state["terms"]
    )
    return LearnedColumns(state["intercept"], terms, tuple(state["means"]), tuple(state["sds"]), state["state"])


def unit_of(columns: LearnedColumns, term: TermColumns) -> float:
    """Return the standard deviation that turns a term's coefficient into an effect per standard deviation.

    Indicator columns count as they are: their coefficient is already a difference between two levels.
    """
    spread = max(columns.sds[term.start : term.stop])
    return 1.0 if term.kind == "categorical" or spread <= 0 else spread
