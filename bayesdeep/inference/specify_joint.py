"""Several formulas and data to a model of several responses, and their rows."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import ArrayPart, Column, Frame
from bayesdeep.core.errors import DataError, FormulaError, PriorError, nearest
from bayesdeep.core.notices import warn
from bayesdeep.core.priors import Slot
from bayesdeep.core.records import Default, Family, Response
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.design.frame import column, keep_rows, read_frame
from bayesdeep.formula.expand import columns, find_dot
from bayesdeep.formula.nodes import Call, Name, Parsed
from bayesdeep.formula.own import own_columns
from bayesdeep.formula.parser import parse
from bayesdeep.formula.walk import every_node
from bayesdeep.graph.summed_out import summed_out, support_of
from bayesdeep.results.joint_fitted import JointRows
from bayesdeep.results.rows import Rows
from bayesdeep.spec.assign_priors import OUTSIDE, POPULATION, choose
from bayesdeep.spec.joint_spec import RESIDUAL, JointSpec, in_order, prefix_of
from bayesdeep.spec.model_spec import ModelSpec

from .specify import filling, specify_one_of_several

MISSING = ("error", "drop", "model")
MOST_RESPONSES = 12
"""Responses beyond which every pair's correlation is more than a model of this kind can carry."""


@dataclass(frozen=True)
class Asked:
    """What a user said of each response, one entry each; ``parts`` are those that are numbers of an array column, by name."""

    formulas: tuple[str, ...]
    families: tuple[str | Family, ...]
    links: tuple[Any, ...]
    parameters: tuple[Mapping[str, Any], ...]
    parts: Mapping[str, ArrayPart] = field(default_factory=dict)


def specify_joint(
    asked: Asked, data: Any, *, priors: Mapping[str, Any], missing: str, arrays: Any, residual_correlation: bool
) -> tuple[JointSpec, JointRows]:
    """Return the model of several responses; see :class:`bayesdeep.Model`.

    Raises
    ------
    BayesdeepError
        When formulas, data, families and priors do not fit together.
    """
    if missing not in MISSING:
        raise DataError(f"data: unknown missing='{missing}'{nearest(missing, MISSING)}")
    frame, parsed = read_frame(data), [parse(text) for text in asked.formulas]
    names = [_response_name(one, frame) for one in parsed]
    _check_names(names)
    for one in parsed:
        if find_dot(one):
            raise FormulaError(
                f"formula '{one.text}': '.' means all other columns, and beside other responses it is not plain which these are; "
                "write the columns"
            )
    own = [tuple(own_columns(one.response)) for one in parsed if one.response is not None]
    fills = [filling(one) for one in parsed]
    _check_fills(parsed, own, fills, missing)
    for one, names_of, more in zip(parsed, fills, asked.parameters, strict=True):
        _check_beside(one, names_of, more)
    used = [_used(one, more) for one, more in zip(parsed, asked.parameters, strict=True)]
    _check_one_way(names, used, residual_correlation)
    frame, present = _present(frame, parsed, own, fills, missing)
    by_response, in_common = _priors_by_response(priors, names)
    made: list[tuple[ModelSpec, Rows]] = []
    whole: dict[int, Rows] = {}
    needed = {name for names_of in fills for name in names_of}
    for k, text in enumerate(asked.formulas):
        every = {name: frame.columns[name] for name in frame.columns} | _gaps(frame, fills[k])
        gaps = () if present[k] is None else own[k]
        complete = replace(frame, columns=every | {name: _filled(every[name]) for name in gaps})
        options = {
            "link": asked.links[k], "priors": by_response[k], "missing": missing, "parameters": asked.parameters[k],
            "arrays": arrays,
        }  # fmt: skip
        spec_of_one, kept = specify_one_of_several(text, complete, present[k], asked.families[k], **options)
        response = replace(spec_of_one.response, part=asked.parts.get(names[k]))
        made.append((replace(spec_of_one, response=response), kept))
        if present[k] is not None and needed & set(own[k]):
            _check_fillable(made[k][0], made[k][1].response, needed & set(own[k]))
            whole[k] = _all_rows(text, complete, asked.families[k], options)
    specs, rows = tuple(spec for spec, _ in made), tuple(one for _, one in made)
    spec = _with_correlations(JointSpec(specs), in_common, residual_correlation, frame.rows)
    places = tuple(np.arange(frame.rows) if mask is None else np.flatnonzero(mask) for mask in present)
    joint = JointRows(rows, places, frame.rows, whole)
    summed_out(spec, places, frame.rows, whole)  # refuses what it cannot do
    if spec.correlated:
        _check_residuals(spec, joint)
        if needed:
            raise FormulaError(
                f"formula: residual_correlation=True beside mi({next(iter(needed))}): a predictor and a response whose residuals "
                "are correlated leave open which of the two explains the other; leave one of them out"
            )
        for later, chosen in zip(specs[1:], by_response[1:], strict=True):
            if (name := FAMILIES[later.family].degrees) in chosen:
                raise PriorError(
                    f"prior '{prefix_of(later)}{name}': responses whose residuals are correlated have one {name}; give its prior "
                    f"as '{prefix_of(specs[0])}{name}'"
                )
    return spec, joint


