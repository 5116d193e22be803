"""The main job: prune a pre-trained image classifier at several sparsities and measure the results."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import set_seed
from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict
from torch import Tensor
from transformers import PreTrainedModel

from ..data import Columns, StreamIndex, find_columns, find_spec
from ..data.sources import read_column
from ..data.splits import named_splits
from ..errors import InputError, Interrupted
from ..hub import Examples
from ..hub.publish import Destination, plan_repositories, publish
from ..methods import METHODS, Task, check_stages, passes_of, unused_options
from ..methods.stages import PretrainStage
from ..models import VPNsForImageClassification
from ..reporting import DenseResult, Predictions, Results, RunResult, fitting_reference, short_percent, sparsity_name
from ..training import (
    Agenda,
    Callback,
    CrossEntropy,
    Evaluation,
    Objective,
    Run,
    RunData,
    Stage,
    WeightedCrossEntropy,
    evaluate_views,
    run_stages,
)
from ..training.distributed import StopRequest, from_main_process
from ..utils.files import one_line_refusals
from ..utils.memory import keep_freed_memory
from .arguments import InputArguments, VPNsTrainingArguments
from .base_model import BaseModelBuilder
from .data import (
    Images,
    choose_splits,
    eval_batches,
    global_batch_size,
    image_store,
    open_images,
    process_of,
    read_data,
    run_data,
    space_for_images,
    stream_store,
)
from .dense_reference import references_of
from .output import (
    ClaimedFolder,
    JobFolder,
    SavedModels,
    dense_folder,
    digest_of_tensors,
    digests_of_data,
    digests_of_settings,
    refuse_foreign,
    writable_output_dir,
)
from .plan import Plan
from .recipe import public_options
from .results import PROTOCOLS, RunSettings, choose_view, package_versions, run_result, without_masked_channels
from .resume import (
    OF_THE_PRUNED,
    Checkpointing,
    FinishedJob,
    Resumption,
    SharedPart,
    SharedParts,
    identity_of,
)
from .setup import accelerator_of, callbacks_of, class_weights_of, preparations_of, stepping_of, task_of
from .starting_mask import starting_mask

PRETRAINING = "pre-training"
PREDICTIONS = "predictions"


class VPNsTrainer:
    """Prunes an image classifier at every sparsity asked for, and measures the results.

    Args:
        model: short name, Hub id or local folder of an image classifier, or one in memory, which is left as it is.
        args: everything else a run can be told.
        train_dataset: rows with an image column and a label column; a stream if the other two are streams as well.
        eval_dataset: what selects epoch and view; None cuts it from `train_dataset`.
        test_dataset: what the final accuracies are measured on, once, at the end; None with `args.test_fraction`, which
            cuts it from `train_dataset`.
        callbacks: watch the runs, beside the progress bar, the log and the trackers of `args`.
        columns: the image and the label column; found by type and name if not given.
        dataset_name: how results and cards call the data set; one of `DATASETS` brings its batch size.
        model_revision: branch, tag or commit of a model on the Hub.
        command: the command line that started the job, to be recorded with its results.
        test_split: what the data set calls the split `test_dataset` comes from.
        streams: what the rows of the data sets stand for; made from data sets that are streams.
        recipe: options of `vpns prune` beside `args`, such as the names of model and data set, for recipe.yaml.

    Attributes:
        base: the dense model every sparsity starts from.
        models: the saved models by requested sparsity, loaded when they are asked for.
        results: of the last `train`; None before.

    Raises:
        InputError: if an argument, the model or the data cannot be used; nothing has been written then.
    """

    def __init__(
        self,
        model: str | os.PathLike | PreTrainedModel,
        args: VPNsTrainingArguments,
        train_dataset: Dataset | IterableDataset,
        eval_dataset: Dataset | IterableDataset | None = None,
        test_dataset: Dataset | IterableDataset | None = None,
        callbacks: Sequence[Callback] = (),
        columns: Columns | None = None,
        dataset_name: str | None = None,
        model_revision: str | None = None,
        command: str | None = None,
        test_split: str = "test",
        recipe: Mapping[str, Any] | None = None,
        streams: StreamIndex | None = None,
    ) -> None:
        _check_kinds(model, train_dataset, eval_dataset, test_dataset)
        _check_not_the_same(test_dataset, train_dataset=train_dataset, eval_dataset=eval_dataset)
        self.args = args.for_dataset(find_spec(dataset_name))
        self.recipe = {**(recipe or {}), **vars(self.args)}
        self.command = command
        self.output_dir = writable_output_dir(args.output_dir)
        self.resumption = Resumption(self.output_dir, self.args)
        self.accelerator = accelerator_of(self.args)
        # What accelerate is configured for counts as if it had been asked for: it has a part in the results.
        self.recipe["mixed_precision"] = self.accelerator.mixed_precision
        self.process = process_of(self.accelerator)
        self.preparations = preparations_of(self.args)
        splits = _as_splits(train_dataset, eval_dataset, test_dataset)
        self.columns = columns or find_columns(splits)
        self.streams = streams
        if isinstance(train_dataset, IterableDataset):
            self.streams = StreamIndex(splits, self.columns)
            splits = self.streams.rows
        self.splits = choose_splits(splits, args, self.columns)
        tested = self.splits.origins["test"].name  # without test rows, or labels on them, it is another split
        self.test_split = test_split if tested == "test" or args.test_fraction is not None else tested
        self.model_name = type(model).__name__ if isinstance(model, PreTrainedModel) else os.fspath(model)
        self.dataset_name = dataset_name
        self.builder = BaseModelBuilder(self.args, self.splits.class_names, self.accelerator.device)
        self.base = self.builder.load(model, model_revision)
        self.start = starting_mask(self.args)
        for sparsity in self.args.sparsities:
            check_stages(self.base, self._stages(sparsity))
        refuse_foreign(self.output_dir / dense_folder(passes) for passes in references_of(self.args, self._task))
        self.agenda = self._agenda()
        self.callbacks = [*callbacks_of(self.args, self.agenda), *callbacks]
        self.models = SavedModels(self.output_dir)
        self.folder = JobFolder(self.models, self.recipe, self._results)
        self.results: Results | None = None

    @classmethod
    def of(cls, inputs: InputArguments, args: VPNsTrainingArguments, **told: Any) -> VPNsTrainer:
        """Returns the trainer of the model and the data that are named, which are read now.

        Args:
            inputs: name them.
            args: all other options of the job.
            told: `command`, `recipe` and `callbacks`, as the trainer takes them.

        Raises:
            InputError: if they cannot be read, or do not fit the arguments.
        """
        spec = find_spec(inputs.dataset_name)
        dataset, columns, streams = read_data(inputs, spec)
        names = {"dataset_name": inputs.dataset_name, "model_revision": inputs.model_revision}
        splits = named_splits(dataset, columns, spec, args.test_fraction)
        return cls(inputs.model_name_or_path, args, **splits, **names, columns=columns, streams=streams, **told)

    @cached_property
    def images(self) -> Images:
        """The decoded images of all splits, decoded when they are first needed."""
        # Whichever process comes first decodes, while the others wait, so only one shows its progress.
        if self.streams is not None:
            store = stream_store(self.streams, self.args, self.columns)
        else:
            store = image_store(self.args, self.columns, show_progress=not self.args.disable_tqdm)
        return open_images(self.splits, self.args, store, self.accelerator.device)

    def batches(self) -> RunData:
        """Returns this process's batches; every run sees the same ones.

        Raises:
            InputError: if an image cannot be decoded, or the batch size cannot be shared out.
        """
        return run_data(self.images, self.args, self.process)

    def plan(self) -> Plan:
        """Returns what `train` will do, without doing it."""
        space = None if self.streams is not None else space_for_images(self.splits, self.args, self.columns)
        batch_size = global_batch_size(self.args, self.process)
        weights = self._class_weights(read_column(self.splits.train, self.columns.label))
        return Plan(
            self.base, self.args, self.splits, batch_size, space, self.resumption.in_words, self.start, weights
        )

    def train(self) -> dict[str, Any]:
        """Runs the method at every sparsity, saves one model folder each, and writes the report.

        Returns:
            The content of results.json.

        Raises:
            InputError: if it was called before, an image cannot be decoded, or the batch size cannot be shared out.
        """
        if self.results is not None:
            raise InputError("train() has run already; make a new VPNsTrainer, with an output_dir of its own")
        keep_freed_memory()
        self.batches()  # a bad image is found before anything is written, and so is a class without any
        self._classification()
        with ClaimedFolder(self.output_dir, self.accelerator):
            self.job = self.resumption.restore(self._identity(), self.callbacks, self.accelerator)
            self.agenda.leave_out(self._finished_runs())
            self._start_output()
            try:
                with StopRequest(self.accelerator) as stop:
                    self.results = self._run_parts(stop)
            except Interrupted:
                self.accelerator.end_training()
                raise
        from_main_process(self.accelerator, self._end)
        self.accelerator.end_training()
        return self.results.to_dict()

    def _run_parts(self, stop: StopRequest) -> Results:
        """Runs every part of the job that is not finished yet, and writes the report."""
        every, checkpoints = self.args.checkpointing_steps, self.resumption.checkpoints
        self.checkpointing = Checkpointing(checkpoints, self.job, self.callbacks, stop, self.accelerator, every)
        self._pretrain()
        references = [self._reference(*each) for each in references_of(self.args, self._task).items()]
        results = self._results([self._prune(sparsity, references) for sparsity in self.args.sparsities], references)
        labels, predictions, examples = self.images.test.labels, self._predictions(), self._examples()
        from_main_process(self.accelerator, lambda: self.folder.finish(results, labels, predictions, examples))
        return results

    def _examples(self) -> Examples | None:
        """Returns a few test images; none of a stream, of which each would be read up to from the start of its piece."""
        return Examples.of(self.images.test, self.splits.class_names) if self.streams is None else None

    def _predictions(self) -> dict[str, Predictions]:
        """Returns which test images each model of the job classifies rightly, by the name of its part."""
        images = len(self.images.test.labels)
        found = {part: result[PREDICTIONS] for part, result in self.job.finished.items() if PREDICTIONS in result}
        return {part: Predictions.from_dict(packed, images) for part, packed in found.items()}

    def evaluate(self) -> dict[float, dict[str, Any]]:
        """Measures every saved model on the test split again.

        Returns:
            {requested sparsity: {"accuracy": {"prompted", "plain"}, "top5": {"prompted", "plain"}}}, as fractions.
        """
        measured = {}
        for sparsity, model in self.models.items():
            evaluation = self._evaluate(model.to(self.accelerator.device))
            measured[sparsity] = {"accuracy": vars(evaluation.accuracy), "top5": vars(evaluation.top5)}
        return measured

    def push_to_hub(self, repo_id: str, sparsity: float, private: bool = True, token: str | None = None) -> str:
        """Publishes one saved model as a Hub repository; returns its address.

        Args:
            repo_id: `owner/name`, perhaps with names in braces such as `{arch}`.
            sparsity: as it was asked for.
            private: whether only the owner may read it; one that is public already is refused then.
            token: with write access; the one of the environment or of `hf auth login` if not given.

        Raises:
            InputError: if no model of that sparsity has been saved, or the Hub refuses.
        """
        if sparsity not in self.models:
            raise InputError(f"no model of sparsity {sparsity} has been trained; there are: {list(self.models)}")
        [repository] = plan_repositories(self.output_dir, repo_id, sparsity)
        return publish(repository.files, Destination(repository.repo_id, public=not private), token).url

    def _start_output(self) -> None:
        from_main_process(self.accelerator, self._open_output)
        if self.args.trackers:
            flat = {key: value for key, value in vars(self.args).items() if isinstance(value, int | float | str)}
            self.accelerator.init_trackers("vpns_hf", config=flat)

    def _open_output(self) -> None:
        with one_line_refusals(self.output_dir):
            self.resumption.start()

    def _end(self) -> None:
        with one_line_refusals(self.output_dir):
            FinishedJob.of(self.job, self.results.versions).write(self.output_dir)
            self.resumption.checkpoints.clear()  # last: without them the job counts as finished

    def _identity(self) -> dict[str, Any]:
        """Returns everything that decides on the results; every process computes it alike."""
        contents = METHODS[self.args.method].contents(self.args)
        digests = {"model": digest_of_tensors(self.base.state_dict()), **digests_of_settings(self.base)}
        digests |= {**self._digests_of_data, **contents}
        if self.start is not None:
            digests["init_mask"] = digest_of_tensors({**self.start.masks, **self.start.weights, **self.start.prompt})
        batch_size = global_batch_size(self.args, self.process)
        options = {**self.recipe, "scope": self.args.chosen_scope}  # the same whether it was given or not
        return identity_of(options, batch_size, digests, unused_options(self.args.method, self.args))

    @cached_property
    def _digests_of_data(self) -> dict[str, str]:
        return digests_of_data(self.images, self.streams)

    def _shared(self, part: str, dense: VPNsForImageClassification, make: Callable[[], SharedPart]) -> SharedPart:
        """Returns a part of the job that no pruning has a part in, as another job made it, or made now."""
        if self.args.shared_dir is None:
            return make()
        seen = {**dense.backbone.state_dict(), "label_mapping": dense.label_mapping}
        digests = {
            "part": part,
            "model": digest_of_tensors(seen),
            **digests_of_settings(dense),
            **self._digests_of_data,
        }
        machine = {"processes": self.process.count, "device": self.accelerator.device.type}
        versions = {name: version for name, version in package_versions().items() if name in ("vpns_hf", "torch")}
        unused = [*unused_options("dense", self.args), *OF_THE_PRUNED]
        made_by = {**digests, **machine, **versions}
        identity = identity_of(self.recipe, global_batch_size(self.args, self.process), made_by, unused)
        parts = SharedParts(Path(self.args.shared_dir).expanduser(), self.checkpointing.stop_if_asked)
        return parts.made(identity, make)

    def _finished_runs(self) -> list[str]:
        """Returns the names of the runs that are not run again."""
        names = {sparsity_name(sparsity): _run_name(sparsity) for sparsity in self.args.sparsities}
        teachers = (
            [_reference_name(passes) for passes in references_of(self.args, self._task)] if self._teaches else []
        )
        return [
            names.get(part, part) for part in self.job.finished if part not in teachers or part in self.job.weights
        ]

    @property
    def _teaches(self) -> bool:
        return self.args.distill_alpha > 0

    def _pretrain(self) -> None:
        """Trains the dense model that every sparsity starts from."""
        if self.args.pretrain_epochs == 0:
            return
        if PRETRAINING in self.job.finished:
            self.base.load_state_dict(self.job.weights[PRETRAINING])
            return

        def make() -> SharedPart:
            run = self._execute(PRETRAINING, self.base, [PretrainStage.of(self.args)])
            return SharedPart({}, run.model.backbone.state_dict())

        self.base.backbone.load_state_dict(self._shared(PRETRAINING, self.base, make).weights)
        self.checkpointing.part_finished(PRETRAINING, {}, self.base.state_dict())

    def _reference(self, passes: float, stages: Sequence[Stage]) -> DenseResult:
        """Fine-tunes the dense model without a prompt, and measures it."""
        part = _reference_name(passes)
        if part in self.job.finished and (part in self.job.weights or not self._teaches):
            return DenseResult.from_dict(self.job.finished[part])
        model = self._unpruned()

        def make() -> SharedPart:
            run = self._execute(part, model, stages)
            evaluation = self._evaluate(run.model, run)
            classes = evaluation.predictions.by_class(self.images.test.labels, self.splits.class_names)
            result = DenseResult(evaluation.accuracy.plain, evaluation.top5.plain, self.test_split, passes, classes)
            return SharedPart(
                {**asdict(result), PREDICTIONS: evaluation.predictions.to_dict()}, run.model.state_dict()
            )

        made = self._shared(part, model, make)
        result = {**made.result, "path": self._keep_dense(made.weights, passes)}
        self.checkpointing.part_finished(part, result, made.weights if self._teaches else None)
        return DenseResult.from_dict(result)

    def _keep_dense(self, weights: Mapping[str, Tensor], passes: float) -> str | None:
        """Saves a dense reference where that is wanted; returns its folder."""
        if not self.args.save_dense_reference:
            return None
        model, is_first = self._unpruned(weights), self._has_saved_nothing
        return from_main_process(self.accelerator, lambda: self.folder.save_dense(model, passes, is_first))

    def _unpruned(self, weights: Mapping[str, Tensor] | None = None) -> VPNsForImageClassification:
        """Returns the dense model that every run starts from, without a prompt, or one like it with other weights."""
        model = self.builder.without_prompt(self.base.to_backbone())
        model.config.label_mapping_method = self.base.config.label_mapping_method
        if weights is not None:
            model.load_state_dict(weights)
        return model

    @property
    def _has_saved_nothing(self) -> bool:
        return not any("weights" in result or result.get("path") for result in self.job.finished.values())

    def _teacher(self, stages: Sequence[Stage]) -> VPNsForImageClassification | None:
        """Returns the dense reference that a run is compared with, where the run learns from it."""
        if not self._teaches:
            return None
        passes = fitting_reference(passes_of(stages).total, list(references_of(self.args, self._task)))
        return self._unpruned(self.job.weights[_reference_name(passes)]).requires_grad_(False).eval()

    def _prune(self, sparsity: float, references: Sequence[DenseResult]) -> RunResult:
        part = sparsity_name(sparsity)
        if part not in self.job.finished:
            self.checkpointing.part_finished(part, self._make(sparsity, references))
        self.models.add(sparsity)
        return RunResult.from_dict(self.job.finished[part]["result"])

    def _make(self, sparsity: float, references: Sequence[DenseResult]) -> dict[str, Any]:
        """Prunes, fine-tunes and saves the model of one sparsity, then measures and describes it."""
        stages = self._stages(sparsity)
        run = self._execute(_run_name(sparsity), copy.deepcopy(self.base), stages, self._teacher(stages))
        choose_view(run)
        finished = without_masked_channels(run.model)
        is_first = self._has_saved_nothing
        weights = from_main_process(self.accelerator, lambda: self.folder.save(finished, sparsity, is_first))
        with run.timed("evaluation"):
            evaluation = self._evaluate(finished, run)
        labels, names = self.images.test.labels, self.splits.class_names
        result = run_result(run, evaluation, RunSettings(self.args, sparsity, stages, self.test_split, labels, names))
        device = self.accelerator.device
        result = from_main_process(self.accelerator, lambda: self.folder.describe(result, references, device))
        return {"result": asdict(result), "weights": weights, PREDICTIONS: evaluation.predictions.to_dict()}

    def _stages(self, sparsity: float) -> list[Stage]:
        return METHODS[self.args.method].stages(self.args, self._task(sparsity))

    def _agenda(self) -> Agenda:
        pretraining = {PRETRAINING: [PretrainStage.of(self.args)]} if self.args.pretrain_epochs else {}
        references = {_reference_name(each): stages for each, stages in references_of(self.args, self._task).items()}
        runs = {_run_name(sparsity): self._stages(sparsity) for sparsity in self.args.sparsities}
        return Agenda({**pretraining, **references, **runs})

    def _task(self, sparsity: float) -> Task:
        return task_of(sparsity, self.splits, global_batch_size(self.args, self.process), self.start)

    def _execute(
        self,
        name: str,
        model: VPNsForImageClassification,
        stages: Sequence[Stage],
        teacher: VPNsForImageClassification | None = None,
    ) -> Run:
        """Runs the stages on `model` with generators seeded anew, so that a sparsity does not depend on others."""
        set_seed(self.args.seed)
        run = Run(
            model,
            self.accelerator,
            self.batches(),
            [*self.callbacks, self.checkpointing],
            name=name,
            stepping=stepping_of(self.args),
            preparations=self.preparations,
            classification=self._classification(),
            teacher=teacher,
        )
        self.resumption.resume(run)
        run_stages(run, stages)
        return run

    def _class_weights(self, labels: Sequence[int] | Tensor) -> np.ndarray | None:
        return class_weights_of(self.args, labels, self.splits.class_names)

    def _classification(self) -> Objective:
        """Returns what training makes small."""
        weights = self._class_weights(self.images.train.labels)
        if weights is None:
            return CrossEntropy()
        return WeightedCrossEntropy(torch.from_numpy(weights).to(self.accelerator.device))

    def _evaluate(self, model: VPNsForImageClassification, run: Run | None = None) -> Evaluation:
        """Measures a model on the test split; the callbacks of `run` are told of every batch."""
        batches = eval_batches(self.images.test, self.args, self.process)
        return evaluate_views(model, batches if run is None else run.watched(batches), self.accelerator)

    def _results(self, runs: Sequence[RunResult], references: Sequence[DenseResult]) -> Results:
        return Results(
            dense=references[0] if references else DenseResult(),
            dense_references=list(references),
            runs=list(runs),
            model=self.model_name,
            dataset=self.dataset_name,
            protocol=PROTOCOLS[self.args.paper_protocol],
            command=self.command,
            versions=package_versions(),
            skipped_images=self.images.skipped,
            images=self.images.counts,
            misread_images=self.images.misread,
            copied_images=self.images.copied,
            options=public_options(self.recipe),
            test_digest=self._digests_of_data["test images"] if self.streams is None else None,
        )


def _reference_name(passes: float) -> str:
    return f"dense reference, {passes:g} passes"


def _run_name(sparsity: float) -> str:
    return f"{short_percent(sparsity)} sparsity"


def _check_kinds(model: Any, *datasets: Any) -> None:
    if not isinstance(model, str | os.PathLike | PreTrainedModel):
        raise InputError(
            f"model is a {type(model).__name__}; give a short name, a Hub id, a folder, or an image classifier of transformers"
        )
    given = [dataset for dataset in datasets if dataset is not None]
    for dataset in given:
        if not isinstance(dataset, Dataset | IterableDataset):
            raise InputError(f"a data set is a {type(dataset).__name__}; give one split of it, a datasets.Dataset")
    if len({isinstance(dataset, IterableDataset) for dataset in given}) > 1:
        raise InputError("some data sets are streams and others are not; give all as streams, or none")


def _check_not_the_same(test: Any, **others: Any) -> None:
    for name, other in others.items():
        fingerprints = {getattr(dataset, "_fingerprint", id(dataset)) for dataset in (test, other)}
        if test is not None and len(fingerprints) == 1:
            raise InputError(
                f"{name} and test_dataset are the same rows; give a test_dataset of other rows, or test_fraction"
            )


def _as_splits(train: Any, validation: Any, test: Any) -> DatasetDict | IterableDatasetDict:
    splits = {"train": train, "validation": validation, "test": test}
    kind = IterableDatasetDict if isinstance(train, IterableDataset) else DatasetDict
    return kind({name: split for name, split in splits.items() if split is not None})
