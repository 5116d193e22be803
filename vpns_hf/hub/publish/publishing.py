"""Publishing a model on the Hub: one commit, which is tagged and may join a collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelInfo, get_token

from ...errors import InputError
from ...utils.hub_client import check_no_token, refusals

# What an earlier version may have left and this one would be mistaken for.
REPLACED = re.compile(r"[^/]+\.safetensors(\.index\.json)?|results\.json|recipe\.yaml|(plots|examples)/[^/]+\.png")
COLLECTION_SLUG = re.compile(r"[^/\s]+/\S+-[0-9a-f]{24}")
MESSAGE = "Publish a pruned model"


@dataclass(frozen=True)
class Destination:
    """Where a model goes.

    Attributes:
        repo_id: `owner/name`; the repository is made if it is not there.
        public: whether everybody may read it.
        tag: of the commit; None gives a new commit the next of v1, v2, ...
        collection: title or slug of a collection it joins; one of a new title is made.
    """

    repo_id: str
    public: bool = False
    tag: str | None = None
    collection: str | None = None


@dataclass(frozen=True)
class Publication:
    """What was published.

    Attributes:
        url: of the repository.
        commit: the 40 digits of the commit that holds the files.
        is_new: whether it was made now; False if the repository held the same files already.
        tag: a tag of the commit.
        collection: address of the collection, if it joined one.
    """

    url: str
    commit: str
    is_new: bool
    tag: str
    collection: str | None = None

    def __str__(self) -> str:
        state = "published" if self.is_new else "unchanged"
        joined = f", in {self.collection}" if self.collection else ""
        return f"{self.url}: {state}, {self.tag} at commit {self.commit[:8]}{joined}"


def publish(files: Mapping[str, Path | bytes], destination: Destination, token: str | None = None) -> Publication:
    """Uploads files as one commit, tags it and adds the repository to a collection.

    Files the repository holds already are not sent again, so that after a broken connection the same call goes on where
    it was. Files that somebody else put there stay.

    Args:
        files: {path in the repository: file or content}.
        destination: where they go.
        token: with write access; the one of the environment or of `hf auth login` if not given.

    Raises:
        InputError: if the Hub refuses or cannot be reached, the repository is public without `destination.public`, the tag
            names another commit, or a file contains the token. A tag of the newest commit is found to be taken only once
            the files have arrived as another; the same call with another tag then goes on.
    """
    with refusals(f"{destination.repo_id} could not be published", token):
        return _publish(HfApi(token=token), files, destination)


def check_access(owner: str, token: str | None = None) -> None:
    """Checks that the token is valid and belongs to a user who is, or is a member of, `owner`.

    Raises:
        InputError: if not, or if the Hub cannot be reached.
    """
    with refusals(f"nothing can be published as {owner}", token):
        user = HfApi(token=token).whoami()
        names = [user["name"], *(organization["name"] for organization in user.get("orgs", []))]
    if owner not in names:
        raise InputError(f"nothing can be published as {owner}: the token is of {', '.join(names)}; give one of these")
    if user.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise InputError(f"nothing can be published as {owner}: the token can only read; give one with write access")


def _publish(api: HfApi, files: Mapping[str, Path | bytes], destination: Destination) -> Publication:
    check_no_token(files, api.token or get_token())
    repo_id = destination.repo_id
    url = str(api.create_repo(repo_id, private=not destination.public, exist_ok=True))
    before = api.model_info(repo_id)
    if not destination.public and not before.private:
        raise InputError(f"{repo_id} is public already; add --public to publish there, or choose another id")
    tags, wanted = _Tags(api, repo_id), destination.tag
    taken = tags.commit(wanted)
    if taken not in (None, before.sha):
        raise InputError(f"the tag {wanted} of {repo_id} names another version; give another --tag")
    commit = api.create_commit(repo_id, _operations(files, before), commit_message=MESSAGE).oid
    if taken not in (None, commit):
        raise InputError(
            f"{repo_id} holds the files now, at commit {commit[:8]}, but the tag {wanted} names another version; "
            "give another --tag"
        )
    tag = tags.put(wanted or tags.next_version(commit), commit)
    if destination.public and before.private:
        api.update_repo_settings(repo_id, private=False)
    collection = _join(api, destination) if destination.collection is not None else None
    return Publication(url, commit, commit != before.sha, tag, collection)


def _operations(
    files: Mapping[str, Path | bytes], before: ModelInfo
) -> list[CommitOperationAdd | CommitOperationDelete]:
    """Returns what makes a repository hold the files; the client itself leaves out those that are there already."""
    there = [file.rfilename for file in before.siblings or []]
    stale = [path for path in there if REPLACED.fullmatch(path) and path not in files]
    return [
        *(CommitOperationAdd(path, content) for path, content in files.items()),
        *(CommitOperationDelete(path) for path in stale),
    ]


class _Tags:
    """The tags of a repository; what they name is asked for one by one, as commits."""

    def __init__(self, api: HfApi, repo_id: str) -> None:
        self.api, self.repo_id = api, repo_id
        self.names = {ref.name for ref in api.list_repo_refs(repo_id).tags}

    def commit(self, tag: str | None) -> str | None:
        """Returns the commit a tag names; None if there is no such tag."""
        return self.api.model_info(self.repo_id, revision=tag).sha if tag in self.names else None

    def next_version(self, commit: str) -> str:
        """Returns the highest of v1, v2, ... if it names the commit, else the one after it."""
        highest = max((int(name[1:]) for name in self.names if re.fullmatch(r"v[1-9]\d*", name)), default=0)
        return f"v{highest}" if self.commit(f"v{highest}") == commit else f"v{highest + 1}"

    def put(self, tag: str, commit: str) -> str:
        """Tags a commit, unless the tag is there; returns the tag."""
        if tag not in self.names:
            self.api.create_tag(self.repo_id, tag=tag, revision=commit)
        return tag


def _join(api: HfApi, destination: Destination) -> str:
    """Adds the repository to the collection of that title or slug; returns the address of the collection."""
    slug = destination.collection
    if not COLLECTION_SLUG.fullmatch(slug):
        owner = destination.repo_id.partition("/")[0]
        slug = api.create_collection(slug, namespace=owner, private=not destination.public, exists_ok=True).slug
    return api.add_collection_item(slug, destination.repo_id, item_type="model", exists_ok=True).url
