"""The response of one block, its weights and known errors; and what default priors ask of it, summed over blocks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.columns import Frame
from bayesdeep.core.errors import DataError
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Family, Response
from bayesdeep.design.factors import evaluate_column
from bayesdeep.design.responses import read_response
from bayesdeep.design.training_data import known_arrays
from bayesdeep.formula.nodes import Call, Expression
from bayesdeep.spec.make import check_known, check_modifiers

LOG_2PI = float(np.log(2 * np.pi))


@dataclass
class ResponseSums:
    """Sums that scale default priors, and those of the likelihood that do not depend on columns.

    Attributes
    ----------
    centre
        What is taken off the response before it is summed.
    weight, first, second
        Sums of likelihood weights, and of weights times centred values and their squares.
    exponents, constant
        As in :class:`~bayesdeep.core.linear.Moments`.
    """

    name: str = ""
    weighted: bool = False
    centre: float | None = None
    weight: float = 0.0
    first: float = 0.0
    second: float = 0.0
    exponents: float = 0.0
    constant: float = 0.0

    def mean_sd(self) -> tuple[float, float]:
        """Return the weighted mean and standard deviation."""
        if self.weight == 0 or self.centre is None:
            raise DataError(f"data: all weights of '{self.name}' are zero")
        shift = self.first / self.weight
        return self.centre + shift, float(np.sqrt(max(self.second / self.weight - shift**2, 0.0)))

    def stand_in(self) -> Response:
        """Return a response of two rows that has the mean and standard deviation of all of them."""
        mean, sd = self.mean_sd()
        weights = np.ones(2) if self.weighted else None
        return Response(self.name, np.array([mean - sd, mean + sd]), weights=weights)

    def add(
        self, node: Expression, frame: Frame, family: Family, known: Mapping[str, Known], where: str
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Add a block; return its responses ``(obs,)`` and their precisions relative to ``1 / sigma²`` (None: 1)."""
        response = _read(node, frame, where)
        check_modifiers(family, response)
        response = family.code(response)
        self.name, self.weighted = quantity_name(response.name), response.weights is not None
        y = np.array(response.value, dtype=np.float64)
        self.centre = float(y.mean()) if self.centre is None else self.centre
        weights = None if response.weights is None else np.asarray(response.weights, dtype=np.float64)
        deviations = y - self.centre
        total = float(len(y)) if weights is None else float(weights.sum())
        self.weight += total
        self.first += _sum(deviations, weights)
        self.second += _sum(deviations**2, weights)
        self.exponents += total
        self.constant -= 0.5 * LOG_2PI * total
        arrays = known_arrays(known, frame)
        check_known(family, known, arrays)
        given = known.get("sigma")
        if given is None:
            return y, weights
        error = arrays["sigma"] if "sigma" in arrays else np.full(len(y), float(given.value))
        self.constant -= _sum(np.log(error), weights)
        return y, (1.0 if weights is None else weights) / error**2


def _sum(values: np.ndarray, weights: np.ndarray | None) -> float:
    """Return a sum over rows; NumPy's own adds in pairs, which keeps rounding errors small."""
    return float(np.sum(values if weights is None else values * weights))


def _read(node: Expression, frame: Frame, where: str) -> Response:
    if isinstance(node, Call) and node.function == "weighted" and len(node.arguments) == 2 and not node.options:
        weights = np.asarray(evaluate_column(node.arguments[1], frame, where).values)
        # A block may have no weight at all, which would be an error of the whole data.
        if weights.dtype.kind in "iufb" and not weights.any():
            return read_response(node.arguments[0], frame, where).with_(weights=np.zeros(frame.rows))
    return read_response(node, frame, where)
