"""Records that stages hand to each other."""

import ast
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from string import digits
from typing import Any

import numpy as np

from .errors import FormulaError, close_to, nearest
from .supports import REAL, Support

LIKELIHOOD_FIELDS = ("value", "trials", "status", "upper", "lower_bound", "upper_bound", "weights")
"""Fields of a :class:`Response` that hold a value a row and that the likelihood reads."""


@dataclass(frozen=True)
class Response:
    """The response side of a formula, as numbers.

    A response function (``censored``, ``truncated``, ``prop``, ``weighted``) fills the fields it knows about; the
    family then checks and codes ``value``. Fit, log likelihood, prediction and prior scaling all read this record.

    Attributes
    ----------
    name
        The name the response has in ``observed_data``: the (first) column's name.
    value
        ``(obs,)``; ``(obs, level)`` of a response of several columns, counts or shares. Before the family has seen it, possibly
        strings or categories; afterwards numbers on the response's own scale. With censoring it is the bound for
        left- and right-censored rows and the lower end for interval-censored ones.
    trials
        Number of trials a row ``(obs,)``, of ``prop(k, n)``.
    status
        ``(obs,)`` of int8: 0 observed, -1 left-, 1 right-, 2 interval-censored.
    upper
        Upper end of interval-censored rows ``(obs,)``; equal to ``value`` elsewhere.
    lower_bound, upper_bound
        Truncation bounds ``(obs,)``, ``-inf`` or ``inf`` where a side is open.
    weights
        Likelihood weights ``(obs,)``, not negative: a row of weight 2 counts like two rows.
    log_slope
        Log of the absolute derivative ``(obs,)`` of ``value`` by the column it was made of, as in ``log(y)``, by which log
        likelihoods get into the units of the data; None for a column as it is, and where there is no such number.
    levels
        Labels of a categorical, ordered or two-level response; ``value`` holds their codes.
    ordered
        Whether the data declare an order of the levels.
    failures
        Of a response that names its success, ``g[A]``: the labels of the column that all count as failure, while ``levels`` are
        one name of these and the success; None elsewhere.
    """

    name: str
    value: np.ndarray
    trials: np.ndarray | None = None
    status: np.ndarray | None = None
    upper: np.ndarray | None = None
    lower_bound: np.ndarray | None = None
    upper_bound: np.ndarray | None = None
    weights: np.ndarray | None = None
    log_slope: np.ndarray | None = None
    levels: tuple[Any, ...] | None = None
    ordered: bool = False
    failures: tuple[Any, ...] | None = None

    def with_(self, **changes: Any) -> "Response":
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    @property
    def modifiers(self) -> frozenset[str]:
        """Return the words for what is special about these rows, as families declare them."""
        present = {
            "prop": self.trials is not None,
            "censored": self.status is not None,
            "truncated": self.lower_bound is not None or self.upper_bound is not None,
            "weighted": self.weights is not None,
        }
        return frozenset(word for word, there in present.items() if there)


@dataclass(frozen=True)
class Default:
    """A default prior as text, with the reason a person reads in ``model.priors``."""

    text: str
    reason: str


