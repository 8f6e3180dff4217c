"""A layer is its activation of a linear predictor, forth and back, whoever computes it."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.replace import vectorize_graph

from bayesdeep.core.links import LINKS
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.ops.layer import CHUNK, KINDS, by_numpy, layer
from bayesdeep.ops.matvec import matrix_vector
from bayesdeep.ops.product import product

rng = np.random.default_rng(3)
UNITS, WEIGHTS, BIAS, BACK = rng.normal(size=(7, 3)), 3 * rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=(7, 5))


def inputs() -> list:
    return [pt.matrix("units"), pt.matrix("weights"), pt.vector("bias")]


@pytest.mark.few(2)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["NUMBA", "PYTHON"])
def test_values_and_slopes_are_those_of_the_plain_graph(kind: str, mode: str) -> None:
    chosen = array_mode() if mode == "PYTHON" else mode
    given = inputs()
    found = layer(*given, kind, None)
    plain = LINKS[kind].inverse(pt.dot(given[0], given[1]) + given[2])
    for own, other in ((found, plain), *zip(*(pt.grad((y * BACK).sum(), given) for y in (found, plain)), strict=True)):
        a = pytensor.function(given, own, mode=chosen, on_unused_input="ignore")(UNITS, WEIGHTS, BIAS)
        b = pytensor.function(given, other, mode=array_mode(), on_unused_input="ignore")(UNITS, WEIGHTS, BIAS)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.few(2)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["NUMBA", "PYTHON"])
def test_units_that_go_into_one_sum(kind: str, mode: str) -> None:
    """What comes back to them is an outer product; it is never written down, and the derivatives are those of the plain graph."""
    out = pt.vector("out")
    given = [*inputs(), out]
    own = matrix_vector()(layer(*given[:3], kind, None), out)
    plain = pt.dot(LINKS[kind].inverse(pt.dot(given[0], given[1]) + given[2]), out)
    chosen = array_mode() if mode == "PYTHON" else mode
    graphs = [[y, *pt.grad((y * BACK[:, 0]).sum(), given)] for y in (own, plain)]
    found = pytensor.function(given, graphs[0], mode=chosen)
    nodes = found.maker.fgraph.apply_nodes
    assert [node.op.pairs for node in nodes if type(node.op).__name__ == "Slope"] == [1]
    assert "OuterProduct" not in {type(node.op).__name__ for node in nodes}
    expected = pytensor.function(given, graphs[1], mode=array_mode())
    values = (UNITS, WEIGHTS, BIAS, BACK[0])
    for a, b in zip(found(*values), expected(*values), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.few(4)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["NUMBA", "PYTHON"])
@pytest.mark.parametrize("sums", [2, 3])
def test_units_that_go_into_several_sums(kind: str, mode: str, sums: int) -> None:
    """Of two, as of networks that share the layer, no outer product is written down; of more they are added up."""
    outs = [pt.vector(f"out{k}") for k in range(sums)]
    given = [*inputs(), *outs]
    chosen = array_mode() if mode == "PYTHON" else mode
    units = layer(*given[:3], kind, None)
    plain = LINKS[kind].inverse(pt.dot(given[0], given[1]) + given[2])
    totals = [sum((k + 1) * (to(h, out) ** 2 * BACK[:, 0]).sum() for k, out in enumerate(outs))
              for h, to in ((units, matrix_vector()), (plain, pt.dot))]  # fmt: skip
    found = pytensor.function(given, pt.grad(totals[0], given), mode=chosen)
    nodes = found.maker.fgraph.apply_nodes
    assert [node.op.pairs for node in nodes if type(node.op).__name__ == "Slope"] == [2 if sums == 2 else 0]
    assert ("OuterProduct" in {type(node.op).__name__ for node in nodes}) == (sums > 2)
    expected = pytensor.function(given, pt.grad(totals[1], given), mode=array_mode())
    values = (UNITS, WEIGHTS, BIAS, *(BACK[k % len(BACK)] for k in range(sums)))
    for a, b in zip(found(*values), expected(*values), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_far_out_units_are_at_their_limits(kind: str) -> None:
    given = inputs()
    run = pytensor.function(given, layer(*given, kind, None), mode="NUMBA")
    found = run(np.array([[-1e6], [-800.0], [0.0], [800.0], [1e6]]), np.ones((1, 1)), np.zeros(1))[:, 0]
    np.testing.assert_allclose(found, by_numpy(kind, np.array([-1e6, -800.0, 0.0, 800.0, 1e6])), atol=1e-300)


@pytest.mark.parametrize("kind", KINDS)
def test_stretched_over_draws(kind: str) -> None:
    given = inputs()
    weights, bias = pt.tensor3("w"), pt.matrix("b")
    many = vectorize_graph(layer(*given, kind, None), replace={given[1]: weights, given[2]: bias})
    run = pytensor.function([given[0], weights, bias], many, mode=array_mode())
    found = run(UNITS, np.stack([WEIGHTS, -WEIGHTS]), np.stack([BIAS] * 2))
    np.testing.assert_allclose(found[1], by_numpy(kind, UNITS @ -WEIGHTS + BIAS), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_jax_computes_the_same(kind: str) -> None:
    import jax

    from bayesdeep.graph.jax_target import jax_function

    given = inputs()
    with jax.enable_x64(True):
        function = jax_function(layer(*given, kind, None), given, [UNITS.shape, WEIGHTS.shape, BIAS.shape])
        np.testing.assert_allclose(function(UNITS, WEIGHTS, BIAS), by_numpy(kind, UNITS @ WEIGHTS + BIAS), rtol=1e-12, atol=1e-14)


def test_other_activations_are_used_as_they_are() -> None:
    given = inputs()
    found = pytensor.function(given, layer(*given, "softplus", LINKS["softplus"].inverse), mode=array_mode())
    np.testing.assert_allclose(found(UNITS, WEIGHTS, BIAS), np.logaddexp(0, UNITS @ WEIGHTS + BIAS), rtol=1e-12)


@pytest.mark.few(4)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["NUMBA", "PYTHON"])
@pytest.mark.parametrize("apart", [False, True])
def test_single_precision_is_the_same_but_for_its_rounding(kind: str, mode: str, apart: bool) -> None:
    """Two layers and what goes out from them: units in single precision, everything that leaves them in double."""
    rows = 3 * CHUNK + 5
    sizes = (rows, 3), (3, 5), (5,), (5, 4), (4,), (4,) if apart else (4, 2)
    values = [np.random.default_rng(k).normal(size=size) for k, size in enumerate(sizes)]
    back = np.random.default_rng(9).normal(size=(rows,) if apart else (rows, 2))
    given = [pt.TensorType("float64", shape=(None,) * v.ndim)() for v in values]

    def outputs(single: bool) -> list:
        h = layer(*given[:3], kind, None, single=single)
        h = layer(h, *given[3:5], kind, None, single=single)
        assert h.type.dtype == ("float32" if single else "float64")
        out = matrix_vector()(h, given[5]) if apart else product(h, given[5])
        return [out, *pt.grad((out * back).sum(), given)]

    function = pytensor.function(given, outputs(True), mode=array_mode() if mode == "PYTHON" else mode)
    slopes = [node.op for node in function.maker.fgraph.apply_nodes if type(node.op).__name__ == "Slope"]
    assert [op.single for op in slopes] == [True, True]
    assert sum(op.pairs for op in slopes) == apart, "an outer product is not written down"
    expected = pytensor.function(given, outputs(False), mode=array_mode())(*values)
    for own, other in zip(function(*values), expected, strict=True):
        # Sums of at most `rows` products of numbers of order one, each rounded to 24 bits.
        assert np.abs(own - other).max() < 40 * np.finfo(np.float32).eps * np.sqrt(rows)
        assert np.abs(own - other).max() > 0, "nothing was computed in single precision"


@pytest.mark.integration
def test_single_precision_of_a_model_with_a_network() -> None:
    """A density and its gradient differ by less than a sampler could see; what the density leaves is double."""
    import bayesdeep as bd
    from bayesdeep.inference.run import _density

    n = 300
    x, g = rng.normal(size=(n, 3)), np.arange(n) % 7
    data = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "g": g.astype(str), "y": np.sin(x[:, 0]) + 0.1 * rng.normal(size=n)}
    for formula in ("y ~ a + net(a, b, c, hidden=[20]) + (1 | g)", "y ~ net(a, b, c, hidden=[8, 8], activation='relu')"):
        model = bd.Model(formula, data)
        double, single = (_density(model.spec, model._rows, "nuts", precision=p)[1] for p in ("double", "single"))
        for seed in range(5):
            at = double.initial(np.random.default_rng(seed))
            (value, slope), (other, about) = double.logp_dlogp(at), single.logp_dlogp(at)
            assert abs(value - other) < 2e-6 * max(1.0, abs(value))
            assert np.abs(slope - about).max() < 1e-5 * max(1.0, np.abs(slope).max())
