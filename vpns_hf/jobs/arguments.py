"""Everything a job can be told; the command line and YAML recipes are made from this."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, replace
from numbers import Integral
from typing import Any

from ..backbones import BACKBONES, HEADS
from ..data.catalog import DATASETS, DatasetSpec
from ..data.class_weights import CLASS_WEIGHTS
from ..data.images import ON_BAD_IMAGE
from ..data.store import CACHING, DATA_ON_DEVICE
from ..errors import InputError
from ..methods import DENSE_PASSES, METHODS, MethodOptions
from ..models import VISUAL_PROMPTS
from ..pruning import Granularity, num_dropped
from ..utils.options import (
    BATCH,
    COUNT,
    COUNT_OR_NONE,
    SIDE,
    Part,
    Range,
    check_options,
    names_of,
    option,
    same_option,
)

BATCH_SIZE = 256
DEFAULT_SPARSITY = 0.7
LICENSE_HELP = "Licence of what is published, as the Hub names it, such as apache-2.0; that of the card if not given."
RECIPE = "that of the recipe if not given."


@dataclass
class ModelOptions:
    """What is made of which network, and where it is written."""

    output_dir: str = option(
        "output", "Folder for results, plots and one model folder per sparsity.", part=Part.MACHINE
    )
    overwrite_output_dir: bool = option(False, "Replace the finished run that output_dir holds.", part=Part.MACHINE)
    method: str = option("vpns", f"How the mask is found: {', '.join(METHODS)}.", choices=METHODS)
    sparsities: list[float] | None = option(
        None,
        "Fractions of the prunable weights to remove, each in [0, 1); 0.7 if not given, and 1 - N/M with --granularity N:M.",
    )
    image_mean: list[float] | None = option(
        None, "Mean per channel for pixels in [0, 1]; as saved with the model if not given."
    )
    image_std: list[float] | None = option(
        None, "Standard deviation per channel; as saved with the model if not given."
    )
    visual_prompt: str = option(
        "pad", f"Visual prompt: {', '.join(VISUAL_PROMPTS)}.", choices=VISUAL_PROMPTS, aliases=["--prompt"]
    )
    prompt_size: int = option(
        16, "Border width (pad) or side of the square (fix, random), in pixels.", range=COUNT_OR_NONE
    )
    image_size: int = option(224, "Side of the square input images, in pixels.", range=SIDE)
    output_size: int | None = option(
        None, "Side of the prompted picture, in pixels; image_size if not given.", range=SIDE
    )
    init_mask: str | None = option(
        None,
        "Pruned model whose mask to start from, a local folder or a Hub id of the same network: to prune further, or to "
        "fine-tune only at its own sparsity.",
        part=Part.SOURCE,
    )
    init_weights: str = option(
        "dense",
        "Weights to start from: those of the dense model, or the pruned ones of init_mask.",
        choices=("dense", "pruned"),
    )
    init_prompt: bool = option(False, "Start from the visual prompt of init_mask as well.")
    head: str = option(
        "mapped",
        f"Classifier: {', '.join(HEADS)}; a new one needs pretrain_epochs and --label_mapping identity.",
        choices=HEADS,
    )


@dataclass
class DataOptions:
    """Which rows are used, how many at a time, and where decoded images are kept."""

    train_batch_size: int | None = option(
        None,
        "Images per update over all processes together; the paper's for a data set with a short name, else 256, "
        "if not given.",
        range=BATCH,
        part=Part.CONTENT,
    )
    per_device_train_batch_size: int | None = option(
        None,
        "Images per update and process; takes the place of train_batch_size.",
        range=BATCH,
        part=Part.CONTENT,
    )
    per_device_eval_batch_size: int = option(256, "Images per evaluation batch and process.", range=COUNT)
    horizontal_flip: bool = option(True, "Mirror half of the training images; switch it off for digits and text.")
    class_weights: str = option(
        "none",
        "What an image counts in the losses of training: as much as any other (none), or less the more its class has (auto: "
        "every class counts alike, and an image 1 on average).",
        choices=CLASS_WEIGHTS,
    )
    validation_fraction: float = option(
        0.1,
        "Share of the training images that selects epoch and view, in (0, 1).",
        range=Range(0, 1, open_at=(0, 1)),
    )
    test_fraction: float | None = option(
        None,
        "Share of the training images to test on, in (0, 1), for data without a test split; the same for every seed.",
        range=Range(0, 1, open_at=(0, 1)),
    )
    max_train_samples: int | None = option(None, "Use the first images of the training split only.", range=COUNT)
    max_eval_samples: int | None = option(None, "Use the first images of the validation split only.", range=COUNT)
    max_test_samples: int | None = option(None, "Use the first images of the test split only.", range=COUNT)
    cache_dir: str | None = option(
        None, "Folder for decoded images; $VPNS_CACHE or ~/.cache/vpns_hf if not given.", part=Part.MACHINE
    )
    cache_images: str = option(
        "auto",
        "Keep decoded images on disk: auto (where they fit), yes, or no (decode them for every batch, and neither read "
        "nor write cache_dir).",
        choices=CACHING,
        part=Part.MACHINE,
    )
    on_bad_image: str = option(
        "error",
        "An image that cannot be read, or of which the saved image processor sees other pixels: error (stop) or skip "
        "(leave it out, and say so); keep trains on the latter all the same.",
        choices=ON_BAD_IMAGE,
    )
    data_on_device: str = option(
        "auto",
        "Keep decoded images in the memory of the device: auto (where half of what is free holds them), yes, or no.",
        choices=DATA_ON_DEVICE,
        part=Part.MACHINE,
    )
    shuffle_buffer_size: int = option(
        2048, "Images of a stream that are shuffled among each other, beside its files.", range=COUNT
    )


@dataclass
class ComputeOptions:
    """How updates are computed, on which device and by how many processes."""

    gradient_accumulation_steps: int = option(
        1,
        "Parts in which each process passes its share of a batch, to save memory; the update stays that of the whole.",
        range=COUNT,
    )
    max_grad_norm: float | None = option(
        None, "Scale the gradient of an update down to this L2 norm.", range=Range(0, float("inf"), open_at=(0,))
    )
    skip_nonfinite: bool = option(
        False, "Leave out updates whose loss or gradient is not finite, and count them, instead of stopping."
    )
    mixed_precision: str | None = option(
        None,
        "Compute in no, fp16 or bf16; what accelerate is configured for if not given. Scores stay float32.",
        choices=("no", "fp16", "bf16"),
    )
    tf32: bool = option(False, "Multiply float32 matrices in TF32 on the GPU.")
    channels_last: bool = option(False, "Keep pictures between layers in channels-last order, faster on many GPUs.")
    torch_compile: bool = option(False, "Compile the network by torch.compile.")
    check_ranks_every: int = option(
        100,
        "Updates between two comparisons of the masks of all processes; 0: at the end of each stage only.",
        range=COUNT_OR_NONE,
        part=Part.MACHINE,
    )
    use_cpu: bool = option(False, "Compute on the CPU even where there is a GPU.", part=Part.MACHINE)
    timeout: int = option(
        1800, "Seconds after which a process that others wait for counts as lost.", range=COUNT, part=Part.MACHINE
    )


@dataclass
class WatchOptions:
    """What is shown, kept and sent while a job is at work."""

    resume_from_checkpoint: str = option(
        "latest",
        "An unfinished job in output_dir: go on from its latest checkpoint, from that folder, or from none (anew).",
        part=Part.MACHINE,
    )
    checkpointing_steps: int | None = option(
        None,
        "Iterations between two checkpoints within an epoch; at the end of epochs only if not given.",
        range=COUNT,
        part=Part.MACHINE,
    )
    shared_dir: str | None = option(
        None,
        "Folder to keep pre-trained dense networks and dense references in, for other jobs that need the same.",
        part=Part.MACHINE,
    )
    save_total_limit: int = option(
        2, "Checkpoints to keep; all are removed when the job is finished.", range=COUNT, part=Part.MACHINE
    )
    disable_tqdm: bool = option(False, "Show no progress bars.", part=Part.MACHINE)
    with_tracking: bool = option(
        False, "Send metrics to the experiment trackers that are installed.", part=Part.MACHINE
    )
    report_to: str | None = option(
        None,
        "Send metrics to this tracker: tensorboard, wandb, ..., all (installed ones), or none.",
        part=Part.MACHINE,
    )


@dataclass
class VPNsTrainingArguments(WatchOptions, ComputeOptions, DataOptions, MethodOptions, ModelOptions):
    """Arguments of `VPNsTrainer`; the defaults are the paper's (arXiv 2312.01397, section 4).

    Paths, numbers of NumPy and tuples are taken as the strings, numbers and lists they stand for.

    Raises:
        InputError: if a value is not allowed.
    """

    dense_reference: bool = option(True, "Fine-tune the unpruned backbone as well, to compare with.")
    dense_passes: str = option(
        "equal",
        "Passes over the training images that the dense reference gets: equal (at least those of the run it is compared "
        "with) or finetune (finetune_epochs only, fewer than a run with a search).",
        choices=DENSE_PASSES,
    )
    save_dense_reference: bool = option(
        True,
        "Keep the dense reference as a model beside the pruned ones, to try them on one picture.",
        part=Part.MACHINE,
    )

    def __post_init__(self) -> None:
        if isinstance(self.equal_passes, Integral) and not isinstance(self.equal_passes, bool):
            self.equal_passes = str(self.equal_passes)
        check_options(self)
        self.check_passes()
        self.check_sr_ste()
        self._check_sparsities()
        self._check_method()

    @property
    def trackers(self) -> str | None:
        """The trackers that metrics are sent to; None for none."""
        wanted = self.report_to or ("all" if self.with_tracking else "none")
        return None if wanted == "none" else wanted

    def for_dataset(self, spec: DatasetSpec | None) -> VPNsTrainingArguments:
        """Returns these arguments with the batch size of the data set, where none was asked for."""
        if self.train_batch_size is not None:
            return self
        return replace(self, train_batch_size=BATCH_SIZE if spec is None else spec.batch_size)

    def _check_sparsities(self) -> None:
        only = Granularity.named(self.granularity).sparsity
        if self.sparsities is None:
            self.sparsities = [DEFAULT_SPARSITY if only is None else only]
        if not self.sparsities:
            raise InputError("sparsities is empty; give at least one, such as 0.7")
        for sparsity in self.sparsities:
            num_dropped(1, sparsity)
        repeated = {sparsity for sparsity in self.sparsities if self.sparsities.count(sparsity) > 1}
        if repeated:
            raise InputError(f"sparsities names {sorted(repeated)} more than once; give each one once")
        if only is not None and self.sparsities != [only]:
            raise InputError(
                f"sparsities is {self.sparsities}, but granularity {self.granularity} is {only:g}; leave out --sparsities"
            )

    def _check_method(self) -> None:
        if self.head == "new" and (self.label_mapping != "identity" or not self.pretrain_epochs):
            raise InputError(
                "head 'new' starts untrained, class by class; give --label_mapping identity and --pretrain_epochs"
            )
        if self.visual_prompt == "none" and self.output_size is not None:
            raise InputError("output_size is the side of the prompted picture; leave it out with visual_prompt none")
        if self.distill_alpha and not self.dense_reference:
            raise InputError(
                f"distill_alpha is {self.distill_alpha}, but there is no dense reference to learn from; leave out "
                "--no_dense_reference, or give --distill_alpha 0"
            )
        if self.init_weights == "pruned" and self.init_mask is None:
            raise InputError("init_weights is pruned, but no init_mask says of which model; give --init_mask")
        if self.init_prompt and self.init_mask is None:
            raise InputError("init_prompt is asked for, but no init_mask says of which model; give --init_mask")
        if self.sr_ste is not None and self.init_mask is not None:
            raise InputError(
                "sr_ste lets pruned weights come back, but those of an init_mask never do; leave out --sr_ste or --init_mask"
            )
        if self.method == "dense" and self.sparsities != [0]:
            raise InputError(f"method dense removes nothing, but sparsities is {self.sparsities}; give --sparsities 0")


@dataclass
class InputArguments:
    """What is pruned, on which images, and where the result is published."""

    model_name_or_path: str = option(
        MISSING,
        f"Image classifier: a Hub id, a local folder, a file of weights, or one of {', '.join(BACKBONES)}; {RECIPE}",
        part=Part.SOURCE,
    )
    dataset_name: str = option(
        MISSING,
        f"Images with labels: a Hub id, a local folder, or one of {', '.join(DATASETS)}; {RECIPE}",
        part=Part.SOURCE,
    )
    dataset_config_name: str | None = option(None, "Configuration of a data set that has several.")
    model_revision: str | None = option(None, "Branch, tag or commit of the model.", part=Part.CONTENT)
    image_column_name: str | None = option(None, "Column of the images; found by type and name if not given.")
    label_column_name: str | None = option(None, "Column of the labels; found by type and name if not given.")
    streaming: bool = option(
        False,
        "Read the images from files or Hub whenever they are needed, and keep nothing on disk; labels are read once "
        "at the start.",
    )
    dry_run: bool = option(False, "Say what would happen and stop.", part=Part.MACHINE)
    push_to_hub: bool = option(
        False, "Publish the models at the end, with the token of HF_TOKEN or `hf auth login`.", part=Part.MACHINE
    )
    hub_model_id: str | None = option(
        None,
        "Repository for push_to_hub: owner/name, for several sparsities with {sparsity} in it, such as "
        "vpns/{arch}-{dataset}-{sparsity}.",
        part=Part.MACHINE,
    )
    public: bool = option(
        False, "Let everybody read what is published; without this only its owner may.", part=Part.MACHINE
    )
    collection: str | None = option(
        None, "Title or slug of a collection that what is published joins.", part=Part.MACHINE
    )
    license: str | None = option(None, LICENSE_HELP, part=Part.MACHINE)

    @property
    def recipe(self) -> dict[str, Any]:
        """The options that have a part in the results."""
        kept = names_of(self, Part.RESULT, Part.CONTENT, Part.SOURCE)
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name in kept}


@dataclass
class EvaluationArguments:
    """Which images a saved model is measured on, and how they are kept: as a job is told."""

    dataset_name: str = same_option(InputArguments, "dataset_name")
    dataset_config_name: str | None = same_option(InputArguments, "dataset_config_name")
    split: str | None = option(None, "Split to measure on; the one `vpns prune` tests on if not given.")
    image_column_name: str | None = same_option(InputArguments, "image_column_name")
    label_column_name: str | None = same_option(InputArguments, "label_column_name")
    max_test_samples: int | None = same_option(VPNsTrainingArguments, "max_test_samples")
    test_fraction: float | None = same_option(VPNsTrainingArguments, "test_fraction")
    per_device_eval_batch_size: int = same_option(VPNsTrainingArguments, "per_device_eval_batch_size")
    cache_dir: str | None = same_option(VPNsTrainingArguments, "cache_dir")
    cache_images: str = same_option(VPNsTrainingArguments, "cache_images")
    on_bad_image: str = same_option(VPNsTrainingArguments, "on_bad_image")
    disable_tqdm: bool = same_option(VPNsTrainingArguments, "disable_tqdm")

    def __post_init__(self) -> None:
        check_options(self)
