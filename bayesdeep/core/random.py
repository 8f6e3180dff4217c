"""One seed makes everything reproducible: every use derives its own stream from it by name."""

import secrets
from typing import Any
from zlib import crc32

import numpy as np

from .errors import BayesdeepError, FitError

SEED_LIMIT = 2**63
"""Seeds are below: what files of fits and cards can hold as a whole number."""
MAX_SHOWN_CHARACTERS, MAX_SHOWN_BITS = 40, 128
"""Characters of what was given instead that a message shows, and bits up to which it shows an integer's digits."""


def whole_seed(seed: Any, where: str, error: type[BayesdeepError] = FitError, name: str = "seed") -> int:
    """Return a user's seed as Python's integer.

    Raises
    ------
    BayesdeepError
        Of the type ``error``, for anything but a whole number (NumPy's too) from 0 to 2**63 - 1.
    """
    if isinstance(seed, bool | np.bool_) or not isinstance(seed, int | np.integer) or not 0 <= seed < SEED_LIMIT:
        # Python writes no integers of thousands of digits.
        long = isinstance(seed, int) and seed.bit_length() > MAX_SHOWN_BITS
        shown = f"an integer of {seed.bit_length()} bits" if long else repr(seed)
        shown = shown if len(shown) <= MAX_SHOWN_CHARACTERS else f"{shown[:MAX_SHOWN_CHARACTERS]}…"
        raise error(f"{where}: {name} is {shown}; give a whole number from 0 to 2**63 - 1")
    return int(seed)


def checked_seed(seed: Any, where: str, name: str = "seed") -> int | None:
    """Return what :func:`whole_seed` does; None for None, where a seed may be left out."""
    return None if seed is None else whole_seed(seed, where, name=name)


def fresh_seed() -> int:
    """Return a seed nobody chose, small enough to be typed in again."""
    return secrets.randbelow(2**31)


def derive(seed: int, use: str) -> int:
    """Return the seed of one use (``"predict"``, ``"chains"``) of a user's seed."""
    whole_seed(seed, use)
    return int(np.random.SeedSequence([seed, crc32(use.encode())]).generate_state(1)[0])
