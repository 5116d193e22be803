from __future__ import annotations

import pytest

from tests.scripts.running import how_it_ends
from vpns_hf.cli.parsing import OneLineParser

TOKEN = "hf_" + "a1B2" * 9


@pytest.fixture
def parser() -> OneLineParser:
    parser = OneLineParser(prog="vpns do")
    parser.add_argument("--count", type=int)
    parser.add_argument("--kind", choices=["one", "two"])
    return parser


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--count", "many"], "argument --count: invalid int value: 'many'"),
        (["--kind", "three"], "argument --kind: invalid choice: 'three'"),
        (["stray"], "unrecognized arguments: stray"),
    ],
)
def test_what_is_wrong_is_one_line_and_code_2(parser, capsys, argv, words):
    line = how_it_ends(lambda: parser.parse_args(argv), capsys).refusal("vpns do")
    assert line.startswith(words)
    assert line.endswith("; see --help")


def test_no_token_is_repeated(parser, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["--tokn", TOKEN])
    assert TOKEN not in capsys.readouterr().err
