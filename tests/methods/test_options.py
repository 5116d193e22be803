"""Options that a method has no use for are told apart; they have no part in its results."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForImageClassification

from tests.families import FAMILIES
from tests.helpers import refusal
from tests.methods.running import arguments, stages_of
from tests.training_helpers import tiny_trainer
from vpns_hf import InputError, VPNsTrainingArguments
from vpns_hf.jobs.resume import identity_of
from vpns_hf.methods import METHODS, scope_of, unused_options

SEARCH = {"find_mask_epochs", "score_learning_rate", "prompt_learning_rate", "mapping_interval"}
BIP = {"bip_gamma", "bip_learning_rate", "bip_score_learning_rate"}
SCHEDULE = {"schedule", "rounds", "epochs_per_round"}
OTHERS = (
    SCHEDULE
    | {"imp_rewind_step", "hydra_original", "like", "score_images_per_class", "distill_temperature"}
    | {"budget", "round_channels_to"}
    | BIP
)
UNUSED = {
    "vpns": OTHERS,
    "dense": SEARCH | OTHERS | {"scope", "granularity", "exclude", "fit_mapping_on"},
    "random": SEARCH | OTHERS - {"like"},
    "omp": SEARCH | OTHERS - {"schedule"},
    "snip": SEARCH | OTHERS - {"schedule", "score_images_per_class"},
    "grasp": SEARCH | OTHERS - {"schedule", "score_images_per_class"},
    "synflow": SEARCH | OTHERS - SCHEDULE,
    "phew": SEARCH | OTHERS,
    "imp": SEARCH | OTHERS - {"imp_rewind_step", "epochs_per_round"},
    "bip": SEARCH - {"find_mask_epochs"} | OTHERS - BIP,
    "hydra": {"prompt_learning_rate", "mapping_interval"} | OTHERS - {"hydra_original"},
}
# A value of each that is not its default.
GIVEN = {
    **{"find_mask_epochs": 5, "score_learning_rate": 0.5, "prompt_learning_rate": 0.5, "mapping_interval": 3},
    **{"imp_rewind_step": 1, "epochs_per_round": 2, "hydra_original": True, "like": "elsewhere"},
    **{
        "score_images_per_class": 3,
        "scope": "layer",
        "granularity": "kernel",
        "fit_mapping_on": "dense",
        "schedule": "cubic",
        "rounds": 3,
        "exclude": ["*"],
        "budget": "macs",
        "round_channels_to": 2,
    },
    **{"bip_gamma": 1.0, "bip_learning_rate": 0.2, "bip_score_learning_rate": 0.2, "distill_temperature": 2.0},
}


def test_every_method_is_looked_at():
    assert UNUSED.keys() == METHODS.keys()
    assert GIVEN.keys() == set.union(*UNUSED.values())


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_does_not_use(method):
    assert set(unused_options(method, arguments(method))) == UNUSED[method]


@pytest.mark.parametrize(
    ("method", "changes", "more"),
    [
        ("hydra", {"hydra_original": True}, {"scope", "score_learning_rate"}),
        ("random", {"like": "elsewhere"}, {"scope", "exclude"}),
        ("omp", {"paper_protocol": True}, {"fit_mapping_on"}),
        ("omp", {"equal_passes": "60"}, set()),
    ],
)
def test_an_option_can_take_the_place_of_others(method, changes, more):
    assert set(unused_options(method, arguments(method, **changes))) == UNUSED[method] | more


@pytest.mark.parametrize("method", ["omp", "snip", "grasp", "synflow"])
def test_rounds_count_where_a_schedule_has_them(method):
    assert not SCHEDULE & set(unused_options(method, arguments(method, schedule="cubic")))
    assert SCHEDULE & set(unused_options(method, arguments(method, schedule="one_shot"))) == SCHEDULE - {"schedule"}


@pytest.mark.parametrize("method", METHODS)
def test_equal_passes_auto_uses_the_epochs_of_vpns(method):
    assert "find_mask_epochs" not in unused_options(method, arguments(method, equal_passes="auto"))


@pytest.mark.parametrize("method", METHODS)
def test_they_are_not_refused_named_in_the_plan_and_no_part_of_the_identity(tmp_path, method):
    given = {name: GIVEN[name] for name in UNUSED[method]}
    sparsities = [0.0] if method == "dense" else [0.5]
    trainer = tiny_trainer(tmp_path, method=method, sparsities=sparsities, **given)
    [line] = [line for line in str(trainer.plan()).splitlines() if line.startswith("Without effect on")]
    told, names = line.split(": ")
    assert told == f"Without effect on {method}"
    assert set(names.split(", ")) == UNUSED[method]
    identity = identity_of(vars(trainer.args), 16, {}, unused_options(method, trainer.args))
    assert not UNUSED[method] & identity.keys()
    assert set(GIVEN) - UNUSED[method] - {"like"} <= identity.keys()  # of which the content counts


@pytest.mark.parametrize(
    ("method", "changes", "scope"),
    [
        ("vpns", {}, "global"),
        ("vpns", {"scope": "layer"}, "layer"),
        ("snip", {}, "global"),
        ("grasp", {}, "global"),
        ("synflow", {"scope": "layer"}, "layer"),
        ("omp", {"scope": "layer"}, "layer"),
        ("imp", {"scope": "layer"}, "layer"),
        ("hydra", {}, "global"),
        ("hydra", {"hydra_original": True}, "layer"),
        ("bip", {}, "global"),
        ("bip", {"scope": "layer"}, "layer"),
        ("dense", {"scope": "layer"}, None),
    ],
)
def test_what_ranks_together_is_recorded_as_it_is(method, changes, scope):
    assert scope_of(stages_of(method, **changes)) == scope


def test_the_plan_names_what_is_excluded_and_how_many_images_rank(tmp_path):
    lines = str(tiny_trainer(tmp_path, method="snip", exclude=["*embedder*", "classifier*"]).plan()).splitlines()
    assert "Excluded, stay dense: resnet.embedder.embedder.convolution, classifier.1" in lines
    assert "Images to rank by: up to 30, 10 of each class" in lines
    other = str(tiny_trainer(tmp_path, method="omp").plan())
    assert "Excluded" not in other
    assert "Images to rank by" not in other


@pytest.mark.parametrize(
    ("exclude", "line"),
    [
        (["stem"], r"^exclude is 'stem', which no layer is called; the layers are resnet\.embedder[^\n]*$"),
        ("stem", "^exclude is 'stem'; allowed: a list of names or None$"),
        ([1], r"^exclude is \[1\]; allowed: a list of names or None$"),
    ],
)
def test_what_cannot_be_excluded_is_one_line_before_anything_is_trained(tmp_path, exclude, line):
    with pytest.raises(InputError, match=line):
        tiny_trainer(tmp_path, method="omp", exclude=exclude)


def test_a_method_that_cannot_rank_the_network_says_so_before_anything_is_trained(tmp_path):
    torch.manual_seed(0)
    model = AutoModelForImageClassification.from_config(FAMILIES["convnext"])
    for method in ("synflow", "phew"):
        with pytest.raises(InputError, match=f"^{method} [^\n]* choose another method$"):
            tiny_trainer(tmp_path, model, method=method, image_size=32)


def test_without_such_options_the_plan_does_not_speak_of_them(tmp_path):
    plan = str(tiny_trainer(tmp_path, find_mask_epochs=30, score_learning_rate=1e-4, prompt_learning_rate=1e-4).plan())
    assert "Without effect" not in plan


@pytest.mark.parametrize(
    ("name", "allowed"), [("scope", ("global", "layer")), ("fit_mapping_on", ("dense", "masked")), ("method", METHODS)]
)
def test_an_unknown_name_is_one_line(name, allowed):
    said = refusal(VPNsTrainingArguments, **{name: "unheard-of"})
    assert said == f"{name} is 'unheard-of'; allowed: {', '.join(allowed)}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("score_images_per_class", 0),
        ("epochs_per_round", 0),
        ("rounds", 0),
        ("bip_gamma", 0.0),
        ("imp_rewind_step", -1),
    ],
)
def test_a_number_out_of_range_is_one_line(name, value):
    with pytest.raises(InputError, match=f"^{name} is {value}; allowed: [^\n]*$"):
        VPNsTrainingArguments(**{name: value})
