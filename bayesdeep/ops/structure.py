"""What a graph computes, apart from the numbers in it.

Two models of one structure (the same formulas, families and priors' names, on other data) have log densities that differ
in numbers only: the arrays of the rows, the constants of priors, the means of columns, the numbers of rows and groups.
:func:`lift` turns these numbers into arguments, and :func:`structure_key` writes down everything that is left. Whatever
is not an argument is in the key, so that equal keys mean equal functions, however much or little was lifted.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PLAIN = frozenset(
    {0.0, 0.5, 0.25, 1.5, *map(float, range(1, 17)), math.pi, 2 * math.pi, math.log(2), math.log(math.pi), math.inf}
)
"""Sizes of numbers that stay in the graph: they come from formulas, and rewrites know what to do with them."""

SHAPES = ("Alloc", "MakeVector", "BroadcastTo", "Reshape")
"""Operations whose whole-number inputs are lengths."""


class Unstable(Exception):
    """A part of the graph has no name that means the same elsewhere; such graphs are compiled afresh."""


@dataclass(frozen=True)
class Lifted:
    """A graph whose numbers are arguments.

    Attributes
    ----------
    outputs
        The graph, of plain input variables.
    arguments
        The variables that stand for numbers, in the order in which the graph meets them.
    values
        Their values here; arrays are copies.
    """

    outputs: tuple[Any, ...]
    arguments: tuple[Any, ...]
    values: tuple[Any, ...]


def lift(outputs: Sequence[Any], replace: Mapping[Any, Any]) -> Lifted:
    """Return ``outputs`` with ``replace`` applied, and shared variables, numbers and lengths turned into arguments.

    Parameters
    ----------
    outputs
        The graph.
    replace
        Variables and what stands for them; static shapes may become more general, and types are worked out again.
    """
    try:
        return _lift(outputs, replace, _lengths(outputs))
    except (TypeError, ValueError, NotImplementedError):
        # An operation that has to know a length.
        return _lift(outputs, replace, frozenset())


def _lift(outputs: Sequence[Any], replace: Mapping[Any, Any], lengths: frozenset[Any]) -> Lifted:
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph import clone_replace

    found: dict[Any, Any] = {}
    for variable in _in_order(outputs):
        if variable in replace:
            continue
        if isinstance(variable, SharedVariable) or _is_number(variable):
            found[variable] = variable.type()
        elif variable in lengths:
            # The type of a short length must not decide which lengths fit.
            found[variable] = variable.type.clone(dtype="int64")()
    made = clone_replace(list(outputs), {**replace, **found}, rebuild_strict=False)
    values = tuple(_value(v, argument) for v, argument in found.items())
    return Lifted(tuple(made), tuple(found.values()), values)


def _value(variable: Any, argument: Any) -> Any:
    from pytensor.graph.basic import Constant

    if isinstance(variable, Constant):
        return np.array(variable.data, dtype=argument.type.dtype, order="C")
    value = variable.get_value(borrow=True)
    # Copies, so that nobody changes the data under a running sampler.
    return np.array(value, order="C", copy=True) if isinstance(value, np.ndarray) else value


def _in_order(outputs: Sequence[Any]) -> list[Any]:
    """Return every variable the outputs depend on, inputs before what is made of them, in an order of the graph's own."""
    seen: set[Any] = set()
    order: list[Any] = []
    stack = [(output, False) for output in reversed(outputs)]
    while stack:
        variable, ready = stack.pop()
        if ready:
            order.append(variable)
            continue
        if variable in seen:
            continue
        seen.add(variable)
        stack.append((variable, True))
        if variable.owner is not None:
            stack.extend((i, False) for i in reversed(variable.owner.inputs) if i not in seen)
    return order


def _is_number(variable: Any) -> bool:
    from pytensor.tensor.variable import TensorConstant

    if not isinstance(variable, TensorConstant) or variable.dtype != "float64":
        return False
    return any(abs(float(v)) not in PLAIN for v in np.ravel(variable.data)[:64]) or variable.data.size > 64


def _lengths(outputs: Sequence[Any]) -> frozenset[Any]:
    """Return the constants that are lengths of axes, or vectors of them, and nothing else.

    Lengths of 1 stay in the graph: whether an axis broadcasts is a matter of structure.
    """
    uses: dict[Any, bool] = {}
    for variable in _in_order(outputs):
        for k, given in enumerate(() if variable.owner is None else variable.owner.inputs):
            if _may_be_lengths(given):
                name = type(variable.owner.op).__name__
                # The first input of an `Alloc` is what it repeats; that of a `Subtensor`, what it takes a length from.
                allowed = (name in SHAPES and not (name == "Alloc" and k == 0)) or (name == "Subtensor" and k == 0)
                uses[given] = uses.get(given, True) and allowed
    return frozenset(variable for variable, only in uses.items() if only)


