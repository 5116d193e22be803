"""The repositories of the loopback Hub, in memory: files, commits, branches, tags and what the card says."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import yaml

LARGE = 1_000_000  # bytes; smaller than on the Hub, so that tests need no large files
BINARY = (".safetensors", ".png", ".parquet")
DATE = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class File:
    """The content of a file; a large or binary one is kept as an object that a commit points to."""

    content: bytes
    is_lfs: bool

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n".encode()

    @cached_property
    def blob_id(self) -> str:
        stored = self.pointer if self.is_lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    @property
    def etag(self) -> str:
        """What `preupload` compares and downloads are cached by."""
        return self.sha256 if self.is_lfs else self.blob_id

    def entry(self, path: str) -> dict[str, Any]:
        """How listings show it."""
        shown = {"type": "file", "path": path, "size": len(self.content), "oid": self.blob_id}
        if self.is_lfs:
            shown["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": len(self.pointer)}
        return shown


def is_lfs(path: str, size: int) -> bool:
    return size > 0 and (size >= LARGE or path.endswith(BINARY))


@dataclass(frozen=True)
class Commit:
    """A state of all files, and which paths the client sent to get there."""

    summary: str
    files: Mapping[str, File]
    sent: frozenset[str]
    parent: str = ""

    @cached_property
    def oid(self) -> str:
        listing = "".join(f"{path} {file.blob_id}\n" for path, file in sorted(self.files.items()))
        return hashlib.sha1(f"{self.parent}\n{self.summary}\n{listing}".encode()).hexdigest()

    def tree(self, folder: str = "", recursive: bool = False) -> list[dict[str, Any]]:
        """The files and folders below `folder`; [] if there is no such folder."""
        prefix = f"{folder}/" if folder else ""
        below = {path: file for path, file in self.files.items() if path.startswith(prefix)}
        folders = {str(parent) for path in below for parent in PurePosixPath(path).parents} - {".", folder}
        entries = [_folder_entry(name) for name in sorted(folders) if name.startswith(prefix)]
        entries += [file.entry(path) for path, file in sorted(below.items())]
        return [entry for entry in entries if recursive or "/" not in entry["path"].removeprefix(prefix)]

    def info(self, path: str) -> dict[str, Any] | None:
        if path in self.files:
            return self.files[path].entry(path)
        return _folder_entry(path) if self.tree(path) else None


def _folder_entry(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(path.encode()).hexdigest()}


@dataclass
class Repository:
    """One model or data set; `kind` is models or datasets, as in the routes, `objects` large files by their sha-256."""

    id: str
    kind: str
    private: bool
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        attributes = File(b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n", is_lfs=False)
        self.commits.append(Commit("initial commit", {".gitattributes": attributes}, frozenset()))

    @property
    def owner(self) -> str:
        return self.id.partition("/")[0]

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def at(self, revision: str) -> Commit | None:
        """The commit a branch, tag or commit id names; None if there is none."""
        oid = self.tags.get(revision.removeprefix("refs/tags/"), revision)
        if revision.removeprefix("refs/heads/") == "main":
            return self.head
        return next((commit for commit in self.commits if commit.oid == oid), None)

    def commit(self, lines: Iterator[dict[str, Any]]) -> Commit:
        """Adds a commit from the lines of the request.

        Raises:
            KeyError: if it points to an object that was not uploaded, or deletes what is not there.
            ValueError: if it builds on a commit that is not the newest.
        """
        files, sent, summary = dict(self.head.files), set(), ""
        for line in lines:
            key, value = line["key"], line["value"]
            if key == "header":
                summary = value["summary"]
                if value.get("parentCommit", self.head.oid) != self.head.oid:
                    raise ValueError("A commit has happened since. Please refresh and try again.")
            elif key == "deletedFile":
                del files[value["path"]]
            elif key == "deletedFolder":
                files = {path: file for path, file in files.items() if not path.startswith(f"{value['path']}/")}
            else:
                content = self.objects[value["oid"]] if key == "lfsFile" else b64decode(value["content"])
                files[value["path"]] = File(content, is_lfs=key == "lfsFile")
                sent.add(value["path"])
        self.commits.append(Commit(summary, files, frozenset(sent), self.head.oid))
        return self.head

    def refs(self) -> dict[str, Any]:
        def ref(name: str, kind: str, oid: str) -> dict[str, str]:
            return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}

        tags = [ref(name, "tags", oid) for name, oid in self.tags.items()]
        return {"branches": [ref("main", "heads", self.head.oid)], "converts": [], "tags": tags}

    def card(self, commit: Commit) -> dict[str, Any]:
        """The YAML header of README.md."""
        readme = commit.files.get("README.md")
        return card_header(readme.content.decode()) if readme else {}

    def shown_tags(self, commit: Commit) -> list[str]:
        """The tags the Hub derives from the card."""
        card = self.card(commit)
        tags = [*card.get("tags", []), *_listed(card.get("library_name")), *_listed(card.get("pipeline_tag"))]
        tags += [f"dataset:{name}" for name in _listed(card.get("datasets"))]
        tags += [f"base_model:{name}" for name in _listed(card.get("base_model"))]
        return tags + [f"license:{name}" for name in _listed(card.get("license"))]

    def description(self, commit: Commit, with_sizes: bool = False) -> dict[str, Any]:
        """What `model_info` and the lists of repositories show."""
        card = self.card(commit)
        siblings = [
            {"rfilename": path, **(_sibling_sizes(file) if with_sizes else {})} for path, file in commit.files.items()
        ]
        shown = {
            **{"_id": hashlib.sha1(self.id.encode()).hexdigest()[:24], "id": self.id, "author": self.owner},
            **{
                "sha": commit.oid,
                "private": self.private,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
            },
            **{"createdAt": DATE, "lastModified": DATE, "tags": self.shown_tags(commit), "siblings": siblings},
            **{"cardData": card, "model-index": card.get("model-index")},
        }
        optional = {name: card[name] for name in ("pipeline_tag", "library_name") if name in card}
        config = commit.files.get("config.json")
        if config:
            fields = json.loads(config.content)
            optional["config"] = {name: fields.get(name) for name in ("architectures", "model_type")}
        return {**shown, **optional}


def card_header(text: str) -> dict[str, Any]:
    """The YAML header of a card; {} without one.

    Raises:
        yaml.YAMLError: if it cannot be read.
    """
    if not text.startswith("---\n"):
        return {}
    return yaml.safe_load(text.split("---\n")[1]) or {}


def _sibling_sizes(file: File) -> dict[str, Any]:
    lfs = {"size": len(file.content), "sha256": file.sha256, "pointerSize": len(file.pointer)}
    return {"size": len(file.content), "blobId": file.blob_id, **({"lfs": lfs} if file.is_lfs else {})}


def _listed(value: Any) -> list[str]:
    return [] if value is None else value if isinstance(value, list) else [value]
