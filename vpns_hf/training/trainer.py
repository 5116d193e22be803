"""The main job: prune a pre-trained image classifier at several sparsities and measure the results."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import set_seed
from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict
from torch import Tensor
from transformers import PreTrainedModel

from vpns_hf.backbones import HEADS, Backbone, load_backbone
from vpns_hf.backbones.sizes import check_sizes
from vpns_hf.data import Columns, StreamIndex, find_columns, find_spec
from vpns_hf.errors import InputError
from vpns_hf.hub.model_card import VPNsModelCardData, write_model_card
from vpns_hf.hub.publishing import Destination, publish
from vpns_hf.hub.sweep import plan_repositories
from vpns_hf.methods import METHODS, dense_stages
from vpns_hf.models import VPNsForImageClassification
from vpns_hf.pruning.report import effective_density, empty_layers, layer_records
from vpns_hf.reporting import (
    DenseResult,
    Results,
    RunResult,
    share_of_waiting,
    sparsity_name,
    write_model_plots,
    write_report,
)
from vpns_hf.reporting.numbers import short_percent

from .arguments import VPNsTrainingArguments
from .callbacks import Callback, LoggingCallback, ProgressCallback, TrackingCallback
from .cost import measure_cost_once
from .evaluation import Evaluation, evaluate_views
from .images import (
    Images,
    choose_splits,
    eval_batches,
    global_batch_size,
    image_store,
    open_images,
    process_of,
    run_data,
    space_for_images,
    stream_store,
)
from .optimizers import SGDSpec
from .output import check_output_dir, clear_output_dir, save_model
from .plan import Plan
from .processes import build_accelerator
from .recipe import public_recipe, write_recipe
from .run import Run, RunData
from .saved_models import SavedModels
from .selection import BestOnValidation, EpochSelection, LastEpoch
from .stages import PretrainStage, Stage
from .updating import stepping_of
from .versions import package_versions

logger = logging.getLogger(__name__)


class VPNsTrainer:
    """Prunes an image classifier at every sparsity asked for, and measures the results.

    Args:
        model: short name, Hub id or local folder of an image classifier, or one in memory, which is left as it is.
        args: everything else a run can be told.
        train_dataset: rows with an image column and a label column; a stream if the other two are streams as well.
        eval_dataset: what selects epoch and view; None cuts it from `train_dataset`.
        test_dataset: what the final accuracies are measured on, once, at the end.
        callbacks: watch the runs, beside the progress bar, the log and the trackers of `args`.
        columns: the image and the label column; found by type and name if not given.
        dataset_name: how results and cards call the data set; one of `DATASETS` brings its batch size.
        model_revision: branch, tag or commit of a model on the Hub.
        command: the command line that started the job, to be recorded with its results.
        test_split: what the data set calls the split `test_dataset` comes from.
        streams: what the rows of the data sets stand for; made from data sets that are streams.
        recipe: options of `scripts/prune.py` beside `args`, such as the names of model and data set, for recipe.yaml.

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
        self.args = args.for_dataset(find_spec(dataset_name))
        self.recipe = {**(recipe or {}), **vars(self.args)}
        self.command = command
        self.output_dir = check_output_dir(args.output_dir, args.overwrite_output_dir)
        self.accelerator = build_accelerator(self.args)
        self.process = process_of(self.accelerator)
        self.callbacks = [*self._own_callbacks(), *callbacks]
        splits = _as_splits(train_dataset, eval_dataset, test_dataset)
        self.columns = columns or find_columns(splits)
        self.streams = streams
        if isinstance(train_dataset, IterableDataset):
            self.streams = StreamIndex(splits, self.columns)
            splits = self.streams.rows
        self.splits = choose_splits(splits, args, self.columns)
        tested = self.splits.origins["test"].name  # without test rows, or labels on them, it is another split
        self.test_split = test_split if tested == "test" else tested
        self.model_name = type(model).__name__ if isinstance(model, PreTrainedModel) else os.fspath(model)
        self.dataset_name = dataset_name
        self.base = self._build_base(model, model_revision)
        self.models = SavedModels(self.output_dir)
        self.results: Results | None = None

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
        return Plan(self.base, self.args, self.splits, global_batch_size(self.args, self.process), space)

    def train(self) -> dict[str, Any]:
        """Runs the method at every sparsity, saves one model folder each, and writes the report.

        Returns:
            The content of results.json.

        Raises:
            InputError: if it was called before, an image cannot be decoded, or the batch size cannot be shared out.
        """
        if self.results is not None:
            raise InputError("train() has run already; make a new VPNsTrainer, with an output_dir of its own")
        self.batches()  # a bad image is found before anything is written
        self._start_output()
        self._pretrain()
        dense = self._dense_reference()
        runs = [self._prune(sparsity, dense) for sparsity in self.args.sparsities]
        self.results = self._results(dense, runs)
        if self.accelerator.is_main_process:
            write_report(self.results, self.output_dir, self._prompts())
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()
        return self.results.to_dict()

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

    def _own_callbacks(self) -> list[Callback]:
        callbacks: list[Callback] = [ProgressCallback(self.args.disable_tqdm), LoggingCallback()]
        return [*callbacks, TrackingCallback()] if self.args.with_tracking else callbacks

    def _build_base(
        self, model: str | os.PathLike | PreTrainedModel, revision: str | None
    ) -> VPNsForImageClassification:
        set_seed(self.args.seed)
        backbone = load_backbone(model, len(self.splits.class_names), revision, HEADS[self.args.head])
        self.normalisation = self._normalisation(backbone)
        base = self._with_prompt(backbone.model, self.args.visual_prompt, self.args.output_size)
        check_sizes(base)
        return base

    def _normalisation(self, backbone: Backbone) -> dict[str, list[float]]:
        """Returns mean and std: as asked for, else those of the backbone, else ImageNet's."""
        given = {"image_mean": self.args.image_mean, "image_std": self.args.image_std}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) < 2 and not backbone.normalisation:
            logger.warning(
                "no image processor of the backbone was found: normalising by ImageNet's mean and std; "
                "give image_mean and image_std if it was trained with others"
            )
        return {**backbone.normalisation, **given}

    def _with_prompt(
        self, backbone: PreTrainedModel, visual_prompt: str, output_size: int | None
    ) -> VPNsForImageClassification:
        args = self.args
        try:
            return VPNsForImageClassification.from_backbone(
                backbone,
                id2label=dict(enumerate(self.splits.class_names)),
                visual_prompt=visual_prompt,
                prompt_size=args.prompt_size,
                prompt_seed=args.seed,
                image_size=args.image_size,
                output_size=output_size,
                granularity=args.granularity,
                label_mapping_method=args.label_mapping,
                **self.normalisation,
            ).to(self.accelerator.device, torch.float32)
        except ValueError as error:
            raise InputError(str(error)) from error

    def _start_output(self) -> None:
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self.output_dir.mkdir(parents=True, exist_ok=True)
        self.accelerator.wait_for_everyone()
        if self.args.with_tracking:
            flat = {key: value for key, value in vars(self.args).items() if isinstance(value, int | float | str)}
            self.accelerator.init_trackers("vpns_hf", config=flat)

    def _pretrain(self) -> None:
        """Trains the dense model that every sparsity starts from."""
        args = self.args
        if args.pretrain_epochs == 0:
            return
        sgd = SGDSpec(args.pretrain_learning_rate, 0.0, args.momentum, args.weight_decay)
        run = self._execute("pre-training", self.base, 0.0, [PretrainStage(args.pretrain_epochs, sgd)])
        self.base = run.model

    def _dense_reference(self) -> DenseResult:
        """Fine-tunes the dense model without a prompt, on as many passes as stage 2 has, and measures it."""
        if not self.args.dense_reference:
            return DenseResult()
        model = self._with_prompt(self.base.to_backbone(), "none", output_size=None)
        run = self._execute("dense reference", model, 0.0, dense_stages(self.args))
        evaluation = self._evaluate(run.model)
        return DenseResult(accuracy=evaluation.accuracy.plain, top5=evaluation.top5.plain, split=self.test_split)

    def _prune(self, sparsity: float, dense: DenseResult) -> RunResult:
        name = f"{short_percent(sparsity)} sparsity"
        run = self._execute(name, copy.deepcopy(self.base), sparsity, METHODS[self.args.method](self.args))
        self._choose_view(run)
        with run.timed("evaluation"):
            evaluation = self._evaluate(run.model)
        result = self._run_result(run, evaluation)
        _warn_of_empty_layers(run.model, sparsity)
        if self.accelerator.is_main_process:
            self._save(run.model, result, dense)
        self.accelerator.wait_for_everyone()
        self.models.add(sparsity)
        return result

    def _execute(self, name: str, model: VPNsForImageClassification, sparsity: float, stages: Sequence[Stage]) -> Run:
        """Runs the stages on `model` with generators seeded anew, so that a sparsity does not depend on others."""
        set_seed(self.args.seed)
        selection, stepping = self._selection(), stepping_of(self.args)
        run = Run(
            model, self.accelerator, self.batches(), sparsity, selection, self.callbacks, name=name, stepping=stepping
        )
        run.execute(stages)
        return run

    def _selection(self) -> EpochSelection:
        return LastEpoch() if self.args.paper_protocol else BestOnValidation()

    def _choose_view(self, run: Run) -> None:
        """Lets the validation split decide whether the saved model applies its prompt; the paper does not apply it."""
        validation = run.selection.validation
        prompted = validation.prompted if validation is not None else None
        run.model.config.prompt_at_inference = prompted is not None and prompted > validation.plain
        run.model.requires_grad_(True)
        run.model.eval()

    def _evaluate(self, model: VPNsForImageClassification) -> Evaluation:
        return evaluate_views(model, eval_batches(self.images.test, self.args, self.process), self.accelerator)

    def _run_result(self, run: Run, evaluation: Evaluation) -> RunResult:
        model = run.model
        layers = layer_records(model)
        return RunResult(
            method=self.args.method,
            granularity=self.args.granularity,
            seed=self.args.seed,
            sparsity_requested=run.sparsity,
            sparsity=model.sparsity,
            accuracy=evaluation.accuracy,
            top5=evaluation.top5,
            split=self.test_split,
            nonzero=sum(layer.nonzero for layer in layers),
            total=sum(layer.total for layer in layers),
            seconds=run.seconds,
            path=sparsity_name(run.sparsity),
            validation=run.selection.validation,
            prompt_at_inference=model.config.prompt_at_inference,
            effective_density=effective_density(model),
            epoch=run.selection.epoch,
            history=run.history,
            layers=layers,
            cost=measure_cost_once(model, self.accelerator),
            waiting=share_of_waiting(run.history),
        )

    def _save(self, model: VPNsForImageClassification, result: RunResult, dense: DenseResult) -> None:
        if not self.models:  # an earlier run's results stay until there is something to put in their place
            clear_output_dir(self.output_dir)
            write_recipe(self.output_dir / "recipe.yaml", self.recipe)
        folder = self.models.folder(result.sparsity_requested)
        prompt = model.prompt_picture().cpu().numpy() if model.has_prompt else None
        data = VPNsModelCardData.from_results(self._results(dense, [result]), result)

        def complete(aside: Path) -> None:
            write_model_plots(result, aside, prompt)
            write_recipe(aside / "recipe.yaml", public_recipe(self.recipe, result.sparsity_requested))
            write_model_card(aside, data)

        save_model(model, folder, complete)

    def _results(self, dense: DenseResult, runs: list[RunResult]) -> Results:
        return Results(
            dense=dense,
            runs=runs,
            model=self.model_name,
            dataset=self.dataset_name,
            protocol=PROTOCOLS[self.args.paper_protocol],
            command=self.command,
            versions=package_versions(),
            skipped_images=self.images.skipped,
        )

    def _prompts(self) -> dict[float, Tensor]:
        prompted = {sparsity: model for sparsity, model in self.models.items() if model.has_prompt}
        return {sparsity: model.prompt_picture().numpy() for sparsity, model in prompted.items()}


PROTOCOLS = {
    False: "A validation split chose the epoch and whether the prompt is applied; the test split was read once, at the end.",
    True: "The paper's: all of train, the last epoch, no validation split; the accuracy without the prompt is comparable.",
}


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


def _as_splits(train: Any, validation: Any, test: Any) -> DatasetDict | IterableDatasetDict:
    splits = {"train": train, "validation": validation, "test": test}
    kind = IterableDatasetDict if isinstance(train, IterableDataset) else DatasetDict
    return kind({name: split for name, split in splits.items() if split is not None})


def _warn_of_empty_layers(model: VPNsForImageClassification, sparsity: float) -> None:
    empty = empty_layers(model)
    if empty:
        logger.warning(
            "at sparsity %g no weight is left in %s: nothing of the picture passes through; ask for a lower sparsity",
            sparsity,
            ", ".join(empty),
        )