def _response_name(parsed: Any, frame: Frame) -> str:
    names = tuple(own_columns(parsed.response))
    return names[0] if names else parsed.text


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MOST_RESPONSES:
        raise FormulaError(f"formula: {len(names)} responses; at most {MOST_RESPONSES} can be modelled together")
    for name in names:
        if names.count(name) > 1:
            raise FormulaError(
                f"formula: two of the formulas have the response '{name}'; every response is modelled once, and its other "
                "parameters by their own formulas, as in sigma={'" + name + "': '~ x'}"
            )


def _check_fills(
    parsed: Sequence[Parsed], own: Sequence[tuple[str, ...]], fills: Sequence[tuple[str, ...]], missing: str
) -> None:
    """Refuse columns without a model for their missing values, and models that need each other's."""
    owner = {parts[0]: k for k, parts in enumerate(own) if len(parts) == 1}
    for one, names in zip(parsed, fills, strict=True):
        for name in names:
            if name not in owner:
                raise FormulaError(
                    f"formula '{one.text}': mi({name}): no formula has '{name}' as its response; add one that says what missing "
                    f"values may be, as in '{name} ~ 1'"
                )
    if any(fills) and missing != "model":
        raise DataError("data: mi() models missing values; pass missing='model' as well")
    try:
        in_order([parts[0] for parts in own], fills)
    except ValueError as error:
        raise FormulaError(
            f"formula: the missing values of {error} depend on each other; leave mi() out of one of the formulas"
        ) from None


def _check_beside(parsed: Parsed, names: Sequence[str], more: Mapping[str, Any]) -> None:
    """Refuse columns that stand in ``mi()`` and elsewhere, where nothing says what they are in rows that lack them."""
    trees = {None: parsed} | {
        key: parse(text, response="none") for key, text in more.items() if isinstance(text, str) and "~" in text
    }
    for key, tree in trees.items():
        roots = [tree.predictor] if tree.response is None else [tree.response, tree.predictor]
        outside = {n.name for root in roots for n in every_node(root, _fills) if isinstance(n, Name)}
        for name in (n for n in names if n in outside):
            of = f"formula '{parsed.text}'" if key is None else f"formula '{tree.text}' of {key}"
            raise FormulaError(
                f"{of}: '{name}' stands in the formula by itself, too, where nothing fills in what is missing; write mi({name}) "
                "for it, or leave one of the two out"
            )
    for key, value in more.items():
        if getattr(value, "value", None) in names:
            raise FormulaError(
                f"formula '{parsed.text}': {key}=bd.known('{value.value}') beside mi({value.value}): what is given has to be "
                "there in every row"
            )