@dataclass(frozen=True)
class Link:
    """A link and its inverse; the inverse is what a network calls an activation.

    Attributes
    ----------
    name
        Name in ``link=`` and in ``activation=``.
    forward
        ``eta = forward(mu)`` on NumPy arrays: used to put default priors in the right place.
    inverse
        ``mu = inverse(eta)`` on PyTensor variables, elementwise (``softmax``: over the last axis).
    maps_to
        The set ``mu`` lies in: ``"real" "positive" "nonnegative" "unit" "signed_unit" "one_to_two" "angle"
        "simplex"``.
    log_inverse, log1m_inverse
        For links onto the unit interval: ``log(mu)`` and ``log(1 - mu)`` as functions of ``eta``, without
        cancellation or underflow at either end. None for other links.
    formula
        The inverse as a person writes it, for reports.
    reach
        Of the inverse as an activation: the standard deviation of units whose linear predictors are normal with sd 2, beside
        that of tanh, by which layers are scaled. The units of a simplex share one: it is that of all of them together. None
        where it has none: networks then refuse it.
    pole
        Where the inverse has no value, as ``"at 0"``, if there is such a place.
    example
        Values of ``mu`` inside its range, from which tests go to ``eta`` and back.
    on_arrays
        ``on_arrays(eta)``: the inverse and its first and second derivative on NumPy arrays. None where ``inverse`` has to say.
    """

    name: str
    forward: Callable[[Any], Any]
    inverse: Callable[[Any], Any]
    maps_to: str
    log_inverse: Callable[[Any], Any] | None = None
    log1m_inverse: Callable[[Any], Any] | None = None
    formula: str = ""
    reach: float | None = None
    pole: str = ""
    example: tuple[float, ...] = ()
    on_arrays: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]] | None = None


@dataclass(frozen=True)
class Cuts:
    """Which cuts a parameter of the shape ``"cut"`` has, of a response without levels.

    Attributes
    ----------
    labels
        Of the cuts, along the parameter's dimension.
    cells
        What lies before the first cut, between it and the next, …, in words.
    cell
        ``cell(response)``: which of these a row's response lies in ``(obs,)``, counted from 0.
    """

    labels: tuple[str, ...]
    cells: tuple[str, ...]
    cell: Callable[[Response], np.ndarray]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a response distribution.

    Attributes
    ----------
    name
        ``"mu"``, ``"sigma"``, ``"nu"``, ``"alpha"``, ``"zi"``, … as in ``bd.Model(..., sigma="~ x")``.
    links
        Links it accepts when it has a formula; the first is the default.
    support
        Where it lives when it has no formula and only a prior: ``"real" "positive" "unit" "one_to_two"`` or ``"ordered"``.
    prior
        ``prior(response, link) -> Default`` of a parameter without a formula; None for the main parameter and for those that
        are ``fixed`` without one.
    shape
        ``"row"``: one value a row. ``"contrast"``: one predictor for each level but the first, ``(obs, level - 1)``.
        ``"cut"``: a vector of ``level - 1`` values, or as many as ``cuts`` says, increasing if the support is ``"ordered"``; it
        cannot have a formula. One whose support is ``"real"`` may differ between rows, ``(obs, level - 1)``: by terms with the
        word ``"by_threshold"``.
        ``"shares"``: a vector, shared by all rows, of positive numbers that sum to 1, one for each of ``labels``; nor can it.
    link_in_family
        The family receives ``eta`` and applies the link itself (cumulative, tobit, and wherever that is stabler).
    spread
        ``spread(link)``: the natural scale of its predictor where it has a formula, for default priors; None for that of the
        logarithm of a standard deviation. The main parameter's comes from the response (:attr:`Family.scale`).
    follows
        The parameter whose formula it has where it is given none, and whose scale its predictor has; empty for none.
    numbered
        Whether it is that of one of several components, ``mu1``: quantities of its predictor then carry its name, also where it
        is the main parameter.
    cuts
        Of the shape ``"cut"``: which ones; None for those between the levels of the response.
    elsewhere
        By what others call a parameter in its place, what theirs is in terms of this one: ``{"psi": "1 - zi"}``.
    fixed
        Of a parameter that a model has only where a formula or a known value says it, what it is elsewhere, and where all
        columns of its formula are 0: this formula has no intercept, and its links have 0 there. Functions of the family find
        the parameter only where the model has it, so that models without it cost nothing more. None for other parameters.
    labels
        Of shares: what each is called.
    """

    name: str
    links: tuple[str, ...]
    support: str = "real"
    prior: Callable[[Response, Link], Default] | None = None
    shape: str = "row"
    link_in_family: bool = False
    spread: Callable[[Link], float] | None = None
    follows: str = ""
    numbered: bool = False
    cuts: Cuts | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    fixed: float | None = None
    labels: tuple[Any, ...] = ()

    def cut_labels(self, levels: tuple[Any, ...] | None) -> tuple[Any, ...]:
        """Return the labels of its cuts: its own, or those of the levels that they are above."""
        return self.cuts.labels if self.cuts is not None else tuple((levels or ())[:-1])

    def cells(self, response: Response) -> tuple[np.ndarray, tuple[Any, ...]]:
        """Return between which cuts each response lies ``(obs,)``, counted from 0, and what these places are called."""
        if self.cuts is not None:
            return self.cuts.cell(response), self.cuts.cells
        return np.asarray(response.value, dtype=np.int64), response.levels or ()

    @property
    def is_vector(self) -> bool:
        """Return whether it is a vector that all rows share."""
        return self.shape in ("cut", "shares")


@dataclass(frozen=True)
class Aux:
    """What else a distribution needs beside its parameters.

    Attributes
    ----------
    link
        Link of the main parameter, for families that apply it themselves.
    trials
        Tensor ``(obs,)`` or None.
    levels
        Number of levels of the response, or None.
    """

    link: Link
    trials: Any = None
    levels: int | None = None


RowValues = Mapping[str, np.ndarray]
"""Parameters by name: ``(1, batch)``, ``(obs, batch)`` where a formula says them, thresholds ``(batch, cut)``, and so shares.

