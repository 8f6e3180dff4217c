"""Linear algebra on one thread, asked for without looking through all that the process has loaded.

That look takes longer than a small model does to fit. Libraries that are loaded after the first time are not told; NumPy's and
SciPy's are there by then.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import scipy.linalg  # noqa: F401  (its library is to be among those that are found)
from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which a product or a factorisation of matrices uses one thread."""
    found: AbstractContextManager[Any] = _controller().limit(limits=1)
    return found