def _may_be_lengths(variable: Any) -> bool:
    from pytensor.tensor.variable import TensorConstant

    if not isinstance(variable, TensorConstant) or not variable.dtype.startswith("int") or variable.ndim > 1:
        return False
    return variable.data.size > 0 and bool(np.all(variable.data > 1))


def structure_key(outputs: Sequence[Any], inputs: Sequence[Any]) -> str:
    """Return a hash of everything that ``outputs`` as functions of ``inputs`` are, in any process of one installation.

    Parameters
    ----------
    outputs
        The graph.
    inputs
        Its inputs, in the order of the call.

    Raises
    ------
    Unstable
        Where an operation or a constant has no description that is complete.
    """
    digest = hashlib.sha256()
    _graph(digest, outputs, inputs)
    return digest.hexdigest()


def _graph(digest: Any, outputs: Sequence[Any], inputs: Sequence[Any]) -> None:
    from pytensor.graph.basic import Constant

    place: dict[Any, int] = {}
    operations: dict[Any, bytes] = {}
    for variable in inputs:
        place[variable] = len(place)
        digest.update(_described(variable.type))
    for variable in _in_order(outputs):
        if variable in place:
            continue
        place[variable] = len(place)
        node = variable.owner
        if node is not None:
            if node.op not in operations:
                operations[node.op] = _described(node.op)
            at = (node.outputs.index(variable), *(place[i] for i in node.inputs))
            digest.update(b"N%s%s" % (operations[node.op], repr(at).encode()))
        elif isinstance(variable, Constant):
            digest.update(b"C" + _described(variable.data))
        else:
            raise Unstable(f"a free variable {variable}")
        digest.update(_described(variable.type))
    digest.update(repr([place[o] for o in outputs]).encode())


def _described(thing: Any) -> bytes:
    """Return bytes that differ between things that differ."""
    return b"(%s)" % b",".join(_parts(thing))


def _parts(thing: Any) -> list[bytes]:
    from pytensor.graph.basic import Variable
    from pytensor.graph.fg import AbstractFunctionGraph
    from pytensor.graph.op import Op
    from pytensor.graph.type import Type

    if thing is None or isinstance(thing, bool | int | float | complex | str | bytes | slice | type(Ellipsis)):
        return [type(thing).__name__.encode(), repr(thing).encode()]
    if isinstance(thing, np.ndarray | np.generic):
        array = np.ascontiguousarray(thing)
        if array.dtype.hasobject:
            raise Unstable("an array of objects")
        return [b"array", str(array.dtype).encode(), repr(np.shape(thing)).encode(), array.tobytes()]
    if isinstance(thing, np.dtype):
        return [b"dtype", str(thing).encode()]
    if isinstance(thing, tuple | list):
        return [type(thing).__name__.encode(), *map(_described, thing)]
    if isinstance(thing, Mapping):
        return [b"map", *sorted(_described(item) for item in thing.items())]
    if isinstance(thing, set | frozenset):
        return [b"set", *sorted(map(_described, thing))]
    if isinstance(thing, type):
        return [b"class", _path(thing)]
    if isinstance(thing, AbstractFunctionGraph):
        inner = hashlib.sha256()
        _graph(inner, thing.outputs, thing.inputs)
        return [b"graph", inner.digest()]
    if isinstance(thing, Variable):
        raise Unstable("a variable among properties")
    if isinstance(thing, Op | Type):
        return [_path(type(thing)), *_properties(thing)]
    if callable(thing) and getattr(thing, "__closure__", None) is None and hasattr(thing, "__qualname__"):
        return [b"function", _path(thing)]
    if hasattr(type(thing), "__qualname__") and vars(type(thing)).get("__call__") is not None:
        return [_path(type(thing)), _described(vars(thing))]
    raise Unstable(f"a property {type(thing).__name__}")


def _path(thing: Any) -> bytes:
    """Return where a class or function is defined; one that is made on the fly, or a user's, has no lasting name."""
    name = f"{thing.__module__}:{thing.__qualname__}"
    if thing.__module__.split(".")[0] not in ("pytensor", "pymc", "bayesdeep", "numpy", "builtins"):
        raise Unstable(name)
    return name.encode()


def _properties(thing: Any) -> list[bytes]:
    """Return what makes an operation or a type: its declared properties, the graph inside, and its other attributes."""
    from pytensor.scalar.basic import ScalarOp

    declared = getattr(thing, "__props__", None)
    found = [_described((name, getattr(thing, name))) for name in declared or ()]
    inner = getattr(thing, "fgraph", None)
    if inner is not None:
        found.append(_described(inner))
    if isinstance(thing, ScalarOp):
        # By PyTensor's own rule these are equal if they work out their output's type in one way. Their other
        # attributes are notes that compiling leaves on them.
        found.append(_described(thing.output_types_preference))
    elif declared is None and inner is None:
        found.append(_described(vars(thing)))
    return found
