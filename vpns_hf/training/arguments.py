"""Everything a run can be told, with its help beside it; the command line and YAML recipes are made from this."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np

from vpns_hf.backbones import HEADS
from vpns_hf.data.bad_images import ON_BAD_IMAGE
from vpns_hf.data.device_memory import DATA_ON_DEVICE
from vpns_hf.data.disk_space import CACHING
from vpns_hf.errors import InputError
from vpns_hf.label_mapping import LABEL_MAPPINGS
from vpns_hf.methods import METHODS
from vpns_hf.models import VISUAL_PROMPTS
from vpns_hf.models.configuration_vpns import GRANULARITIES
from vpns_hf.pruning.thresholds import num_dropped

from .ranges import RANGES

if TYPE_CHECKING:
    from vpns_hf.data import DatasetSpec

BATCH_SIZE = 256


def _field(default: Any, help: str, aliases: list[str] | None = None) -> Any:
    metadata = {"help": help, **({"aliases": aliases} if aliases else {})}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def _names(registry: Any) -> str:
    return ", ".join(registry)


@dataclass
class VPNsTrainingArguments:
    """Arguments of `VPNsTrainer`; the defaults are the paper's (arXiv 2312.01397, section 4).

    Paths, numbers of NumPy and tuples are taken as the strings, numbers and lists they stand for.

    Raises:
        InputError: if a value is not allowed.
    """

    output_dir: str = _field("output", "Folder for results, plots and one model folder per sparsity.")
    overwrite_output_dir: bool = _field(False, "Replace the finished run that output_dir holds.")
    method: str = _field("vpns", f"How the mask is found: {_names(METHODS)}.")
    sparsities: list[float] = _field([0.7], "Fractions of the prunable weights to remove, each in [0, 1).")
    image_mean: list[float] | None = _field(
        None, "Mean per channel for pixels in [0, 1]; as saved with the model if not given."
    )
    image_std: list[float] | None = _field(
        None, "Standard deviation per channel; as saved with the model if not given."
    )
    granularity: str = _field("weight", f"What one mask entry removes: {_names(GRANULARITIES)}.")
    visual_prompt: str = _field("pad", f"Visual prompt: {_names(VISUAL_PROMPTS)}.", aliases=["--prompt"])
    prompt_size: int = _field(16, "Border width (pad) or side of the square (fix, random), in pixels.")
    image_size: int = _field(224, "Side of the square input images, in pixels.")
    output_size: int | None = _field(None, "Side of the prompted picture, in pixels; image_size if not given.")
    label_mapping: str = _field("frequency", f"How source classes become target classes: {_names(LABEL_MAPPINGS)}.")
    mapping_interval: int = _field(1, "Epochs of the mask search between two fits of the iterative label mapping.")
    head: str = _field(
        "mapped", f"Classifier: {_names(HEADS)}; a new one needs pretrain_epochs and --label_mapping identity."
    )
    pretrain_epochs: int = _field(0, "Epochs of dense training before anything is pruned.")
    pretrain_learning_rate: float = _field(0.05, "SGD learning rate of the dense training.")
    find_mask_epochs: int = _field(30, "Epochs of the mask search.")
    finetune_epochs: int = _field(30, "Epochs of fine-tuning with the mask fixed.")
    score_learning_rate: float = _field(1e-4, "Adam learning rate of the scores in the mask search.")
    prompt_learning_rate: float = _field(1e-4, "Adam learning rate of the visual prompt in the mask search.")
    learning_rate: float = _field(0.01, "SGD learning rate of the weights in fine-tuning.")
    prompt_finetune_learning_rate: float = _field(0.01, "SGD learning rate of the visual prompt in fine-tuning.")
    momentum: float = _field(0.9, "SGD momentum.")
    weight_decay: float = _field(1e-4, "Weight decay (L2, added to the gradient) of every optimiser.")
    train_batch_size: int | None = _field(
        None,
        "Images per update over all processes together; the paper's for a data set with a short name, else 256, "
        "if not given.",
    )
    per_device_train_batch_size: int | None = _field(
        None, "Images per update and process; takes the place of train_batch_size."
    )
    gradient_accumulation_steps: int = _field(
        1,
        "Parts in which each process passes its share of a batch, to save memory; the update stays that of the whole.",
    )
    per_device_eval_batch_size: int = _field(256, "Images per evaluation batch and process.")
    max_grad_norm: float | None = _field(None, "Scale the gradient of an update down to this L2 norm.")
    bn_recalibration: int = _field(
        0,
        "Batches of each view to estimate the running statistics of batch norm with, once the mask is found; 0: none.",
    )
    skip_nonfinite: bool = _field(
        False, "Leave out updates whose loss or gradient is not finite, and count them, instead of stopping."
    )
    horizontal_flip: bool = _field(True, "Mirror half of the training images; switch it off for digits and text.")
    validation_fraction: float = _field(0.1, "Share of the training images that selects epoch and view, in (0, 1).")
    max_train_samples: int | None = _field(None, "Use the first images of the training split only.")
    max_eval_samples: int | None = _field(None, "Use the first images of the validation split only.")
    max_test_samples: int | None = _field(None, "Use the first images of the test split only.")
    paper_protocol: bool = _field(
        False,
        "Train on all of train, keep the last epoch, report without the prompt: comparable to published numbers.",
    )
    dense_reference: bool = _field(True, "Fine-tune the unpruned backbone as well, to compare with.")
    seed: int = _field(7, "Seed of everything random; every sparsity starts from it anew.")
    mixed_precision: str | None = _field(
        None, "Compute in no, fp16 or bf16; what accelerate is configured for if not given. Scores stay float32."
    )
    tf32: bool = _field(False, "Multiply float32 matrices in TF32 on the GPU.")
    channels_last: bool = _field(False, "Keep pictures between layers in channels-last order, faster on many GPUs.")
    torch_compile: bool = _field(False, "Compile the network by torch.compile.")
    check_ranks_every: int = _field(
        100, "Updates between two comparisons of the masks of all processes; 0: at the end of each stage only."
    )
    use_cpu: bool = _field(False, "Compute on the CPU even where there is a GPU.")
    timeout: int = _field(1800, "Seconds after which a process that others wait for counts as lost.")
    cache_dir: str | None = _field(None, "Folder for decoded images; $VPNS_CACHE or ~/.cache/vpns_hf if not given.")
    cache_images: str = _field(
        "auto",
        "Keep decoded images on disk: auto (where they fit), yes, or no (decode them for every batch, and neither read "
        "nor write cache_dir).",
    )
    on_bad_image: str = _field(
        "error", "An image that cannot be read: error (stop) or skip (leave it out, and say so)."
    )
    data_on_device: str = _field(
        "auto",
        "Keep decoded images in the memory of the device: auto (where half of what is free holds them), yes, or no.",
    )
    shuffle_buffer_size: int = _field(2048, "Images of a stream that are shuffled among each other, beside its files.")
    resume_from_checkpoint: str = _field(
        "latest",
        "An unfinished job in output_dir: go on from its latest checkpoint, from that folder, or from none (anew).",
    )
    checkpointing_steps: int | None = _field(
        None, "Iterations between two checkpoints within an epoch; at the end of epochs only if not given."
    )
    save_total_limit: int = _field(2, "Checkpoints to keep; all are removed when the job is finished.")
    disable_tqdm: bool = _field(False, "Show no progress bars.")
    with_tracking: bool = _field(False, "Send metrics to experiment trackers.")
    report_to: str = _field("all", "Tracker for with_tracking: all (installed ones), tensorboard, wandb, ...")

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            setattr(self, name, _plain(value))
        self._check_types()
        self._check_names()
        self._check_numbers()
        self._check_method()

    def for_dataset(self, spec: DatasetSpec | None) -> VPNsTrainingArguments:
        """Returns these arguments with the batch size of the data set, where none was asked for."""
        if self.train_batch_size is not None:
            return self
        return replace(self, train_batch_size=BATCH_SIZE if spec is None else spec.batch_size)

    def _check_types(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if not _fits(value, hint):
                allowed = str(getattr(hint, "__name__", hint)) if hint != list[float] else "a list of numbers"
                raise InputError(f"{name} is {value!r}; allowed: {allowed}")

    def _check_names(self) -> None:
        _check_choice("method", self.method, METHODS)
        _check_choice("visual_prompt", self.visual_prompt, VISUAL_PROMPTS)
        _check_choice("label_mapping", self.label_mapping, LABEL_MAPPINGS)
        _check_choice("granularity", self.granularity, GRANULARITIES)
        _check_choice("head", self.head, HEADS)
        if self.mixed_precision is not None:
            _check_choice("mixed_precision", self.mixed_precision, ("no", "fp16", "bf16"))
        _check_choice("cache_images", self.cache_images, CACHING)
        _check_choice("on_bad_image", self.on_bad_image, ON_BAD_IMAGE)
        _check_choice("data_on_device", self.data_on_device, DATA_ON_DEVICE)

    def _check_numbers(self) -> None:
        for name, allowed in RANGES.items():
            value = getattr(self, name)
            if value is not None:
                allowed.check(name, value)
        for sparsity in self.sparsities:
            num_dropped(1, sparsity)

    def _check_method(self) -> None:
        if not self.sparsities:
            raise InputError("sparsities is empty; give at least one, such as 0.7")
        repeated = {sparsity for sparsity in self.sparsities if self.sparsities.count(sparsity) > 1}
        if repeated:
            raise InputError(f"sparsities names {sorted(repeated)} more than once; give each one once")
        if self.head == "new" and (self.label_mapping != "identity" or not self.pretrain_epochs):
            raise InputError(
                "head 'new' starts untrained, class by class; give --label_mapping identity and --pretrain_epochs"
            )
        if self.visual_prompt == "none" and self.output_size is not None:
            raise InputError("output_size is the side of the prompted picture; leave it out with visual_prompt none")
        if self.method == "dense" and self.sparsities != [0]:
            raise InputError(f"method dense removes nothing, but sparsities is {self.sparsities}; give --sparsities 0")


def _plain(value: Any) -> Any:
    """Returns a value as Python's own types; a float32 counts as the decimal it is written as."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.floating):
        return float(str(value))
    if isinstance(value, np.generic):
        return value.item()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type that a field of the arguments is annotated with."""
    if hint == list[float]:
        return isinstance(value, list) and all(_fits(item, float) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return any(_fits(value, option) for option in get_args(hint)) if get_args(hint) else isinstance(value, hint)


def _check_choice(name: str, value: Any, allowed: Any) -> None:
    if value not in allowed:
        raise InputError(f"{name} is {value!r}; allowed: {', '.join(str(choice) for choice in allowed)}")
