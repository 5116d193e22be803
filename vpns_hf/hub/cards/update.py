"""What was measured of a model goes into its results and its card, where they lie: in a folder, or on the Hub."""

from __future__ import annotations

from dataclasses import replace

from huggingface_hub import CommitOperationAdd, HfApi, get_token

from ...errors import InputError
from ...reporting import BackendLatency, DenseResult, ModelEvaluation, Results
from ...utils.files import write_file
from ...utils.hub_client import check_no_token, refusals
from ...utils.public_names import public_command
from ..fetching import FetchedModel
from ..run_folder import find_models
from .merging import has_markers
from .model_card import CARD, RESULTS, renewed_card
from .sources import shown_dataset


def update_card(
    fetched: FetchedModel,
    command: str,
    *,
    evaluation: ModelEvaluation | None = None,
    latency: BackendLatency | None = None,
) -> str:
    """Adds what was measured to the results beside a model, and makes its card anew; returns the address or path of the card.

    On the Hub it is one commit, refused if somebody has changed the repository since its files were fetched.

    Args:
        fetched: the model.
        command: the command line that measured; leading folders of paths are left out.
        evaluation: of the model; None if there is none.
        latency: of the model, in the place of an earlier one; None leaves that.

    Raises:
        InputError: if the card or the results cannot be read or written to, or tell nothing of how the model was made.
    """
    results, measured, command = _results(fetched), [], public_command(command)
    if evaluation is not None:
        shown = replace(evaluation, dataset=shown_dataset(evaluation.dataset), command=command)
        results = results.with_evaluation(shown)
        measured.append(f"accuracy on {shown.dataset}, {shown.split} split")
    if latency is not None:
        results = replace(results, latency=replace(latency, command=command))
        measured.append("latency")
    card = renewed_card(fetched.folder, results, fetched.repo_id or fetched.folder.absolute().name, append=True)
    files = {RESULTS: results.to_json().encode(), CARD: card.encode()}  # the card last: it can be made of the results
    if fetched.repo_id is None:
        return _write(fetched, files)
    return _commit(fetched, files, f"Measure {' and '.join(measured)}")


def _results(fetched: FetchedModel) -> Results:
    """Returns what is known of a model; nothing but that there is a card where somebody wrote one by hand."""
    [model] = find_models(fetched.folder)
    if model.results is not None:
        return model.results.of_model(model.run)
    path = fetched.folder / CARD
    if not path.is_file() or has_markers(path.read_text(encoding="utf-8", errors="replace")):
        raise InputError(
            f"{fetched.repo_id or fetched.folder} has no {RESULTS} to make a card of; put that of its run there, "
            f"or write a {CARD} of your own without markers"
        )
    return Results(DenseResult())


def _write(fetched: FetchedModel, files: dict[str, bytes]) -> str:
    for name, content in files.items():
        try:
            write_file(fetched.folder / name, content)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{fetched.folder / name} cannot be written to ({reason})") from error
    return str(fetched.folder / CARD)


def _commit(fetched: FetchedModel, files: dict[str, bytes], message: str) -> str:
    check_no_token(files, get_token())
    with refusals(f"the card of {fetched.repo_id} could not be changed"):
        made = HfApi().create_commit(
            fetched.repo_id,
            [CommitOperationAdd(name, content) for name, content in files.items()],
            commit_message=message,
            parent_commit=fetched.commit,
        )
    return str(made.commit_url)
