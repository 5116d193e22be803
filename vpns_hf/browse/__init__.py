"""A page in the browser to look at pruned models with, to try and to compare them."""

from __future__ import annotations

from ..utils.doors import door

# The extra `browse` may not be installed, and the page takes its time to import.
__all__, __getattr__ = door(
    __name__,
    {
        "answers": ["Asked", "answers_side_by_side"],
        "html": ["Line", "Markup", "Point", "Scale", "bars", "element", "lines", "scatter"],
        "classifying": [
            "LoadedModel",
            "LoadedModels",
            "classify",
            "load",
            "load_by_own_code",
        ],
        "comparison": ["Agreement", "RightAndWrong", "comparison_of", "option_rows", "right_and_wrong"],
        "details": ["card_text", "details_of", "loading_code"],
        "found": ["Found", "FoundModel", "models_below", "models_on_hub"],
        "overview": ["AXES", "COLUMNS", "chosen_models", "next_order", "overview_of", "short_names"],
        "page": ["Page"],
        "pictures": ["UploadedPictures", "read_picture"],
        "server": ["Address", "serve_as_space", "served"],
        "space": ["publish_space", "space_files"],
        "view": ["View"],
    },
)
