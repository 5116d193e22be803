from __future__ import annotations

import pytest
import torch

from tests.helpers import pictures, tiny_model, tiny_resnet
from vpns_hf.backbones import Backbone
from vpns_hf.errors import InputError
from vpns_hf.export import PixelClassifier, Source, folded, in_float32, reference_of

MODELS = {
    "pad": {},
    "fix": {"visual_prompt": "fix"},
    "random": {"visual_prompt": "random"},
    "expand": {"visual_prompt": "expand", "image_size": 12, "output_size": 16},
    "blue first": {"channel_order": "bgr", "image_mean": [0.5, 0.4, 0.3]},
}


@pytest.mark.parametrize("prompted", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_it_computes_what_the_model_does(name, prompted):
    model = tiny_model(**MODELS[name])
    pixels = pictures(3, model.config.image_size)
    with torch.no_grad():
        found = PixelClassifier(folded(model), prompted)(pixels)
        torch.testing.assert_close(found, model(pixels, prompted=prompted).logits)
        assert not torch.allclose(found, model(pixels, prompted=not prompted).logits)


@pytest.mark.parametrize("prompt", ["pad", "fix"])
def test_half_precision_is_left_behind(prompt):
    fields = {"visual_prompt": prompt, "image_mean": [0.485, 0.456, 0.406]}
    model, exact = tiny_model(**fields).to(torch.bfloat16), tiny_model(**fields)
    for values, rounded in zip(exact.parameters(), model.parameters(), strict=True):
        values.data.copy_(rounded)
    source = in_float32(folded(model))
    with torch.no_grad():
        expected = exact(pictures(), prompted=True).logits
        torch.testing.assert_close(reference_of(source, True)(pictures()), expected, atol=1e-4, rtol=0)
        torch.testing.assert_close(PixelClassifier(source, True)(pictures()), expected, atol=1e-4, rtol=0)
    assert model.dtype == torch.bfloat16


def test_a_dense_model():
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    source = Source(Backbone(tiny_resnet(), {"image_mean": mean, "image_std": std}, 16))
    normalised = (pictures() - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(reference_of(source, False)(pictures()), tiny_resnet()(normalised).logits)


@pytest.mark.parametrize(
    "source",
    [folded(tiny_model(visual_prompt="none")), folded(tiny_model(prompt_size=0)), Source(Backbone(tiny_resnet(), {}))],
    ids=["none", "size 0", "dense"],
)
def test_there_may_be_no_prompt_to_apply(source):
    source.backbone.normalisation.update(image_mean=[0.0] * 3, image_std=[1.0] * 3)
    with pytest.raises(InputError, match="no visual prompt; leave out --with_prompt"):
        PixelClassifier(source, prompted=True)
