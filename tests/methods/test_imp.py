"""IMP: exact densities, exact rewinding, and what a round keeps."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from tests.helpers import copied, refusal, same
from tests.methods.running import STEPS, counts, masks_of, new_run, ran, sizes, stages_of
from tests.training_helpers import script_accuracies
from vpns_hf.methods import rounds_to
from vpns_hf.methods.stages import FineTuneStage, FitLabelMapping, Prune, Rewind, TrainRound
from vpns_hf.pruning import geometric, num_dropped
from vpns_hf.pruning.criteria import ScoringContext, magnitude
from vpns_hf.reporting import ViewAccuracy
from vpns_hf.training import Callback, Run, run_stages
from vpns_hf.training.distributed import generator_states

pytestmark = pytest.mark.slow  # trains

TWO_ROUNDS, THREE_ROUNDS = 0.36, 0.488  # .8 ** 2 stays, and .8 ** 3


def state_of(run: Run) -> dict[str, Tensor]:
    """Everything of the model but masks and label map."""
    state = run.model.state_dict()
    return {
        name: value.clone() for name, value in state.items() if not name.endswith(("weight_mask", "label_mapping"))
    }


def flat(states: dict) -> list:
    return [value.tolist() if isinstance(value, Tensor) else value for value in (*states["numpy"], states["torch"])]


@dataclass
class Diary(Callback):
    """Model, masks and generators at the end of each stage, and what training stages begin and go on with."""

    step: int | None = None
    stages: list[SimpleNamespace] = field(default_factory=list)
    begun: list[SimpleNamespace] = field(default_factory=list)
    at_step: list[SimpleNamespace] = field(default_factory=list)
    ends_of_epochs: list[dict[str, Tensor]] = field(default_factory=list)

    def on_stage_begin(self, run: Run, stage) -> None:
        self.begun.append(self._note(run, stage))

    def on_step_end(self, run: Run, stage) -> None:
        if (run.progress.epoch - 1) * STEPS + run.progress.step == self.step:
            self.at_step.append(self._note(run, stage))

    def on_epoch_end(self, run: Run, record) -> None:
        self.ends_of_epochs.append(state_of(run))

    def on_stage_finished(self, run: Run, stage) -> None:
        self.stages.append(self._note(run, stage))

    def _note(self, run: Run, stage) -> SimpleNamespace:
        note = SimpleNamespace(name=stage.name, state=state_of(run), masks=masks_of(run), kept=counts(run))
        note.mapping = run.model.label_mapping.clone()
        note.generators = flat(generator_states(run.accelerator.device))
        if run.progress is not None:
            state = copy.deepcopy(run.progress.state_dict())
            note.optimizer, note.schedule = state["optimizers"]["main"], state["schedules"]["main"]
            note.sums = copied(run.progress.sums)
            note.place = run.progress.epoch, run.progress.step
        return note

    def named(self, name: str) -> list[SimpleNamespace]:
        return [note for note in self.stages if note.name == name]


@pytest.mark.parametrize(("density", "rounds"), [(0.6, 3), (0.5, 4), (0.4, 5), (0.3, 6), (0.2, 8), (0.1, 11), (1, 0)])
def test_the_number_of_rounds(density, rounds):
    sparsity = round(1 - density, 6)
    assert rounds_to(sparsity) == rounds
    densities = [1 - after for after in geometric(sparsity, rounds)]
    assert densities == pytest.approx([density ** (done / rounds) for done in range(1, rounds + 1)], rel=1e-12)
    assert geometric(sparsity, rounds)[-1:] == [sparsity][:rounds]


@pytest.mark.parametrize("sparsity", [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.0])
def test_the_stages_are_rounds_of_train_prune_and_rewind(sparsity):
    names = [stage.name for stage in stages_of("imp", sparsity)]
    assert names == ["label_mapping", *["round", "prune", "rewind"] * rounds_to(sparsity), "measure", "finetune"]


@pytest.fixture(scope="module")
def diary() -> Diary:
    """Of two rounds of two epochs, rewound to the start."""
    diary = Diary()
    ran(stages_of("imp", TWO_ROUNDS, epochs_per_round=2), diary)
    return diary


@pytest.mark.parametrize(("sparsity", "rounds"), [(0.4, 3), (0.7, 6)])
def test_densities_are_exact_in_each_round_and_no_weight_comes_back(sparsity, rounds):
    diary = Diary()
    run = ran(stages_of("imp", sparsity), diary)
    total = sum(sizes(run))
    kept = [sum(note.kept) for note in diary.named("prune")]
    assert kept == [total - num_dropped(total, 1 - (1 - sparsity) ** (i / rounds)) for i in range(1, rounds)] + [
        total - num_dropped(total, sparsity)
    ]
    masks = [note.masks for note in diary.named("prune")]
    for larger, smaller in pairwise(masks):
        assert all((mask <= larger[name]).all() for name, mask in smaller.items())
    assert same(masks_of(run), masks[-1])


def test_a_round_prunes_the_smallest_weights_it_ends_with(diary):
    run = new_run()
    trained, pruned = diary.named("round")[0], diary.named("prune")[0]
    run.model.load_state_dict({**run.model.state_dict(), **trained.state})
    keys = magnitude(ScoringContext(run.model)).keys()
    read = pruned.mapping.tolist()
    stays, goes = [], []
    for name, mask in pruned.masks.items():
        if name == "classifier.1":  # rows that nobody reads go first
            stays.append(keys[name][read][mask[read]])
            goes.append(keys[name][read][~mask[read]])
        else:
            stays.append(keys[name][mask])
            goes.append(keys[name][~mask])
    assert torch.cat(goes).max() <= torch.cat(stays).min()
    at_first = magnitude(ScoringContext(new_run().model)).keys()
    assert (
        max(at_first[name][~mask].max() for name, mask in pruned.masks.items() if (~mask).any())
        > torch.cat(goes).max()
    )


def test_everything_is_rewound_but_mask_and_map(diary):
    first, *rounds = diary.named("label_mapping")[0], *diary.named("rewind")
    assert len(rounds) == 2
    for trained, rewound in zip(diary.named("round"), rounds, strict=True):
        for kind in ("running_mean", "running_var", "num_batches_tracked", "bias", "weight", "visual_prompt.prompt"):
            names = [name for name in first.state if name.endswith(kind)]
            assert names
            assert all(not torch.equal(trained.state[name], first.state[name]) for name in names), kind
        assert first.state.keys() == rewound.state.keys()
        assert same(first.state, rewound.state)
        assert rewound.generators == first.generators
        assert torch.equal(rewound.mapping, first.mapping)
    assert sum(rounds[1].kept) < sum(rounds[0].kept) < sum(first.kept)


def test_later_rounds_and_tuning_start_anew_by_default(diary):
    assert [note.place for note in diary.begun] == [(1, 0)] * 3
    for note in diary.begun:
        assert all((state["momentum_buffer"] == 0).all() for state in note.optimizer["state"].values())
        assert note.schedule["last_epoch"] == 0


def test_generators_are_rewound_where_training_draws():
    diary = Diary()
    run = new_run(callbacks=[diary])
    torch.manual_seed(11)

    class Drawing(Callback):
        def on_update(self, run, stage, update, loss) -> None:
            torch.rand(3)

    run.callbacks = [Drawing(), diary]
    run_stages(run, stages_of("imp", TWO_ROUNDS))
    [first], trained, rewound = diary.named("label_mapping"), diary.named("round"), diary.named("rewind")
    assert all(note.generators != first.generators for note in trained)
    assert all(note.generators == first.generators for note in rewound)


@pytest.mark.parametrize("step", [1, STEPS, STEPS + 1, 2 * STEPS])
def test_rewinding_to_a_later_step_takes_optimiser_and_schedule_along(step):
    """In the first epoch, at its end, in the second with another learning rate, and at the end of the round."""
    diary = Diary(step=step)
    run = ran(stages_of("imp", TWO_ROUNDS, epochs_per_round=2, imp_rewind_step=step), diary)
    early, (first, second, tuning) = diary.at_step[0], diary.begun
    for note in (diary.named("rewind")[0], diary.named("rewind")[1], second, tuning):
        assert same(early.state, note.state)
        assert note.generators == early.generators
    assert (first.place, second.place, tuning.place) == ((1, 0), early.place, (1, 0))
    assert second.schedule["_last_lr"] == early.schedule["_last_lr"]
    assert second.schedule["last_epoch"] == early.schedule["last_epoch"]
    assert [group["lr"] for group in second.optimizer["param_groups"]] == [
        group["lr"] for group in early.optimizer["param_groups"]
    ]
    assert (early.optimizer["param_groups"][0]["lr"] < 0.05) == (step > STEPS)
    momenta = [state["momentum_buffer"] for state in early.optimizer["state"].values()]
    assert any((momentum != 0).any() for momentum in momenta)
    for momentum, again in zip(momenta, second.optimizer["state"].values(), strict=True):
        assert torch.equal(momentum, again["momentum_buffer"])
    assert same(early.sums, second.sums)
    assert all(record.skipped == 0 for record in run.history)
    rounds = [record.epoch for record in run.history if record.stage == "round"]
    assert rounds == [1, 2, *range(early.place[0], 3)]


def test_every_round_takes_up_the_same_early_state():
    """An optimiser that were given the tensors that are kept would train them on."""
    diary = Diary(step=1)
    ran(stages_of("imp", THREE_ROUNDS, imp_rewind_step=1), diary)
    _, second, third, _ = diary.begun
    assert len(diary.named("rewind")) == 3
    assert same(second.state, third.state)
    momenta = [[state["momentum_buffer"] for state in note.optimizer["state"].values()] for note in (second, third)]
    assert all(torch.equal(one, other) for one, other in zip(*momenta, strict=True))
    assert any(momentum.any() for momentum in momenta[0])


def test_a_step_that_no_round_reaches_is_refused_before_anything_is_trained():
    run = new_run()
    before = state_of(run)
    stages = stages_of("imp", TWO_ROUNDS, epochs_per_round=2, imp_rewind_step=5)
    assert refusal(run_stages, run, stages) == (
        "imp_rewind_step is 5, but a round takes 4 iterations; give at most 4, or more epochs_per_round"
    )
    assert same(before, state_of(run))
    assert run.history == []


def test_a_round_keeps_its_last_epoch_whatever_is_more_accurate(monkeypatch):
    script = [0.9, 0.1, 0.9, 0.1, 0.8, 0.2]  # of two rounds and tuning, two epochs each
    script_accuracies(monkeypatch, *(ViewAccuracy(None, plain) for plain in script))
    diary = Diary()
    run = ran(stages_of("imp", TWO_ROUNDS, epochs_per_round=2, finetune_epochs=2), diary)
    for place, note in enumerate(diary.named("round")):
        assert same(note.state, diary.ends_of_epochs[2 * place + 1])
        assert not same(note.state, diary.ends_of_epochs[2 * place])
    assert (run.selected.epoch, run.selected.validation.plain) == (1, 0.8)
    assert same(state_of(run), diary.ends_of_epochs[4])


def test_rounds_have_the_epochs_of_tuning_unless_told_otherwise():
    def epochs(**changes: object) -> list[int]:
        return [stage.epochs for stage in stages_of("imp", TWO_ROUNDS, **changes) if isinstance(stage, FineTuneStage)]

    assert epochs(finetune_epochs=3) == [3, 3, 3]
    assert epochs(finetune_epochs=3, epochs_per_round=2) == [2, 2, 3]
    assert epochs(equal_passes="20") == [3, 3, 4]
    assert epochs(equal_passes="20", epochs_per_round=1) == [1, 1, 8]
    assert epochs(equal_passes="20", epochs_per_round=9) == [3, 3, 4]


def test_what_the_stages_are():
    fit, *rounds, _, tuning = stages_of("imp", TWO_ROUNDS, imp_rewind_step=3)
    assert type(fit) is FitLabelMapping
    assert [type(stage) for stage in rounds] == [TrainRound, Prune, Rewind] * 2
    assert type(tuning) is FineTuneStage
    assert [stage.rewind_step for stage in rounds[::3]] == [3, 3]
    assert all(stage.optimizer == tuning.optimizer for stage in rounds[::3])