def _fills(call: Call) -> bool:
    """Return whether a call names columns whose missing values come from their own formulas."""
    fills = TERMS[call.function].fills if call.function in TERMS else None
    return fills is not None and fills.called


def _used(parsed: Parsed, more: Mapping[str, Any]) -> set[str]:
    """Return the columns of a response's formulas, that of the response among them."""
    others = (parse(text, response="none") for text in more.values() if isinstance(text, str) and "~" in text)
    return {name for tree in (parsed, *others) for name in columns(tree)}


def _check_one_way(names: Sequence[str], used: Sequence[set[str]], correlated: bool) -> None:
    """Refuse responses that are each other's predictors: the product of their densities is none of them together.

    Where the residuals of a response and of its predictor are correlated as well, only a column that is a predictor of the
    latter alone, an instrument, tells the slope from the correlation.
    """
    beside = [[other for other in names if other != name and other in own] for name, own in zip(names, used, strict=True)]
    try:
        in_order(names, beside)
    except ValueError as error:
        raise FormulaError(
            f"formula: {error} are predictors of each other, and densities of each given the other do not multiply to one of "
            "both; leave one of them out of a formula, and say with residual_correlation=True or (1 |p| g) that they go together"
        ) from None
    for name, own, others in zip(names, used, beside, strict=True):
        for other in others if correlated else ():
            if not used[names.index(other)] - own - {name, other}:
                raise FormulaError(
                    f"formula: residual_correlation=True, and '{other}' is a predictor of '{name}': rows cannot tell that slope "
                    f"from the correlation of residuals unless '{other}' has a predictor that '{name}' does not (an instrument); "
                    "leave the one or the other out"
                )


def _check_fillable(spec: ModelSpec, response: Response, names: set[str]) -> None:
    """Refuse missing values that are neither numbers on a line nor whole numbers that can be summed over."""
    family = FAMILIES[spec.family]
    (name,) = names
    modified = spec.response.modifiers
    if not modified and "discrete" not in family.words and spec.response.levels is None and not family.atoms:
        return
    try:
        support = None if modified or spec.response.failures else support_of(family, response)
    except ValueError as error:
        raise FormulaError(f"formula: mi({name}): {error}") from None
    if support is None:
        what = f" that is {' and '.join(sorted(modified))}" if modified else ""
        raise FormulaError(
            f"formula: mi({name}): missing values of a {spec.family} response{what} are neither numbers on a line nor yes or no, "
            "nor counts, nor levels; this is available for continuous responses such as gaussian, student_t, lognormal and "
            "gamma, for bernoulli, categorical and cumulative ones, and for counts such as poisson and negative_binomial. "
            "Multiple imputation by another program gives several data sets, which bd.ImputedModel takes"
        )


def _all_rows(text: str, frame: Frame, family: str | Family, options: dict[str, Any]) -> Rows:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said already
        return specify_one_of_several(text, frame, None, family, **options)[1]


def _gaps(frame: Frame, names: Sequence[str]) -> dict[str, Column]:
    """Return columns with a value that occurs where one is missing, and a note of where that is."""
    found = {}
    for name in names:
        one = column(frame, name, "data")
        if one.kind == "array":
            raise FormulaError(f"formula: mi({name}): column '{name}' holds an array a row, and mi() takes one number or label")
        found[name] = replace(_filled(one), gaps=one.missing)
    return found


