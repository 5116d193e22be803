from __future__ import annotations

import pytest
import torch
from PIL import Image

from tests.browse.made_up import found_in, made_up_run
from tests.helpers import hand_pictures
from tests.hub.conftest import client, hub, run_dir
from vpns_hf.browse import Found

__all__ = ["client", "found", "hub", "run_dir"]  # fixtures


@pytest.fixture(scope="session")
def found(tmp_path_factory) -> Found:
    """Three jobs: VPNs with two seeds, and SNIP by channel, whose models have no prompt."""
    vpns = {seed: [made_up_run(s, 0.9 - s / 20, 0.92 - s / 20, seed=seed) for s in (0.5, 0.9)] for seed in (7, 11)}
    snip = [made_up_run(0.7, 0.7, method="snip", granularity="channel", seed=9)]
    return found_in(tmp_path_factory.mktemp("found"), {"a": vpns[7], "b/c": vpns[11], "snip": snip})


@pytest.fixture
def image() -> Image.Image:
    pixels = (255 * hand_pictures(3, 20, 30)).to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())
