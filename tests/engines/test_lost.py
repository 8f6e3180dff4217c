"""Chains that stayed far from the others or stood still: what becomes of them, and that it is said."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from bayesdeep.core.errors import FitError
from bayesdeep.engines import nuts
from bayesdeep.engines._lost_chains import lost_chains, put_in, starts_among, told
from bayesdeep.engines.mclmc.mclmc_draws import moving, only
from bayesdeep.engines.mclmc.mclmc_run import Row
from bayesdeep.engines.nuts import nutpie_chains as _nutpie

RNG = np.random.default_rng(0)


def chains(*levels: float) -> np.ndarray:
    return np.array(levels)[:, None] + RNG.normal(size=(len(levels), 200))


@pytest.mark.parametrize(
    ("levels", "lost"),
    [
        ((0, 0, 0, 0), ()),
        ((0, -500, 0, 0), (1,)),
        ((-900, 0, -500, 0), (0, 2)),
        ((0, -500, -500, -500), ()),  # A single higher one may be the one that is wrong.
        ((0, -500), ()),
        ((0, -4, 0, 0), ()),  # Modes differ by so much.
        ((0, -3, -6, -9), ()),
        ((0, 0, -np.inf), (2,)),
        ((0,), ()),
    ],
)
def test_lost_is_what_lies_far_below_at_least_half(levels: tuple[float, ...], lost: tuple[int, ...]) -> None:
    assert lost_chains(chains(*levels)) == lost


def test_a_second_attempt_starts_at_draws_of_the_others_and_takes_the_place_of_the_first() -> None:
    positions, lp = RNG.normal(size=(4, 50, 3)), chains(0, -500, 0, -700)
    starts = starts_among(positions, (1, 3), seed=5)
    for start, chain in zip(starts, (0, 2), strict=True):
        assert (positions[chain] == start).all(axis=1).any()
    np.testing.assert_array_equal(starts, starts_among(positions, (1, 3), seed=5))
    found, stats = put_in(positions, {"lp": lp}, (1, 3), (np.zeros((2, 50, 3)), {"lp": np.ones((2, 200))}))
    assert (found[[1, 3]] == 0).all()
    assert (stats["lp"][[1, 3]] == 1).all()
    np.testing.assert_array_equal(found[[0, 2]], positions[[0, 2]])
    assert "Chains 2, 4 of 4" in told((1, 3), lp, stats["lp"])
    assert "they are with them now" in told((1, 3), lp, chains(0, 0, 0, 0))
    assert "still not with them" in told((1, 3), lp, lp)


@dataclass
class Trap:
    """A normal density about 0, and far out a basin that no chain leaves; every third start lies in it."""

    dim: int = 2
    words: frozenset[str] = frozenset()
    seconds_compile: float = 0.0
    begun: list[int] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return ("a", "b")

    @property
    def jitter(self) -> np.ndarray:
        return np.ones(2)

    def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        far = x[0] > 50
        centre = np.array([100.0, 0.0]) if far else np.zeros(2)
        apart = x - centre
        return -0.5 * float(apart @ apart) - 1000.0 * far, -apart

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        self.begun.append(len(self.begun))
        # The first is the check before sampling.
        return rng.normal(size=2) + (np.array([100.0, 0.0]) if len(self.begun) == 3 else 0.0)


class Quiet:
    def update(self, done: int, total: int, note: str = "") -> None: ...


def test_nuts_brings_a_lost_chain_to_the_others_and_says_so() -> None:
    found = [nuts.run(nuts.NutsSettings(draws=300, tune=200, cores=1), Trap(), 3, Quiet()) for _ in range(2)]
    assert np.abs(found[0].positions).max() < 10
    assert found[0].positions.shape == (4, 300, 2)
    assert any("started again from where the others are; it is with them now" in line for line in found[0].advice)
    np.testing.assert_array_equal(found[0].positions, found[1].positions)
    pooled = found[0].positions.reshape(-1, 2)
    assert np.abs(pooled.mean(axis=0)).max() < 5 / np.sqrt(400)
    assert np.abs(pooled.std(axis=0) - 1).max() < 0.15


def test_modes_of_networks_are_left_alone() -> None:
    found = nuts.run(nuts.NutsSettings(draws=50, tune=100, cores=1), Trap(words=frozenset({"network"})), 3, Quiet())
    assert found.positions[..., 0].max() > 50


def test_a_panic_becomes_an_error_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})

    def sample(*args: object, **options: object) -> None:
        raise panic("called `Option::unwrap()` on a `None` value")

    monkeypatch.setattr("nutpie.sample", sample)
    with pytest.raises(FitError, match=r"nuts: a chain could not go on: called `Option::unwrap.*scale of the data"):
        nuts.run(nuts.NutsSettings(draws=5, tune=5), Trap(), 1, Quiet())


@pytest.mark.parametrize("error", [KeyError("mine"), SystemExit(3)])
def test_other_errors_stay_what_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)), _nutpie._refusing():
        raise error


# Microcanonical chains


def rows(*still: int) -> Row:
    shape = (4, 60)
    position = RNG.normal(size=(*shape, 3))
    position[list(still)] = position[list(still), :1]
    return Row(position, *(RNG.normal(size=shape) for _ in Row._fields[1:]))


def test_chains_that_move_are_kept_and_those_that_stood_still_are_named() -> None:
    found = rows(1)
    moved, said = moving(found)
    np.testing.assert_array_equal(moved, [True, False, True, True])
    assert "Chain 2 (" in said[0]
    assert "did not move and was left out" in said[0]
    assert only(found, moved).lp.shape == (3, 60)
    np.testing.assert_array_equal(only(found, moved).position[1], found.position[2])
    assert moving(rows())[1] == ()


def test_only_where_none_moved_there_is_no_fit() -> None:
    with pytest.raises(FitError, match=r"chains 1 .*, 4 .* of 4 did not move"):
        moving(rows(0, 1, 2, 3))
