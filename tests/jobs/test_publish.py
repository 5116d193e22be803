from __future__ import annotations

import re
import shlex

import pytest

from tests.command_parsing import parse
from tests.helpers import refusal
from vpns_hf import InputError
from vpns_hf.jobs import InputArguments, VPNsTrainingArguments, check_publishable, publish, publish_run


def refuse(*_: object, **__: object) -> None:
    raise InputError("the Hub refuses")


@pytest.mark.parametrize(
    ("wishes", "options"),
    [({}, ""), ({"public": True, "collection": "My nets"}, " --public --collection 'My nets'")],
)
def test_what_the_hub_refuses_can_be_published_later_by_a_command_that_is_said(monkeypatch, tmp_path, wishes, options):
    monkeypatch.setattr(publish, "plan_repositories", refuse)
    inputs = InputArguments("some/net", "digits", hub_model_id="me/net-{sparsity}", **wishes)
    line = refusal(lambda: list(publish_run(tmp_path / "out", inputs)))
    command = re.fullmatch(r"the Hub refuses; the results are complete, publish them with (.+)", line)[1]
    assert command == f"vpns push {tmp_path / 'out'} --hub_model_id 'me/net-{{sparsity}}'{options}"
    parse("vpns push", shlex.split(command)[2:])


def test_the_license_is_looked_at_before_a_job_begins():
    inputs = InputArguments("net", "data", hub_model_id="me/net", license="apache2")
    with pytest.raises(InputError, match=r"did you mean apache-2\.0"):
        check_publishable(inputs, VPNsTrainingArguments())
