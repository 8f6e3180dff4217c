"""Memory that is used again instead of being given back and asked for anew with every gradient.

The C library of Linux gives the top of its memory back to the system as soon as some of it is free, and asks for large arrays
piece by piece; each page has then to be found and set to zero when it is next touched. A gradient over many rows makes and drops
a few arrays of the length of the data, so that this happens with every gradient: three quarters of the time of a network of 3,000
rows and 50 units, two thirds of that of 734,000 ratings.

How much is kept follows the largest array that was ever freed, up to 32 MiB (``mallopt(3)``, ``M_MMAP_THRESHOLD``: the threshold
is dynamic). So one such array is made, not touched, and dropped: no setting is changed that a user may have made, at most 64 MiB
of free memory are kept, and elsewhere than on that C library nothing happens.
"""

from functools import cache

import numpy as np

MAX_THRESHOLD_BYTES = 32 * 2**20
"""Bytes up to which the threshold follows; a little less is asked for, since the library adds a header and rounds up."""


@cache
def keep_pages() -> None:
    """Let freed memory be kept for the next array; once in a process."""
    array = np.empty(MAX_THRESHOLD_BYTES - 2**16, dtype=np.uint8)
    del array
