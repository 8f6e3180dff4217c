"""A C function around machine code that numba has already made."""

import ctypes
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

    def __call__(self, x: np.ndarray) -> tuple[int, float, np.ndarray]:
        """Return the function's own result, the log density and its gradient at ``x``, contiguous doubles."""
        value, gradient = np.empty(1), np.empty(len(x))
        function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, *[ctypes.c_void_p] * 4)(self.address)
        code = function(len(x), x.ctypes.data, gradient.ctypes.data, value.ctypes.data, None)
        return code, float(value[0]), gradient


def call(result: Any, *arguments: Any) -> Any:
    """Call a compile result of numba from Python."""
    return result.entry_point(arguments) if _is_packed(result) else result.entry_point(*arguments)


def _is_packed(result: Any) -> bool:
    """Return whether the function is ``f(*args)``, to numba a function of one argument, a tuple of arrays."""
    from numba.core import types

    kinds = result.signature.args
    return len(kinds) == 1 and isinstance(kinds[0], types.BaseTuple)


def native_logp(result: Any, dim: int, shared: tuple[Any, ...]) -> NativeLogp | None:
    """Wrap the machine code of ``f(x, *shared) -> (logp, gradient)``.

    The wrapper is written in LLVM's own language: the same few lines in Python would cost numba a third of a second a
    model, nearly all of it for reading and typing them.

    Parameters
    ----------
    result
        Numba's compile result for ``x`` ``(dim,)`` and ``shared``.
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
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.runtime import rtsys
    from numba.np.arrayobj import populate_array

    context = result.target_context.subtarget(enable_nrt=True)
    returned, arguments = result.signature.return_type, result.signature.args
    packed = _is_packed(result)
    kinds = tuple(arguments[0]) if packed else tuple(arguments)

    with global_compiler_lock:
        entry = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
        library = context.codegen().create_library("bayesdeep_logp")
        library.add_linking_library(rtsys.library)
        module = library.create_ir_module("bayesdeep_logp")
        word, double, pointer = ir.IntType(64), ir.DoubleType().as_pointer(), ir.IntType(8).as_pointer()
        name = f"bayesdeep_logp_{id(library)}"
        function = ir.Function(module, ir.FunctionType(word, [word, double, double, double, pointer]), name)
        builder = ir.IRBuilder(function.append_basic_block())
        _, x, gradient, value, _ = function.args

        def number(n: int) -> Any:
            return context.get_constant(types.intp, n)

        def array(kind: Any, data: Any, shape: tuple[int, ...], strides: tuple[int, ...], size: int) -> Any:
            struct = context.make_array(kind)(context, builder)
            populate_array(
                struct,
                data=builder.bitcast(data, struct.data.type),
                shape=[number(n) for n in shape],
                strides=[number(n) for n in strides],
                itemsize=number(size),
                meminfo=None,
            )
            return struct._getvalue()

        operands = [array(kinds[0], x, (dim,), (8,), 8)]
        for kind, a in zip(kinds[1:], shared, strict=True):
            operands.append(
                array(kind, builder.inttoptr(number(a.ctypes.data), pointer), a.shape, a.strides, a.itemsize)
            )
        if packed:
            operands = [context.make_tuple(builder, arguments[0], operands)]
        inside = builder.inttoptr(number(entry), context.call_conv.get_function_type(returned, arguments).as_pointer())
        status, out = context.call_conv.call_function(builder, inside, returned, arguments, operands)
        with cgutils.if_unlikely(builder, status.is_error):
            builder.ret(word(1))
        density = context.make_array(returned[0])(context, builder, value=builder.extract_value(out, 0))
        slopes = context.make_array(returned[1])(context, builder, value=builder.extract_value(out, 1))
        at_x = builder.load(density.data)
        builder.store(at_x, value)
        # x - x is 0 for finite numbers and NaN for the others; sums of those say whether all were finite.
        total = cgutils.alloca_once_value(builder, builder.fsub(at_x, at_x))
        (stride,) = cgutils.unpack_tuple(builder, slopes.strides)
        start = builder.bitcast(slopes.data, pointer)
        with cgutils.for_range(builder, number(dim)) as loop:
            at = builder.bitcast(builder.gep(start, [builder.mul(loop.index, stride)]), double)
            slope = builder.load(at)
            builder.store(slope, builder.gep(gradient, [loop.index]))
            builder.store(builder.fadd(builder.load(total), builder.fsub(slope, slope)), total)
        context.nrt.decref(builder, returned, out)
        finite = builder.fcmp_ordered("==", builder.load(total), ir.Constant(ir.DoubleType(), 0.0))
        builder.ret(builder.select(finite, word(0), word(2)))
        library.add_ir_module(module)
        library.finalize()
        address = library.get_pointer_to_function(name)
    return NativeLogp(int(address), (library, result, shared))
