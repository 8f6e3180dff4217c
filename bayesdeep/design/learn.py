"""Formulas and a frame to a design: what every term learned, the arrays, and the response."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame, Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Response
from bayesdeep.core.registry import TERMS
from bayesdeep.core.terms import Line
from bayesdeep.formula.expand import columns, expand, find_dot, grouping_columns, own_columns
from bayesdeep.formula.nodes import Formula, Parsed, Varying, label
from bayesdeep.formula.problems import formula_of

from .frame import column
from .nonlinear_tree import check_names
from .training_data import LearningContext, TrainingData, Written


@dataclass(frozen=True)
class LearnedTerm:
    """One addend: the plug-in's name, a key unique in the model, its text and what it learned."""

    kind: str
    key: str
    source: str
    state: Json


@dataclass(frozen=True)
class Design:
    """Everything the design stage took from the training rows.

    Attributes
    ----------
    formulas
        Multiplied out, by parameter.
    others
        The columns ``.`` stood for.
    terms
        By parameter.
    arrays
        By ``"term key.array"``, and known parameters by their name; first axis ``obs``. Where the data do not hold rows, what
        stands for them.
    response
        As read, not yet coded by the family.
    rows, dropped
        Rows used, and rows left out for missing values.
    notice
        A sentence about rows left out, or "".
    index
        Labels of the rows used, or None.
    columns
        The columns used, on the rows used, by name.
    doubts
        Sentences about terms that the rows say little about.
    """

    formulas: Mapping[str, Formula]
    others: tuple[str, ...]
    terms: Mapping[str, tuple[LearnedTerm, ...]]
    arrays: Mapping[str, np.ndarray]
    response: Response
    rows: int
    dropped: int
    notice: str
    index: Any
    columns: Mapping[str, Column] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def term_nodes(formula: Formula) -> Iterator[tuple[str, str, Any]]:
    """Yield the plug-in's name, the text and the node of each addend, in the order of the predictor's sum."""
    if formula.intercept or formula.products:
        text = " + ".join((["1"] if formula.intercept else []) + [label(p) for p in formula.products])
        yield "population", text, formula
    for group in formula.groups:
        joined = tuple(call for call in group.specials if TERMS[call.function].joins)
        if joined:
            yield joined[0].function, f"({group.source})", replace(group, specials=joined)
        elif group.intercept or group.products:
            kind = "group" if group.call is None else group.call.function
            yield kind, f"({group.source})", replace(group, specials=())
        for call in (call for call in group.specials if call not in joined):
            yield call.function, f"({group.source})", Varying(call, group.factor, f"({group.source})")
    for call in formula.specials:
        yield call.function, call.source, call


def where(text: str) -> str:
    """Return how error texts about a formula begin."""
    return f"formula '{text if len(text) <= 200 else text[:197] + '…'}'"


def learn_design(parsed: Mapping[str, Parsed], data: TrainingData, known: Mapping[str, Known], missing: str) -> Design:
    """Learn every formula's terms from the data.

    Parameters
    ----------
    parsed
        Formulas by parameter; the first is the main parameter's and has the response.
    data
        Rows in memory (:class:`~bayesdeep.design.training_data.InMemory`), or sums over rows that were read once.
    known
        Parameters that are given; those given as columns are read here.
    missing
        ``"error"`` or ``"drop"``.
    """
    written = multiply_out(parsed, data.outline, known)
    rows = data.complete(written, missing)
    terms, arrays, doubts = learn_terms(parsed, written.formulas, rows.context)
    arrays.update(rows.known_arrays())
    response = rows.response(where(next(iter(parsed.values())).text))
    return Design(
        written.formulas,
        written.others,
        terms,
        arrays,
        response,
        rows.rows,
        rows.dropped,
        rows.notice,
        rows.index,
        rows.columns,
        doubts,
    )


def multiply_out(parsed: Mapping[str, Parsed], outline: Frame, known: Mapping[str, Known]) -> Written:
    """Return the formulas multiplied out; raise for columns that the data do not have."""
    main = next(iter(parsed))
    check_names(parsed, outline)
    others = dot_columns(parsed, outline, known)
    refuse_own_known(parsed[main], known)
    formulas: dict[str, Formula] = {}
    for name, p in parsed.items():
        with formula_of(None if name == main else name):
            formulas[name] = expand(p, others, parsed[main].response)
            for needed in columns(formulas[name]):
                column(outline, needed, where(p.text))
    given = [k.value for k in known.values() if isinstance(k.value, str)]
    response = formulas[main].response
    assert response is not None, "the main formula has a response"
    used = dict.fromkeys([c for f in formulas.values() for c in columns(f)] + given)
    beside = dict.fromkeys([c for f in formulas.values() for c in columns(replace(f, response=None))] + given)
    return Written(formulas, others, response, known, tuple(used), tuple(beside))


