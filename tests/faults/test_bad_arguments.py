"""Arguments of every kind of nonsense: code 2, no traceback, and what the user has stays as it is."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import fields
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers import contents, forget_accelerator
from tests.scripts.running import script_at
from tests.training_helpers import TINY_JOB, write_tiny_inputs
from vpns_hf.cli.script import run_script
from vpns_hf.jobs import VPNsTrainingArguments

pytestmark = pytest.mark.slow  # whole jobs

NUMBERS = ("int", "float", "int | None", "float | None")
NOT_PATHS = [field for field in fields(VPNsTrainingArguments) if not field.name.endswith(("_dir", "report_to"))]
NUMERIC = sorted(field.name for field in NOT_PATHS if field.type in NUMBERS)
NAMED = (
    *("method", "visual_prompt", "label_mapping", "granularity", "head"),
    *("mixed_precision", "cache_images", "on_bad_image"),
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
NO_NUMBER = WORDS.filter(lambda text: not _is_number(text) and text.strip() and not text.startswith("-"))
HUGE = st.sampled_from(["nan", "inf", "-inf", "-1", "-0.5", "1e400"])
BAD_OPTIONS = st.one_of(
    st.tuples(st.sampled_from(NUMERIC), NO_NUMBER | HUGE),
    st.tuples(st.sampled_from(NAMED), NO_NUMBER.map(lambda text: f"no-{text}")),
    st.tuples(st.just("sparsities"), st.sampled_from(["1", "-0.1", "nan", "2", "x", "1e9"])),
    st.tuples(st.just("resume_from_checkpoint"), NO_NUMBER.map(lambda text: f"nowhere/{text}")),
    st.tuples(WORDS.filter(str.isidentifier).map(lambda text: f"no_{text}"), WORDS),
)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def mine(tmp_path_factory) -> Path:
    """A model, a data set, and an output folder with somebody's results."""
    folder = tmp_path_factory.mktemp("mine")
    write_tiny_inputs(folder)
    (folder / "out").mkdir()
    (folder / "out" / "results.json").write_text("{}")
    return folder


def run(*argv: object) -> tuple[int, str]:
    """The exit code of scripts/prune.py and what it wrote to standard error."""
    forget_accelerator()
    errors, code = io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["prune.py", *map(str, argv)]),
        contextlib.redirect_stderr(errors),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            run_script(script_at("prune.py").main)
        except SystemExit as exit:
            code = exit.code
    return code, errors.getvalue()


@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(option=BAD_OPTIONS)
def test_nonsense_is_refused_in_one_line(mine, option):
    name, value = option
    before = contents(mine)
    named = ["--model_name_or_path", mine / "net", "--dataset_name", mine / "pictures", "--output_dir", mine / "out"]
    code, errors = run(*named, *TINY_JOB, f"--{name}={value}", "--overwrite_output_dir", "--dry_run")
    assert code == 2, (option, errors)
    assert "Traceback" not in errors
    assert errors.startswith("prune.py: error: ")
    assert errors.count("\n") == 1 or "\n" in value or "\r" in value or len(errors.splitlines()) == 1, errors
    assert contents(mine) == before
