"""Models written for other libraries: timm, torchvision and transformers."""

from __future__ import annotations

from .export import Exported, export_model
from .folders import free_folder
from .formats import EXPORTS, Export

__all__ = ["EXPORTS", "Export", "Exported", "export_model", "free_folder"]