def learn_terms(
    parsed: Mapping[str, Parsed], formulas: Mapping[str, Formula], context_of: Callable[[Formula, str], LearningContext]
) -> tuple[dict[str, tuple[LearnedTerm, ...]], dict[str, np.ndarray], tuple[str, ...]]:
    """Return what all terms learn, by parameter; their arrays, by ``"term key.array"``; and doubts about them.

    ``context_of(formula, where)`` gives the data as the terms of a formula see them.
    """
    main = next(iter(parsed))
    terms: dict[str, tuple[LearnedTerm, ...]] = {}
    arrays: dict[str, np.ndarray] = {}
    doubts: dict[str, None] = {}
    for name, formula in formulas.items():
        context = context_of(formula, where(parsed[name].text))
        with formula_of(None if name == main else name):
            terms[name] = tuple(_learned(name, formula, context, arrays))
        begin = where(parsed[name].text).replace("formula", "formula" if name == main else f"formula of {name}", 1)
        doubts.update({f"{begin}: {doubt.text}": None for doubt in context.doubts})
    return terms, arrays, tuple(doubts)


def _learned(
    parameter: str, formula: Formula, context: LearningContext, arrays: dict[str, np.ndarray]
) -> Iterator[LearnedTerm]:
    """Yield what each term of a parameter's formula learns; its arrays are added to ``arrays``."""
    lines: dict[Line, str] = {}
    for i, (kind, source, node) in enumerate(term_nodes(formula)):
        key = f"{parameter}_{kind}" if kind == "population" else f"{parameter}_{kind}_{i}"
        before = dict(context.doubts)
        state = TERMS[kind].learn(node, context)
        _refuse_twice(lines, TERMS[kind].lines(state, node), kind, source, context.where)
        # A constant input of a network has no coefficient that could be mistaken for the intercept.
        if TERMS[kind].effects is None:
            context.doubts = before | {doubt: None for doubt in context.doubts if not doubt.constant}
        arrays.update({f"{key}.{k}": v for k, v in TERMS[kind].arrays(state, node, context).items()})
        yield LearnedTerm(kind, key, source, state)


def _refuse_twice(before: dict[Line, str], lines: frozenset[Line], kind: str, source: str, where: str) -> None:
    """Raise where a term has a straight line that another has; add those of this one to those ``before``, with whose they are."""
    for line in sorted(lines & set(before), key=lambda own: (len(own), sorted(own))):
        other, text = before[line], ":".join(sorted(line))
        if not other:
            raise FormulaError(f"{where}: the straight line of '{text}' is part of {source}; leave '{text}' by itself out")
        raise FormulaError(
            f"{where}: {other} and {source} both have the straight line of '{text}', which is then known as a sum only. Keep one "
            f"of the two, or functions that do not hold each other: s(x) + s(z); s(x, z), or t2(x, z), whose blocks tell what "
            f"bends along x, along z and along both; s(x) + s(x, g, bs='fs') for a curve and each group's departure from it"
        )
    before.update(dict.fromkeys(lines, "" if kind == "population" else source))


def refuse_own_known(main: Parsed, known: Mapping[str, Known]) -> None:
    """Raise where a parameter is given by a column of the response itself."""
    own = () if main.response is None else own_columns(main.response)
    for name, given in known.items():
        if given.value in own:
            raise FormulaError(
                f"{where(main.text)}: '{given.value}' is part of the response and cannot give {name} as well, "
                f"{name}=known('{given.value}')"
            )


def dot_columns(parsed: Mapping[str, Parsed], frame: Frame, known: Mapping[str, Known]) -> tuple[str, ...]:
    """Return what ``.`` stands for: every column but the response's, grouping factors and known parameters."""
    if not any(find_dot(p) for p in parsed.values()):
        return ()
    taken = {k.value for k in known.values()}
    for p in parsed.values():
        taken |= set(grouping_columns(p))
        taken |= set(columns(p.response)) if p.response is not None else set()
    found = tuple(name for name in frame.columns if name not in taken)
    if not found:
        raise FormulaError(
            f"{where(next(iter(parsed.values())).text)}: '.' stands for no column: all are used elsewhere"
        )
    return found