A parameter that is fixed unless a formula says it (:attr:`Parameter.fixed`) is there only if one does."""

RowTerms = Callable[[np.ndarray, RowValues, int], tuple[np.ndarray, ...]]
"""``terms(eta, values, order)``: rows' log likelihoods and ``order`` derivatives; see :attr:`Family.row_terms`."""

ParameterTerms = Callable[[np.ndarray, RowValues, str], tuple[np.ndarray, np.ndarray]]
"""``terms(eta, values, name)``: two derivatives by a parameter's natural value; see :attr:`Family.parameter_terms`."""


@dataclass(frozen=True)
class RowLaw:
    """A response's distribution on NumPy arrays ``(draw, row)``, from the parameters as :attr:`Family.mean` takes them.

    Parameters of a number a draw are ``(draw, 1)``, thresholds ``(draw, cut)``; ``trials`` is ``(1, row)`` or None.

    Attributes
    ----------
    mean
        ``mean(params, trials)``: ``(draw, row)``, or the levels' probabilities ``(draw, row, level)``.
    draw
        ``draw(rng, params, trials)``: a new response each ``(draw, row)``.
    variance
        ``variance(params, trials)``: of a new response ``(draw, row)``; None where the family has none in closed form.
    """

    mean: Callable[[RowValues, np.ndarray | None], np.ndarray]
    draw: Callable[[np.random.Generator, RowValues, np.ndarray | None], np.ndarray]
    variance: Callable[[RowValues, np.ndarray | None], np.ndarray] | None = None


@dataclass(frozen=True)
class Components:
    """What a mixture of several distributions says of them.

    Attributes
    ----------
    log_parts
        ``log_parts(params, aux, value)``: ``(obs, component)``, the logarithm of each component's share times its density.
    in_order
        ``in_order(values, level, alike)``: draws by name ``(draw, …)`` with components that are alike in a definite order, where
        ``level(parameter)`` is a predictor on average over rows ``(draw,)`` and ``alike(one, other)`` whether two parameters have
        one formula, one link and one prior.
    """

    log_parts: Callable[[Mapping[str, Any], Aux, Any], Any]
    in_order: Callable[..., dict[str, np.ndarray]]


