"""Model cards, made from measured results and made anew with them, and the folder of cards of this project."""

from __future__ import annotations

from .index import add_card, index_page, write_index
from .licenses import LICENSES, check_license
from .merging import BEGIN, END
from .model_card import CARD, RESULTS, renewed_card, write_model_card
from .planned import PlannedModel, PlannedRelease
from .update import update_card

__all__ = [
    "BEGIN",
    "CARD",
    "END",
    "LICENSES",
    "RESULTS",
    "PlannedModel",
    "PlannedRelease",
    "add_card",
    "check_license",
    "index_page",
    "renewed_card",
    "update_card",
    "write_index",
    "write_model_card",
]
