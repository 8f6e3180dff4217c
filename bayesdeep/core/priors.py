"""Priors as data: what a user writes, what a plug-in declares, and the places in a model that take one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, log10
from typing import Any

from .records import Default

PRIOR_SCALE_IN_SPREADS = 2.5
"""Scale of default priors of coefficients of standardised columns, in spreads of the predictor.

Gelman, Jakulin, Pittau and Su (2008), A weakly informative default prior distribution for logistic and other regression
models, Annals of Applied Statistics 2(4), 1360-1383, doi:10.1214/08-AOAS191.
"""


def rounded(location: float, spread: float) -> str:
    """Return a location to four digits of itself or of its spread, whichever is finer."""
    further = log10(abs(location) / spread) if location else 0.0
    return f"{location:.{min(17, 4 + max(0, ceil(further)))}g}"


@dataclass(frozen=True)
class PriorSpec:
    """A named distribution with numbers, ``Normal(0, 1)``; an argument may be another prior (a nested scale).

    Attributes
    ----------
    name
        The plug-in's name, PyMC's name of the distribution.
    arguments
        Pairs of PyMC's argument name and a number, a nested :class:`PriorSpec`, or None where the model fills in
        a number that depends on the data.
    """

    name: str
    arguments: tuple[tuple[str, "float | PriorSpec | None"], ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.name}({', '.join(_argument(value) for _, value in self.arguments if value is not None)})"
        )

    def __repr__(self) -> str:
        return str(self)

    def get(self, name: str) -> "float | PriorSpec | None":
        """Return one argument."""
        return dict(self.arguments).get(name)

    @property
    def nested(self) -> "dict[str, PriorSpec]":
        """Return the arguments that have priors of their own, by name."""
        return {name: value for name, value in self.arguments if isinstance(value, PriorSpec)}

    def with_(self, **changes: "float | PriorSpec | None") -> "PriorSpec":
        """Return a copy with some arguments changed."""
        return PriorSpec(self.name, tuple((key, changes.get(key, value)) for key, value in self.arguments))


def _argument(value: "float | PriorSpec") -> str:
    return str(value) if isinstance(value, PriorSpec) else f"{value:.12g}"


@dataclass(frozen=True)
class Reported:
    """What a posterior shows of a budget.

    Attributes
    ----------
    suffix
        Its name is the budget's key with this.
    role
        See :class:`bayesdeep.core.quantities.Entry`.
    value
        ``value(sds)``: from standard deviations ``(…, share)``, an array or a tensor, to ``(…,)`` or ``(…, share)``.
    each
        Whether there is one for each share.
    """

    suffix: str
    role: str
    value: Callable[[Any], Any]
    each: bool = False


@dataclass(frozen=True)
class EffectsLaw:
    """A law of groups' effects that has parameters of its own, common to all groups.

    Attributes
    ----------
    parameters
        ``parameters(scope, slot, arguments, sd)``: the distribution's further arguments by name, for standardised effects, and a
        mean and an sd, in units of which these are sampled. The arguments are reported, or functions of what is reported: new
        groups are drawn from it. Mean and sd are a matter of coordinates.
    shows
        ``shows(scope, slot, parameters, standard)`` reports what the standardised effects ``(level,)`` tell further.
    words
        What engines should know of a posterior with such effects, beside what its terms say.
    reads, belongs
        Of a law with clusters: ``belongs(effects, *parameters)``, the probability of each cluster ``(draw, group, cluster)`` from
        effects ``(draw, group)`` and what is reported under the slot's name with the endings ``reads``, each ``(draw, …)``.
    """

    parameters: Callable[..., tuple[Mapping[str, Any], tuple[Any, Any]]]
    shows: Callable[..., None]
    words: frozenset[str] = frozenset()
    reads: tuple[str, ...] = ()
    belongs: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Prior:
    """A distribution that can be a prior. One file in ``priors/`` defines one as ``PRIOR``.

    Attributes
    ----------
    name
        Name in texts, and of the PyMC distribution unless ``rv`` says otherwise.
    arguments
        PyMC's argument names in PyMC's order.
    support
        ``"real"``, ``"positive"``, ``"unit"``, ``"bounded"`` (between its own ``lower`` and ``upper``),
        ``"correlation"``, ``"simplex"`` (shares that sum to 1), ``"block"`` (joint over several coefficients), ``"budget"``
        (joint over a whole predictor: how much its terms add to it, and what share each of them has) or ``"effects"`` (of groups'
        effects alone, with parameters common to all groups; see ``law``).
    positive
        Arguments that must be positive.
    unit
        Arguments that must lie between 0 and 1.
    defaults
        Values of arguments that may be left out; None stands for a number that ``fill`` works out.
    location, scale
        The arguments by which the distribution can be shifted and stretched; they make non-centring and
        re-centring possible. None for distributions that have no such argument.
    proper
        Whether it can be drawn from.
    rv
        ``rv()`` returns a class with the interface of PyMC's distributions, asked for late since PyMC takes seconds to
        import. None: the PyMC distribution of the same name.
    fill
        ``fill(arguments, columns, rows) -> arguments``: explicit numbers for arguments left out (block priors).
    block
        For block priors: ``block(scope, key, arguments, units, dims) -> tensor`` of coefficients, where ``units``
        are the coefficients' natural scales, ``(coefficient,)``. For correlations and shares:
        ``block(scope, slot, arguments, size)``. For budgets: ``block(scope, key, arguments, labels) -> tensor`` ``(share,)``, the
        standard deviation over rows of what each share's owner adds to the predictor, in residual standard deviations.
    law
        Of effects, which have the sd of their slot ``…_sigma``: what the parameters are that all groups have in common.
        ``location`` and ``scale`` are then arguments of the distribution alone.
    gaussian
        ``gaussian(**arguments) -> (mean, precision)`` where the prior is a normal distribution, or the limit of one.
    log_density
        ``log_density(x, **arguments)``: elementwise log density on NumPy arrays; minus infinity outside bounds of its own (of a
        positive one ``x`` is positive). An improper prior leaves out its infinite constant. None for joint priors; of budgets
        ``(…,)`` of standard deviations ``(…, share)`` as ``block`` returns them.
    median
        ``median(**arguments)`` in numbers: what the default intercept of a parameter's formula is put at, and where a search
        starts. None where there is none.
    example
        Arguments as numbers, from which tests make one.
    notes
        How to read the arguments, and the source.
    aliases
        Other names of arguments that are understood, each with the argument it stands for.
    reports
        What the posterior shows of budgets.
    key
        Of budgets: the key of ``priors=`` under which they are given, which is no slot's name, and what the names that they
        report begin with.
    whole
        Name of the budget that a user means who gives this prior under that budget's key; its first arguments are this one's.
    written
        Of budgets: ``written(key, labels, **arguments)``, the lines by which a paper would write down what the shares are of,
        ending in the standard deviations ``s[label]``, in residual ones.
    """

    name: str
    arguments: tuple[str, ...]
    support: str = "real"
    positive: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    defaults: Mapping[str, float | None] = field(default_factory=dict)
    location: str | None = None
    scale: str | None = None
    proper: bool = True
    rv: Callable[..., Any] | None = None
    fill: Callable[[dict[str, Any], int, int], dict[str, Any]] | None = None
    block: Callable[..., Any] | None = None
    law: EffectsLaw | None = None
    gaussian: Callable[..., tuple[float, float]] | None = None
    log_density: Callable[..., Any] | None = None
    notes: str = ""
    median: Callable[..., float] | None = None
    example: Mapping[str, float] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    whole: str = ""
    reports: tuple[Reported, ...] = ()
    written: Callable[..., tuple[str, ...]] | None = None

    @property
    def standard(self) -> Mapping[str, float] | None:
        """Return location 0 and scale 1 by argument; None for a distribution that cannot be moved and stretched.

        Effects of groups can have any such prior: they are standardised ones, times a scale, plus a location.
        """
        if self.location is None or self.scale is None:
            return None
        return {self.location: 0.0, self.scale: 1.0}

    @property
    def symmetric(self) -> bool:
        """Return whether it is symmetric about its location, where an average group then is; its median at ``example`` says."""
        if self.location is None or self.median is None:
            return False
        middle = self.example.get(self.location)
        return middle is not None and abs(self.median(**self.example) - middle) < 1e-9 * (1.0 + abs(middle))


@dataclass(frozen=True)
class Shared:
    """What several terms have in common: what they call it, and what it is in words, which must be the same for all of them."""

    name: str
    what: str


@dataclass(frozen=True)
class Slot:
    """A place in a model that takes a prior.

    Attributes
    ----------
    name
        The key in ``priors=``: the posterior's name for most.
    support
        What the prior must cover: ``"real"``, ``"positive"``, ``"unit"``, ``"signed_unit"`` (between -1 and 1), ``"one_to_two"``,
        ``"correlation"``, ``"simplex"``, ``"ordered"``, ``"effects"`` (group effects, whose prior may carry a nested scale),
        ``"correlated"`` (such effects mixed by a correlation matrix), ``"stratified"`` (such effects whose sds differ by classes
        of groups, and which take no prior of their own) or ``"weights"`` (of a network: proper, and on the whole real line).
    default
        The default prior and its reason; None where nothing is put there unless the user asks.
    role
        ``"intercept" "coefficient" "sd" "correlation" "effects" "parameter" "weights" "scale" "simplex"``.
    size
        Number of scalars that share the prior.
    unit
        Natural scale of the coefficient: spread of the response's predictor per standard deviation of the column.
    shared
        Of what several terms share, also in formulas of different parameters: such a slot is there once, and its name gets no
        parameter's prefix.
    part
        Of a network's scale, which part of the network it scales, in a reader's words: ``input``, ``layer 1``, ``output``.
    adds
        Of a slot that says how large an addend of the predictor is (a coefficient, a standard deviation, a scale): by scalar,
        the root mean square over the training rows of what it adds where it is 1, a constant left out that an intercept takes
        up. From it follows what a budget of variance allows it. Empty: as the term's effects say, of a term that declares
        effects; else the slot is no such addend's.
    own_law
        Of effects: whether they may have a law with parameters of its own (:class:`EffectsLaw`).
    """

    name: str
    support: str
    default: Default | None
    role: str
    size: int = 1
    unit: float = 1.0
    shared: Shared | None = None
    part: str = ""
    adds: tuple[float, ...] = ()
    own_law: bool = False


@dataclass(frozen=True)
class ChosenPrior:
    """The prior a model uses in one slot, as an explicit number, and where it came from.

    ``origin`` is ``"default"`` or ``"user"``; ``key`` is the block's key when several coefficients share one
    joint prior or one hyperparameter, else the slot's own name.
    """

    name: str
    prior: PriorSpec
    origin: str
    reason: str
    key: str
    role: str = "parameter"
    unit: float = 1.0


@dataclass(frozen=True)
class Known:
    """A parameter that is given instead of estimated: a column's name or a number."""

    value: str | float
