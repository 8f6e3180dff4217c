"""The contract of a term, and what a term may ask for while it learns from data and while it builds its part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .columns import Category, Filled, Json, LearnedColumns, Matrix
from .effects import Effect
from .priors import ChosenPrior, Slot
from .writing import Addend, LeftOut


class DesignContext(Protocol):
    """The data, as a term may see them while it learns and while it makes arrays.

    Rows that stay on disk answer with stand-ins: what a term gets from :meth:`design_matrix`, :meth:`codes` and :meth:`values`
    it may pass on as an array of its own, and a term that computes with it is told that it has to see all rows.

    Attributes
    ----------
    rows
        Number of rows.
    where
        Begins error texts.
    population
        Intercept and products of the population-level columns that stand in the same predictor.
    factors
        The grouping factors of the same predictor.
    """

    rows: int
    where: str
    population: tuple[bool, Any]
    factors: tuple[Any, ...]

    def learn_columns(self, intercept: bool, products: Any) -> LearnedColumns:
        """Code products of factors as columns, on the training rows."""
        ...

    def design_matrix(self, columns: LearnedColumns, products: Any) -> np.ndarray:
        """Return the same columns ``(obs, column)`` on these rows."""
        ...

    def learn_levels(self, factor: Any) -> tuple[Any, ...]:
        """Return the labels of a grouping factor on the training rows."""
        ...

    def levels(self, *factors: Any) -> tuple[Any, ...]:
        """Return the labels of several grouping factors as those of one, each once: members of one population.

        They are matched by what they read, and sorted or in the order that the data declare.
        """
        ...

    def codes(self, factor: Any, name: str, labels: tuple[Any, ...], closed: str = "") -> np.ndarray:
        """Return each row's level ``(obs,)``; levels not in ``labels`` count on from ``len(labels)``.

        The labels of such new levels are remembered under ``name``. Asked again under that name, with another factor whose
        levels are of the same population, new levels keep the codes they have and further ones count on.

        Where there can be no new levels, ``closed`` says what lacks them (``"matrix 'A'"``): they are an error.
        """
        ...

    def matrix(self, name: str) -> Matrix:
        """Return one of the labelled matrices that were given with the training rows; there are none with other rows."""
        ...

    def values(self, expression: Any) -> np.ndarray:
        """Return one numeric expression of columns ``(obs,)``."""
        ...

    def gaps(self, column: Any) -> np.ndarray:
        """Return in which training rows ``(obs,)`` a column is missing whose own model says what it may be there.

        What stands in its place is a value that occurs, and is not to be used. Other rows have no such.
        """
        ...

    def arithmetic(self, expression: Any) -> tuple[Json, tuple[np.ndarray, ...]]:
        """Return arithmetic of columns and parameters as JSON (:mod:`bayesdeep.core.expressions`), and its columns ``(obs,)``."""
        ...

    def filled(self, expressions: Sequence[Any], learned: Json = None) -> Filled:
        """Return the rows with any values where the columns of these expressions are missing, for terms with :attr:`Term.lacks`.

        On other rows ``learned`` is what the training rows' answer says. What stands there is not to be used: which rows these
        are, the answer has.
        """
        ...

    def category(self, expression: Any, learned: Json = None, *, names: bool = False) -> Category:
        """Return a column, or an expression such as ``C(g)``, as a category.

        With ``names`` a column of numbers names levels by them, as in ``(1 | k)``; otherwise it is none.
        On other rows ``learned`` is what the training rows' category says; a level that they did not have is an error.
        """
        ...

    def array(self, expression: Any, shape: Sequence[int] | None = None) -> np.ndarray:
        """Return an array column ``(obs, …)``; raise for other columns, and on other rows for another ``shape`` of a row."""
        ...


@dataclass(frozen=True)
class Coordinates:
    """What the rows say of a term's effects, by which these are sampled.

    Attributes
    ----------
    information
        ``(coefficient, group)``: the rows' precision of each effect.
    usual
        By coefficient: that in whose units they are sampled, a number for all groups or one each ``(group,)``.
    pull
        Of a coefficient's place and the term's effects before it: a tensor ``(group,)``, the information times the value that
        the rows alone would have its effects take.
    """

    information: np.ndarray
    usual: tuple[Any, ...]
    pull: Callable[[int, Sequence[Any]], Any]


class Scope(Protocol):
    """The model under construction, as a term may see it. Names get the parameter's prefix by themselves.

    Attributes
    ----------
    width
        None, or ``(dim, size)`` when the parameter has several predictors (a categorical response) or the term adds to each
        threshold (its word ``"by_threshold"``): coefficients then end in that dimension and ``eta`` is ``(obs, size)``.
    """

    width: tuple[str, int] | None

    @property
    def sampled(self) -> bool:
        """Return whether the graph is sampled from, so that hidden variables may be in any coordinates."""
        ...

    def data(self, key: str) -> Any:
        """Return one of the term's arrays as a tensor."""
        ...

    def predictor(self, parameter: str) -> Any:
        """Return the predictor of another parameter, of those that :attr:`Term.reads` names: ``(obs,)``, or ``()``."""
        ...

    def product(self, key: str, coefficients: Any) -> Any:
        """Return one of the term's matrices ``(obs, column)`` times coefficients ``(column,)`` or ``(column, width)``."""
        ...

    def gather(self, effects: Any, codes: str, array: str | None, intercept: bool) -> Any:
        """Return each row's sum ``(obs,)`` of its group's effects, one ``(group,)`` tensor each, times its columns.

        ``codes`` and ``array`` are keys of the term's arrays; the intercept's effect, if there is one, comes first.
        """
        ...

    def alone(self) -> "Scope":
        """Return the same scope without ``width``: for what all predictors of a parameter share."""
        ...

    def layer(self, units: Any, weights: Any, bias: Any, activation: str) -> Any:
        """Return a layer's units ``(obs, unit)``: an activation, by name, of ``units @ weights + bias``."""
        ...

    def dot(self, a: Any, b: Any, *, turned: bool = False) -> Any:
        """Return ``a @ b`` of a matrix and a matrix or vector, or ``a.T @ b`` if ``turned``; compiled in a moment."""
        ...

    def staged(self) -> "Scope":
        """Return the same scope for variables pretrained to a point estimate and then fixed."""
        ...

    def shared(self, name: str, make: Callable[["Scope"], Any]) -> Any:
        """Return what ``make`` makes, once for all terms of the model that give the same ``name``.

        It gets a scope without ``width`` whose names get no parameter's prefix, and the data of the first of these terms.
        """
        ...

    def per_row(self, numbers: int) -> None:
        """Declare memory per row (array elements), used to size prediction blocks."""
        ...

    def mask(self, name: str, size: int, outgoing: tuple[str, ...], shared: str = "") -> Any:
        """Return a tensor ``(obs, size)`` to multiply a layer's units by, where units are dropped at random; else None.

        ``outgoing`` names the hidden variables whose first axis runs over these units; repeated calls add further outgoing
        weights to the same mask.
        ``shared`` is the name under which several terms have it in common.
        """
        ...

    def centring(self, basis: str = "") -> "Coordinates | None":
        """Return in which coordinates the effects of groups are best sampled; None for units of their sd.

        With ``basis``, a slot, those of the coefficients of a basis, which stand in the place of groups. A matter of
        coordinates: the model does not depend on it.
        """
        ...

    def variable(
        self, slot: str, dims: tuple[str, ...] = (), *, times: Any = None, order: Sequence[int] | None = None
    ) -> Any:
        """Return the variable of a slot with its chosen prior, non-centred where a nested scale asks for it.

        ``times`` is a positive tensor by which it is multiplied where it is sampled: what the rows know is this product. Of
        shares that sum to 1, ``order`` is the order in which they are split off, those first of which the rows know nothing. Both
        are matters of coordinates: the model does not depend on them.
        """
        ...

    def once(self, name: str, make: Callable[["Scope"], Any]) -> Any:
        """Return what ``make`` makes of this scope, once for all terms of the predictor that give the same ``name``."""
        ...

    def lift(self, value: Any) -> None:
        """Say by how much this term lifts the predictor of all rows that the data have, ``()`` or ``(width,)``.

        The intercept, or thresholds in its place, are then sampled with that on top: it is this sum that rows know of. A matter
        of coordinates, for terms whose words have ``"lifts"``: they are built first.
        """
        ...

    def at_means(self, value: Any) -> None:
        """Say what the term adds at the mean of its columns, ``()`` or ``(width,)``, as population-level columns do.

        It counts where a prior is on the intercept at the columns' means. For terms whose words have ``"lifts"``.
        """
        ...

    def observe(self, name: str, log_density: Any) -> None:
        """Add a log density ``()`` of what the term's own columns say beside the response, where the model is fitted to rows."""
        ...

    def noise(self, variance: Any) -> None:
        """Add a variance ``(obs,)`` to that of a normal response about the predictor; for terms with the word ``"noise"``."""
        ...

    def lagged(self, coefficients: Sequence[Any]) -> None:
        """Let the response's mean go with what was left over at the rows before: one step before, two steps, and so on.

        With coefficients ``()`` each, the mean is the predictor and the sum of coefficients times response less predictor of
        these rows, where there are such. For terms with :attr:`Term.lags`, whose arrays are those of :mod:`bayesdeep.core.lags`.
        """
        ...

    def by_level(self, effect: Effect) -> list[Any]:
        """Return the coefficients of an effect's levels, ``(level,)`` each, and report them by name."""
        ...

    def filled(self, column: str) -> Any:
        """Return the values ``(missing,)`` that the model of a column has where it is missing; None without such a model."""
        ...

    def together(self) -> list[Any]:
        """Return the term's effects ``(level,)`` a coefficient where they are correlated with those of other terms."""
        ...

    def naming(self, make: Callable[[], Any]) -> Any:
        """Return what ``make`` makes, with variables named as the scope's response has them."""
        ...

    def shared_variable(self, slot: str) -> Any:
        """Return the variable of a slot, the same to all who ask, also for a slot that terms share."""
        ...

    def prior(self, slot: str) -> ChosenPrior | None:
        """Return the prior chosen for a slot; None for a slot without one."""
        ...

    def argument(self, slot: str, name: str) -> Any:
        """Return an argument of a slot's prior: a number, or the variable of a nested prior."""
        ...

    def intercept(self, at_means: Any) -> Any:
        """Return the uncentred intercept, given the columns' part of the predictor at their means.

        Where the family has thresholds in place of an intercept, they are centred instead and 0 is returned.
        """
        ...

    def correlation(self, slot: str, size: int, dim: str, strata: str = "") -> Any:
        """Return the ``(pair,)`` correlations of ``size`` coefficients, or ``(class, pair)`` with the dimension ``strata``."""
        ...

    def hidden(
        self, name: str, prior: str, arguments: Mapping[str, Any], shape: Any, role: str = "effect", start: float | None = None
    ) -> Any:
        """Return an auxiliary variable that the posterior does not show.

        ``role`` is what it is a means to: the ``"effect"`` of a group, a ``"weight"`` of a network, a ``"correlation"``
        or a ``"simplex"``, shares that sum to 1.
        Sampling starts around ``start``, or around the prior's centre.
        """
        ...

    def joint_sds(
        self, name: str, count: int, made: Callable[[], Any], log_density: Callable[[Any], Any], likely: float
    ) -> Any:
        """Return standard deviations ``(count,)`` that have a joint prior.

        ``made`` returns them as a function of hidden variables; ``log_density`` is their log density, as a function of a tensor.
        Where a graph is sampled from, they are the coordinates, in units of what they are likely to be.
        """
        ...

    def register_covariance_factor(
        self, sds: Sequence[Any], rows: Sequence[Sequence[Any]] | None, standard: Sequence[tuple[Any, int | None]], prior: str
    ) -> None:
        """Register the Cholesky factor of the group effects' covariance; engines that train networks re-estimate it from the
        effects (empirical Bayes).

        Parameters
        ----------
        sds
            By coefficient a scalar, or what ends in ``width``.
        rows
            The rows of the Cholesky factor of their correlation matrix; None where they are independent.
        standard
            By coefficient, the hidden variable and the place along its first axis, None for all of it. What is left of it
            ends in the groups, and ``width``; axes before stand for independent coefficients with the same sd.
        prior
            The distribution of the standardised effects.
        """
        ...

    def shows(self, variable: Any, log_stretch: Any = 0.0) -> None:
        """Declare that a reported quantity is a one-to-one transform of this hidden variable.

        ``log_stretch`` is its log absolute Jacobian, log|d reported / d hidden|, up to a constant: the mode is sought on the
        scale of what is reported. Other hidden variables are left in the coordinates in which they are sampled.
        """
        ...

    def report(
        self, name: str, value: Any, dims: tuple[str, ...] = (), role: str = "", *, slot: str = "", standard: Any = None
    ) -> Any:
        """Name a derived quantity; it belongs to the posterior and predictions start from it.

        Parameters
        ----------
        role
            See :class:`bayesdeep.core.quantities.Entry`. ``"weight"``: not identified individually (network weights).
            ``"held"``: depends on all rows, so cannot be estimated from a minibatch. Tables and diagnoses leave both out.
        slot
            The slot whose prior it has.
        standard
            The hidden variable whose standardised values it is made of.
        """
        ...

    def dim(self, name: str, labels: tuple[Any, ...], factor: str = "") -> str:
        """Declare a labelled dimension and return the name it got.

        ``factor`` names the grouping factor whose levels it runs over: new levels can then be added along it.
        """
        ...


