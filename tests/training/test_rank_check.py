from __future__ import annotations

import pytest
import torch

from tests.helpers import prune_at_random, refusal
from tests.training_helpers import dense_model, make_run, random_batches
from vpns_hf.methods.stages import FineTuneStage
from vpns_hf.training import RankCheck, SGDSpec, check_ranks, fingerprints, rank_check, shared_tensors, train

SGD = SGDSpec(learning_rate=0.01, prompt_learning_rate=0.1, momentum=0.9, weight_decay=0.01)


def fingerprint(tensor: torch.Tensor) -> int:
    return int(fingerprints([tensor])[0])


@pytest.mark.parametrize("dtype", [torch.bool, torch.bfloat16, torch.float32, torch.int64])
def test_any_change_is_seen(dtype):
    tensor = torch.arange(24).view(2, 3, 4).remainder(5).to(dtype)
    seen = {fingerprint(tensor)}
    for place in range(24):
        changed = tensor.clone().flatten()
        changed[place] = not changed[place] if dtype == torch.bool else changed[place] + 1
        seen.add(fingerprint(changed.view(2, 3, 4)))
    assert len(seen) == 25


def test_moved_entries_are_seen():
    mask = torch.tensor([True, False, False, True, False, False])
    orders = torch.cartesian_prod(*[torch.tensor([False, True])] * 6)
    assert len({fingerprint(order) for order in orders}) == 64
    assert fingerprint(mask) == fingerprint(mask.clone())


def test_the_order_in_memory_has_no_part():
    weight = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    assert fingerprint(weight) == fingerprint(weight.to(memory_format=torch.channels_last))


def test_masks_come_before_what_is_trained():
    model = prune_at_random(dense_model())
    model.requires_grad_(False)
    model.visual_prompt.requires_grad_(True)
    names = list(shared_tensors(model))
    assert names[-1] == "visual_prompt.prompt"
    assert names[:-1] == [f"the mask of layer {name}" for name in model.masks()]


class Drifted:
    """Stands for the accelerator of three processes, of which the last has a mask entry of its own."""

    num_processes = 3

    def __init__(self, place: int) -> None:
        self.place = place

    def gather(self, values: torch.Tensor) -> torch.Tensor:
        gathered = values.repeat(3, 1)
        gathered[2, self.place :] += 1
        return gathered


def test_the_first_difference_is_named():
    run = make_run(dense_model(), [], [])
    names = list(run.model.masks())
    run.accelerator = Drifted(1)
    assert refusal(check_ranks, run, "after 7 updates of find_mask").startswith(
        f"the mask of layer {names[1]} of process 2 is not that of process 0 after 7 updates of find_mask: "
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("every", "moments"),
    [
        (3, ["after 3 updates of finetune", "after 6 updates of finetune", "at the end of finetune"]),
        (0, ["at the end of finetune"]),
    ],
)
def test_when_it_is_looked_at(monkeypatch, every, moments):
    seen = []
    monkeypatch.setattr(rank_check, "check_ranks", lambda run, when: seen.append(when))
    run = make_run(dense_model(), random_batches(4), random_batches(4, seed=1), recorder=RankCheck(every))
    for _ in range(2):
        train(run, FineTuneStage(1, SGD))
    assert seen == moments * 2
