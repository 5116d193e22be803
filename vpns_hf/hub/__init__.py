"""Pruned models on the Hub: cards here; publishing (`sweep`, `publishing`) and browsing (`listing`) in their modules."""

from __future__ import annotations

from .model_card import VPNsModelCardData, write_model_card

__all__ = ["VPNsModelCardData", "write_model_card"]