Line = frozenset[str]
"""What the factors of a product of columns are called, by which two terms may be found to have the same straight line."""


@dataclass(frozen=True)
class Cost:
    """What a network takes: multiplications and units of hidden layers for each row, and its number of weights.

    ``shared`` is what it shares with others, by name, and not counted in the rest.
    """

    products: int
    units: int
    weights: int
    shared: tuple[tuple[str, "Cost"], ...] = ()


@dataclass(frozen=True)
class Fills:
    """What a term says of columns whose missing values come from these columns' own models.

    Attributes
    ----------
    columns
        ``columns(state) -> names``: the columns, of which a term may have several. In its call they may have missing values where
        they have a formula of their own; :meth:`DesignContext.gaps` says where, and :meth:`Scope.filled` has the values.
    known
        ``known(state, arrays, values) -> (state, arrays)``: the same term on rows of which these are all values ``(obs,)``,
        missing ones too, of some of its columns, by name.
    code
        ``code(state, column, labels) -> (label,)``: the numbers by which the term calls the levels that a column has as a
        response, in their order. ``known`` and ``report`` are given these.
    report
        ``report(scope, state, values)``: show the missing values ``(missing,)`` of some columns, by name.
    called
        Whether these are the columns in its call; of a term that takes calls of such terms, these say it.
    """

    columns: Callable[[Json], tuple[str, ...]]
    known: Callable[[Json, Mapping[str, np.ndarray], Mapping[str, np.ndarray]], tuple[Json, dict[str, np.ndarray]]]
    code: Callable[[Json, str, tuple[Any, ...]], np.ndarray]
    report: Callable[[Scope, Json, Mapping[str, Any]], None]
    called: bool = True


