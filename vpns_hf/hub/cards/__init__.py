"""Model cards: made from measured results."""

from __future__ import annotations

from .model_card import VPNsModelCardData, write_model_card

__all__ = ["VPNsModelCardData", "write_model_card"]
