"""Turn a checkpoint of the released code of VPNs into a model folder; of an args.json beside it, what it says is taken."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..conversion import NETWORKS
from ..models import VISUAL_PROMPTS
from .parsing import OneLineParser


def main() -> None:
    """Converts a checkpoint as the command line says."""
    given = parse_arguments()
    # What needs `datasets` is imported now, so that the help comes without it.
    from ..conversion import PromptFacts, convert_checkpoint, dataset_class_names, read_class_names
    from ..export import free_folder

    folder = free_folder(given.output_dir)
    names = None
    if given.class_names is not None:
        names = read_class_names(given.class_names)
    elif given.dataset_name is not None:
        names = dataset_class_names(given.dataset_name)
    prompt = PromptFacts(given.visual_prompt, given.prompt_size, given.image_size)
    conversion = convert_checkpoint(given.file, given.network, given.density, prompt, names)
    conversion.save(folder)
    print(f"{conversion}\nWritten to {given.output_dir}, without a card: nothing was measured")


def parse_arguments() -> Namespace:
    """Reads the command line of `vpns convert`."""
    parser = OneLineParser(description=__doc__)
    parser.add_argument("file", metavar="FILE", help="Such as 1best.pth. No code that it may hold is run.")
    parser.add_argument("--network", choices=NETWORKS, help="What it must be; recognised if not given.")
    parser.add_argument(
        "--density",
        type=float,
        help="Fraction of weights kept, in (0, 1], which the file does not hold; that of args.json.",
    )
    parser.add_argument("--output_dir", required=True, type=Path, metavar="DIR", help="A folder that is new or empty.")
    parser.add_argument("--visual_prompt", choices=VISUAL_PROMPTS, help="Where its mask fits several kinds.")
    parser.add_argument(
        "--prompt_size", type=int, metavar="PIXELS", help="Side of the square of a prompt at random places."
    )
    parser.add_argument(
        "--image_size",
        type=int,
        metavar="PIXELS",
        help="Side of pictures before the prompt; that after it if not given.",
    )
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--class_names", type=Path, metavar="FILE", help="Names of the classes, one per line.")
    names.add_argument(
        "--dataset_name",
        metavar="NAME",
        help="Data set whose classes they are, in its order: a Hub id, a local folder or a short name.",
    )
    return parser.parse_args()