def _present(
    frame: Frame, parsed: Sequence[Any], own: Sequence[tuple[str, ...]], fills: Sequence[tuple[str, ...]], missing: str
) -> tuple[Frame, list[np.ndarray | None]]:
    """Return the rows that are used, and of each response which of them have it; None for all."""
    every = dict.fromkeys(name for one in own for name in one)
    beside = dict.fromkeys(name for one in parsed for name in columns(one) if name not in every)
    absent = {name: mask for name in (*every, *beside) if (mask := column(frame, name, "data").missing) is not None}
    if missing == "error" and any(name in absent for name in every):
        counts = ", ".join(f"{name} {int(mask.sum())}" for name, mask in absent.items())
        either = np.logical_or.reduce(list(absent.values()))
        raise DataError(
            f"data: {int(either.sum())} of {frame.rows} rows have missing values: {counts}; pass missing=\"drop\" to leave these "
            "rows out, or missing=\"model\" to keep those that lack some of their responses"
        )
    if missing == "error" or not absent:
        return frame, [None] * len(own)
    gone = np.zeros(frame.rows, dtype=bool)
    if missing == "drop":
        for mask in absent.values():
            gone |= mask
        if gone.all():
            raise DataError("data: every row has missing values; no row is left")
        warn(f"left out {int(gone.sum())} of {frame.rows} rows with missing values")
        return keep_rows(frame, ~gone), [None] * len(own)
    for one, parts, filled in zip(parsed, own, fills, strict=True):
        used = [name for name in columns(one) if name not in parts and name in absent and name not in filled]
        if used:
            raise DataError(
                f"data: '{used[0]}' has {int(absent[used[0]].sum())} missing values, and formula '{one.text}' has it as a "
                f"predictor; write mi({used[0]}) there and a formula '{used[0]} ~ …' that says what they may be, or leave these "
                "rows out"
            )
    masks = [_all_of([~absent[name] for name in parts if name in absent]) for parts in own]
    # Rows that have no response at all say nothing.
    nowhere = np.logical_or.reduce([np.ones(frame.rows, bool) if mask is None else mask for mask in masks])
    if not nowhere.all():
        frame = keep_rows(frame, nowhere)
        masks = [None if mask is None else mask[nowhere] for mask in masks]
    for name, mask in zip((parts[0] for parts in own), masks, strict=True):
        if mask is not None and not mask.any():
            raise DataError(f"data: '{name}' is missing in every row")
    return frame, masks


def _all_of(masks: Sequence[np.ndarray]) -> np.ndarray | None:
    return np.logical_and.reduce(masks) if masks else None


def _filled(one: Column) -> Column:
    """Return a column with its first value in the place of those that are missing."""
    if one.missing is None or not one.missing.any():
        return one
    values = np.array(one.values)
    values[one.missing] = values[int(np.argmin(one.missing))]
    return replace(one, values=values, missing=None)


