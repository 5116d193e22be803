from __future__ import annotations

import copy
import pickle
import re

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from tests.helpers import learn, refusal, same, tiny_resnet
from tests.layers import PLAIN_LAYERS, Doubled, inputs_of, masked_copy, plain_layer, run_plain
from vpns_hf.models import MaskedConv2d, MaskedLayer, MaskedLinear
from vpns_hf.models.masked_layers import apply_mask, mask_layers, masked_layers, skipped_layers, tied_layers


@pytest.fixture(params=PLAIN_LAYERS)
def plain(request) -> nn.Module:
    return plain_layer(request.param)


def test_forward_is_the_plain_layer_with_masked_weight(plain):
    layer, x = masked_copy(plain), inputs_of(plain)
    expected = run_plain(plain, plain.weight * layer.weight_mask, x)
    assert torch.equal(layer(x), expected)
    assert not torch.equal(layer(x), plain(x))


def test_a_full_mask_changes_nothing(plain):
    layer, x = masked_copy(plain), inputs_of(plain)
    layer.weight_mask.fill_(True)
    assert torch.equal(layer(x), plain(x))


def test_everything_but_the_class_is_kept(plain):
    layer = masked_copy(plain)
    assert type(layer) is (MaskedConv2d if isinstance(plain, nn.Conv2d) else MaskedLinear)
    assert (layer.bias is None) == (plain.bias is None)
    assert torch.equal(layer.weight, plain.weight)
    expected = ["weight", "weight_mask"] if plain.bias is None else ["weight", "bias", "weight_mask"]
    assert list(layer.state_dict()) == expected
    assert layer.weight_mask.dtype == torch.bool
    assert layer.weight_mask.shape == plain.weight.shape
    assert layer.extra_repr() == plain.extra_repr()


def test_fan_in_counts_the_inputs_of_one_output():
    assert masked_copy(nn.Conv2d(4, 6, (3, 5), groups=2)).fan_in == 30
    assert masked_copy(nn.Linear(8, 5)).fan_in == 8


def test_a_weight_gets_its_gradient_times_the_mask(plain):
    layer, x = masked_copy(plain), inputs_of(plain)
    effective = (plain.weight * layer.weight_mask).detach().requires_grad_()
    run_plain(plain, effective, x).pow(2).sum().backward()
    layer(x).pow(2).sum().backward()
    assert torch.allclose(layer.weight.grad, effective.grad * layer.weight_mask)
    assert (layer.weight.grad[~layer.weight_mask] == 0).all()


def test_a_state_dict_restores_weight_and_mask(plain):
    layer, x = masked_copy(plain), inputs_of(plain)
    fresh = masked_copy(plain)
    with torch.no_grad():
        fresh.weight.zero_()
        fresh.weight_mask.fill_(True)
    fresh.load_state_dict(layer.state_dict(), strict=True)
    assert torch.equal(fresh(x), layer(x))


@pytest.fixture
def folded() -> MaskedLayer:
    """A layer in evaluation mode whose pruned weights are 0, as loaded ones are; weight 0 is pruned, weight 1 kept."""
    layer = masked_copy(nn.Conv2d(4, 256, 3)).eval()
    layer.weight_mask.view(-1)[:2] = torch.tensor([False, True])
    layer.weight.data.copy_(layer.masked())
    return layer


@torch.no_grad()
def uses_its_weight(layer: MaskedLayer) -> bool:
    """Whether inference takes the weight as it is; if not, it must be a masked copy."""
    weight = layer.effective_weight()
    assert torch.equal(weight, layer.masked())
    return weight is layer.weight


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_inference_takes_a_folded_weight_as_it_is(folded, mode):
    with mode():
        assert folded.effective_weight() is folded.weight
        assert torch.equal(folded(inputs_of(folded)), folded(inputs_of(folded)))


