"""What a pushed repository carries must be flat and import nothing of the package around it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from transformers.dynamic_module_utils import get_relative_import_files, get_relative_imports

import vpns_hf.models

FOLDER = Path(vpns_hf.models.__file__).parent
FILES = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")


def imports_of(file: Path) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))]


def siblings_of(file: Path) -> set[str]:
    return {node.module for node in imports_of(file) if isinstance(node, ast.ImportFrom) and node.level}


def test_the_folder_is_flat():
    assert FILES
    assert not [path for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_relative_imports_name_a_sibling(file):
    for node in imports_of(file):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
            assert node.module, "`from . import x` is not carried"
            assert (FOLDER / f"{node.module}.py").is_file()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_of_the_package_is_imported_by_name(file):
    absolute = [node for node in imports_of(file) if not getattr(node, "level", 0)]
    roots = {alias.name for node in absolute if isinstance(node, ast.Import) for alias in node.names}
    roots |= {node.module for node in absolute if isinstance(node, ast.ImportFrom)}
    assert "vpns_hf" not in {root.partition(".")[0] for root in roots}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_regex_of_transformers_sees_the_same_imports(file):
    """It reads the text, so an import shown in a docstring would count too."""
    assert set(get_relative_imports(file)) == siblings_of(file)


def test_the_model_reaches_its_siblings():
    reached = {Path(path).name for path in get_relative_import_files(str(FOLDER / "modeling_vpns.py"))}
    assert reached == {
        "channels.py",
        "checksums.py",
        "classes.py",
        "configuration_vgg.py",
        "configuration_vpns.py",
        "masked_layers.py",
        "modeling_vgg.py",
        "normalisation.py",
        "sparse_storage.py",
        "stock.py",
        "visual_prompts.py",
        "weight_index.py",
        "whole_numbers.py",
    }
