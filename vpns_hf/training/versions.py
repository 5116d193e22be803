"""The versions a result was computed with."""

from __future__ import annotations

import platform
from importlib import metadata

PACKAGES = ("vpns_hf", "torch", "transformers", "accelerate", "datasets", "huggingface_hub", "safetensors")


def package_versions() -> dict[str, str]:
    """Returns {package: version} of what has a part in a result, Python included; packages not installed are left out."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
