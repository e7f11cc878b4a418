"""The three forms of the mLSTM cell against the recurrence in float64."""

import pytest
import torch

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.networks import mlstm_chunkwise, mlstm_parallel, mlstm_recurrent, soft_cap

FORMS = {"recurrent": mlstm_recurrent, "parallel": mlstm_parallel, "chunkwise": mlstm_chunkwise}
GATES = ("exponential", "sigmoid")


def cell_inputs(steps, gate_scale=1.0, heads=2, size=8, batch=2, seed=0):
    """Float64 q, k, v and gates; forget gates around their initial bias, both gates soft-capped as in the block."""
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (torch.randn(batch, heads, steps, size, dtype=torch.float64, generator=generator) for _ in range(3))
    gates = torch.randn(2, batch, heads, steps, dtype=torch.float64, generator=generator) * gate_scale
    bias = torch.linspace(3, 6, heads, dtype=torch.float64)[:, None]
    return q, k, v, soft_cap(gates[0], 15.0), soft_cap(gates[1] + bias, 15.0)


def relative_error(result, reference):
    return ((result.double() - reference).norm() / reference.norm()).item()


def result_and_gradients(form, inputs, **options):
    inputs = [x.clone().requires_grad_() for x in inputs]
    result = form(*inputs, **options)
    generator = torch.Generator().manual_seed(9)
    direction = torch.randn(result.shape, generator=generator, dtype=torch.float64).to(result.dtype)
    return result.detach(), torch.autograd.grad((result * direction).sum(), inputs)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_agrees_with_the_float64_recurrence_in_value_and_gradient(form, gate):
    inputs = cell_inputs(steps=200)
    reference, expected = result_and_gradients(mlstm_recurrent, inputs, gate=gate)
    result, gradients = result_and_gradients(FORMS[form], [x.float() for x in inputs], gate=gate)
    assert result.dtype == torch.float32
    assert relative_error(result, reference) <= 1e-5
    for gradient, target in zip(gradients, expected, strict=True):
        assert relative_error(gradient, target) <= 1e-4


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("gate_scale", [0.1, 1.0, 10.0, 100.0])
def test_the_chunkwise_form_is_exact_algebra_at_every_gate_scale(gate, gate_scale):
    # In float64 only a wrong formula can show, however badly conditioned the gates make the normalizer.
    inputs = cell_inputs(steps=70, gate_scale=gate_scale)
    reference, expected = result_and_gradients(mlstm_recurrent, inputs, gate=gate)
    result, gradients = result_and_gradients(mlstm_chunkwise, inputs, gate=gate, chunk=16)
    assert relative_error(result, reference) <= 1e-9
    for gradient, target in zip(gradients, expected, strict=True):
        assert relative_error(gradient, target) <= 1e-8


@pytest.mark.parametrize("gate_scale", [10.0, 100.0])
def test_the_chunkwise_form_loses_no_more_digits_than_the_recurrence_under_strong_gates(gate_scale):
    inputs = cell_inputs(steps=300, gate_scale=gate_scale)
    reference = mlstm_recurrent(*inputs)
    singles = [x.float() for x in inputs]
    lost_by_recurrence = relative_error(mlstm_recurrent(*singles), reference)
    assert relative_error(mlstm_chunkwise(*singles), reference) <= max(3 * lost_by_recurrence, 1e-5)


@pytest.mark.parametrize(("steps", "chunk"), [(1, 64), (7, 64), (64, 64), (65, 64), (100, 33), (101, 1), (97, 96)])
def test_any_sequence_length_works_with_any_chunk(steps, chunk):
    inputs = cell_inputs(steps=steps)
    result = mlstm_chunkwise(*inputs, chunk=chunk)
    assert result.shape == inputs[2].shape
    assert relative_error(result, mlstm_recurrent(*inputs)) <= 1e-10


def test_values_may_be_wider_than_keys():
    q, k, v, input_gate, forget_gate = cell_inputs(steps=70)
    wide = torch.cat([v, v.flip(2), v], -1)
    reference = mlstm_recurrent(q, k, wide, input_gate, forget_gate)
    assert relative_error(mlstm_chunkwise(q, k, wide, input_gate, forget_gate, chunk=16), reference) <= 1e-10


@pytest.mark.parametrize("form", FORMS)
def test_no_token_sees_the_future(form):
    q, k, v, input_gate, forget_gate = cell_inputs(steps=80)
    before = FORMS[form](q, k, v, input_gate, forget_gate)
    changed = [x.clone() for x in (k, v)]
    for x in changed:
        x[:, :, 50:] += 1.0
    after = FORMS[form](q, changed[0], changed[1], input_gate, forget_gate)
    torch.testing.assert_close(after[:, :, :50], before[:, :, :50])
    assert (after[:, :, 50:] - before[:, :, 50:]).abs().max() > 1e-3


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scale", [100.0, 1e4])
def test_extreme_gates_without_a_cap_give_finite_results_and_gradients(form, gate, scale):
    q, k, v, input_gate, forget_gate = (x.float() for x in cell_inputs(steps=130))
    inputs = (q, k, v, input_gate * scale, (forget_gate - 4.5) * scale)
    result, gradients = result_and_gradients(FORMS[form], inputs, gate=gate)
    assert result.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_inputs_are_computed_in_float32_even_under_autocast(form, dtype):
    inputs = [x.to(dtype) for x in cell_inputs(steps=90)]
    exact = mlstm_recurrent(*(x.double() for x in inputs))
    with torch.autocast("cpu", torch.bfloat16):
        result = FORMS[form](*inputs)
    assert result.dtype == dtype
    # Only the rounding of the stored result is left; a bfloat16 matrix product would cost ten times as much.
    rounding = torch.finfo(dtype).eps
    assert relative_error(result, exact) <= rounding


@pytest.mark.parametrize("form", FORMS)
def test_an_unknown_gate_is_refused(form):
    with pytest.raises(ModelError, match="softmax"):
        FORMS[form](*cell_inputs(steps=3), gate="softmax")


def test_soft_cap_bounds_and_keeps_small_values():
    x = torch.tensor([-1e4, -0.1, 0.0, 0.1, 1e4])
    capped = soft_cap(x, 15.0)
    torch.testing.assert_close(capped, torch.tensor([-15.0, -0.1, 0.0, 0.1, 15.0]), atol=1e-4, rtol=0)
    assert soft_cap(x, 0.0) is x
