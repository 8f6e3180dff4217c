"""One seed makes everything reproducible: every use derives its own stream from it by name."""

import secrets
from zlib import crc32

import numpy as np

from .arguments import whole


def fresh_seed() -> int:
    """Return a seed nobody chose, small enough to be typed in again."""
    return secrets.randbelow(2**31)


def derive(seed: int, use: str) -> int:
    """Return the seed of one use (``"predict"``, ``"chains"``) of a user's seed."""
    whole(seed, use, "seed")
    return int(np.random.SeedSequence([seed, crc32(use.encode())]).generate_state(1)[0])
