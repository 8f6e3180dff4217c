"""One pass over blocks of rows to a model's spec and sufficient statistics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bayesdeep.collapse.eligibility import why_not
from bayesdeep.collapse.linear_layout import layout_of
from bayesdeep.core.columns import Frame
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.linear import Moments
from bayesdeep.core.priors import Known
from bayesdeep.core.quantities import COEFFICIENT
from bayesdeep.core.records import Family
from bayesdeep.design.frame import column
from bayesdeep.design.learn import Design, learn_design, multiply_out
from bayesdeep.design.numeric_as_text import refuse_almost_numbers
from bayesdeep.formula.nodes import Parsed
from bayesdeep.spec.make import make_spec
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import is_share

from .assemble import moments_of_scan
from .block import block_of
from .finish import Finished
from .read_plan import check_before_reading, plan_of, refuse
from .scan import Scan
from .scanned_data import ScannedData, outline_of
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
    check_before_reading(parsed, family, links)
    outline = outline_of(source.names)
    written = multiply_out(parsed, outline, known)
    for needed in written.used:
        column(outline, needed, "data")
    scan = Scan(plan_of(parsed, written), family, known, missing)

    def learned(data: ScannedData) -> tuple[Design, ModelSpec]:
        design = learn_design(parsed, data, known, missing)
        return design, make_spec(design, texts, family, links, known, priors, design.response, missing)

    for table in rebatched(source.blocks(scan.plan.used), least):
        began, block = scan.rows, block_of(table)
        refuse_almost_numbers(written.formulas, known, block.frame, scan.gaps.rows)
        scan.add(block)
        if not began and scan.rows:
            _check_early(lambda: learned(ScannedData(outline, scan, early=True))[1])
    design, spec = learned(ScannedData(outline, scan))
    _refuse_if_not_linear(spec)
    layout = layout_of(spec)
    centre = scan.response_mean() if layout.intercept else 0.0
    moments = moments_of_scan(Finished(scan), layout, design.arrays, centre)
    assert scan.example is not None
    return Streamed(spec, moments, centre, scan.rows, design.notice, scan.example, design.doubts)


def _check_early(spec_of: Callable[[], ModelSpec]) -> None:
    """Raise for a model that needs its rows as soon as the kinds of its columns are known."""
    try:
        spec = spec_of()
    except (FormulaError, DataError):
        return  # what the first rows lack, later ones may have
    _refuse_if_not_linear(spec)


def _shares(spec: ModelSpec) -> str | None:
    """Return that coefficients of columns have shares of a budget, in a clause; None if none has."""
    own = [p.name for p in spec.priors if p.role == COEFFICIENT and is_share(p)]
    return f"the prior of {own[0]} is a share of the budget '{spec.prior(own[0]).key}'" if own else None  # type: ignore[union-attr]


def _refuse_if_not_linear(spec: ModelSpec) -> None:
    reason = why_not(spec) or _shares(spec)
    if reason is not None:
        raise refuse(reason)
