"""What several methods are put together from, as the options say."""

from __future__ import annotations

from ..label_mapping import LABEL_MAPPINGS, LabelMapping
from ..pruning import SCOPES, Pruner
from ..pruning.criteria import Criterion, unread_rows_last
from .options import StageOptions, Task
from .stages import FitLabelMapping


def label_mapping_of(options: StageOptions) -> LabelMapping:
    """Returns the label mapping with the seed of the job."""
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


def pruner_of(options: StageOptions) -> Pruner:
    """Returns which weights go."""
    return Pruner(budget=SCOPES[options.scope])
