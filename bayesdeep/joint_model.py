"""A model of several responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.errors import FormulaError, nearest
from bayesdeep.core.priors import Known
from bayesdeep.design.array_response import Expanded, expand_responses
from bayesdeep.display import notebook
from bayesdeep.inference.fit_joint import fit_joint
from bayesdeep.inference.specify_joint import Asked, specify_joint
from bayesdeep.joint_fit import JointFit
from bayesdeep.spec.joint_spec import JointSpec, prefix_of

if TYPE_CHECKING:
    import pymc


class JointModel:
    """A model of several responses, which :class:`bayesdeep.Model` returns for several formulas. It does not change.

    ``bd.Model(["y1 ~ x + (1 |p| g)", "y2 ~ x + (1 |p| g)"], data, residual_correlation=True)``: effects of groups with one name
    between the bars are correlated across formulas (``g_corr``), and so is what is left over of normal responses
    (``residual_corr``). Names of quantities begin with the response's: ``y1_x``, ``y2_sigma``.

    Parameters
    ----------
    formulas
        One a response, or one with ``mvbind(y1, y2)`` on its left. An array column ``y (obs, k)`` on the left stands for ``k``
        responses, ``y_1``, … or ``y_`` and its labels; what is given by response is for all of them under ``y``.
    data
        Rows in memory.
    family, link
        One for all, one a response, or by response.
    priors
        By posterior name, ``{"y1_x": "Normal(0, 1)", "g_corr": "LKJ(1)"}``; ``"population"`` is for the coefficients of each.
    missing
        ``"error"``, ``"drop"``, or ``"model"``: rows stay whose responses are missing, and say what those that they have say.
    residual_correlation
        Whether residuals of normal responses are correlated.
    arrays
        As of :class:`bayesdeep.Model`.
    parameter_formulas
        Of other parameters: ``sigma="~ x"`` for all responses, or by response, ``sigma={"y1": "~ x"}``.

    Raises
    ------
    BayesdeepError
        When formulas, data, families and priors do not fit together.
    """

    @arguments.checked("model", missing=arguments.text, residual_correlation=arguments.flag)
    def __init__(
        self,
        formulas: Sequence[str],
        data: Any,
        family: Any = "gaussian",
        *,
        link: Any = None,
        priors: Mapping[str, Any] | None = None,
        missing: str = "error",
        arrays: Mapping[str, Any] | None = None,
        residual_correlation: bool = False,
        **parameter_formulas: Any,
    ) -> None:
        expanded = expand_responses(formulas, data)
        asked = _asked(expanded, family, link, parameter_formulas)
        self._spec, self._rows = specify_joint(
            asked, expanded.data, priors=priors or {}, missing=missing, arrays=arrays, residual_correlation=residual_correlation
        )

    @property
    def spec(self) -> JointSpec:
        """Return the model as data."""
        return self._spec

    @property
    def rows(self) -> int:
        """Return the number of rows the model is fitted to."""
        return self._rows.rows

    @property
    def priors(self) -> pd.DataFrame:
        """Return every prior as an explicit number, and where it came from."""
        table = [(prefix_of(one), p) for k, one in enumerate(self.spec.responses) for p in self.spec.own_priors(k)]
        table += [("", p) for p in self.spec.priors]
        rows = [{"name": f"{b}{p.name}", "prior": str(p.prior), "origin": p.origin, "reason": p.reason} for b, p in table]
        return pd.DataFrame(rows, columns=["name", "prior", "origin", "reason"]).set_index("name")

    @cached_property
    def pymc(self) -> pymc.Model:
        """Return the ``pymc.Model`` of all responses."""
        from bayesdeep.graph.joint_graph import build_joint

        rows = self._rows
        return build_joint(self.spec, rows.each, rows.places, rows.rows, sampled=False, whole=rows.whole).model

    @arguments.checked("fit", method=arguments.text, seed=arguments.seed, progress=arguments.flag)
    def fit(
        self, method: str = "auto", *, draws: int | None = None, tune: int | None = None, chains: int | None = None,
        seed: int | None = None, progress: bool = True, **options: Any,
    ) -> JointFit:
        """Fit the model; arguments as of :meth:`bayesdeep.Model.fit`.

        ``"auto"`` integrates the coefficients of normal responses out, all together (``collapsed``), else takes ``nuts``.
        """
        common = {"draws": draws, "tune": tune, "chains": chains}
        return JointFit(fit_joint(self.spec, self._rows, method, common, options, seed=seed, progress=progress))

    def __repr__(self) -> str:
        return f"Model of {len(self.spec.responses)} responses, {self.rows:,} rows\n{self.spec}"

    def _repr_html_(self) -> str:
        shown = notebook.table(self.priors, rest="model.priors")
        return notebook.shown(notebook.code(str(self).split("\npriors")[0]), shown)


def _asked(expanded: Expanded, family: Any, link: Any, others: Mapping[str, Any]) -> Asked:
    """Return what was said of each response; what is given by response names it as the left side of its formula does."""
    texts = expanded.formulas
    if len(texts) < 2:
        raise FormulaError("formula: a list of formulas is for several responses; write one formula as text")
    for text in texts:
        if not isinstance(text, str):
            raise FormulaError(f"formula: {text!r} is no formula; give texts such as 'y ~ x'")
    names, arrays = tuple(text.split("~")[0].strip().strip("`") for text in texts), expanded.names
    parameters: list[dict[str, Any]] = [{} for _ in texts]
    for parameter, value in others.items():
        for own, one in zip(parameters, _by_response(value, names, parameter, arrays), strict=True):
            if one is not None:
                own[parameter] = one
    links = _by_response(link, names, "link", arrays)
    families = _by_response(family, names, "family", arrays)
    return Asked(texts, tuple(families), tuple(links), tuple(parameters), expanded.parts)


def _by_response(value: Any, names: Sequence[str], what: str, arrays: Mapping[str, Sequence[str]]) -> list[Any]:
    """Return a value a response: from one for all, one each, or some by name, that of an array column for each of its own."""
    if isinstance(value, Mapping):
        plain = {str(name).strip("`"): one for name, one in value.items()}
        value = {own: one for name, one in plain.items() for own in arrays.get(name, (name,))}
    if isinstance(value, Mapping) and (what != "link" or set(value) <= set(names)):
        for name in value:
            if name not in names:
                raise FormulaError(f"formula: {what} is given for '{name}', which is no response{nearest(str(name), names)}")
        if what == "family" and len(value) < len(names):
            lacking = next(name for name in names if name not in value)
            raise FormulaError(f"formula: family is given by response, and '{lacking}' has none")
        return [value.get(name) for name in names]
    if isinstance(value, list | tuple) and not isinstance(value, Known):
        if len(value) != len(names):
            raise FormulaError(f"formula: {len(value)} entries in {what} for {len(names)} responses; give one each")
        return list(value)
    return [value] * len(names)
