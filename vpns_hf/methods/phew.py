"""PHEW: the weights that random walks pass which favour large ones, without data, then fine-tuning.

Source: Patil and Dovrolis, "PHEW: Constructing Sparse Networks that Learn Fast and Generalize Well Without Training Data",
arXiv 2010.11354, section 4.
"""

from __future__ import annotations

from ..errors import InputError
from ..pruning import Granularity
from ..pruning.criteria import Phew, channel_graph
from ..training import Stage
from .options import StageOptions, Task
from .parts import fit_mapping, pruner_of, ranking, tuned
from .stages import Prune


def phew_stages(options: StageOptions, task: Task) -> list[Stage]:
    """Returns the stages: fit the label mapping, walk and prune, fine-tune.

    Raises:
        InputError: if each layer is to be ranked by itself.
    """
    if options.scope not in (None, "global") and Granularity.named(options.granularity).pattern is None:
        raise InputError(
            f"scope is {options.scope}, but phew walks from end to end and leaves to the walks what a layer keeps; "
            "give --scope global"
        )
    criterion = ranking(options, Phew(task.sparsity))
    prune = Prune(criterion, pruner_of(options), [task.sparsity], options.seed, suits=channel_graph)
    return tuned(options, [fit_mapping(options, task), prune])
