"""Memory order, compilation and precision change how a stage computes, not what comes out of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.training_helpers import Recorder, dense_model, make_run, random_batches, tiny_arguments, tiny_trainer
from vpns_hf import InputError
from vpns_hf.pruning.criteria import scaled_weight
from vpns_hf.training import Callback, preparations
from vpns_hf.training.optimizers import AdamSpec, SGDSpec
from vpns_hf.training.preparations import ChannelsLast, Compiled, Preparation, preparations_of
from vpns_hf.training.stages import FindMaskStage, FineTuneStage

ADAM = AdamSpec(1e-2, 1e-1, 1e-4)
SGD = SGDSpec(learning_rate=0.05, prompt_learning_rate=0.1, momentum=0.9, weight_decay=0.01)


def trained(*ways: Preparation, **fields: object):
    """The model of a mask search and a fine-tuning, and all losses."""
    recorder, model = Recorder(), dense_model(**fields)
    run = make_run(model, random_batches(3), random_batches(3, seed=1), 0.5, recorder=recorder)
    run.preparations = ways
    FindMaskStage(1, ADAM, scaled_weight).run(run)
    FineTuneStage(1, SGD).run(run)
    return model, recorder.losses


def assert_alike(ours, plain):
    (model, losses), (expected, expected_losses) = ours, plain
    assert losses == pytest.approx(expected_losses, rel=1e-3)
    for name, mask in expected.masks().items():
        assert (model.masks()[name] == mask).float().mean() > 0.99, name
    assert model.sparsity == expected.sparsity
    assert model.state_dict().keys() == expected.state_dict().keys()
    assert all(value.is_contiguous() for value in model.state_dict().values())


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
    run = make_run(dense_model(), random_batches(1), random_batches(1, seed=1), 0.5, recorder=Look())
    run.preparations = [ChannelsLast()]
    FindMaskStage(1, ADAM, scaled_weight).run(run)
    assert seen == [True, True]


@pytest.mark.slow
def test_a_compiled_network_ends_alike():
    compiled = trained(Compiled())
    assert_alike(compiled, trained())
    assert compiled[0].backbone._compiled_call_impl is None


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


def test_without_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setattr(preparations.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"needs a C\+\+ compiler; install g\+\+, or leave out --torch_compile"):
        preparations_of(tiny_arguments(tmp_path, torch_compile=True))
    assert preparations_of(tiny_arguments(tmp_path)) == []


class Watch(Callback):
    """Notes the types of scores and threshold, and the number of kept weights, after every update of the mask search."""

    def __init__(self) -> None:
        self.types: set[torch.dtype] = set()
        self.kept: set[int] = set()

    def on_update(self, run, stage, update, loss: Tensor) -> None:
        if stage.name == "find_mask":
            self.types |= {scores.dtype for scores in stage.mask.scores} | {stage.mask.threshold.value.dtype}
            self.types |= {entry.grad.dtype for entry in stage.mask.scores if entry.grad is not None}
            self.kept.add(sum(int(mask.sum()) for mask in run.model.masks().values()))


@pytest.mark.slow
def test_in_bfloat16_scores_and_threshold_stay_float32_and_the_count_exact(tmp_path):
    trainer, watch = tiny_trainer(tmp_path, mixed_precision="bf16", sparsities=[0.37]), Watch()
    computed = set()
    trainer.base.backbone.resnet.embedder.register_forward_hook(
        lambda module, inputs, output: computed.add(output.dtype) if module.training else None
    )
    trainer.callbacks.append(watch)
    results = trainer.train()
    assert computed == {torch.bfloat16}
    assert watch.types == {torch.float32}
    total = results["runs"][0]["total"]
    assert watch.kept == {total - 37 * total // 100} == {results["runs"][0]["nonzero"]}
    assert {value.dtype for value in trainer.models[0.37].parameters()} == {torch.float32}


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU computes in fp16")
def test_half_precision_on_the_cpu_is_refused(tmp_path):
    with pytest.raises(
        InputError, match="mixed_precision is fp16, which needs a GPU; on the CPU give bf16 or no"
    ) as raised:
        tiny_trainer(tmp_path, mixed_precision="fp16")
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has TF32")
def test_tf32_without_a_gpu_is_refused(tmp_path):
    with pytest.raises(InputError, match="tf32 is a format of NVIDIA GPUs, and none was found; leave out --tf32"):
        tiny_trainer(tmp_path, tf32=True)


@pytest.mark.slow
def test_the_options_reach_the_job(tmp_path):
    trainer = tiny_trainer(tmp_path, channels_last=True, max_grad_norm=1.5, gradient_accumulation_steps=2)
    seen = []
    trainer.callbacks.append(
        type(
            "Seen",
            (Callback,),
            {"on_stage_begin": lambda self, run, stage: seen.append((run.stepping, run.preparations))},
        )()
    )
    trainer.train()
    (stepping, ways), *_ = seen
    assert (stepping.parts, stepping.max_grad_norm, stepping.non_finite.stops) == (2, 1.5, True)
    assert [type(way) for way in ways] == [ChannelsLast]
