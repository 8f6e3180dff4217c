r"""The vocabulary of effects: how rows meet coefficients, and what law the coefficients have.

Nearly every term of a predictor is a design matrix times coefficients with a prior (their *law*),

.. math:: \eta_i = \sum_k z_{ik} u_k, \qquad u \sim \text{law},

so that a term declares its effects (:attr:`bayesdeep.core.terms.Term.effects`) and everything else follows from that: its part
of the predictor, the linear system in which it is integrated out, a pilot fit, coordinates to sample in, sums over rows, new
levels, the budget of a prediction's variance, the mathematics of a report.

=====================  ==========================================================================================
rows meet              coefficients
=====================  ==========================================================================================
:class:`Columns`       of a matrix ``(obs, column)``
:class:`Grouped`       of the row's level of a factor, times the row's columns
:class:`Members`       of several levels of a factor, with weights
:class:`Places`        of the row's place among those at which a function has a value, times a number
:class:`Shift`         none: a column is added as it is
=====================  ==========================================================================================

=====================  ==========================================================================================
law                    coefficients
=====================  ==========================================================================================
:class:`Given`         each has its slot's prior: population-level effects
:class:`Iid`           all have one standard deviation, or one of a few: a penalised basis
:class:`Varying`       by level independent, with a standard deviation each and perhaps correlations, which may differ by
                       classes of levels (:class:`Strata`)
:class:`Structured`    the same, but levels have a known covariance
:class:`Scaled`        independent, with standard deviations that are functions of several numbers with priors of their own
:class:`Process`       values of a function at places, with a covariance that is a function of several numbers
=====================  ==========================================================================================
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .linear import Neighbours


@dataclass(frozen=True)
class Sds:
    """Which standard deviation each coefficient of a piece has.

    Attributes
    ----------
    of
        By coefficient, the place of its own among those of the piece's slot ``sd``.
    dim, labels
        Name and labels of their dimension; None for a single one without.
    """

    of: tuple[int, ...]
    dim: str = ""
    labels: tuple[Any, ...] | None = None

    @property
    def count(self) -> int:
        """Return how many there are."""
        return 1 if self.labels is None else len(self.labels)

    @property
    def first(self) -> tuple[int, ...]:
        """Return the first coefficient that has each of them ``(sd,)``."""
        return tuple(self.of.index(k) for k in range(self.count))


@dataclass(frozen=True)
class Piece:
    """The coefficients ``start:stop`` of an effect that one slot names.

    Attributes
    ----------
    slot
        The slot, which is their name in the posterior as well.
    start, stop
        Places among the effect's coefficients, an intercept counted.
    dim, labels
        Name and labels of their dimension; None for a single coefficient without.
    sd
        The slot of their standard deviation; empty where the law has none. Of :class:`Scaled`, that to which all its standard
        deviations are proportional, empty where there is none.
    name
        What they are called among the coefficients of one level: ``1``, ``x``.
    sds
        Which of the standard deviations under ``sd`` each coefficient has; None: as the law has it, see :meth:`Effect.sds`.
    role
        What they are to a reader, where that is not the effect's own role.
    """

    slot: str
    start: int
    stop: int
    dim: str = ""
    labels: tuple[Any, ...] | None = None
    sd: str = ""
    name: str = ""
    sds: Sds | None = None
    role: str = ""

    @property
    def size(self) -> int:
        """Return the number of coefficients."""
        return self.stop - self.start

    @property
    def scalar(self) -> bool:
        """Return whether it is a single coefficient without labels."""
        return self.labels is None


@dataclass(frozen=True)
class Columns:
    """Columns of a matrix.

    Attributes
    ----------
    array
        Key of the matrix ``(obs, column)`` among the term's arrays; None without columns.
    means, sds
        Of the columns on the training rows ``(column,)``.
    intercept
        Whether there is an intercept beside them, the predictor's; its prior may be on the predictor at the columns' means. It is
        not counted among the coefficients.
    """

    array: str | None
    means: tuple[float, ...]
    sds: tuple[float, ...]
    intercept: bool = False


@dataclass(frozen=True)
class Grouped:
    """A level of a factor each row, whose coefficients are multiplied by the row's columns.

    Attributes
    ----------
    factor, labels
        Name and levels of the grouping factor.
    codes, array
        Keys of each row's level ``(obs,)`` and of the columns ``(obs, column)``, None without any.
    intercept
        Whether the first coefficient is that of a column of ones.
    """

    factor: str
    labels: tuple[Any, ...]
    codes: str
    array: str | None
    intercept: bool

    def incidence(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """Return how much of each level a row has, a SciPy sparse matrix ``(obs, level)``."""
        from scipy import sparse

        codes = arrays[self.codes]
        return sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)), (len(codes), len(self.labels)))

    def products(self, arrays: Mapping[str, np.ndarray]) -> list[Any]:
        """Return what rows multiply each coefficient's levels by, SciPy sparse matrices ``(obs, level)``."""
        return _products(self.incidence(arrays), self.intercept, None if self.array is None else arrays[self.array])


