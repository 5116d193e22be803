"""Measure a saved model: accuracy with and without the prompt, sparsity, size on disk, latency."""

from __future__ import annotations

from vpns_hf.errors import InputError
from vpns_hf.hub.card_update import update_card
from vpns_hf.hub.command_line import evaluate_parser
from vpns_hf.hub.fetching import fetch_model
from vpns_hf.scripting import given_command, is_main_process, run_script
from vpns_hf.training.model_evaluation import EvaluationImages, evaluate_model


def main() -> None:
    given = vars(evaluate_parser(__doc__).parse_args())
    model, revision, updates_card = (given.pop(name) for name in ("model", "model_revision", "update_card"))
    images = EvaluationImages(**given)
    if updates_card and (images.max_test_samples is not None or revision is not None):
        raise InputError(
            "--update_card is for all images and the newest version; leave out --max_test_samples and --model_revision"
        )
    fetched = fetch_model(model, revision)
    evaluation = evaluate_model(fetched, images)
    if is_main_process():
        print(evaluation)
        if updates_card:
            print(f"\nWritten into the card: {update_card(fetched, evaluation, given_command())}")


if __name__ == "__main__":
    run_script(main)