@dataclass(frozen=True)
class Family:
    """A response distribution. One file in ``families/`` defines one as ``FAMILY``.

    Attributes
    ----------
    name, title
        Name in ``family=`` and a phrase for reports.
    aliases
        What other packages call it, for the error that says what it is called here; they are no names of it. Capitals and what
        stands between words make no difference: ``"negbinomial"`` is also ``"NegBinomial"`` and ``"neg_binomial"``.
    parameters
        The first is the main one: the formula's predictor.
    code
        ``code(response) -> Response``: check the values and code them as numbers; raises
        :class:`~bayesdeep.core.errors.DataError` that says what is wrong and what would be right.
    support
        The two ends between which responses lie, of :mod:`bayesdeep.core.supports`: ``POSITIVE`` is ``(0, inf)``, also of counts.
        An end belongs to it where responses are whole numbers and where it is one of the ``atoms``. Of responses with levels and
        of several columns it says nothing.
    rv
        ``rv(params, aux) -> TensorVariable``: the distribution of one row, unregistered (``pm.X.dist``), from
        tensors by parameter name, each ``(obs,)`` (``(obs, level - 1)`` for contrasts, ``(level - 1,)`` for cuts, or
        ``(obs, level - 1)`` where they differ between rows, see :class:`Parameter`).
        Log likelihood *and* predictive draws are taken from it.
    mean
        ``mean(params, aux) -> TensorVariable``: expected response ``(obs,)``, or probabilities / expected counts
        ``(obs, level)`` for responses with levels.
    variance
        ``variance(params, aux) -> TensorVariable``: variance of the response ``(obs,)`` given its parameters; infinite where it
        is. None without a closed form: it is then estimated from draws.
    information
        ``information(eta, response, link, known) -> (slope, information) | None`` on arrays ``(obs,)``: the derivative of
        each row's log likelihood by the main predictor, and its expected information, by which a pilot fit advises on
        coordinates.
        ``link`` is the main parameter's name of it, ``known`` has the parameters that are given. None where it cannot say.
    row_terms
        ``row_terms(response, link) -> terms | None``, where ``terms(eta, values, order)`` returns each row's log likelihood and
        its first ``order`` derivatives by ``eta``, arrays ``(obs, batch)``, from ``eta`` ``(obs, batch)`` and the other
        parameters by name (:data:`RowValues`): of a response that nothing was done to, under the link of the main parameter by
        that name. In NumPy: fast, and with no library to load. None where ``rv`` has to say.
    written_for
        What may have been done to a response of which ``row_terms`` still speaks, beside weights and trials: of
        ``"censored"`` and ``"truncated"``. It then reads ``status`` and bounds, and says None where it does not know them.
    parameter_terms
        ``parameter_terms(response, link) -> terms | None``, where ``terms(eta, values, name)`` returns the first and second
        derivatives of each row's log likelihood by the natural value of another parameter than the main one, arrays
        ``(obs, batch)``. Where a formula says it, these are what ``row_terms`` lacks. None where ``rv`` has to say.
    row_seconds
        Of a core, for a row's log likelihood and its slope, measured with ``row_terms``: of families that take sums or series
        where others have closed forms. By these the engine is chosen and times are estimated. None: as long as is usual.
    row_law
        ``row_law(link) -> RowLaw | None``: mean, variance and new responses in NumPy under the link of the main parameter by
        that name, by which predictions need no library to load. None where ``rv``, ``mean`` and ``variance`` have to say.
    fused
        By link of the main parameter, the kind of the one-pass log likelihood (:mod:`bayesdeep.ops.glm_likelihood`) that is this
        family's.
    scale
        ``scale(response, link) -> (location, spread)`` of the main predictor's scale, from the (coded) response;
        default priors are built from it.
    residual
        ``residual(link) -> name | number | None``: under the link of the main parameter by that name, what the standard deviation
        of a response about the main predictor is on the predictor's scale: a parameter of the family, or a number, as of a
        latent variable. None, also where there is no such function: it follows from the rows' expected information at the
        intercept, where that is known.
    components
        Of a mixture what it says of its components; None for others.
    degrees
        Name of the parameter with the degrees of freedom, of a family that is one response of a multivariate t distribution.
    modifiers
        Response functions it can be combined with: of ``"censored" "truncated" "weighted" "prop"``.
    words
        Declared properties that engines and reports ask for: ``"gaussian"``, ``"about"`` (under the identity link a response is
        the main predictor, which is its mean, and noise that does not depend on it), ``"discrete"``, ``"levels"``
        (a probability a level), ``"two_levels"`` (one probability, of success),
        ``"ordered"``, ``"no_intercept"``, ``"trials"``, ``"several_columns"`` (a row is a number a level: counts, or shares).
    atoms
        Values that have a probability of their own in a distribution that else has a density, as 0 has in tobit's.
    log_below
        ``log_below(params, aux, value)``: ``log P(Y <= value)`` where PyMC's ``logcdf`` underflows to minus infinity.
    log_survival
        ``log_survival(params, aux, value)``: ``log P(Y > value)``, accurate far out, where ``log(1 - exp(logcdf))`` is not. Of
        families with ``"censored"`` or ``"truncated"`` among their modifiers.
    beyond
        ``beyond(params, aux, lower) -> TensorVariable``: the distribution of a row given that the response is above ``lower``
        ``(obs,)``, unregistered, to draw from. None where draws outside bounds are drawn again, which takes for ever where
        bounds are far out.
    truncated_mean
        ``truncated_mean(params, lower, upper, log_mass)``: expected response between two bounds (one may be infinite),
        where ``log_mass(params, shift=0)`` is the log probability between the bounds, each less ``shift``. None where
        there is no closed form.
    example
        Parameter values on their own scale from which tests simulate; ``{"mu": 1.3, "sigma": 0.7}``.
    density
        The distribution of row i as mathematics: lines in which ``{y}`` stands for the response, ``{mu}``, ``{sigma}``, … for
        its parameters, ``{n}`` for the number of trials and ``{levels}`` for the levels in their order. Of a contrast
        ``{mu_k}`` is that of level k. A family that puts the predictor itself into its distribution names it ``{eta}``, and
        writes ``{inverse}`` for the link's inverse at x. A parameter that is fixed at 1 unless it has a formula stands as a
        factor before a bracket, ``{disc}({eta} − 1)``. Without it the title and the parameters are shown.
    variant
        ``variant(**options) -> Family``: the family with these options, such as components; None where there are none.
        See :meth:`of`.
    learned
        ``learned(response) -> Family``: a variant of the family that has seen the (coded) training response, such as knots at
        its quantiles; its options say what was learned, and so does the name of the family that a model as data has. None where
        there is nothing to learn.
    inverse
        By link, how the main parameter follows from ``eta`` where the family applies the link in a way of its own.
    notes
        Sentences for reports and docs (parametrisation, source).
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    code: Callable[[Response], Response]
    rv: Callable[[Mapping[str, Any], Aux], Any]
    mean: Callable[[Mapping[str, Any], Aux], Any]
    scale: Callable[[Response, Link], tuple[float, float]]
    support: Support = REAL
    variance: Callable[[Mapping[str, Any], Aux], Any] | None = None
    information: Callable[[np.ndarray, Response, str, Mapping[str, Any]], tuple[np.ndarray, np.ndarray] | None] | None = None
    row_terms: Callable[[Response, str], RowTerms | None] | None = None
    written_for: frozenset[str] = frozenset()
    parameter_terms: Callable[[Response, str], ParameterTerms | None] | None = None
    row_seconds: float | None = None
    row_law: Callable[[str], RowLaw | None] | None = None
    fused: Mapping[str, str] = field(default_factory=dict)
    residual: Callable[[str], str | float | None] | None = None
    components: Components | None = None
    degrees: str = ""
    modifiers: frozenset[str] = frozenset({"weighted"})
    words: frozenset[str] = frozenset()
    atoms: tuple[float, ...] = ()
    log_below: Callable[[Mapping[str, Any], Aux, Any], Any] | None = None
    log_survival: Callable[[Mapping[str, Any], Aux, Any], Any] | None = None
    beyond: Callable[[Mapping[str, Any], Aux, Any], Any] | None = None
    truncated_mean: Callable[[Mapping[str, Any], Any, Any, Callable[..., Any]], Any] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    density: str = ""
    inverse: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    variant: Callable[..., "Family"] | None = None
    aliases: tuple[str, ...] = ()
    learned: Callable[[Response], "Family"] | None = None

    def __post_init__(self) -> None:
        needing = sorted(self.modifiers & {"censored", "truncated"})
        if needing and self.log_survival is None:
            raise FormulaError(
                f"family '{self.name}': with '{needing[0]}' among its modifiers it has to say log_survival, the log probability "
                "beyond a value; far out it does not follow from the one below"
            )

    def of(self, **options: Any) -> "Family":
        """Return the family with options; its name says them, ``"student(nu=4)"``, so that a model as data does, too.

        Raises
        ------
        FormulaError
            For options that the family does not take, or that are not numbers, text, true or false, None or lists of these.
        """
        if self.variant is None:
            raise FormulaError(f"family '{self.name}': it takes no options; write family='{self.name}'")
        written = ", ".join(f"{key}={value!r}" for key, value in options.items())
        takes = inspect.signature(self.variant).parameters
        for key in options:
            if key not in takes and all(one.kind is not one.VAR_KEYWORD for one in takes.values()):
                raise FormulaError(f"family '{self.name}({written})': there is no option '{key}'; it takes {' and '.join(takes)}")
        try:
            plain = {key: ast.literal_eval(repr(value)) for key, value in options.items()} == options
            made = self.variant(**options) if plain else None
        except FormulaError:
            raise
        except (TypeError, ValueError, SyntaxError) as error:
            raise FormulaError(f"family '{self.name}({written})': {error}") from None
        if made is None:
            raise FormulaError(f"family '{self.name}({written})': options are numbers, text, True, False, None or lists of these")
        return replace(made, name=f"{self.name}({written})", variant=None) if options else made

    @property
    def bare(self) -> str:
        """Return the parameter whose quantities go by their own names, without its name before them: the main one, or none."""
        return "" if self.main.numbered else self.main.name

    @property
    def main(self) -> Parameter:
        """Return the parameter the formula's predictor models."""
        return self.parameters[0]

    def lacks(self, name: str, otherwise: str = "") -> FormulaError:
        """Return the error for a parameter that there is not, with what stands in its place.

        ``otherwise`` is said where nothing of the family is like it.
        """
        said = next(((p.name, p.elsewhere[name]) for p in self.parameters if name in p.elsewhere), None)
        names = [p.name for p in self.parameters]
        stem = name.rstrip(digits)
        if numbered := [p.name for p in self.parameters if p.numbered and p.name.rstrip(digits) == stem]:
            instead = f"; there {'is' if len(numbered) == 1 else 'are'}: {', '.join(numbered)}"
        elif said is not None:
            instead = f"; what others call {name} is {said[1]}: write {said[0]}"
        else:
            instead = close_to(name, names) or otherwise or nearest(name, names)
        return FormulaError(f"formula: family '{self.name}' has no parameter '{name}'{instead}")

    def plain(self, said: Collection[str] = ()) -> tuple[Parameter, ...]:
        """Return the parameters that a model has beside those that formulas and known values say, ``said``: not the fixed."""
        return tuple(p for p in self.parameters if p.name not in said and p.fixed is None)

    def has_intercept(self, name: str) -> bool:
        """Return whether the predictor of a parameter has an intercept where its formula has one.

        Thresholds stand in the place of that of the main one, and that of a fixed parameter is 0.
        """
        if name == self.main.name:
            return "no_intercept" not in self.words
        return all(p.fixed is None for p in self.parameters if p.name == name)

    def parameter(self, name: str) -> Parameter | None:
        """Return a parameter by name, or None."""
        return next((p for p in self.parameters if p.name == name), None)