def test_a_weight_that_is_not_folded_is_masked_at_inference(plain):
    layer, x = masked_copy(plain).eval(), inputs_of(plain)
    assert not uses_its_weight(layer)
    assert torch.equal(layer(x), run_plain(plain, plain.weight * layer.weight_mask, x))


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer.weight.view(-1)[0].fill_(3),
        lambda layer: layer.weight_mask.view(-1)[1].fill_(False),
        lambda layer: layer.load_state_dict({**layer.state_dict(), "weight": torch.ones_like(layer.weight)}),
        lambda layer: setattr(layer, "weight", nn.Parameter(torch.ones_like(layer.weight))),
        lambda layer: setattr(layer, "weight_mask", torch.zeros_like(layer.weight_mask)),
        lambda layer: setattr(layer.weight, "data", torch.ones_like(layer.weight)),
        lambda layer: next(layer.parameters()).data.add_(1),
        lambda layer: layer.weight.detach().numpy().fill(1),
        lambda layer: layer.weight.data[17, 0].fill_(1),
        lambda layer: layer.weight.detach().numpy()[100, 1:].fill(1),
        lambda layer: (next(layer.parameters()).data[17].fill_(1), layer.eval()),
    ],
)
def test_a_change_is_seen_by_the_next_inference(folded, change):
    assert uses_its_weight(folded)
    with torch.no_grad():
        change(folded)
    assert not uses_its_weight(folded)


def test_a_folded_weight_in_channels_last(folded):
    folded.to(memory_format=torch.channels_last)
    assert uses_its_weight(folded)
    held = next(folded.parameters())
    assert uses_its_weight(folded)
    held.data[17, 0].fill_(1)
    assert not uses_its_weight(folded)
    folded.weight.data.copy_(folded.masked())
    assert uses_its_weight(folded)
    folded.weight_mask = folded.weight_mask.contiguous()  # of another order, no place of one is that of the other
    assert not uses_its_weight(folded)


def test_a_change_that_keeps_it_folded_costs_one_look(folded):
    with torch.no_grad():
        folded.weight.mul_(2)
    assert uses_its_weight(folded)
    assert uses_its_weight(folded.double())
    assert uses_its_weight(copy.deepcopy(folded))
    assert uses_its_weight(pickle.loads(pickle.dumps(folded)))


def test_training_and_gradients_go_through_the_mask(folded):
    assert uses_its_weight(folded)
    folded(inputs_of(folded)).sum().backward()
    assert (folded.weight.grad[~folded.weight_mask] == 0).all()
    with torch.no_grad():
        assert folded.train().effective_weight() is not folded.weight


def test_tensors_that_nobody_keeps_track_of_are_masked(folded):
    x = inputs_of(folded)
    weight = torch.randn(folded.weight.shape)
    with torch.no_grad():
        output = torch.func.functional_call(folded, {"weight": weight}, (x,))
    plain = nn.Conv2d(4, 256, 3).requires_grad_(False)
    plain.bias.copy_(folded.bias)
    assert torch.equal(output, run_plain(plain, weight * folded.weight_mask, x))
    with torch.inference_mode():
        assert copy.deepcopy(folded).effective_weight() is not folded.weight
    with torch.no_grad():
        assert folded.to("meta").effective_weight().is_meta


def test_channels_last_gives_the_same():
    layer = masked_copy(nn.Conv2d(4, 6, 3))
    x = inputs_of(layer)
    expected = layer(x)
    layer.to(memory_format=torch.channels_last)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    mask = layer.weight_mask.clone()
    assert torch.allclose(layer(x.to(memory_format=torch.channels_last)), expected, atol=1e-6)
    learned = learn({"layer": layer}, 0.5, {"layer": layer.weight.detach().float().clone()})
    learned.update()
    assert int(layer.weight_mask.sum()) == layer.weight.numel() - layer.weight.numel() // 2
    assert (
        layer.weight.detach().abs()[layer.weight_mask].min() >= layer.weight.detach().abs()[~layer.weight_mask].max()
    )
    assert torch.allclose(layer(x), nn.functional.conv2d(x, layer.weight * layer.weight_mask, layer.bias), atol=1e-6)
    assert not torch.equal(layer.weight_mask, mask)


