"""Cholesky factorisation in place that lets Python's other threads work meanwhile.

NumPy's copies the matrix twice and clears a triangle, a third of the time for a thousand columns; SciPy's wrapper holds Python's
lock, so that threads would wait for each other. SciPy offers LAPACK's own routine to compiled callers, and ctypes calls it
without the lock.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np


def factorise(matrix: np.ndarray) -> bool:
    """Replace the lower triangle of ``matrix``, C-ordered, by its Cholesky factor; return whether it is positive definite.

    What lies above the diagonal is neither read nor changed.
    """
    if matrix.dtype != np.float64 or not matrix.flags.c_contiguous or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError("factorise: wants a square matrix of float64 in C order")
    size, info = ctypes.c_int(len(matrix)), ctypes.c_int(0)
    # LAPACK reads columns first: our lower triangle is its upper one, and its U'U is our LL'.
    _dpotrf()(b"U", ctypes.byref(size), matrix.ctypes.data, ctypes.byref(size), ctypes.byref(info))
    return info.value == 0


@cache
def _dpotrf() -> Any:
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__["dpotrf"]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    number = ctypes.POINTER(ctypes.c_int)
    signature = ctypes.CFUNCTYPE(None, ctypes.c_char_p, number, ctypes.c_void_p, number, number)
    return signature(pointer(capsule, name(capsule)))
