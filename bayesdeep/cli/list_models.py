"""``bayesdeep models``."""

import json
from argparse import Namespace

from bayesdeep.cards import find_cards, read_card

from .command_phrases import say


def run(arguments: Namespace) -> None:
    """List the cards that come with the package."""
    cards = [(name, read_card(path)) for name, path in find_cards()]
    if arguments.json:
        keys = ("title", "formula", "family", "data", "about")
        rows = [
            {"name": name, **{key: getattr(card, key) for key in keys}, "path": str(card.path)} for name, card in cards
        ]
        print(json.dumps(rows, indent=2))
        return
    if not cards:
        say("no model cards come with this installation")
    width = max((len(name) for name, _ in cards), default=0)
    for name, card in cards:
        say(f"{name:<{width}}  {card.title}", f"{'':<{width}}  {card.formula}  ({card.family}; data {card.data})")
