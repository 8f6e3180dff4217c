"""A C function around machine code that numba has already made."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class NativeLogp:
    """A log density as a C function, which compiled samplers call without Python.

    Attributes
    ----------
    address
        Of ``int64 f(uint64 dim, double *x, double *gradient, double *logp, void *unused)``. It returns 0, or a
        positive number where the log density or its gradient is not finite. It is safe in several threads.
    keep
        What has to stay alive while the address is in use.
    """

    address: int
    keep: tuple[Any, ...]


def native_logp(jitted: Any, dim: int, shared: tuple[Any, ...]) -> NativeLogp | None:
    """Wrap a numba function ``f(x, *shared) -> (logp, gradient)`` that has been called once.

    Parameters
    ----------
    jitted
        The dispatcher, with one compiled overload for ``x`` ``(dim,)`` and ``shared``.
    dim
        Length of ``x``.
    shared
        The further arguments; they are bound, by address, in the result.

    Returns
    -------
    NativeLogp or None
        None where an argument is no plain array (a sparse matrix, a random generator).
    """
    if not all(isinstance(a, np.ndarray) and a.flags.c_contiguous for a in shared):
        return None
    import numba
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np.arrayobj import populate_array

    (result,) = list(jitted.overloads.values())[:1]
    returned, arguments = result.signature.return_type, result.signature.args
    # PyTensor's entry point is `f(*args)`: to numba that is one argument, a tuple of arrays.
    packed = len(arguments) == 1 and isinstance(arguments[0], types.BaseTuple)
    kinds = tuple(arguments[0]) if packed else tuple(arguments)
    entry = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)

    def enter(typingctx: Any, x: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            def number(value: int) -> Any:
                return context.get_constant(types.intp, value)

            operands = [values[0]]
            for kind, array in zip(kinds[1:], shared, strict=True):
                struct = context.make_array(kind)(context, builder)
                populate_array(
                    struct,
                    data=builder.inttoptr(number(array.ctypes.data), struct.data.type),
                    shape=[number(n) for n in array.shape],
                    strides=[number(n) for n in array.strides],
                    itemsize=number(array.itemsize),
                    meminfo=None,
                )
                operands.append(struct._getvalue())
            if packed:
                operands = [context.make_tuple(builder, arguments[0], operands)]
            kind_of_entry = context.call_conv.get_function_type(returned, arguments)
            function = builder.inttoptr(number(entry), kind_of_entry.as_pointer())
            status, out = context.call_conv.call_function(builder, function, returned, arguments, operands)
            with cgutils.if_unlikely(builder, status.is_error):
                context.call_conv.return_status_propagate(builder, status)
            return out

        return returned(x), codegen

    call_entry: Any = intrinsic(enter)
    double = types.CPointer(types.float64)

    @numba.cfunc(types.int64(types.uint64, double, double, double, types.voidptr))
    def logp(n: Any, x: Any, gradient: Any, value: Any, unused: Any) -> Any:
        try:
            density, slopes = call_entry(numba.carray(x, (dim,)))
            at_x = density[()]
            value[0] = at_x
            finite = np.isfinite(at_x)
            for i in range(dim):
                gradient[i] = slopes[i]
                finite = finite and np.isfinite(slopes[i])
        except Exception:
            return 1
        return 0 if finite else 2

    return NativeLogp(int(logp.address or 0), (logp, jitted, result, shared))
