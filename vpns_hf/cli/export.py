"""Write a model in ONNX, for MNN, or as timm, torchvision or transformers reads it: a pruned one with its zeros folded in, or a dense one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NoReturn

from .. import export
from ..backbones import BACKBONES, Published
from ..errors import InputError
from ..export import EXPORTS, Exported, export_model
from .parsing import OneLineParser, add_image_options, take_images

SHORT_NAMES = [name for name, source in BACKBONES.items() if isinstance(source, Published)]
NO_NAME = ""  # --int8 without a data set
OF_A_LAYOUT = ("model", "layout", "onnx", "mnn", "output_dir", "model_revision")


class ExportParser(OneLineParser):
    """Says where a model that is missing may have gone."""

    def error(self, message: str) -> NoReturn:
        """Exits; --int8 takes the word behind it, even where that was meant as the model."""
        pairs = zip(sys.argv[1:], sys.argv[2:], strict=False)
        taken = [word for option, word in pairs if option == "--int8" and not word.startswith("-")]
        if taken and message.endswith("required: MODEL"):
            message += f" (--int8 took {taken[0]} as its data set: give MODEL before the options)"
        super().error(message)


def main() -> None:
    """Exports a model as the command line says."""
    parser = export_parser()
    given = parser.parse_args()
    exported = _export_layout(given, parser) if given.layout else _export_runnable(given)
    print(f"{exported}\nWritten to {given.output_dir}")


def export_parser() -> ArgumentParser:
    """The options of `vpns export`."""
    parser = ExportParser(description=__doc__)
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="A pruned model, of which the visual prompt is left out; or an image classifier. Each by its Hub id or local "
        f"folder; the latter also by a file of weights, or one of {', '.join(SHORT_NAMES)}.",
    )
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument(
        "--layout",
        choices=list(EXPORTS),
        help="timm: model.safetensors and config.json. torchvision: model.pth, a state dict. transformers: a folder with "
        "an image processor.",
    )
    kind.add_argument(
        "--onnx",
        action="store_true",
        help="model.onnx, for programs without PyTorch, checked against the model in ONNX Runtime; with class names, an image "
        "processor, and a README that says how to classify a picture.",
    )
    kind.add_argument(
        "--mnn",
        action="store_true",
        help="model.mnn for the library MNN, checked, timed and accompanied in the same way; and model_sparse.mnn, smaller and "
        "faster or slower, of a model with layers of more than 60%% of zeros, which MNN can skip.",
    )
    parser.add_argument("--output_dir", required=True, type=Path, metavar="DIR", help="A folder that is new or empty.")
    parser.add_argument("--model_revision", metavar="NAME", help="Branch, tag or commit of a model on the Hub.")
    _add_runnable_options(parser)
    return parser


def _add_runnable_options(parser: ArgumentParser) -> None:
    parser.add_argument("--with_prompt", action="store_true", help="Make the visual prompt part of the files.")
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--int8",
        nargs="?",
        const=NO_NAME,
        metavar="DATASET",
        help="Write model_int8.onnx too, calibrated on 256 training images of this data set (a Hub id, a local folder or a "
        "short name), and measure the accuracy of both files and of the model on its test images.",
    )
    data.add_argument("--dataset_name", metavar="NAME", help="Measure that on this data set, without --int8.")
    add_image_options(parser)


def _export_layout(given: Namespace, parser: ArgumentParser) -> Exported:
    for name, value in vars(given).items():
        if name not in OF_A_LAYOUT and value != parser.get_default(name):
            raise InputError(
                f"--{name} goes with --onnx or --mnn; leave it out, or give one of these in the place of --layout"
            )
    return export_model(given.model, given.layout, given.output_dir, given.model_revision)


def _export_runnable(given: Namespace) -> export.RunnableExport:
    from ..jobs import export_for_mnn, export_in_onnx  # which need `datasets`, and the help does not

    is_int8 = given.int8 is not None
    if is_int8 and given.mnn:
        raise InputError(
            "--int8 goes with --onnx, there is no file of 8 bits for MNN; leave it out, or give --dataset_name to measure "
            "the accuracy"
        )
    if is_int8 and not given.int8:
        raise InputError("--int8 is calibrated on images of a data set; name it, as in --int8 digits")
    common = {
        "revision": given.model_revision,
        "prompted": given.with_prompt,
        "images": take_images(vars(given), given.int8 or given.dataset_name, "--int8 DATASET or --dataset_name"),
    }
    if given.mnn:
        return export_for_mnn(given.model, given.output_dir, **common)
    return export_in_onnx(given.model, given.output_dir, **common, int8=is_int8)