def _nothing(state: Json) -> Mapping[str, tuple[Any, ...]]:
    del state
    return {}


def _no_codes(state: Json) -> Mapping[str, str]:
    del state
    return {}


def _no_words(state: Json) -> frozenset[str]:
    del state
    return frozenset()


def _no_reads(state: Json) -> tuple[str, ...]:
    del state
    return ()


def _anywhere(state: Json, about: bool) -> Json:
    del about
    return state


def _untold(state: Json) -> str:
    del state
    return ""


def _no_lags(state: Json) -> int:
    del state
    return 0


def _no_lines(state: Json, node: Any) -> frozenset[Line]:
    del state, node
    return frozenset()


def _says_nothing(state: Json, arrays: Mapping[str, np.ndarray], known: int) -> Json:
    del arrays, known
    return state


def _as_it_is(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    del labels
    return state


@dataclass(frozen=True)
class Term:
    """A kind of addend of a predictor. One file in ``terms/`` defines one as ``TERM``.

    Attributes
    ----------
    name
        The file's name and, for terms written as calls, the name in formulas.
    learn
        ``learn(node, context) -> Json``: everything that new rows need, from the training rows.
    arrays
        ``arrays(state, node, context) -> dict`` of arrays whose first axis is ``obs``.
    slots
        ``slots(state, spread) -> tuple[Slot, …]``: where priors go, with defaults; ``spread`` is the natural
        scale of the predictor.
    unseen
        ``unseen(state, arrays, known) -> state`` of a state that :attr:`relabel` gave new levels, with what the rows' arrays say
        of these; their codes count on from ``known``. Rows say nothing of most terms' levels.
    sd_formula
        Of grouping calls: whether a formula of the groups' sd is another way to write it, with its columns as ``by=``.
    told
        ``told(state)``: what cannot be seen in the formula, in a few words, for where the model is printed; empty for nothing.
    options
        The dataclass of what can be said of it in a formula, with a description of each; None where there is nothing, or little.
    eta
        ``eta(scope, state) -> tensor`` ``(obs,)``, or ``(obs, width)``, of terms that are not linear in their coefficients; None
        where ``effects`` say all.
    groups
        ``groups(state) -> {factor name: labels}`` of the levels it indexes.
    codes
        ``codes(state) -> {factor name: key of the rows' levels}`` of functions that differ by a level; effects say it themselves.
    words
        ``words(state)``: declared properties, such as ``"linear"`` or ``"hierarchical"``; ``"staged"`` where some of it is
        trained to a point first; ``"stepped"`` of a function that has no values between those of the training rows;
        ``"rough"`` of one that has no slope anywhere; ``"lifts"``
        where it calls :meth:`Scope.lift` or :meth:`Scope.at_means`; ``"noise"`` where it calls :meth:`Scope.noise`;
        ``"by_threshold"`` where it adds to each threshold something of its own: its scope's ``width`` is that of the thresholds,
        ``eta`` returns ``(obs, level - 1)``, and it may stand in the main predictor of families whose thresholds need not
        increase, :class:`~bayesdeep.core.records.Parameter`.
    call
        Whether it is written as a call in formulas.
    varies
        Whether the call may stand left of ``|``, with a function for each level: ``(0 + net(x) | g)``. Its node is then a
        :class:`~bayesdeep.formula.nodes.Varying`, which has the ``call`` and the ``factor``.
    joins
        Whether such a call's coefficient goes with those of the columns beside it, ``(1 + mo(x) | g)``, about one that all groups
        have: the predictor then has to have the call outside of the bracket as well. Its node is the whole
        :class:`~bayesdeep.formula.nodes.Group`, whose ``specials`` are such calls.
    grouping
        Whether this call stands right of ``|``, where it says how rows meet the levels of a factor: ``(1 + x | mm(g, h))``.
        Its node is the whole :class:`~bayesdeep.formula.nodes.Group`, in whose ``factor`` the call is. The columns that group
        rows are its arguments.
    members
        Of a grouping by which a row has several levels: the name of the function that stands left of ``|`` for a column that
        each of them has of its own, ``(0 + mmc(x1, x2) | mm(g1, g2))``. A call of it is a factor of the group's products.
    matrices
        Names of its options that name matrices and not columns (``cov=A``), and places of its arguments that do (``1`` for the
        second): :meth:`DesignContext.matrix` has them.
    matrix_kind
        What these are: ``"covariance"`` of levels, or ``"adjacency"``, which says how near levels are to one another.
    named
        Names of its options that name columns, of terms written as calls left of ``|`` (``by=g``); names in others are refused.
    beside
        Places of its arguments (``1`` for the second) and names of its options that say something of another column, such as how
        well it was measured: columns that stand nowhere else are no predictors, and have no slope unless it is asked for.
    lines
        ``lines(state, node)``: the products of columns whose coefficients have no sd in common, such as a smooth's straight line,
        each as a set of what its factors are called. Two terms of a predictor that have one are refused.
    levels
        Whether a number it is called with is the name of a level, beside which there is nothing: slopes are then differences.
    multiplies
        Whether the call may stand in products with columns, ``mo(x):z``, ``mo(x) * z``: its node's ``by`` has all that it is
        multiplied with, so that one term sees them together.
    reads
        ``reads(state) -> names`` of the parameters with formulas of their own that its function is made of: their predictors come
        first, and :meth:`Scope.predictor` has them.
    combined
        ``combined(state, arrays, predictors, strict=False)``: the value that ``eta`` has, on NumPy arrays, from the term's own
        and from the predictors that it reads; of terms that read some. If ``strict`` it raises
        :class:`~bayesdeep.core.errors.FormulaError` where it has no finite value, without saying whose formula it is.
    given
        ``given(state) -> {name: Matrix}``: these matrices again, for who writes the model down. None for terms without.
    effects
        ``effects(state) -> tuple[Effect, …]`` of terms that are linear in their coefficients
        (:mod:`bayesdeep.core.effects`): the main contract, from which predictor, linear system, pilot fit and the rest
        follow. None for other terms.
    relabel
        ``relabel(state, {factor: labels}) -> state`` with other levels of these factors, of terms that index some.
    placed
        ``placed(state, about) -> state`` once it is known where the term stands: ``about`` says whether the response is the
        predictor and noise about it (:attr:`~bayesdeep.core.records.Family.words`, ``"about"``), and the predictor the main one.
        Raises :class:`~bayesdeep.core.errors.FormulaError` where the term cannot stand there, without saying where that is.
    lags
        ``lags(state) -> int``: at how many rows before a row its response leans on what was left over; :meth:`Scope.lagged` says
        how.
    reclass
        ``reclass(state, {factor: classes}) -> state`` with these classes of the levels, of terms with
        :class:`~bayesdeep.core.effects.Strata`.
    fills
        Of terms that take columns whose missing values come from a formula of their own; None for other terms.
    takes
        Names of other terms whose calls may stand among the arguments of this one, ``net(mi(x), z)``: what they mean there is its
        own affair.
    lacks
        ``lacks(call) -> arguments`` of a call in whose columns values may be missing, on training rows and others, where nothing
        else reads these columns; :meth:`DesignContext.filled` makes such rows. None for terms that need all values.
    cost
        ``cost(state) -> Cost`` of networks, from which it is worked out what they can be sampled with; None for other terms.
    written
        ``written(state, node) -> tuple[Addend, …]``: how it is written for row i (:mod:`bayesdeep.core.writing`); None where its
        effects, or its text, say enough.
    left_out
        ``left_out(state, node) -> tuple[LeftOut, …]``: coefficients that its codings leave out, as sums of those there are. None
        for terms without.
    example
        An addend as it is written in a formula, on the columns that tests have: numbers ``x`` and ``z``, whole
        numbers ``a`` and ``b``, times ``t``, categories ``g`` and ``h``, ``A``, a covariance of the levels of ``g``, and ``W``,
        an adjacency.
    example_family
        The family whose main predictor the example stands in, where that of a normal response is no place for it.
    example_reads
        Of terms that read parameters: their formulas in the example, each with the prior of its intercept.
    """

    name: str
    learn: Callable[[Any, DesignContext], Json]
    arrays: Callable[[Json, Any, DesignContext], dict[str, np.ndarray]]
    slots: Callable[[Json, float], tuple[Slot, ...]]
    eta: Callable[[Scope, Json], Any] | None = None
    groups: Callable[[Json], Mapping[str, tuple[Any, ...]]] = _nothing
    words: Callable[[Json], frozenset[str]] = _no_words
    call: bool = False
    effects: Callable[[Json], tuple[Effect, ...]] | None = None
    cost: Callable[[Json], Cost] | None = None
    example: str = ""
    relabel: Callable[[Json, Mapping[str, tuple[Any, ...]]], Json] = _as_it_is
    reclass: Callable[[Json, Mapping[str, tuple[int, ...]]], Json] = _as_it_is
    placed: Callable[[Json, bool], Json] = _anywhere
    lags: Callable[[Json], int] = _no_lags
    told: Callable[[Json], str] = _untold
    options: type | None = None
    sd_formula: bool = False
    unseen: Callable[[Json, Mapping[str, np.ndarray], int], Json] = _says_nothing
    written: Callable[[Json, Any], tuple[Addend, ...]] | None = None
    left_out: Callable[[Json, Any], tuple[LeftOut, ...]] | None = None
    codes: Callable[[Json], Mapping[str, str]] = _no_codes
    fills: Fills | None = None
    lacks: Callable[[Any], tuple[Any, ...]] | None = None
    takes: tuple[str, ...] = ()
    varies: bool = False
    joins: bool = False
    grouping: bool = False
    matrices: tuple[str | int, ...] = ()
    matrix_kind: str = "covariance"
    members: str = ""
    named: tuple[str, ...] = ()
    levels: bool = False
    beside: tuple[str | int, ...] = ()
    lines: Callable[[Json, Any], frozenset[Line]] = _no_lines
    multiplies: bool = False
    given: Callable[[Json], Mapping[str, Matrix]] | None = None
    example_family: str = "gaussian"
    reads: Callable[[Json], tuple[str, ...]] = _no_reads
    combined: Callable[..., Any] | None = None
    example_reads: Mapping[str, tuple[str, str]] = field(default_factory=dict)
