"""Memory order, compilation and precision change how a stage computes, not what comes out of it."""

from __future__ import annotations

import pytest
import torch

from tests.training_helpers import Recorder, dense_model, make_run, random_batches
from vpns_hf.methods.stages import FindMaskStage, FineTuneStage
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training import AdamSpec, ChannelsLast, Compiled, Preparation, SGDSpec, train

ADAM = AdamSpec(1e-2, 1e-1, 1e-4)
SGD = SGDSpec(learning_rate=0.05, prompt_learning_rate=0.1, momentum=0.9, weight_decay=0.01)


def trained(*ways: Preparation, **fields: object):
    """The model of a mask search and a fine-tuning, and all losses."""
    recorder, model = Recorder(), dense_model(**fields)
    run = make_run(model, random_batches(3), random_batches(3, seed=1), recorder=recorder)
    run.preparations = ways
    train(run, FindMaskStage(1, ADAM, scaled_weight, 0.5))
    train(run, FineTuneStage(1, SGD))
    return model, recorder.losses


def assert_alike(ours, plain):
    (model, losses), (expected, expected_losses) = ours, plain
    assert losses == pytest.approx(expected_losses, rel=1e-3)
    for name, mask in expected.masks().items():
        assert (model.masks()[name] == mask).float().mean() > 0.99, name
    assert model.sparsity == expected.sparsity
    assert model.state_dict().keys() == expected.state_dict().keys()
    assert all(value.is_contiguous() for value in model.state_dict().values())


@pytest.mark.slow
def test_channels_last_ends_alike():
    assert_alike(trained(ChannelsLast()), trained())


def test_channels_last_holds_while_a_stage_trains():
    class Look(Recorder):
        def on_update(self, run, stage, update, loss):
            layers = run.model.masked_layers().values()
            kinds = [
                layer.weight.is_contiguous(memory_format=torch.channels_last)
                for layer in layers
                if layer.weight.ndim == 4
            ]
            seen.append(all(kinds))

    seen: list[bool] = []
    run = make_run(dense_model(), random_batches(1), random_batches(1, seed=1), recorder=Look())
    run.preparations = [ChannelsLast()]
    train(run, FindMaskStage(1, ADAM, scaled_weight, 0.5))
    assert seen == [True, True]


@pytest.mark.slow
def test_a_compiled_network_ends_alike():
    compiled = trained(Compiled())
    assert_alike(compiled, trained())
    assert compiled[0].backbone._compiled_call_impl is None  # noqa: SLF001


@pytest.mark.slow
def test_what_is_compiled_is_the_backbone(monkeypatch):
    kernels = []

    def backend(graph, inputs):
        calls = [str(node.target) for node in graph.graph.nodes if node.op == "call_function"]
        kernels.append(sum("conv2d" in call for call in calls))
        return graph.forward

    original = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: original(self, backend=backend))
    compiled = trained(Compiled())
    monkeypatch.undo()
    assert_alike(compiled, trained())
    convolutions = sum(isinstance(layer, torch.nn.Conv2d) for layer in compiled[0].modules())
    assert max(kernels) == convolutions  # one graph holds the whole network
