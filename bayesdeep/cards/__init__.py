"""Model cards: a model as a TOML file that can be shared, compared line by line, and read without running anything.

``card`` (the record: formula, family, data, priors, how to fit) · ``read_card``, ``write_card`` (TOML and back) ·
``find_cards`` (those that are installed, by name, for the command line).
"""

from .card import Card
from .find_cards import find_card, find_cards
from .read_card import read_card
from .write_card import write_card

__all__ = ["Card", "find_card", "find_cards", "read_card", "write_card"]