def _priors_by_response(
    priors: Mapping[str, Any], names: Sequence[str]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the priors of each response, under names without its own, and those of what they have in common."""
    each: list[dict[str, Any]] = [{} for _ in names]
    common: dict[str, Any] = {}
    for key, prior in priors.items():
        if key == POPULATION:
            for one in each:
                one[key] = prior
            continue
        split = [_owner(part.strip(), names) for part in OUTSIDE.split(key)]
        owners = {owner for owner, _ in split}
        if owners == {None}:
            common[key] = prior
        elif len(owners) > 1:
            raise PriorError(f"prior '{key}': one prior for coefficients of several responses; give each response its own")
        else:
            owner = next(iter(owners))
            assert owner is not None
            each[owner][", ".join(rest for _, rest in split)] = prior
    return each, common


def _owner(name: str, names: Sequence[str]) -> tuple[int | None, str]:
    """Return which response a name belongs to, that with the longest name, and the rest of the name."""
    if name == RESIDUAL:
        return None, name
    fitting = [k for k, response in enumerate(names) if name.startswith(f"{response}_")]
    if not fitting:
        return None, name
    best = max(fitting, key=lambda k: len(names[k]))
    return best, name.removeprefix(f"{names[best]}_")


def _with_correlations(spec: JointSpec, given: Mapping[str, Any], residual: bool, rows: int) -> JointSpec:
    """Return the model with priors of the correlations that responses have in common."""
    slots = [one.place for one in spec.shared]
    if residual:
        default = Default("LKJ(2)", "weakly towards no correlation")
        slots.append(Slot(RESIDUAL, "correlation", default, "correlation"))
    known = {slot.name for slot in slots}
    for name in given:
        if name not in known:
            names = [f"{prefix_of(s)}{p.name}" for s in spec.responses for p in s.priors]
            raise PriorError(
                f"prior '{name}': no such quantity; names begin with the response's, as in "
                f"'{prefix_of(spec.responses[0])}{name}'{nearest(name, [*names, *known])}"
            )
    return replace(spec, priors=choose(slots, given, rows, ()))


def _check_residuals(spec: JointSpec, rows: JointRows) -> None:
    """Refuse correlations of residuals that do not exist, or that rows cannot say anything of."""
    first = FAMILIES[spec.responses[0].family]
    for one in spec.responses:
        family = FAMILIES[one.family]
        if not ("gaussian" in family.words or family.degrees) or one.links[family.main.name] != "identity":
            raise FormulaError(
                f"formula: residual_correlation=True: {one.response.name} is {one.family} with the link "
                f"{one.links[family.main.name]}, whose response is no sum of a mean and a residual; take normal or student_t "
                "responses, or effects of each row that are correlated, (1 |p| row) in every formula"
            )
        if family.degrees != first.degrees:
            raise FormulaError(
                f"formula: residual_correlation=True: {spec.names[0]} is {spec.responses[0].family} and {one.response.name} is "
                f"{one.family}; residuals that are correlated have one distribution together, so give both the same family"
            )
        if family.degrees and (family.degrees in one.known or family.degrees in one.formulas):
            raise FormulaError(
                f"formula: residual_correlation=True: {family.degrees} is one number that all responses have in common, and "
                f"that of {one.response.name} is given or has a formula; leave that out"
            )
        strange = set(one.response.modifiers)
        if strange:
            raise FormulaError(
                f"formula: residual_correlation=True: {one.response.name} is {' and '.join(sorted(strange))}, for which the "
                "distribution of several responses together is not available"
            )
    _check_dependent(spec, rows)
    count = len(spec.responses)
    present = np.zeros((rows.rows, count), dtype=bool)
    for k, place in enumerate(rows.places):
        present[place, k] = True
    for i in range(count):
        for j in range(i):
            both = int((present[:, i] & present[:, j]).sum())
            if both < 2:
                raise DataError(
                    f"data: residual_correlation=True: '{spec.names[j]}' and '{spec.names[i]}' are both there in {both} rows, "
                    "which say nothing of a correlation"
                )
    if rows.rows <= count:
        raise DataError(
            f"data: residual_correlation=True: {count} responses have {count * (count - 1) // 2} correlations, and there are "
            f"{rows.rows} rows; leave it out, or model fewer responses"
        )


def _check_dependent(spec: JointSpec, rows: JointRows) -> None:
    """Refuse responses of which one is a linear combination of the others, whose residuals have no density together."""
    values = np.full((rows.rows, len(spec.responses)), np.nan)
    for k, (one, place) in enumerate(zip(rows.each, rows.places, strict=True)):
        values[place, k] = one.response.value
    whole = values[~np.isnan(values).any(axis=1)]
    if len(whole) <= values.shape[1]:
        return
    whole = whole - whole.mean(axis=0)
    spread = np.sqrt((whole**2).mean(axis=0))
    _, lengths, directions = np.linalg.svd(whole / np.where(spread > 0.0, spread, 1.0), full_matrices=False)
    if lengths[-1] < 1e-7 * lengths[0]:
        named = [f"'{name}'" for name, share in zip(spec.names, directions[-1], strict=True) if abs(share) > 1e-4]
        said = f"{' and '.join(named)} are linear combinations of each other" if len(named) > 1 else f"{named[0]} is constant"
        raise DataError(
            f"data: residual_correlation=True: {said} in all rows, so that their residuals have no distribution together; leave "
            "one of them out"
        )
