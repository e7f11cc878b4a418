"""The whole network: sizes of input and output, independence of the weights from them, precision and memory modes."""

from dataclasses import replace

import pytest
import torch

from HeartSeg3DLib.errors import InputError, ModelError
from HeartSeg3DLib.networks import CONFIGS, NetworkConfig, XLSTMUNet, build_network
from HeartSeg3DLib.networks import residual as residual_module
from HeartSeg3DLib.networks.residual import Convolution

SMALL = NetworkConfig(
    features=(8, 16, 16, 32), blocks=(1, 1, 2, 1), vil_pairs=(0, 0, 1, 1), stem_stride=1, classes=3, chunk=32
)


@pytest.fixture
def a_network():
    return XLSTMUNet(SMALL).eval()


@pytest.mark.parametrize("size", [(16, 16, 16), (17, 16, 23), (19, 21, 31), (16, 33, 18), (24, 17, 40)])
@pytest.mark.parametrize("stem_stride", [1, 2])
def test_any_size_gives_logits_at_the_stem_resolution(size, stem_stride):
    network = XLSTMUNet(
        replace(SMALL, stem_stride=stem_stride, features=(8, 16, 16), blocks=(1, 1, 1), vil_pairs=(0, 0, 1))
    )
    with torch.no_grad():
        logits = network(torch.randn(2, 1, *size))
    assert logits.shape == (2, 3, *(-(-n // stem_stride) for n in size))
    assert logits.isfinite().all()


def test_the_same_weights_serve_every_input_size(a_network):
    names = {name: p.shape for name, p in a_network.state_dict().items()}
    with torch.no_grad():
        a_network(torch.randn(1, 1, 16, 24, 32))
        a_network(torch.randn(1, 1, 40, 16, 17))
    assert {name: p.shape for name, p in a_network.state_dict().items()} == names


def test_a_shift_of_the_window_by_the_total_stride_shifts_the_plain_network(a_network):
    # Without ViL and away from the borders a U-Net is equivariant: a misplaced skip or crop would break it.
    network = XLSTMUNet(replace(SMALL, features=(4, 8), blocks=(1, 1), vil_pairs=(0, 0))).double().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.InstanceNorm3d):
            module.forward = lambda x: x  # its statistics belong to the window
    volume = torch.randn(1, 1, 34, 34, 34, dtype=torch.float64)
    with torch.no_grad():
        first, second = network(volume[..., :32, :32, :32]), network(volume[..., 2:, 2:, 2:])
    torch.testing.assert_close(first[..., 14:22, 14:22, 14:22], second[..., 12:20, 12:20, 12:20])


def test_odd_sizes_crop_the_upsampled_map_to_the_skip():
    stage = XLSTMUNet(SMALL).decoder[0]
    seen = []
    stage.blocks[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    coarse, skip = torch.randn(1, 16, 3, 4, 2), torch.randn(1, 8, 5, 8, 3)
    stage(coarse, skip)
    doubled = stage.reduce(coarse).repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
    torch.testing.assert_close(seen[0][:, :8], doubled[:, :, :5, :8, :3])
    torch.testing.assert_close(seen[0][:, 8:], skip)


def test_deep_supervision_lists_the_finest_levels_first(a_network):
    image = torch.randn(1, 1, 16, 17, 24)
    with torch.no_grad():
        deep, logits = a_network.forward_deep(image), a_network(image)
    assert [tuple(x.shape) for x in deep] == [(1, 3, 16, 17, 24), (1, 3, 8, 9, 12), (1, 3, 4, 5, 6)]
    torch.testing.assert_close(deep[0], logits)


def test_coarse_logits_are_computed_only_when_asked_for(a_network):
    called = []
    for n, head in enumerate(a_network.heads):
        head.register_forward_hook(lambda *_, n=n: called.append(n))
    with torch.no_grad():
        a_network(torch.randn(1, 1, 16, 16, 16))
    assert called == [0]


def test_the_encoder_is_a_module_of_its_own_with_one_map_a_stage(a_network):
    with torch.no_grad():
        maps = a_network.encoder(torch.randn(1, 1, 16, 16, 32))
    assert [tuple(m.shape[1:]) for m in maps] == [(8, 16, 16, 32), (16, 8, 8, 16), (16, 4, 4, 8), (32, 2, 2, 4)]
    inside = {name for name in a_network.state_dict() if name.startswith("encoder.")}
    assert inside == {f"encoder.{name}" for name in a_network.encoder.state_dict()}


def test_a_window_under_two_total_strides_is_refused_in_words(a_network):
    with pytest.raises(InputError, match="at least 16 voxels"):
        a_network(torch.randn(1, 1, 16, 15, 16))
    with pytest.raises(InputError, match="at least 16 voxels"):
        a_network.forward_deep(torch.randn(1, 1, 8, 16, 16))
    a_network.train()(torch.randn(1, 1, 16, 16, 16))


@pytest.mark.parametrize("shape", [(1, 2, 16, 16, 16), (1, 16, 16, 16)])
def test_an_array_of_the_wrong_shape_is_refused_in_words(a_network, shape):
    with pytest.raises(InputError, match="batch, 1, depth"):
        a_network(torch.randn(shape))


@pytest.mark.parametrize("gate", ["exponential", "sigmoid"])
def test_training_under_bfloat16_autocast_stays_finite_and_close(gate):
    network = XLSTMUNet(replace(SMALL, gate=gate))
    # Three voxels a side on the coarsest map: on two, oneDNN's weight gradient in bfloat16 reads memory that nobody
    # has set (torch 2.13), and is sometimes not a number. Training windows leave at least four.
    image = torch.randn(2, 1, 24, 24, 24)
    exact = network(image).detach()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network.forward_deep(image)
        loss = sum(x.float().square().mean() for x in outputs)
    loss.backward()
    assert all(x.isfinite().all() for x in outputs)
    assert all(p.grad.isfinite().all() for p in network.parameters())
    assert ((outputs[0].float() - exact).norm() / exact.norm()).item() < 0.05


def test_checkpointing_gives_the_same_gradients():
    plain, frugal = XLSTMUNet(SMALL), XLSTMUNet(replace(SMALL, checkpoint=True))
    frugal.load_state_dict(plain.state_dict())
    image = torch.randn(1, 1, 16, 16, 16)
    for network in (plain, frugal):
        network(image).square().mean().backward()
    for (name, a), b in zip(plain.named_parameters(), frugal.parameters(), strict=True):
        if a.grad is None:
            assert name.startswith(("heads.1", "heads.2"))
            assert b.grad is None
        else:
            torch.testing.assert_close(b.grad, a.grad, msg=name)


def test_the_ablation_has_no_vil_block_and_keeps_all_other_weights():
    full, plain = build_network("nano"), XLSTMUNet(CONFIGS["nano"].without_vil())
    others = {name for name in full.state_dict() if ".vil." not in name}
    assert others == set(plain.state_dict())
    assert len(others) < len(full.state_dict())


def test_a_network_can_learn_a_position_that_only_the_sequence_tells():
    # Labels depend on a far corner of the window, beyond what two convolutions see.
    network = XLSTMUNet(
        NetworkConfig(features=(8, 16), blocks=(1, 1), vil_pairs=(0, 1), stem_stride=1, classes=2, heads=2)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    image = 0.1 * torch.randn(2, 1, 12, 4, 4)
    image[0, :, 0] += 1
    image[1, :, 0] -= 1
    target = torch.tensor([0, 1])[:, None, None, None].expand(2, 12, 4, 4)
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(network(image), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize(("channels", "size", "stride"), [(1, 20, 2), (16, 6, 1), (16, 7, 2)])
def test_the_fast_kernel_for_small_maps_gives_the_same_result_and_gradients(monkeypatch, channels, size, stride):
    conv = Convolution(channels, 24, stride)
    x = torch.randn(1, channels, size, size, size, requires_grad=True)
    results = []
    for limit in (0, 20480):
        monkeypatch.setattr(residual_module, "_SLOW_KERNEL_UP_TO", limit)
        y = conv(x)
        results.append((y.detach(), *torch.autograd.grad(y.square().sum(), (x, conv.weight))))
    for usual, fast in zip(*results, strict=True):
        torch.testing.assert_close(fast, usual, rtol=1e-4, atol=1e-4)


def test_a_mistyped_entry_is_named_with_the_nearest_and_a_wrong_one_is_no_surprise():
    with pytest.raises(ModelError, match=r"no such entry 'fetures'.*Did you mean 'features'"):
        build_network("nano", fetures=[8, 16])
    with pytest.raises(ModelError, match="cannot be read"):
        build_network("nano", features=["a"])
