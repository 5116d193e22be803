from __future__ import annotations

import json
import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoModel, AutoModelForImageClassification

from tests.helpers import pictures, tiny_vgg, tiny_vgg_config
from vpns_hf import VggConfig, VggForImageClassification, VPNsForImageClassification
from vpns_hf.models import VggModel
from vpns_hf.models.configuration_vgg import VARIANTS

# As published for torchvision's networks of 1000 classes, without and with batch norm.
PARAMETERS = {
    "vgg11": (132_863_336, 132_868_840),
    "vgg13": (133_047_848, 133_053_736),
    "vgg16": (138_357_544, 138_365_992),
    "vgg19": (143_667_240, 143_678_248),
}


@pytest.fixture(params=[False, True], ids=["plain", "batch norm"])
def model(request) -> VggForImageClassification:
    return tiny_vgg(batch_norm=request.param)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("name", VARIANTS)
def test_the_variants_have_as_many_parameters_as_published(name, batch_norm):
    with torch.device("meta"):
        model = VggForImageClassification(VggConfig(depths=VARIANTS[name], batch_norm=batch_norm, num_labels=1000))
    assert model.num_parameters() == PARAMETERS[name][batch_norm]


def test_a_layer_a_maximum_and_the_classifier_by_hand():
    """One channel, a kernel that passes the centre on: the maximum of max(x + 0.5, 0), the mean, and so on."""
    config = VggConfig(
        num_channels=1,
        depths=[1],
        hidden_sizes=[1],
        pooled_size=1,
        classifier_size=1,
        num_labels=2,
        initializer_range=1,
    )
    model = VggForImageClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.vgg.encoder.stages[0].layers[0].convolution.weight[0, 0, 1, 1] = 1
        model.vgg.encoder.stages[0].layers[0].convolution.bias.fill_(0.5)
        model.vgg.pooler.fc1.weight.fill_(2)
        model.vgg.pooler.fc2.weight.fill_(1)
        model.vgg.pooler.fc2.bias.fill_(-1)
        model.classifier.weight.copy_(torch.tensor([[1.0], [-3.0]]))
        model.classifier.bias.copy_(torch.tensor([0.0, 1.0]))
    rows = [[1, 2, 0, 0], [3, 0, 0, -1], [-9, -9, 0, 7], [-9, -9, 5, 0]]
    outputs = model(torch.tensor([[rows]], dtype=torch.float32), output_hidden_states=True)
    assert outputs.hidden_states[0].tolist() == [[[[3.5, 0.5], [0.0, 7.5]]]]  # mean 2.875, doubled 5.75, minus 1
    assert outputs.logits.tolist() == [[4.75, -13.25]]


def test_the_outputs_have_the_documented_shapes(model):
    outputs = model.vgg(pictures(size=20), output_hidden_states=True)
    assert [tuple(state.shape) for state in outputs.hidden_states] == [(2, 4, 10, 10), (2, 8, 5, 5)]
    assert outputs.last_hidden_state is outputs.hidden_states[-1]
    assert outputs.pooler_output.shape == (2, 12)
    assert model.vgg(pictures()).hidden_states is None
    assert model(pictures()).logits.shape == (2, 5)


def test_hidden_states_may_be_asked_for_in_the_configuration(model):
    model.config.output_hidden_states = True
    assert len(model(pictures()).hidden_states) == 2
    assert model(pictures(), output_hidden_states=False).hidden_states is None


def test_the_loss_is_the_mean_cross_entropy(model):
    labels = torch.tensor([4, 0])
    outputs = model(pictures(), labels=labels)
    assert torch.equal(outputs.loss, F.cross_entropy(outputs.logits, labels))
    assert model(pictures()).loss is None


def test_a_tuple_holds_the_same(model):
    labels = torch.tensor([4, 0])
    loss, logits, hidden_states = model(pictures(), labels=labels, output_hidden_states=True, return_dict=False)
    expected = model(pictures(), labels=labels)
    assert torch.equal(loss, expected.loss)
    assert torch.equal(logits, expected.logits)
    assert len(hidden_states) == 2


