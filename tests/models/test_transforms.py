"""What traces, exports, transforms or compiles a model gives its logits."""

from __future__ import annotations

import pytest
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap
from transformers import PreTrainedModel, ViTConfig, ViTForImageClassification

from tests.helpers import pictures, pruned, randomised, tiny_model, tiny_resnet, tiny_vgg
from vpns_hf import VPNsForImageClassification

BATCHES = (1, 2, 5)


def tiny_vit() -> PreTrainedModel:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    return randomised(ViTForImageClassification, ViTConfig(image_size=16, patch_size=8, num_labels=5, **sizes))


BACKBONES = {"resnet": tiny_resnet, "vit": tiny_vit, "vgg": tiny_vgg}


class Logits(nn.Module):
    """Logits alone, with the prompt or without."""

    def __init__(self, model: nn.Module, prompted: bool) -> None:
        super().__init__()
        self.model, self.prompted = model, prompted

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.model(pixel_values, prompted=self.prompted).logits


@pytest.fixture(scope="module", params=BACKBONES)
def model(request, tmp_path_factory) -> VPNsForImageClassification:
    """A loaded model, whose pruned weights are 0."""
    folder = tmp_path_factory.mktemp("model")
    pruned(BACKBONES[request.param]()).save_pretrained(folder)
    return VPNsForImageClassification.from_pretrained(folder)


@pytest.fixture(params=[True, False], ids=["prompted", "plain"])
def logits(request, model) -> Logits:
    return Logits(model, request.param).eval()


def assert_same(other: nn.Module, logits: Logits) -> None:
    for count in BATCHES:
        assert torch.allclose(other(pictures(count)), logits(pictures(count)), atol=1e-5)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_a_trace_takes_any_batch(logits, mode):
    with mode():
        assert_same(torch.jit.trace(logits, pictures(2)), logits)


def exported(logits: Logits, strict: bool) -> nn.Module:
    shapes = {"pixel_values": {0: torch.export.Dim("batch")}}
    return torch.export.export(logits, (pictures(2),), dynamic_shapes=shapes, strict=strict).module()


def test_an_exported_program_takes_any_batch(logits):
    assert_same(exported(logits, strict=False), logits)


@pytest.mark.slow
def test_a_strictly_exported_program_takes_any_batch():
    logits = Logits(tiny_model(), True).eval()
    assert_same(exported(logits, strict=True), logits)


def test_a_mask_is_part_of_what_is_traced():
    logits = Logits(tiny_model(), True).eval()  # nothing is folded: pruned weights are not 0
    assert_same(torch.jit.trace(logits, pictures(2)), logits)


def gradients(logits: Logits, pixels: Tensor) -> dict[str, Tensor]:
    logits.zero_grad()
    logits(pixels).sum().backward()
    return {name: value.grad for name, value in logits.named_parameters() if value.grad is not None}


def test_a_functional_gradient_is_that_of_backward(logits):
    parameters, expected = dict(logits.named_parameters()), gradients(logits, pictures())
    found = grad(lambda values: functional_call(logits, values, (pictures(),)).sum())(parameters)
    assert all(torch.allclose(found[name], value, atol=1e-5) for name, value in expected.items())


def test_gradients_of_single_pictures_add_up(logits):
    parameters = {name: value.detach() for name, value in logits.named_parameters()}
    single = grad(lambda values, pixels: functional_call(logits, values, (pixels[None],)).sum())
    found = vmap(single, in_dims=(None, 0), randomness="different")(parameters, pictures())
    for name, value in gradients(logits, pictures()).items():
        assert torch.allclose(found[name].sum(0), value, atol=1e-4), name


def test_a_gradient_of_pixels_alone(logits):
    pixels = pictures().requires_grad_()
    logits(pixels).sum().backward()
    assert torch.allclose(grad(lambda values: logits(values).sum())(pictures()), pixels.grad, atol=1e-6)


def test_a_forward_derivative_is_a_difference_quotient():
    logits = Logits(tiny_model(), True).double().eval()
    parameters = {name: value.detach() for name, value in logits.named_parameters()}
    direction = {name: torch.sin(torch.arange(value.numel())).view_as(value) for name, value in parameters.items()}

    def run(values: dict[str, Tensor]) -> Tensor:
        return functional_call(logits, values, (pictures().double() / 2 + 0.25,))

    found = jvp(run, (parameters,), ({name: value.double() for name, value in direction.items()},))[1]
    ends = [run({name: parameters[name] + step * direction[name] for name in parameters}) for step in (1e-6, -1e-6)]
    assert torch.allclose(found, (ends[0] - ends[1]) / 2e-6, atol=1e-3, rtol=1e-3)


def test_several_sets_of_weights_at_once(logits):
    with torch.no_grad():
        both = {name: torch.stack([value, 2 * value]) for name, value in logits.named_parameters()}
        outputs = vmap(lambda values: functional_call(logits, values, (pictures(),)), randomness="different")(both)
        assert torch.allclose(outputs[0], logits(pictures()), atol=1e-5)


def test_quantisation_points_to_the_plain_model(model):
    quantise = torch.ao.quantization.quantize_dynamic
    with pytest.raises(ValueError, match="to_dense"):
        quantise(model, {nn.Linear}, dtype=torch.qint8)
    dense = model.to_dense()
    linear = sum(type(layer) is nn.Linear for layer in dense.modules())
    quantised = quantise(dense, {nn.Linear}, dtype=torch.qint8)
    assert sum("quantized" in type(layer).__module__ for layer in quantised.modules()) >= linear > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the exporter, about versions of its own parts
def test_a_file_in_onnx_takes_any_batch(logits, tmp_path):
    program = torch.onnx.export(
        logits, (pictures(2),), dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False
    )
    program.save(tmp_path / "model.onnx")
    session = InferenceSession(tmp_path / "model.onnx")
    [pixels] = session.get_inputs()
    for count in BATCHES:
        [found] = session.run(None, {pixels.name: pictures(count).numpy()})
        assert torch.allclose(torch.from_numpy(found), logits(pictures(count)), atol=1e-5)
