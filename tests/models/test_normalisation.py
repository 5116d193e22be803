"""Mean, std and channel order come from what a backbone was saved with."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import transformers
from packaging.version import Version
from PIL import Image
from transformers import ResNetConfig, ViTImageProcessorPil
from transformers.utils import is_torchvision_available

from tests.helpers import pictures, refusal, tiny_resnet
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.models.normalisation import normalisation_of

IMAGENET_MEAN = [0.485, 0.456, 0.406]


def saved(folder, **processor_fields) -> str:
    tiny_resnet().save_pretrained(folder)
    ViTImageProcessorPil(**processor_fields).save_pretrained(folder)
    return str(folder)


def test_mean_and_std_of_the_processor_are_taken(tmp_path):
    folder = saved(tmp_path, image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.25, 0.5])
    model = VPNsForImageClassification.from_backbone(folder, image_size=16, prompt_size=2)
    x = pictures()
    mean, std = torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1), torch.tensor([0.2, 0.25, 0.5]).view(1, 3, 1, 1)
    torch.testing.assert_close(model(x, prompted=False).logits, tiny_resnet().eval()((x - mean) / std).logits)


def test_what_is_given_comes_first(tmp_path):
    folder = saved(tmp_path, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    model = VPNsForImageClassification.from_backbone(folder, image_size=16, prompt_size=2, image_mean=[0.1, 0.2, 0.3])
    assert model.config.image_mean == [0.1, 0.2, 0.3]
    assert model.config.image_std == [0.5, 0.5, 0.5]


def test_a_processor_that_does_not_normalise(tmp_path):
    assert normalisation_of(saved(tmp_path, do_normalize=False)) == {"image_mean": [0.0] * 3, "image_std": [1.0] * 3}


@pytest.mark.skipif(Version(transformers.__version__) < Version("5.18"), reason="it asks for torchvision to tell")
@pytest.mark.parametrize(
    ("fields", "std"), [(None, None), ({}, [0.5] * 3), ({"image_mean": 0.5, "image_std": 0.25}, [0.25] * 3)]
)
def test_a_processor_without_a_name_is_that_of_the_model(tmp_path, fields, std):
    ResNetConfig().save_pretrained(tmp_path)
    if fields is not None:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(fields))
    assert normalisation_of(tmp_path).get("image_std") == std


def processors() -> dict[str, type]:
    """Every image processor of transformers that can be built here, once."""
    names = [name for name in dir(transformers) if "ImageProcessor" in name and not name.startswith(("Auto", "Base"))]
    kinds = {name: getattr(transformers, name) for name in names if f"{name}Pil" not in names}
    return {
        name: kind for name, kind in kinds.items() if isinstance(kind, type) and not getattr(kind, "is_dummy", False)
    }


PROCESSORS = processors()


def pixels_of(processor, picture: Image.Image, **options: object) -> torch.Tensor | None:
    """(3, H, W) of the first picture it makes; None if it makes none."""
    try:
        made = processor(picture, return_tensors="pt", **options)["pixel_values"]
    except Exception:
        return None
    is_picture = isinstance(made, torch.Tensor) and made.ndim >= 4 and made.shape[-3] == 3
    return made.flatten(0, -4)[0] if is_picture else None


def normalised(picture: Image.Image, **config_fields: object) -> torch.Tensor:
    model = VPNsForImageClassification.from_backbone(tiny_resnet(), image_size=16, prompt_size=2, **config_fields)
    return model.normalise(torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255)[0]


def check_pixels(processor, fields: dict[str, object]) -> None:
    """Compares with a picture of one colour, wherever it lies, and with noise where the processor leaves it in place."""
    noise = Image.fromarray(NOISE)
    pixels, expected = pixels_of(processor, PLAIN), normalised(PLAIN, **fields)
    middle = pixels[:, pixels.shape[1] // 2, pixels.shape[2] // 2]
    torch.testing.assert_close(middle, expected[:, 0, 0], atol=1e-6, rtol=1e-6)
    pixels = pixels_of(processor, noise, do_resize=False, do_center_crop=False, do_pad=False)
    if pixels is not None and pixels.shape == (3, 48, 48):
        torch.testing.assert_close(pixels, normalised(noise, **fields), atol=1e-6, rtol=1e-6)


PLAIN = Image.new("RGB", (48, 48), (240, 7, 130))
NOISE = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)


# They need torchvision. The first computes in bfloat16, the others fill up more than half of a square picture.
ODD = {"Llama4ImageProcessor", "PPOCRV5ServerRecImageProcessor", "PPOCRV6SmallRecImageProcessor"}


@pytest.mark.parametrize("name", PROCESSORS)
def test_every_processor_is_followed_or_refused_by_name(name, tmp_path):
    try:
        processor = PROCESSORS[name]()
    except (AttributeError, TypeError):
        pytest.skip("it needs more than its defaults")
    processor.save_pretrained(tmp_path)
    try:
        fields = normalisation_of(tmp_path)
    except ValueError as error:
        assert name.removesuffix("Pil") in str(error)
        assert name in ODD or pixels_of(processor, PLAIN) is None
    else:
        check_pixels(processor, fields)


def test_there_are_many_processors():
    assert len(PROCESSORS) > 70


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("EfficientNetImageProcessorPil", {}, ([0.5] * 3, [0.25] * 3)),
        ("EfficientNetImageProcessorPil", {"include_top": False, "rescale_factor": 1 / 127.5, "rescale_offset": True}, ([0.75] * 3, [0.25] * 3)),
        ("EfficientNetImageProcessorPil", {"image_mean": IMAGENET_MEAN, "image_std": [0.47853944, 0.4732864, 0.47434163]}, (IMAGENET_MEAN, [0.229, 0.224, 0.225])),
        ("ViTImageProcessorPil", {"rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3, "image_std": [1.0] * 3}, ([0.5] * 3, [0.5] * 3)),
        ("ViTImageProcessorPil", {"do_rescale": False, "image_mean": [123.675, 116.28, 103.53], "image_std": [58.395, 57.12, 57.375]}, (IMAGENET_MEAN, [0.229, 0.224, 0.225])),
        ("MobileViTImageProcessorPil", {"do_normalize": None}, ([0.0] * 3, [1.0] * 3)),
        ("MobileNetV2ImageProcessorPil", {"do_normalize": None}, ([0.0] * 3, [1.0] * 3)),
    ],
)  # fmt: skip
def test_what_is_done_counts_and_not_what_the_fields_are_called(tmp_path, kind, fields, expected):
    processor = getattr(transformers, kind)(**fields)
    processor.save_pretrained(tmp_path)
    found = normalisation_of(tmp_path)
    assert (found["image_mean"], found["image_std"]) == (pytest.approx(expected[0]), pytest.approx(expected[1]))
    assert ("channel_order" in found) == kind.startswith("MobileViT")
    check_pixels(processor, found)


def test_a_processor_for_torchvision_follows_from_its_fields(tmp_path):
    fields = {
        "do_normalize": True,
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.4, 0.5, 0.6],
        "rescale_factor": 1 / 255,
    }
    kind = "DINOv3ViTImageProcessorFast"
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": kind, **fields}))
    found = normalisation_of(tmp_path)
    assert found == {"image_mean": pytest.approx([0.1, 0.2, 0.3]), "image_std": pytest.approx([0.4, 0.5, 0.6])}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"image_processor_type": "MyImageProcessor"}, "this transformers has no image processor MyImageProcessor)"),
        (
            {"image_processor_type": "ViTImageProcessor", "image_std": [0.0, 0.5, 0.5]},
            "its image_std is [0.0, 0.5, 0.5], ",
        ),
        ({"size": {"height": 16, "width": 16}, "image_std": "a"}, "names no image_processor_type)"),
        ({"image_processor_type": "ViTImageProcessor", "image_std": "a" * 5000}, "ViTImageProcessor"),
        ([1], "holds no fields of an image processor"),
    ],
)
def test_why_a_processor_cannot_be_followed_is_said_in_one_short_line(tmp_path, recwarn, fields, reason):
    tiny_resnet().save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(fields))
    said = refusal(normalisation_of, tmp_path, error=ValueError)
    assert reason in said
    assert len(said) < 300
    assert not [warning for warning in recwarn if warning.category is RuntimeWarning]


@pytest.mark.parametrize(
    ("fields", "contrast"),
    [
        ({"image_mean": [123.0] * 3, "image_std": [58.0] * 3}, "leaves 0.017 between black and white"),
        ({"image_std": [0.5, 1000.0, 0.5]}, "leaves 0.001 between black and white"),
        ({"image_std": [0.01] * 3}, "leaves 1e+02 between black and white"),
        ({}, None),
        ({"do_normalize": False}, None),
        ({"do_rescale": False, "image_mean": [123.0] * 3, "image_std": [58.0] * 3}, None),
    ],
)
def test_a_network_that_would_see_no_picture_is_warned_of(tmp_path, caplog, fields, contrast):
    folder = saved(tmp_path, **fields)
    VPNsForImageClassification.from_backbone(folder, image_size=16, prompt_size=2)
    assert [contrast in record.getMessage() for record in caplog.records] == ([] if contrast is None else [True])


@pytest.mark.parametrize(
    "fields",
    [
        {"image_processor_type": "SuperPointImageProcessor", "do_grayscale": True},
        {"image_processor_type": "ViTImageProcessor", "image_std": [-0.5] * 3},
        *([] if is_torchvision_available() else [{"image_processor_type": "PPLCNetImageProcessor"}]),
        {"image_processor_type": "MyImageProcessor"},
    ],
)
def test_what_no_mean_and_std_can_say_is_refused_by_name(tmp_path, fields):
    tiny_resnet().save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(fields))
    said = refusal(VPNsForImageClassification.from_backbone, tmp_path, error=ValueError)
    assert fields["image_processor_type"] in said
    given = {"image_mean": [0.1] * 3, "image_std": [0.5] * 3}
    assert VPNsForImageClassification.from_backbone(tmp_path, **given).config.image_mean == [0.1] * 3
