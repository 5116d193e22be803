"""Write a model as timm, torchvision or transformers reads it: a pruned one with its zeros folded in, or any dense one."""

from __future__ import annotations

from pathlib import Path

from ..backbones import BACKBONES, Published
from ..export import EXPORTS, export_model
from .parser import OneLineParser

SHORT_NAMES = [name for name, source in BACKBONES.items() if isinstance(source, Published)]


def main() -> None:
    """Exports a model as the command line says."""
    parser = OneLineParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="A pruned model, of which the visual prompt is left out; or an image classifier. Each by its Hub id or local "
        f"folder; the latter also by a file of weights, or one of {', '.join(SHORT_NAMES)}.",
    )
    parser.add_argument(
        "--layout",
        required=True,
        choices=list(EXPORTS),
        help="timm: model.safetensors and config.json. torchvision: model.pth, a state dict. transformers: a folder with "
        "an image processor.",
    )
    parser.add_argument("--output_dir", required=True, type=Path, metavar="DIR", help="A folder that is new or empty.")
    parser.add_argument("--model_revision", metavar="NAME", help="Branch, tag or commit of a model on the Hub.")
    given = parser.parse_args()
    exported = export_model(given.model, given.layout, given.output_dir, given.model_revision)
    print(f"{exported}\nWritten to {given.output_dir}")
