"""What the stages of methods can be told: one dataclass for each, which the arguments of a job inherit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..label_mapping import LABEL_MAPPINGS
from ..models.configuration_vpns import GRANULARITIES
from ..pruning import COUNTED, SCHEDULES, SCOPES, Granularity, StartingMask
from ..utils.options import COUNT, COUNT_OR_NONE, RATE, Range, option


@dataclass
class LabelMappingOptions:
    """Of fitting the label mapping."""

    label_mapping: str = option(
        "auto",
        f"How source classes become target classes: {', '.join(LABEL_MAPPINGS)}; auto goes by name where backbone and data "
        "have the same names, otherwise by frequency, or as pre-training did.",
        choices=LABEL_MAPPINGS,
    )
    seed: int = option(7, "Seed of everything random; every sparsity starts from it anew.", range=Range(0, 2**32 - 1))


@dataclass
class MaskedFitOptions:
    """Of what the label mapping is fitted on, where something is pruned afterwards."""

    fit_mapping_on: str = option(
        "masked",
        "Network the label mapping is fitted on: dense, or masked by the initial scores of VPNs at the sparsity of the run.",
        choices=("dense", "masked"),
    )


@dataclass
class OptimizerOptions:
    """Of every optimiser."""

    momentum: float = option(0.9, "SGD momentum.", range=Range(0, 1, open_at=(1,)))
    weight_decay: float = option(1e-4, "Weight decay (L2, added to the gradient) of every optimiser.", range=RATE)


@dataclass
class ProtocolOptions:
    """Of what methods are compared at."""

    paper_protocol: bool = option(
        False,
        "Train on all of train, keep the last epoch, report without the prompt: comparable to published numbers.",
    )
    equal_passes: str | None = option(
        None,
        "Passes over the training images that every method gets, tuning filling up what its search leaves: a number, or "
        "auto for those of VPNs, 2 (find_mask_epochs + finetune_epochs).",
    )

    def check_passes(self) -> None:
        """Raises InputError if equal_passes is neither a number nor auto."""
        if self.equal_passes not in (None, "auto") and not (self.equal_passes.isdecimal() and int(self.equal_passes)):
            raise InputError(f"equal_passes is {self.equal_passes!r}; allowed: auto, or a number of at least 1")


@dataclass
class PretrainOptions(OptimizerOptions):
    """Of the dense training before anything is pruned."""

    pretrain_epochs: int = option(0, "Epochs of dense training before anything is pruned.", range=COUNT_OR_NONE)
    pretrain_learning_rate: float = option(0.05, "SGD learning rate of the dense training.", range=RATE)


@dataclass
class FindMaskOptions(OptimizerOptions):
    """Of the mask search."""

    find_mask_epochs: int = option(30, "Epochs of the mask search.", range=COUNT_OR_NONE)
    score_learning_rate: float = option(1e-4, "Adam learning rate of the scores in the mask search.", range=RATE)
    prompt_learning_rate: float = option(
        1e-4, "Adam learning rate of the visual prompt in the mask search.", range=RATE
    )
    mapping_interval: int = option(
        1, "Epochs of the mask search between two fits of the iterative label mapping.", range=COUNT
    )


@dataclass
class DistillationOptions:
    """Of a teacher in fine-tuning."""

    distill_alpha: float = option(
        0.0,
        "Share A of what the dense reference teaches in fine-tuning, in (1 - A) CE + A T^2 KL; 0: there is no teacher.",
        range=Range(0, 1),
    )
    distill_temperature: float = option(
        4.0, "Temperature T that softens the classes of teacher and network.", range=Range(0, math.inf, open_at=(0,))
    )


@dataclass
class FineTuneOptions(FindMaskOptions, ProtocolOptions, DistillationOptions):
    """Of fine-tuning with the mask fixed."""

    finetune_epochs: int = option(30, "Epochs of fine-tuning with the mask fixed.", range=COUNT_OR_NONE)
    learning_rate: float = option(0.01, "SGD learning rate of the weights in fine-tuning.", range=RATE)
    prompt_finetune_learning_rate: float = option(
        0.01, "SGD learning rate of the visual prompt in fine-tuning.", range=RATE
    )

    @property
    def total_passes(self) -> int | None:
        """The passes that are asked for over all stages; None where each method keeps its own."""
        if self.equal_passes == "auto":
            return 2 * (self.find_mask_epochs + self.finetune_epochs)
        return None if self.equal_passes is None else int(self.equal_passes)

    @property
    def asked_passes(self) -> str:
        """The same as it was asked for, for messages."""
        return f"auto, {self.total_passes}" if self.equal_passes == "auto" else str(self.equal_passes)


@dataclass
class ScopeOptions:
    """Of ranking weights."""

    scope: str | None = option(
        None,
        "What is ranked together: the weights of all layers (global), or those of each layer, which all lose the same "
        "fraction (layer). The default is layer for channels, else global.",
        choices=SCOPES,
    )
    granularity: str = option(
        "weight",
        f"What one mask entry removes: {', '.join(GRANULARITIES)} (kernel: all positions of one input at one output; channel: "
        "what makes and what reads it goes as well, and the saved layers are thinner), or N:M, such as 2:4 (weights, of which "
        "N of every M inputs stay: the sparsity follows).",
    )
    budget: str = option(
        "channels",
        f"What the sparsities of channels are fractions of: {', '.join(COUNTED)} (multiplications).",
        choices=COUNTED,
    )
    round_channels_to: int = option(
        8,
        "Keep multiples of so many channels, and no fewer, of each group of channels; 1 for exact counts.",
        range=COUNT,
    )
    exclude: list[str] | None = option(
        None,
        "Names of layers that stay dense, or patterns of them such as *shortcut*; the others lose so much more, and the "
        "sparsity is still that of all.",
    )

    @property
    def chosen_scope(self) -> str:
        """What is ranked together, also where none was given."""
        return self.scope or ("layer" if Granularity.named(self.granularity).is_of_channels else "global")


@dataclass
class PatternOptions(ScopeOptions):
    """Of tuning with N of every M weights."""

    sr_ste: float | None = option(
        None,
        "Let the mask of N:M follow the weights in fine-tuning, by SR-STE with this decay lambda of the pruned ones (2e-4 in its "
        "paper). If not given, the mask stays.",
        range=RATE,
    )

    def check_sr_ste(self) -> None:
        """Raises InputError if SR-STE is asked for where no N:M says how many weights stay."""
        if self.sr_ste is not None and Granularity.named(self.granularity).pattern is None:
            raise InputError(
                f"sr_ste is {self.sr_ste:g}, but granularity {self.granularity} is no N:M; leave out --sr_ste, or give --granularity 2:4"
            )


@dataclass
class ScoringOptions:
    """Of criteria that read data."""

    score_images_per_class: int = option(
        10, "Training images of each class that a criterion reads, where it reads any.", range=COUNT
    )


@dataclass
class RoundOptions:
    """Of methods that prune in rounds."""

    epochs_per_round: int | None = option(
        None,
        "Epochs of training in each round. If not given, imp takes finetune_epochs, and a schedule trains only at its end.",
        range=COUNT,
    )


@dataclass
class ScheduleOptions:
    """Of how sparsity grows where a criterion prunes."""

    schedule: str | None = option(
        None,
        "How sparsity grows over rounds, each of which ranks anew what is left: one_shot (all at once), geometric (the same "
        "share goes in each), cubic (less and less). The default is the method's: geometric for synflow, else one_shot.",
        choices=SCHEDULES,
    )
    rounds: int | None = option(None, "Rounds of the schedule; the default is 100 for synflow, else 10.", range=COUNT)


@dataclass
class RecalibrationOptions:
    """Of estimating running statistics anew."""

    bn_recalibration: int = option(
        0,
        "Batches of each view to estimate the running statistics of batch norm with, once the mask is found; 0: none.",
        range=COUNT_OR_NONE,
    )


@dataclass
class StageOptions(
    RecalibrationOptions,
    ScheduleOptions,
    RoundOptions,
    ScoringOptions,
    PatternOptions,
    FineTuneOptions,
    PretrainOptions,
    MaskedFitOptions,
    LabelMappingOptions,
):
    """What the stages of a method may be told; defaults are the paper's (VPNs, arXiv 2312.01397, section 4)."""


@dataclass(frozen=True)
class Task:
    """What a method is to do.

    Attributes:
        sparsity: the fraction of prunable weights to remove, in [0, 1).
        images: to train on.
        classes: of the data.
        steps: updates of each view in an epoch; None if not known.
        start: the mask of another run to start from; None to start from the dense network.
    """

    sparsity: float
    images: int
    classes: int
    start: StartingMask | None = None
    steps: int | None = None

    def ahead(self, sparsities: Sequence[float]) -> list[float]:
        """Returns those of the sparsities of rounds that the mask to start from has not passed already."""
        return [sparsity for sparsity in sparsities if self.start is None or self.start.is_reached_by(sparsity)]
