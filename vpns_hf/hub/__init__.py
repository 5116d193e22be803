"""Pruned models on the Hub: their names, folders, cards, publishing and listing."""

from __future__ import annotations

from .fetching import FetchedModel, fetch_model

__all__ = ["FetchedModel", "fetch_model"]