def test_outputs_are_dropped_in_training_only(model):
    assert torch.equal(model(pictures()).logits, model(pictures()).logits)
    pooled = model.vgg.train()(pictures()).pooler_output
    assert not torch.equal(pooled, model.vgg(pictures()).pooler_output)
    model.vgg.pooler.dropout.p = 0.0
    model.vgg.encoder.eval()
    assert torch.equal(model(pictures()).logits, model.eval()(pictures()).logits)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 1, 16, 16), "1 channels; this VGG takes 3"), ((2, 3, 3, 16), "3 x 16 pixels; this VGG takes 4 x 4 or more")],
)
def test_pictures_it_cannot_take_are_refused(model, shape, message):
    with pytest.raises(ValueError, match=message):
        model(torch.zeros(shape))


def test_the_smallest_pictures(model):
    assert model(pictures(size=4)).logits.isfinite().all()


def test_the_initial_weights_are_those_of_torchvision():
    torch.manual_seed(0)
    config = VggConfig(depths=[1, 1], hidden_sizes=[64, 48], batch_norm=True, pooled_size=2, classifier_size=256)
    model = VggForImageClassification(config)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (9 * layer.out_channels)), rel=0.05)
        elif isinstance(layer, nn.Linear):
            assert layer.weight.std().item() == pytest.approx(0.01, rel=0.05)
        elif isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()
            assert (layer.running_var == 1).all()
            assert (layer.running_mean == 0).all()
    assert all((value == 0).all() for name, value in model.named_parameters() if name.endswith("bias"))


def test_it_comes_back_with_its_code(model, tmp_path):
    model.save_pretrained(tmp_path)
    for loaded in (
        VggForImageClassification.from_pretrained(tmp_path),
        AutoModelForImageClassification.from_pretrained(tmp_path),
    ):
        assert type(loaded) is VggForImageClassification
        assert not loaded.training
        assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)
    assert sorted(path.name for path in tmp_path.glob("*.py")) == ["configuration_vgg.py", "modeling_vgg.py"]
    assert json.loads((tmp_path / "config.json").read_text())["auto_map"] == {
        "AutoConfig": "configuration_vgg.VggConfig",
        "AutoModelForImageClassification": "modeling_vgg.VggForImageClassification",
    }


def test_the_base_model_reads_the_same_file(model, tmp_path):
    model.save_pretrained(tmp_path)
    base = AutoModel.from_pretrained(tmp_path)
    assert type(base) is VggModel
    assert torch.equal(base(pictures()).pooler_output, model.vgg(pictures()).pooler_output)


def test_only_what_is_missing_from_a_file_is_initialised(model, tmp_path):
    model.save_pretrained(tmp_path)
    loaded = VggForImageClassification.from_pretrained(tmp_path, num_labels=40, ignore_mismatched_sizes=True)
    for name, tensor in model.vgg.state_dict().items():
        assert torch.equal(loaded.vgg.state_dict()[name], tensor), name
    assert loaded.classifier.weight.std().item() == pytest.approx(model.config.initializer_range, rel=0.15)
    assert (loaded.classifier.bias == 0).all()


def test_a_layer_that_lost_its_bias_keeps_its_weight(model, tmp_path):
    model.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    lost = ["vgg.encoder.stages.1.layers.0.convolution.bias", "vgg.pooler.fc1.bias"]
    save_file({name: tensors[name] for name in tensors if name not in lost}, tmp_path / "model.safetensors")
    state = VggForImageClassification.from_pretrained(tmp_path).state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], torch.zeros_like(tensor) if name in lost else tensor), name


def test_in_bfloat16(model):
    assert model.to(torch.bfloat16)(pictures().to(torch.bfloat16), labels=torch.tensor([0, 1])).loss.isfinite()


def test_a_backbone_may_be_a_folder(tmp_path):
    tiny_vgg().save_pretrained(tmp_path)
    built = VPNsForImageClassification.from_backbone(tmp_path, image_size=16, prompt_size=2)
    assert torch.equal(built(pictures(), prompted=False).logits, tiny_vgg()(built.normalise(pictures())).logits)
    assert built.config.backbone_config.depths == tiny_vgg_config().depths
