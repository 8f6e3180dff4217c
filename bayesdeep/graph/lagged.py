"""What was left over at the rows before, on top of a response's mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.lags import array_at, is_there, response_at


@dataclass(frozen=True, eq=False)
class Lagged:
    """By how much a response's mean goes with what was left over one step before, two steps before, and so on.

    ``key`` is that of the term, among whose arrays the rows before are.
    """

    key: str
    coefficients: Sequence[Any]

    def correction(self, linear: Any, data: Mapping[str, Any]) -> Any:
        """Return ``(obs,)``: the sum of coefficients times response less predictor of the rows before; 0 without such rows.

        ``linear`` is the main predictor ``(obs,)`` and ``data`` has the containers it is computed from.
        """
        total: Any = 0.0
        for k, coefficient in enumerate(self.coefficients):
            there = data[is_there(self.key, k + 1)]
            names = {name: array_at(self.key, k + 1, name) for name in data}
            places = {data[name]: data[copied] for name, copied in names.items() if copied in data}
            left = data[response_at(self.key, k + 1)] - at_other_rows(linear, places)
            total = total + coefficient * there * left
        return total


def at_other_rows(tensor: Any, places: Mapping[Any, Any]) -> Any:
    """Return the tensor as it is with other containers in the place of some.

    What does not depend on these, the model's random variables above all, is the same variable and not a copy of it.
    """
    from pytensor.graph.traversal import io_toposort

    made = dict(places)
    for node in io_toposort([], [tensor]):
        if any(given in made for given in node.inputs):
            again = node.clone_with_new_inputs([made.get(given, given) for given in node.inputs])
            made.update(zip(node.outputs, again.outputs, strict=True))
    return made.get(tensor, tensor)
