"""What several methods are put together from, as the options say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..label_mapping import LABEL_MAPPINGS, LabelMapping, TrainedMapping
from ..models import VPNsForImageClassification
from ..pruning import SCHEDULES, SCOPES, ChannelBudget, Excluding, Granularity, Pruner
from ..pruning.criteria import Criterion, unread_rows_last
from ..training import Stage
from .options import ScheduleOptions, StageOptions, Task
from .stages import (
    BetweenRounds,
    FineTuneBySrSte,
    FineTuneStage,
    FitLabelMapping,
    Measure,
    Prune,
    RecalibrateBatchNorm,
    tuning_optimizer,
)


def label_mapping_of(options: StageOptions) -> LabelMapping:
    """Returns the label mapping with the seed of the job; after pre-training a class is what it was trained as."""
    if options.label_mapping == "auto" and options.pretrain_epochs:
        return TrainedMapping(options.seed)
    return LABEL_MAPPINGS[options.label_mapping](options.seed)


def fit_mapping(options: StageOptions, task: Task) -> FitLabelMapping:
    """Returns the stage that fits the label mapping; the paper fits it under a mask."""
    masked = options.paper_protocol or options.fit_mapping_on == "masked"
    return FitLabelMapping(label_mapping_of(options), task.sparsity if masked else None)


def ranking(options: StageOptions, criterion: Criterion) -> Criterion:
    """Returns a criterion with the rule for head rows that nobody reads.

    The paper does without the rule; with a mapping that is fitted again such a row may be read later.
    """
    is_published = options.paper_protocol or label_mapping_of(options).repeats
    return criterion if is_published else unread_rows_last(criterion)


def pruner_of(options: StageOptions, scope: str | None = None) -> Pruner:
    """Returns which weights go; a method that has a scope of its own gives it."""
    exclude = tuple(options.exclude or ())
    granularity = Granularity.named(options.granularity, exclude)
    if granularity.pattern is not None:
        return Pruner(granularity.units, granularity.pattern)
    budget = SCOPES[scope or options.chosen_scope]
    budget = Excluding(budget, exclude) if exclude else budget
    if granularity.is_of_channels:
        budget = ChannelBudget(budget, options.budget, options.round_channels_to)
    return Pruner(granularity.units, budget)


@dataclass(frozen=True)
class Schedule:
    """How sparsity grows over rounds where the options do not say.

    Attributes:
        name: of `SCHEDULES`.
        rounds: how many.
    """

    name: str = "one_shot"
    rounds: int = 10

    def sparsities(self, options: StageOptions, sparsity: float) -> list[float]:
        """Returns the sparsity after each round, as the options say.

        Raises:
            InputError: if the granularity leaves no room for rounds.
        """
        if Granularity.named(options.granularity).pattern is not None and not self.is_one_shot(options):
            raise InputError(
                f"granularity {options.granularity} is one sparsity, but the {options.schedule or self.name} schedule comes to one in "
                "rounds; give --schedule one_shot"
            )
        return SCHEDULES[options.schedule or self.name](sparsity, options.rounds or self.rounds)

    def unused(self, options: ScheduleOptions) -> list[str]:
        """Returns the names of options that have no effect where all goes at once."""
        return ["rounds", "epochs_per_round"] if self.is_one_shot(options) else []

    def is_one_shot(self, options: ScheduleOptions) -> bool:
        """Returns whether all goes at once."""
        return (options.schedule or self.name) == "one_shot"


ONE_SHOT = Schedule()


def pruned_stages(
    options: StageOptions,
    task: Task,
    criterion: Criterion,
    schedule: Schedule = ONE_SHOT,
    reads: int = 0,
    suits: Callable[[VPNsForImageClassification], object] | None = None,
) -> list[Stage]:
    """Returns the stages of a method that prunes by a criterion: fit the label mapping, the rounds, fine-tune.

    Args:
        options: as they were given.
        task: what to do.
        criterion: that ranks.
        schedule: where the options name none.
        reads: how often it goes through its class-balanced images, forward and backward; 0 if it reads none.
        suits: raises InputError for a model that the criterion cannot rank.
    """
    images = options.score_images_per_class if reads else 0
    share = reads * min(images * task.classes / task.images, 1.0)

    def prune(*sparsities: float) -> Prune:
        ranked = ranking(options, criterion)
        return Prune(ranked, pruner_of(options), sparsities, options.seed, images, share, suits)

    sparsities = task.ahead(schedule.sparsities(options, task.sparsity))
    stages: list[Stage] = [prune(*sparsities)]
    if options.epochs_per_round is not None:
        stages = [prune(sparsities[0])]
        for sparsity in sparsities[1:]:
            stages += [BetweenRounds(options.epochs_per_round, tuning_optimizer(options)), prune(sparsity)]
    return tuned(options, [fit_mapping(options, task), *stages])


def tuned(options: StageOptions, before: Sequence[Stage]) -> list[Stage]:
    """Returns the stages that find a mask, followed by those that every method ends with, measured in between."""
    before = [
        *_measured(options, "masked", before),
        *_measured(options, "recalibrated", RecalibrateBatchNorm.of(options)),
    ]
    return [*before, _tuning(options, before)]


def _tuning(options: StageOptions, before: Sequence[Stage]) -> FineTuneStage:
    if options.sr_ste is None:
        return FineTuneStage.of(options, before)
    pattern = Granularity.named(options.granularity, options.exclude or ()).pattern
    return FineTuneBySrSte.of(options, before, pattern=pattern, decay=options.sr_ste)


def _measured(options: StageOptions, moment: str, stages: Sequence[Stage]) -> list[Stage]:
    """Returns stages, measured at their end if there are any; the paper has nothing to measure on."""
    return [*stages, Measure(moment)] if stages and not options.paper_protocol else list(stages)
