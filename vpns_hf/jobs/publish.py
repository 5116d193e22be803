"""Publishing at the end of a job, checked before it begins."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from ..hub import field_values, fill_pattern
from ..hub.cards import check_license
from ..hub.publish import (
    Additions,
    Destination,
    Publication,
    check_access,
    check_distinct,
    plan_repositories,
    publish_repositories,
)
from ..reporting import sparsity_name
from .arguments import InputArguments, VPNsTrainingArguments


def check_publishable(inputs: InputArguments, args: VPNsTrainingArguments) -> None:
    """Checks that the models of a job can be published, before time is spent on it.

    Raises:
        InputError: if there is no id, it is not valid or does not tell the models apart, the Hub knows no such
            licence, or the token is not the owner's.
    """
    pattern, named = inputs.hub_model_id, (inputs.model_name_or_path, inputs.dataset_name)
    if pattern is None:
        raise InputError("push_to_hub needs --hub_model_id; give owner/name, such as vpns/{arch}-{dataset}-{sparsity}")
    repo_ids = [
        fill_pattern(pattern, field_values(*named, sparsity, args.method, args.granularity, args.seed))
        for sparsity in args.sparsities
    ]
    check_distinct(repo_ids, [sparsity_name(sparsity) for sparsity in args.sparsities], pattern)
    if inputs.license is not None:
        check_license(inputs.license)
    for owner in sorted({repo_id.partition("/")[0] for repo_id in repo_ids}):
        check_access(owner)


def publish_run(output_dir: Path, inputs: InputArguments) -> Iterator[Publication]:
    """Publishes every model of a finished job, as `inputs` says.

    Raises:
        InputError: if the Hub refuses; it names the command that publishes without training anew.
    """
    destination = Destination(inputs.hub_model_id, public=inputs.public, collection=inputs.collection)
    try:
        repositories = plan_repositories(output_dir, inputs.hub_model_id, additions=Additions(inputs.license))
        yield from publish_repositories(repositories, destination)
    except InputError as error:
        raise InputError(
            f"{error}; the results are complete, publish them with {_again(output_dir, inputs)}"
        ) from error


def _again(output_dir: Path, inputs: InputArguments) -> str:
    words = ["vpns", "push", str(output_dir), "--hub_model_id", inputs.hub_model_id]
    words += ["--public"] if inputs.public else []
    for option in ("collection", "license"):
        value = getattr(inputs, option)
        words += [f"--{option}", value] if value is not None else []
    return shlex.join(words)
