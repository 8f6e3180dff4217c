"""Programs of training are compiled once, and only what is the same program is taken for it."""

import numpy as np

from bayesdeep.engines._training import train_compiled as kept


def test_the_same_program_is_compiled_once_and_another_constant_is_another_program():
    import jax

    def made(constant: float, values: np.ndarray):
        return kept.compiled(jax.jit(lambda x: constant * x).lower(values), values)

    three = np.arange(3, dtype=np.float32)
    first = made(2.0, three)
    assert made(2.0, three + 1) is first
    assert made(3.0, three) is not first
    assert made(2.0, np.arange(4, dtype=np.float32)) is not first
    assert made(2.0, three.astype(np.int32)) is not first
    assert np.asarray(made(3.0, three)(three)).tolist() == [0.0, 3.0, 6.0]


def test_only_so_many_programs_are_kept(monkeypatch):
    import jax

    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    monkeypatch.setattr(kept, "MOST_KEPT", 2)
    one = np.ones(1, dtype=np.float32)
    for constant in range(4):
        kept.compiled(jax.jit(lambda x, c=constant: c + x).lower(one), one)
    assert len(kept._kept) == 2


def test_padding_adds_rows_that_nothing_refers_to():
    arrays = np.arange(6.0).reshape(3, 2), np.arange(3)
    more = kept.padded(arrays)
    assert [len(a) for a in more] == [kept.ROWS, kept.ROWS]
    assert all(np.array_equal(a[:3], b) for a, b in zip(more, arrays, strict=True))
    full = (np.zeros(kept.ROWS),)
    assert kept.padded(full) is full
    assert kept.padded(()) == ()
