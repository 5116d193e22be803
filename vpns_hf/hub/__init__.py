"""What a pruned model needs to live on the Hub: its card."""

from __future__ import annotations

from .model_card import VPNsModelCardData, write_model_card

__all__ = ["VPNsModelCardData", "write_model_card"]
