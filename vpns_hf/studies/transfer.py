"""Subnetworks found on some data sets and fine-tuned on others, beside what is found there."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data import check_dataset_is_there
from ..errors import InputError
from ..hub import dataset_name
from ..jobs import VPNsTrainingArguments
from ..jobs.resume import is_finished
from ..reporting import Results, sparsity_name
from ..utils.files import one_line_refusals, refuse_foreign, write_file
from ..utils.options import Part, command_words, names_of
from ..utils.text import differences
from .transfer_table import DENSE, FILES, FOUND, OMP, RANDOM, Entry, Matrix

logger = logging.getLogger(__name__)

SETTINGS = "settings.json"
Options = Mapping[str, Any]
# Of the dense network: nothing is removed, and there is no prompt.
AS_DENSE: Options = {"method": "dense", "sparsities": [0.0], "visual_prompt": "none", "output_size": None}


@dataclass(frozen=True)
class TransferJob:
    """A job of `vpns prune`.

    Attributes:
        mask: what makes its mask: found on `source`, random with as many weights in each layer, or OMP; dense has none.
        target: what it is fine-tuned and tested on.
        source: where the mask, or the number of weights, comes from; None for OMP and dense.
        options: that it has beside those of all jobs, or in their place; None leaves one out.
    """

    mask: str
    target: str
    source: str | None
    options: Options

    @property
    def name(self) -> str:
        """Of its folder."""
        target = dataset_name(self.target)
        if self.source is None:
            return f"{self.mask}-{target}"
        source = dataset_name(self.source)
        return f"{self.mask}-{target}" if source == target else f"{self.mask}-{source}-to-{target}"


@dataclass(frozen=True)
class Transfer:
    """Every subnetwork on every data set, each an ordinary job.

    Attributes:
        sources: data sets that subnetworks are found on.
        targets: data sets they are fine-tuned on.
        options: of all jobs, by name, with their method and one sparsity.
        start: what a subnetwork takes along beside its mask: `init_weights` and `init_prompt` of `vpns prune`.
        output_dir: of the tables; jobs lie below.

    Raises:
        InputError: if two data sets have the same short name.
    """

    sources: Sequence[str]
    targets: Sequence[str]
    options: Options
    start: Options
    output_dir: Path

    def __post_init__(self) -> None:
        named: dict[str, str] = {}
        for data in (*self.sources, *self.targets):
            if named.setdefault(dataset_name(data), data) != data:
                raise InputError(
                    f"{named[dataset_name(data)]} and {data} are both called {dataset_name(data)}; rename one"
                )

    def jobs(self) -> list[TransferJob]:
        """Returns all jobs; those that others start from come first."""
        found = [TransferJob(FOUND, data, data, {}) for data in dict.fromkeys((*self.sources, *self.targets))]
        return [*found, *(job for target in self.targets for job in self._on(target))]

    def _on(self, target: str) -> list[TransferJob]:
        """Returns the jobs on a target whose masks are not found there."""
        jobs = []
        for source in self.sources:
            if source != target:
                mask = str(self.folder(TransferJob(FOUND, source, source, {})) / sparsity_name(self._sparsity))
                # At its own sparsity nothing more goes.
                taken = {**self.start, "method": "omp", "init_mask": mask}
                jobs += [
                    TransferJob(FOUND, target, source, taken),
                    TransferJob(RANDOM, target, source, {"method": "random", "like": mask}),
                ]
        if self.options["method"] != "omp":  # else it is what is found there
            jobs.append(TransferJob(OMP, target, None, {"method": "omp"}))
        return [*jobs, TransferJob(DENSE, target, None, AS_DENSE)]

    @property
    def _sparsity(self) -> float:
        return self.options["sparsities"][0]

    def folder(self, job: TransferJob) -> Path:
        """Returns the output folder of a job."""
        return self.output_dir / "jobs" / job.name

    def arguments(self, job: TransferJob) -> list[str]:
        """Returns those of the `vpns prune` that does a job."""
        own = {"dataset_name": job.target, "output_dir": str(self.folder(job)), "dense_reference": False}
        options = {**self.options, **job.options, **own}
        return command_words({name: value for name, value in options.items() if value is not None})

    def run(self, start: Callable[[Sequence[str]], int]) -> list[TransferJob]:
        """Runs the jobs that are not finished, but for those whose mask is not there; returns those that failed.

        Args:
            start: runs a command of the package, given its arguments, and returns its exit code.

        Raises:
            InputError: if jobs with other options lie there, or the disk refuses.
        """
        self._settle()
        failed: list[TransferJob] = []
        for number, job in enumerate(self.jobs(), 1):
            if is_finished(self.folder(job)) or job in self.waiting_for(failed):
                continue
            logger.info("%d of %d: %s", number, len(self.jobs()), job.name)
            if start(["prune", *self.arguments(job)]):
                failed.append(job)
        return failed

    def check_folder(self) -> None:
        """Raises InputError if the folder holds files that the tables would replace, and no transfer was begun there."""
        if not (self.output_dir / SETTINGS).exists():
            refuse_foreign(self.output_dir, FILES, "transfer")

    def check_data(self) -> None:
        """Checks that the data set of every job that is left is there.

        Raises:
            InputError: if one is not.
        """
        for data in dict.fromkeys(job.target for job in self.left()):
            check_dataset_is_there(data, config_name=self.options.get("dataset_config_name"))

    def plan(self) -> str:
        """Returns how many jobs are done and left, and a line for each."""
        jobs, left = self.jobs(), self.left()
        lines = [f"Jobs: {len(jobs)}, of which {len(jobs) - len(left)} done, {len(left)} left"]
        return "\n".join([*lines, *(f"  {'left' if job in left else 'done'}  {job.name}" for job in jobs)])

    def waiting_for(self, failed: Sequence[TransferJob]) -> list[TransferJob]:
        """Returns the jobs that are not finished and start from the mask of one of these."""
        sources = {job.source for job in failed if job.source == job.target}
        return [job for job in self.left() if job.source in sources and job not in failed]

    def left(self) -> list[TransferJob]:
        """Returns the jobs that are not finished."""
        return [job for job in self.jobs() if not is_finished(self.folder(job))]

    def matrix(self) -> Matrix:
        """Returns what is known of the jobs that are finished.

        Raises:
            InputError: if some of one data set were tested on different images.
        """
        entries, tested = [], {}
        for job in self.jobs():
            if not is_finished(self.folder(job)):
                continue
            results = Results.load(self.folder(job) / "results.json")
            first, digest = tested.setdefault(job.target, (job, results.test_digest))
            if results.test_digest != digest:
                raise InputError(
                    f"the jobs {first.name} and {job.name} were tested on different images ({digest} and "
                    f"{results.test_digest}), as {job.target} has changed; remove the older of {self.output_dir / 'jobs'} and repeat"
                )
            entries.append(_entry(job, results))
        return Matrix(tuple(self.sources), tuple(self.targets), tuple(entries))

    def _settle(self) -> None:
        """Notes the options of all jobs, so that none is ever taken for one with others.

        Raises:
            InputError: if other options were noted; the line lists them.
        """
        of_the_machine = names_of(VPNsTrainingArguments, Part.MACHINE)
        kept = {name: value for name, value in self.options.items() if name not in of_the_machine}
        path, settings = self.output_dir / SETTINGS, json.loads(json.dumps({**kept, **self.start}))
        with one_line_refusals(self.output_dir):
            self.output_dir.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                write_file(path, json.dumps(settings, indent=1) + "\n")
            changes = differences(json.loads(path.read_text(encoding="utf-8")), settings)
        if changes:
            raise InputError(
                f"{self.output_dir} was begun with {'; '.join(changes)}; give what it was begun with, or another --output_dir"
            )


def _entry(job: TransferJob, results: Results) -> Entry:
    [run] = results.runs
    accuracy = run.accuracy.prompted if run.prompt_at_inference else run.accuracy.plain
    passes = None if run.passes is None else run.passes.total
    return Entry(job.mask, job.source, job.target, accuracy, run.sparsity, passes, job.name)
