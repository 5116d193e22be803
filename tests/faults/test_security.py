"""Code of others is never run by reading a file, and only run from a repository when somebody asks for it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "vpns_hf").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")])
CODE_IN_DATA = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
SAFE_LOADERS = {"BaseLoader", "SafeLoader"}


@cache
def all_nodes() -> list[tuple[Path, ast.AST]]:
    trees = [(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES]
    return [(path, node) for path, tree in trees for node in ast.walk(tree)]


def nodes(kind: type[ast.AST]) -> list[tuple[Path, ast.AST]]:
    return [(path, node) for path, node in all_nodes() if isinstance(node, kind)]


@cache
def named_calls() -> list[tuple[str, Path, ast.Call]]:
    return [(ast.unparse(node.func), path, node) for path, node in nodes(ast.Call)]


def calls(*names: str) -> list[tuple[Path, ast.Call]]:
    """The calls of functions of these dotted names."""
    return [(path, node) for name, path, node in named_calls() if name in names]


def option(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(word.value) for word in call.keywords if word.arg == name), None)


def test_all_sources_are_looked_at():
    assert len(SOURCES) > 100
    assert calls("torch.load")


def test_nothing_that_runs_code_from_data_is_used():
    """Of these modules only the errors may be named, which torch raises when it refuses."""
    for path, node in nodes(ast.ImportFrom):
        if (node.module or "").partition(".")[0] in CODE_IN_DATA:
            assert {alias.name for alias in node.names} <= {"UnpicklingError"}, path
    for path, node in nodes(ast.Attribute):
        if ast.unparse(node.value) in CODE_IN_DATA:
            assert node.attr == "UnpicklingError", path


def test_tensors_are_loaded_without_code():
    for path, call in calls("torch.load", "torch.jit.load"):
        assert option(call, "weights_only") == "True", path
    for path, call in calls("np.load", "numpy.load"):
        assert option(call, "allow_pickle") in (None, "False"), path


def test_yaml_is_read_safely():
    assert not calls("yaml.unsafe_load", "yaml.full_load", "yaml.load_all")
    for path, call in calls("yaml.load"):
        assert (option(call, "Loader") or "").removeprefix("yaml.") in SAFE_LOADERS, path


def test_nothing_is_evaluated():
    assert [(path, call.lineno) for path, call in calls("eval", "exec", "os.system", "os.popen")] == []
    for path, call in nodes(ast.Call):
        assert option(call, "shell") in (None, "False"), path


def test_code_of_repositories_is_never_trusted_unasked():
    """Where the option is passed on it is a value that somebody gave, never True."""
    for path, call in nodes(ast.Call):
        assert option(call, "trust_remote_code") != "True", path
    for path, node in nodes(ast.FunctionDef):
        defaults = dict(zip([a.arg for a in node.args.args][::-1], node.args.defaults[::-1], strict=False))
        trusted = defaults.get("trust_remote_code")
        assert trusted is None or ast.unparse(trusted) in ("False", "None"), path


@pytest.mark.parametrize("name", ["extractall", "unpack_archive"])
def test_no_archive_is_unpacked(name):
    """None of the project's formats needs it; whoever adds one has to keep its paths in the folder, and say so here."""
    found = [path for path, node in nodes(ast.Call) if ast.unparse(node.func).rpartition(".")[2] == name]
    assert found == []


def test_tokens_come_from_the_environment_only():
    """No option of a command takes one, because commands are recorded in results and cards."""
    from dataclasses import fields

    from vpns_hf.jobs import InputArguments, VPNsTrainingArguments

    names = [field.name for kind in (InputArguments, VPNsTrainingArguments) for field in fields(kind)]
    assert [name for name in names if "token" in name or "password" in name or "secret" in name] == []
