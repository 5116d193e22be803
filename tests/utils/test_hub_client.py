from __future__ import annotations

import pytest
from huggingface_hub.errors import HTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

from vpns_hf import InputError
from vpns_hf.utils.hub_client import refusals, without_tokens


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionError("refused"), r"the connection to http\S+ broke \(refused\); try again"),
        (HTTPError(""), r"the connection to http\S+ broke \(HTTPError\)"),
        (RuntimeError("Error while uploading 'x'"), r"broke \(Error while uploading 'x'\)"),
        (
            LocalTokenNotFoundError("Token is required"),
            "there is no token; log in with `hf auth login`, or set HF_TOKEN",
        ),
        (OfflineModeIsEnabled("off"), "HF_HUB_OFFLINE is set; unset it"),
        (
            ValueError("Invalid metadata in README.md.\n- no such licence"),
            r"Invalid metadata in README\.md\. - no such",
        ),
        (OSError("sent hf_abcd1234 and s3cret"), "sent <token> and <token>"),
    ],
)
def test_errors_become_one_line(error, words):
    with (
        pytest.raises(InputError, match=f"^nothing is published: .*{words}") as refused,
        refusals("nothing is published", "s3cret"),
    ):
        raise error
    assert "\n" not in str(refused.value)


def test_a_wrong_input_stays_as_it_is():
    with pytest.raises(InputError, match=r"^give another$"), refusals("nothing is published"):
        raise InputError("give another")


def test_tokens_are_hidden_and_other_words_are_not():
    assert without_tokens("vpns_hf hf_hub hf_AbCd1234 mine", "mine") == "vpns_hf hf_hub <token> <token>"
