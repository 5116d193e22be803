"""Which models there are, below a folder or on the Hub, and what is known of each."""

from __future__ import annotations

from .folders import models_below
from .models import DENSE, Found, FoundModel
from .on_hub import TAG, models_on_hub

__all__ = ["DENSE", "TAG", "Found", "FoundModel", "models_below", "models_on_hub"]