def _products(shares: Any, intercept: bool, columns: np.ndarray | None) -> list[Any]:
    from scipy import sparse

    given = [] if columns is None else [sparse.diags(column) @ shares for column in np.asarray(columns, dtype=np.float64).T]
    return [shares] * intercept + given


@dataclass(frozen=True)
class Members:
    """Several levels of a factor each row, with weights; otherwise as :class:`Grouped`.

    ``codes`` is the key of the rows' levels ``(obs, member)``, ``weights`` that of their weights ``(obs, member)``. Columns,
    where there are any, are ``(obs, column)``, the same for all members, or ``(obs, member, column)``, each member's own.
    """

    factor: str
    labels: tuple[Any, ...]
    codes: str
    weights: str
    array: str | None
    intercept: bool

    def incidence(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """Return how much of each level a row has, a SciPy sparse matrix ``(obs, level)``."""
        codes, weights = arrays[self.codes], arrays[self.weights]
        return self._shares(codes, weights)

    def _shares(self, codes: np.ndarray, weights: np.ndarray) -> Any:
        from scipy import sparse

        rows, members = codes.shape
        at = np.repeat(np.arange(rows), members)
        return sparse.csr_matrix((np.ravel(weights), (at, codes.ravel())), (rows, len(self.labels)))

    def products(self, arrays: Mapping[str, np.ndarray]) -> list[Any]:
        """Return what rows multiply each coefficient's levels by, SciPy sparse matrices ``(obs, level)``."""
        shares, columns = self.incidence(arrays), None if self.array is None else np.asarray(arrays[self.array])
        if columns is None or columns.ndim == 2:
            return _products(shares, self.intercept, columns)
        codes, weights = arrays[self.codes], arrays[self.weights]
        return [shares] * self.intercept + [self._shares(codes, weights * own) for own in np.moveaxis(columns, 2, 0)]


@dataclass(frozen=True)
class Shift:
    """A column ``(obs,)`` added to the predictor as it is; ``array`` is its key."""

    array: str


@dataclass(frozen=True)
class Places:
    """The row's place, at which a function has a value, times a number of the row.

    Attributes
    ----------
    count
        Number of places that training rows have.
    codes
        Key of each row's place ``(obs,)`` among the term's arrays; places that no training row has count on from ``count``.
    where
        Key of the rows' coordinates ``(obs, variable)``.
    array
        Key of what the value is multiplied by ``(obs, 1)``; None for 1.
    """

    intercept: ClassVar[bool] = False
    count: int
    codes: str
    where: str
    array: str | None = None

    def incidence(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """Return what rows multiply the values at the training rows' places by, a SciPy sparse matrix ``(obs, place)``."""
        from scipy import sparse

        codes = np.asarray(arrays[self.codes])
        by = np.ones(len(codes)) if self.array is None else np.asarray(arrays[self.array], dtype=np.float64)[:, 0]
        return sparse.csr_matrix((by, (np.arange(len(codes)), codes)), (len(codes), self.count))


Rows = Columns | Grouped | Members | Places | Shift


@dataclass(frozen=True)
class Given:
    """Each coefficient has the prior of its slot."""

    related: ClassVar[bool] = False
    correlation: ClassVar[None] = None
    strata: ClassVar[None] = None
    shared: ClassVar[str] = ""


@dataclass(frozen=True)
class Iid:
    """All coefficients are normal about 0 with the standard deviation of their piece's slot ``sd``, which they share, unless the
    piece says that there are several."""

    related: ClassVar[bool] = False
    correlation: ClassVar[None] = None
    strata: ClassVar[None] = None
    shared: ClassVar[str] = ""


@dataclass(frozen=True)
class Strata:
    """The classes that a factor's levels fall into, each with sds and correlations of its own.

    Attributes
    ----------
    name, labels
        Of the classes, and of the dimension that sds and correlations have for them.
    of
        The class of each level ``(level,)``.
    codes
        Key of each row's class ``(obs,)`` among the term's arrays, from which new levels have theirs.
    """

    name: str
    labels: tuple[Any, ...]
    of: tuple[int, ...]
    codes: str

    def of_unseen(self, levels: np.ndarray, classes: np.ndarray, count: int) -> tuple[int, ...]:
        """Return the class of each of ``count`` new levels, from the levels and the classes of some rows ``(obs,)``."""
        found = np.zeros(len(self.of) + count, dtype=np.int64)
        found[levels] = classes
        return tuple(found[len(self.of) :].tolist())


@dataclass(frozen=True)
class Varying:
    """A level's coefficients are normal about 0, with an sd each unless their piece says that they share some; levels are
    independent.

    ``correlation`` is the slot of the coefficients' correlations; None where they are independent. A user's prior on the slot of
    a piece takes the place of that on its sd, and need not be normal. With ``strata`` the sds and correlations are those of a
    level's class. Effects with the same name ``shared`` are correlated with each other, also where they belong to several
    parameters or responses; their correlations are no term's own (:mod:`bayesdeep.spec.shared_effects`).
    """

    related: ClassVar[bool] = False
    correlation: str | None = None
    strata: Strata | None = None
    shared: str = ""


@dataclass(frozen=True, eq=False)
class Structured:
    """As :class:`Varying`, but a coefficient's levels have the covariance ``sd^2 A`` with one another, ``A = root root'``.

    Attributes
    ----------
    root
        ``(level, level)``, lower-triangular.
    correlation
        As for :class:`Varying`.
    """

    related: ClassVar[bool] = True
    strata: ClassVar[None] = None
    shared: ClassVar[str] = ""
    root: np.ndarray
    correlation: str | None = None


@dataclass(frozen=True, eq=False)
class Scaled:
    r"""Coefficients are independent and normal about 0, with standard deviations that several numbers make together:

    .. math:: b_k \sim N(0, s_k^2), \qquad s_k = f_k(\theta_1, \ldots, \theta_m).

    Each :math:`\theta` is the variable of a slot with a prior of its own. :math:`f` is written down once, for arrays and tensors.

    Attributes
    ----------
    positive, shares, reals
        Slots that :math:`f` reads: of positive numbers, such as an sd or a length scale, of numbers between 0 and 1, and of any
        numbers. Several effects may read one, also of other terms where the slot is shared.
    sds
        ``sds(values, xp) -> (…, coefficient)``: from the slots' values, in the order of ``slots``, each ``(…, 1)``, so that they
        broadcast against an array ``(coefficient,)``; ``xp`` is NumPy or ``pytensor.tensor``, for ``xp.exp`` and the like. Where
        levels vary, the coefficients are those of one level, and levels are independent; but see ``root``.
    root
        ``(level, coefficient)``: a level's one effect is this times all the coefficients, so that the levels' covariance is
        ``root diag(s^2) root'``; or how to make it, where that is dear. None: every coefficient is an effect, or a column's.
    text
        What ``s`` is, for who writes the model down: the names of the slots take the places ``{0}``, ``{1}``, and so on.
    sparse
        Of levels with a ``root``, the same law as their graph has it, for engines that factorise sparse systems; None for none.
    each
        Whether every level has a standard deviation of its own: a level has one effect, and ``sds`` are the levels'.
    """

    correlation: ClassVar[None] = None
    strata: ClassVar[None] = None
    shared: ClassVar[str] = ""
    positive: tuple[str, ...]
    sds: Callable[[Sequence[Any], Any], Any]
    shares: tuple[str, ...] = ()
    root: "np.ndarray | Made | None" = None
    text: str = ""
    sparse: "Sparse | None" = None
    reals: tuple[str, ...] = ()
    each: bool = False

    @property
    def axes(self) -> int:
        """Return the number of coefficients that a ``root`` takes; 0 without one."""
        return 0 if self.root is None else int(self.root.shape[1])

    @property
    def slots(self) -> tuple[str, ...]:
        """Return the slots in the order of the values."""
        return (*self.positive, *self.shares, *self.reals)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return what each slot is as a hyperparameter (:class:`bayesdeep.core.linear.Hyperparameter`)."""
        return ("scale",) * len(self.positive) + ("partial",) * len(self.shares) + ("real",) * len(self.reals)

    @property
    def related(self) -> bool:
        """Return whether levels lean on one another."""
        return self.root is not None


NUGGET = 1e-9
"""Share of a process's variance that each place has to itself, so that its covariance matrix has a root in double precision."""


@dataclass(frozen=True, eq=False)
class Process:
    r"""Coefficients are the values of one function at places, less their average: a Gaussian process,

    .. math:: f \sim N(0, s^2 R(\theta)), \qquad u_j = f_j - \sum_k w_k f_k.

    :math:`s` and each :math:`\theta` is the variable of a slot with a prior of its own. A row at another place has a value there
    that is drawn given those at the places of the training rows, together with all other such rows.

    Attributes
    ----------
    sd, positive
        The slot of :math:`s`, and those of the positive numbers :math:`\theta`.
    alike
        ``alike(values, here, there, xp) -> (…, here, there)``: the correlations of the function's values at places ``(here,
        variable)`` and ``(there, variable)``, which are NumPy arrays, from the values of ``positive``, each ``(…, 1, 1)``; ``xp``
        is NumPy or ``pytensor.tensor``.
    places
        ``(place, variable)``.
    average
        :math:`w` ``(place,)``; zeros where nothing is taken off.
    likely
        Values of ``positive`` that are likely, for a rough fit.
    text
        What the covariance is, for who writes the model down: the names of the slots take the places ``{0}``, ``{1}``, and so on.
    """

    related: ClassVar[bool] = True
    correlation: ClassVar[None] = None
    strata: ClassVar[None] = None
    shared: ClassVar[str] = ""
    shares: ClassVar[tuple[str, ...]] = ()
    sd: str
    positive: tuple[str, ...]
    alike: Callable[[Sequence[Any], np.ndarray, np.ndarray, Any], Any]
    places: np.ndarray
    average: np.ndarray
    likely: tuple[float, ...]
    text: str = ""

    @property
    def slots(self) -> tuple[str, ...]:
        """Return the slots that it reads, the sd's first."""
        return (self.sd, *self.positive)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return what each slot is as a hyperparameter, as :attr:`Scaled.kinds`."""
        return ("scale",) * len(self.slots)

    @staticmethod
    def sds(values: Sequence[Any], xp: Any) -> Any:
        """Return the standard deviation of the function's values ``(…, 1)`` from those of the slots, as :attr:`Scaled.sds`."""
        del xp
        return values[0]

    def correlations(self, values: Sequence[Any], xp: Any) -> Any:
        """Return :math:`R` ``(…, place, place)`` with the nugget that lets it be factorised."""
        return self.alike(values, self.places, self.places, xp) + NUGGET * np.eye(len(self.places))

    def counted(self, values: np.ndarray) -> np.ndarray:
        """Return values ``(…, place)`` less their average, :math:`u` of :math:`f`."""
        return np.asarray(values - (values @ self.average)[..., None])

    @property
    def counting(self) -> np.ndarray:
        """Return the matrix ``(place, place)`` by which values are multiplied to be counted from their average."""
        found: np.ndarray = np.eye(len(self.places)) - self.average[None, :]
        return found


@dataclass(frozen=True, eq=False)
class Made:
    """An array that is made when it is needed: its shape, and ``make()``."""

    shape: tuple[int, int]
    make: Callable[[], np.ndarray]


@dataclass(frozen=True, eq=False)
class Sparse:
    r"""A law of levels that lean on one another, as the graph of their neighbours has it.

    A level's one effect is the sum of ``width`` coefficients. All are normal about 0; the last one's precision is that of the
    graph over :math:`s^2`, those before it are independent of each other and of those of other levels.

    Attributes
    ----------
    neighbours
        The graph.
    sds
        ``sds(values, xp) -> (…, coefficient)``, from the same values as :attr:`Scaled.sds`.
    width
        Number of coefficients of a level.
    """

    neighbours: Neighbours
    sds: Callable[[Sequence[Any], Any], Any]
    width: int


Law = Given | Iid | Varying | Structured | Scaled | Process
"""Each says as ``related`` whether levels lean on one another (there are then no new ones, and none is like any other), as
``correlation`` the slot of a level's correlations, and as ``strata`` the classes of levels; None for laws without."""


def root_of(law: Law) -> np.ndarray | None:
    """Return what independent coefficients are multiplied by to have the covariance of levels; None where they have none."""
    if not isinstance(law, Structured | Scaled):
        return None
    return law.root.make() if isinstance(law.root, Made) else law.root


@dataclass(frozen=True, eq=False)
class Effect:
    """One addend of a predictor that is linear in its coefficients.

    Attributes
    ----------
    rows, law
        How rows meet the coefficients, and what law these have.
    pieces
        Which coefficients belong to which slot.
    role
        What the coefficients are to a reader: see :class:`bayesdeep.core.quantities.Entry`. ``"basis"``: only the function has a
        meaning, and it is drawn and reported as a smooth; its columns are 0 on average over the training rows.
    apart
        Of a basis, what was taken off its columns to set them apart from the columns of the same term that have no law,
        ``(column, coefficient)``: those columns times this. A posterior does not depend on it, nor does REML; the likelihood with
        these columns' coefficients at their best does, and is that of the basis as it was. None: nothing.
    """

    rows: Rows
    law: Law
    pieces: tuple[Piece, ...] = ()
    role: str = "coefficient"
    apart: np.ndarray | None = None

    @property
    def width(self) -> int:
        """Return the number of coefficients, by level where they vary by one, the population's intercept not counted."""
        return self.pieces[-1].stop if self.pieces else 0

    @property
    def strata(self) -> Strata | None:
        """Return the classes of levels that have a covariance each; None where all have one."""
        return self.law.strata

    @property
    def names(self) -> tuple[str, ...]:
        """Return a name a coefficient: ``1``, ``x``, ``period[2]``."""
        return tuple(
            p.name if p.labels is None else f"{p.name}[{p.labels[k]}]" for p in self.pieces for k in range(p.size)
        )

    def sds(self, piece: Piece) -> Sds:
        """Return which standard deviation each coefficient of a piece has.

        As the piece says, or else one for all of a basis, and one each of what varies by level.
        """
        if piece.sds is not None:
            return piece.sds
        if piece.scalar or isinstance(self.law, Iid | Scaled | Process):
            return Sds((0,) * piece.size)
        return Sds(tuple(range(piece.size)), piece.dim, piece.labels)

    @property
    def pairs(self) -> tuple[str, ...]:
        """Return the label of each correlation, row by row below the diagonal: ``1, x``."""
        names = self.names
        return tuple(f"{names[j]}, {names[i]}" for i in range(1, len(names)) for j in range(i))
