"""Write the index of model_cards/ anew, after adding the card of a model if one is given."""

from __future__ import annotations

from pathlib import Path

from vpns_hf.errors import InputError
from vpns_hf.hub.card_index import add_card, write_index
from vpns_hf.hub.command_line import cards_parser
from vpns_hf.hub.run_folder import find_models
from vpns_hf.scripting import run_script

CARDS = Path(__file__).parents[1] / "model_cards"


def main() -> None:
    given = cards_parser(__doc__, CARDS).parse_args()
    if given.add is not None:
        models = find_models(given.add)
        if len(models) > 1 or given.name is None:
            raise InputError(
                f"--add is {given.add}; give one model folder, such as {models[0].folder}, and its --name"
            )
        print(f"Added {add_card(models[0], given.cards_dir, given.name, given.license)}")
    write_index(given.cards_dir)
    print(f"Written: {given.cards_dir / 'README.md'}")


if __name__ == "__main__":
    run_script(main)