def test_masked_returns_exact_zeros_and_a_copy(plain):
    layer = masked_copy(plain)
    with torch.no_grad():
        layer.weight[~layer.weight_mask] = float("nan")
    folded = layer.masked()
    assert (folded[~layer.weight_mask] == 0).all()
    folded.zero_()
    assert layer.weight.count_nonzero() > 0


def test_every_plain_layer_is_masked_once():
    model = tiny_resnet()
    plain = [name for name, layer in model.named_modules() if type(layer) in (nn.Conv2d, nn.Linear)]
    mask_layers(model)
    assert [name for name, _ in masked_layers(model)] == plain
    mask_layers(model)
    assert [name for name, _ in masked_layers(model)] == plain
    assert all(layer.weight_mask.all() for _, layer in masked_layers(model))


class SamePadding(nn.Conv2d):
    """Pads by itself, as those of timm do for TensorFlow's weights."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(
            nn.functional.pad(x, (1, 1, 1, 1)), weight=self.weight, bias=self.bias, groups=self.groups
        )


class Standardised(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, self.weight - self.weight.mean((1, 2, 3), keepdim=True), self.bias)


class Multiplied(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight.T


class Failing(nn.Conv2d):
    def forward(self, x: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
        return super().forward(x + more)


DERIVED = {"convolution": lambda: SamePadding(4, 6, 3, groups=2), "linear": lambda: Doubled(8, 5)}


@pytest.mark.parametrize("build", DERIVED.values(), ids=DERIVED)
def test_a_derived_layer_computes_by_its_own_forward_with_the_masked_weight(build):
    plain = build()
    layer, x = masked_copy(plain), inputs_of(plain)
    expected = run_plain(plain, plain.weight * layer.weight_mask, x)
    assert torch.equal(layer(x), expected)
    assert isinstance(layer, (type(plain), MaskedLayer))
    assert list(layer.state_dict()) == ["weight", "bias", "weight_mask"]
    assert layer.weight is dict(layer.named_parameters())["weight"]  # the forward leaves nothing behind
    layer(x).sum().backward()
    assert (layer.weight.grad[~layer.weight_mask] == 0).all()
    assert (layer.weight.grad[layer.weight_mask] != 0).any()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("build", [*PLAIN_LAYERS.values(), *DERIVED.values()], ids=[*PLAIN_LAYERS, *DERIVED])
def test_a_copy_is_equal_and_its_own(build, duplicate):
    layer = masked_copy(build())
    copied, x = duplicate(layer), inputs_of(layer)
    output = layer(x)
    assert type(copied) is type(layer)
    assert torch.equal(copied(x), output)
    with torch.no_grad():
        copied.weight_mask.fill_(False)
        copied.weight.zero_()
    assert torch.equal(layer(x), output)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (Standardised(3, 4, 3), "changes its weight"),
        (Standardised(4, 4, 3, groups=4), "changes its weight"),
        (Multiplied(3, 4), "something else than its weight"),
        (Failing(3, 4, 1), "could not be tried (TypeError)"),
        (nn.MultiheadAttention(4, 1).out_proj, "past its forward"),
        (nn.Conv3d(3, 4, 1), "only Conv2d and Linear"),
    ],
)
def test_a_layer_that_cannot_be_masked_is_skipped_with_the_reason(odd, reason):
    model = nn.ModuleDict({"odd": odd, "plain": nn.Conv2d(4, 4, 1), "norm": nn.BatchNorm2d(4)})
    mask_layers(model)
    skipped = skipped_layers(model)
    assert set(skipped) == {"odd", "norm"}
    assert type(odd).__name__ in skipped["odd"]
    assert reason in skipped["odd"]
    assert "BatchNorm2d" in skipped["norm"]


def test_layers_are_tried_where_they_have_no_values_yet():
    with torch.device("meta"):
        model = nn.ModuleDict({"same": SamePadding(3, 4, 3), "odd": Standardised(3, 4, 3)})
        mask_layers(model)
    assert [name for name, _ in masked_layers(model)] == ["same"]


def test_a_layer_that_is_never_called_stays_as_it_is():
    model = nn.ModuleDict({"read": nn.Linear(3, 4), "called": nn.Linear(3, 4)})
    mask_layers(model, uncalled={"read"})
    assert list(skipped_layers(model)) == ["read"]
    assert "past its forward" in skipped_layers(model)["read"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_applying_a_mask_gives_positive_zeros(dtype, memory_format):
    tensor = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    tensor[0, 0, 0] = torch.tensor([float("nan"), float("inf"), float("-inf"), -0.0, -1.0])
    tensor = tensor.to(memory_format=memory_format)
    mask = torch.zeros(4, 3, 5, 5, dtype=torch.bool)
    mask[1:] = True
    expected = torch.where(mask, tensor, torch.zeros((), dtype=dtype))
    for out in (None, torch.empty_like(tensor)):
        masked = apply_mask(tensor, mask, out=out)
        assert torch.equal(masked, expected)
        assert not masked[0].signbit().any()
        assert out is None or torch.equal(out, expected)


def test_applying_a_mask_to_integers_is_refused():
    with pytest.raises(ValueError, match="int64"):
        apply_mask(torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.bool))


@pytest.mark.parametrize("name", ["plain", "groups", "linear"])
def test_second_derivatives_are_those_of_the_plain_layer(name):
    """Criteria such as GraSP differentiate a gradient."""
    torch.manual_seed(0)
    plain = PLAIN_LAYERS[name]()
    layer, x = masked_copy(plain), inputs_of(plain)

    def curvature(run, weight: torch.Tensor) -> torch.Tensor:
        (gradient,) = torch.autograd.grad(run(x).tanh().sum(), [weight], create_graph=True)
        return torch.autograd.grad(gradient.pow(2).sum(), [weight])[0]

    expected = curvature(lambda x: run_plain(plain, plain.weight * layer.weight_mask, x), plain.weight)
    assert torch.allclose(curvature(layer, layer.weight), expected, atol=1e-5)


@pytest.mark.parametrize(
    "prune",
    [
        lambda layer: torch_prune.l1_unstructured(layer, "weight", amount=0.5),
        lambda layer: torch_prune.random_structured(layer, "weight", amount=1, dim=0),
        lambda layer: torch_prune.identity(layer, "weight"),
        lambda layer: torch_prune.global_unstructured([(layer, "weight")], torch_prune.L1Unstructured, amount=0.5),
    ],
)
def test_a_second_mask_is_refused_and_leaves_the_layer_as_it_was(plain, prune):
    layer, x = masked_copy(plain), inputs_of(plain)
    output, state = layer(x), copy.deepcopy(layer.state_dict())
    assert re.search("has a mask already.*logical_and_.*to_dense", refusal(prune, layer, error=ValueError))
    assert torch.equal(layer(x), output)
    assert same(layer.state_dict(), state)


def test_a_bias_can_be_pruned_by_others():
    layer = masked_copy(nn.Linear(8, 5))
    torch_prune.l1_unstructured(layer, "bias", amount=2)
    assert int((layer.bias == 0).sum()) == 2


def test_a_parametrised_weight_is_masked():
    layer, x = masked_copy(nn.Linear(8, 5)), inputs_of(nn.Linear(8, 5))
    output = layer(x)
    nn.utils.parametrizations.weight_norm(layer)
    assert torch.allclose(layer(x), output, atol=1e-6)


def test_layers_that_share_a_weight_are_found():
    layers = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4), "c": nn.Linear(4, 4)})
    mask_layers(layers)
    assert tied_layers(layers) == ()
    layers["c"].weight = layers["a"].weight
    assert tied_layers(layers) == ("a", "c")


def test_copies_look_at_their_own_weight(folded):
    assert uses_its_weight(folded)
    for copied in (copy.deepcopy(folded), pickle.loads(pickle.dumps(folded))):
        copied.weight.data.add_(1)
        assert not uses_its_weight(copied)
