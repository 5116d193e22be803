from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator

from tests.helpers import prune_at_random, refusal, tiny_resnet
from tests.training_helpers import dense_model
from vpns_hf import VPNsForImageClassification
from vpns_hf.data import Batch, EvalBatches, EvalTransform, ImageCache
from vpns_hf.reporting import ViewAccuracy
from vpns_hf.training import evaluate_views, gather_valid, predictions

COUNT = 53


@pytest.fixture(scope="module")
def cache() -> ImageCache:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (COUNT, 3, 16, 16), dtype=torch.uint8, generator=generator)
    return ImageCache(images, torch.randint(3, (COUNT,), generator=generator))


def by_hand(model, cache: ImageCache, prompted: bool) -> float:
    with torch.no_grad():
        logits = model(cache.images / 255, prompted=prompted).logits
    return (logits.argmax(1) == cache.labels).double().mean().item()


def test_answers_that_are_no_numbers_are_no_guesses(cache):
    model = dense_model()
    with torch.no_grad():
        model.masked_layers()["classifier.1"].weight.fill_(torch.nan)
    batches = EvalBatches(cache, EvalTransform(16), batch_size=COUNT)
    assert "answers 53 of 53 images by NaN: training diverged" in refusal(
        evaluate_views, model, batches, Accelerator(cpu=True)
    )


@pytest.mark.parametrize("batch_size", [1, 8, 53, 256])
def test_every_image_is_counted_once(cache, batch_size):
    model = prune_at_random(dense_model())
    evaluation = evaluate_views(
        model, EvalBatches(cache, EvalTransform(16), batch_size=batch_size), Accelerator(cpu=True)
    )
    expected = {view: by_hand(model, cache, view == "prompted") for view in ("prompted", "plain")}
    assert evaluation.accuracy == ViewAccuracy(**expected)
    assert expected["prompted"] != expected["plain"]
    assert evaluation.top5 == ViewAccuracy()  # of three classes it says nothing


def test_without_a_prompt_only_the_plain_view_is_measured(cache):
    model = dense_model(visual_prompt="none")
    evaluation = evaluate_views(model, EvalBatches(cache, EvalTransform(16), batch_size=4), Accelerator(cpu=True))
    assert evaluation.accuracy == ViewAccuracy(None, by_hand(model, cache, False))
    assert evaluation.top5.prompted is None


@pytest.mark.parametrize(("classes", "is_measured"), [(5, False), (6, True)])
def test_five_of_five_classes_are_always_right(cache, classes, is_measured):
    model = VPNsForImageClassification.from_backbone(
        tiny_resnet(num_labels=6), dict(enumerate("abcdef"[:classes])), image_size=16, prompt_size=2
    )
    evaluation = evaluate_views(model, EvalBatches(cache, EvalTransform(16), batch_size=53), Accelerator(cpu=True))
    assert evaluation.top5.is_measured == is_measured


@pytest.mark.parametrize("training", [True, False])
def test_the_model_keeps_its_mode_and_its_statistics(cache, training):
    model = dense_model().train(training)
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    evaluate_views(model, EvalBatches(cache, EvalTransform(16), batch_size=4), Accelerator(cpu=True))
    assert model.training == training
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.named_buffers())


def test_the_mode_comes_back_after_an_error(cache):
    def broken():
        yield Batch(torch.zeros(1, 3, 16, 16), torch.zeros(1, dtype=torch.int64))
        raise RuntimeError("no more pictures")

    model = dense_model().train()
    with pytest.raises(RuntimeError, match="no more pictures"):
        list(predictions(model, broken(), Accelerator(cpu=True), prompted=False))
    assert model.training


def test_source_logits_are_those_before_the_mapping(cache):
    model = prune_at_random(dense_model())
    batches = EvalBatches(cache, EvalTransform(16), batch_size=256)
    (_, source), (_, mapped) = (
        next(iter(predictions(model, batches, Accelerator(cpu=True), prompted=True, source=source)))
        for source in (True, False)
    )
    assert source.shape == (COUNT, 5)
    assert torch.equal(source[:, model.label_mapping], mapped)


def test_predictions_in_bf16_come_as_float32(cache):
    batches = EvalBatches(cache, EvalTransform(16), batch_size=256)
    accelerator = Accelerator(cpu=True, mixed_precision="bf16")
    [(_, low)] = predictions(dense_model(), batches, accelerator, prompted=False)
    with torch.no_grad():
        full = dense_model()(cache.images / 255, prompted=False).logits
    assert low.dtype == torch.float32
    assert not torch.equal(low, full)
    torch.testing.assert_close(low, full, rtol=0.05, atol=0.05)


def test_rows_that_fill_up_are_left_out():
    batch = Batch(torch.zeros(3, 3, 4, 4), torch.tensor([5, 6, 7]), torch.tensor([True, False, True]))
    values, labels = gather_valid(Accelerator(cpu=True), batch, torch.tensor([[1], [2], [3]]))
    assert values.tolist() == [[1], [3]]
    assert labels.tolist() == [5, 7]
