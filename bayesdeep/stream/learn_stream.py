"""One pass over blocks of rows to a model's spec and sufficient statistics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.collapse.applies import why_not
from bayesdeep.collapse.linear_layout import layout_of
from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.linear import Moments
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Family
from bayesdeep.core.registry import TERMS
from bayesdeep.design.almost import refuse_almost_numbers
from bayesdeep.design.frame import LazyColumns, column
from bayesdeep.design.learn import Design, LearnedTerm, dot_columns, refuse_own_known, term_nodes, where
from bayesdeep.formula.expand import columns, expand
from bayesdeep.formula.nodes import Parsed
from bayesdeep.spec.make import make_spec
from bayesdeep.spec.model_spec import ModelSpec

from .assemble import moments_of_scan
from .block import block_of
from .finish import Finished
from .read_plan import Plan, check_before_reading, plan_of, refuse
from .scan import Scan
from .stream_source import Source, rebatched

LEAST_ROWS = 1 << 16
"""Smaller blocks are joined: the first one's means are what sums are taken about."""


@dataclass(frozen=True)
class Streamed:
    """What is left of rows that were read once.

    Attributes
    ----------
    spec
        The model.
    moments, centre
        Sufficient statistics, and what was taken off the response.
    rows
        Number of rows used.
    notice
        A sentence about rows left out, or "".
    example
        The first row.
    doubts
        Sentences about terms that the rows say little about.
    """

    spec: ModelSpec
    moments: Moments
    centre: float
    rows: int
    notice: str
    example: Frame
    doubts: tuple[str, ...] = ()


def learn_stream(
    source: Source,
    texts: Mapping[str, str],
    parsed: Mapping[str, Parsed],
    family: Family,
    links: Mapping[str, str],
    known: Mapping[str, Known],
    priors: Mapping[str, Any],
    missing: str,
    least: int = LEAST_ROWS,
) -> Streamed:
    """Read all rows once and return the model made from them.

    The other parameters are those of :func:`~bayesdeep.spec.make.make_spec`.

    Parameters
    ----------
    least
        Blocks of fewer rows are joined.

    Raises
    ------
    DataError
        If the model has to see its rows, before they are read where that can be known; if values are missing.
    """
    check_before_reading(parsed, family, links, known)
    main = family.main.name
    names = Frame(LazyColumns(source.names, _unread), 0)
    others = dot_columns(parsed, names, known)
    refuse_own_known(parsed[main], known)
    formula = expand(parsed[main], others)
    for needed in columns(formula):
        column(names, needed, where(parsed[main].text))
    used = (*columns(formula), *(k.value for k in known.values() if isinstance(k.value, str)))
    for needed in used:
        column(names, needed, "data")
    scan = Scan(plan_of(formula, parsed[main].text, tuple(dict.fromkeys(used))), family, known, missing)

    def spec_of(learned: Finished, notice: str) -> ModelSpec:
        design = _design(scan, learned, main, others, notice)
        return make_spec(design, texts, family, links, known, priors, scan.response.stand_in(), missing)

    for table in rebatched(source.blocks(scan.plan.used), least):
        began, block = scan.rows, block_of(table)
        refuse_almost_numbers({main: formula}, known, block.frame, scan.gaps.rows)
        scan.add(block)
        if not began and scan.rows:
            _check_early(scan, spec_of)
    notice = scan.gaps.check(missing)
    learned = Finished(scan)
    spec = spec_of(learned, notice)
    _refuse_if_not_linear(spec)
    layout = layout_of(spec)
    mean = scan.response_mean()
    centre = mean if layout.intercept else 0.0
    keys = [(t.key, node) for t, (_, _, node) in zip(spec.predictors[0].terms, term_nodes(formula), strict=True)]
    moments = moments_of_scan(learned, layout, keys, centre)
    assert scan.example is not None
    doubts = tuple(f"{where(parsed[main].text)}: {doubt.text}" for doubt in learned.doubts)
    return Streamed(spec, moments, centre, scan.rows, notice, scan.example, doubts)


def _unread(name: str) -> Column:
    return Column(name, "number", np.zeros(0))


def _check_early(scan: Scan, spec_of: Any) -> None:
    """Raise for a model that needs its rows as soon as the kinds of its columns are known."""
    try:
        spec = spec_of(Finished(scan, early=True), "")
    except (FormulaError, DataError):
        return  # what the first rows lack, later ones may have
    _refuse_if_not_linear(spec)


def _refuse_if_not_linear(spec: ModelSpec) -> None:
    reason = why_not(spec)
    if reason is not None:
        raise refuse(reason)


def _design(scan: Scan, learned: Finished, main: str, others: tuple[str, ...], notice: str) -> Design:
    terms, arrays = [], {}
    plan: Plan = scan.plan
    for i, (kind, source, node) in enumerate(term_nodes(plan.formula)):
        key = f"{main}_{kind}" if kind == "population" else f"{main}_{kind}_{i}"
        terms.append(LearnedTerm(kind, key, source, TERMS[kind].learn(node, learned)))
        if key in scan.shifts:
            arrays[f"{key}.value"] = np.array([scan.shifts[key] / scan.rows])
    dropped = scan.gaps.missing_rows
    response = scan.response.stand_in()
    return Design({main: plan.formula}, others, {main: tuple(terms)}, arrays, response, scan.rows, dropped, notice, None)
