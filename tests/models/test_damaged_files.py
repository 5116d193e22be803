"""Files that changed on the way are refused in one line, whatever part of them it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.helpers import tiny_model
from vpns_hf import VPNsForImageClassification

WEIGHTS = "model.safetensors"
FLIPS = 40  # of each part of the file


def saved(folder: Path, **options: object) -> Path:
    tiny_model().save_pretrained(folder, **options)
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises((ValueError, OSError)) as caught:
        VPNsForImageClassification.from_pretrained(folder)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("sparse", [True, False])
def test_a_flipped_bit_anywhere_is_noticed(sparse, tmp_path):
    file = saved(tmp_path, sparse=sparse) / WEIGHTS
    content, generator = file.read_bytes(), random.Random(0)
    header = 8 + int.from_bytes(content[:8], "little")
    positions = [generator.randrange(8 * 8) for _ in range(FLIPS)]
    positions += [generator.randrange(8 * 8, 8 * header) for _ in range(FLIPS)]
    positions += [generator.randrange(8 * header, 8 * len(content)) for _ in range(FLIPS)]
    for position in positions:
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        file.write_bytes(changed)
        message = refusal(tmp_path)
        assert WEIGHTS in message, position
        assert "\n" not in message, position


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.999])
def test_a_file_cut_short_is_noticed(part, tmp_path):
    file = saved(tmp_path) / WEIGHTS
    content = file.read_bytes()
    file.write_bytes(content[: int(part * len(content))])
    assert WEIGHTS in refusal(tmp_path)


def test_bytes_after_the_end_are_noticed(tmp_path):
    file = saved(tmp_path) / WEIGHTS
    file.write_bytes(file.read_bytes() + b"\0")
    assert WEIGHTS in refusal(tmp_path)


def test_a_flipped_bit_in_one_of_several_files_is_noticed(tmp_path):
    saved(tmp_path, max_shard_size="4KB")
    for file in sorted(tmp_path.glob("*.safetensors")):
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert "has changed since it was saved" in refusal(tmp_path)
        file.write_bytes(content)
    VPNsForImageClassification.from_pretrained(tmp_path)


def test_a_file_of_another_model_among_several_is_noticed(tmp_path):
    saved(tmp_path / "one", max_shard_size="4KB")
    tiny_model(seed=1).save_pretrained(tmp_path / "two", max_shard_size="4KB")
    name = sorted(path.name for path in (tmp_path / "one").glob("*.safetensors"))[0]
    (tmp_path / "one" / name).write_bytes((tmp_path / "two" / name).read_bytes())
    refusal(tmp_path / "one")


def test_a_missing_file_among_several_is_named(tmp_path):
    saved(tmp_path, max_shard_size="4KB")
    file = sorted(tmp_path.glob("*.safetensors"))[0]
    file.unlink()
    assert file.name in refusal(tmp_path)
