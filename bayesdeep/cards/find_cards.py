"""Finding the cards that come with the package."""

from pathlib import Path

from bayesdeep.core.errors import CardError, nearest

PACKAGE = Path(__file__).parents[1]


def cards_folder() -> Path | None:
    """Return the folder of the cards: inside an installed package, or beside it in a checkout."""
    packaged, beside = PACKAGE / "_models", PACKAGE.parent / "models"
    if packaged.is_dir():
        return packaged
    # Without the project file this is no checkout, and the folder somebody else's.
    return beside if (PACKAGE.parent / "pyproject.toml").is_file() and beside.is_dir() else None


def find_cards() -> list[tuple[str, Path]]:
    """Return names (``"radon/slopes"``) and paths of the cards that come with the package, sorted by name."""
    folder = cards_folder()
    paths = () if folder is None else folder.glob("*/*.toml")
    return sorted((f"{path.parent.name}/{path.stem}", path) for path in paths)


def find_card(name: str) -> Path:
    """Return the path of a card: a path to a ``.toml`` file, or a name of :func:`find_cards`."""
    if name.endswith(".toml"):
        return Path(name)
    cards = dict(find_cards())
    if name not in cards:
        raise CardError(f"card '{name}': there is no card of this name{nearest(name, cards)}")
    return cards[name]
