"""The routes of the loopback Hub: a function each, and the table of which request goes where."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

import yaml

from tests.hub.messages import Refused, Reply, Request, User
from tests.hub.repository import DATE, Commit, Repository, card_header, is_lfs

if TYPE_CHECKING:
    from tests.hub.server import HubServer


def is_member(user: User | None, namespace: str) -> bool:
    return user is not None and namespace in user.namespaces


def check_may_write(user: User | None, namespace: str) -> None:
    if user is None:
        raise Refused(401, "Invalid username or password.")
    if not user.can_write or not is_member(user, namespace):
        raise Refused(403, f'You don\'t have the rights to write under the namespace "{namespace}"')


def readable(hub: HubServer, request: Request, kind: str, repo_id: str) -> Repository:
    """The repository, if this user may read it."""
    repository = hub.repositories.get((kind, repo_id))
    if repository is not None and (not repository.private or is_member(request.user, repository.owner)):
        return repository
    if request.user is None:
        raise Refused(401, "Invalid username or password.", "RepoNotFound")
    raise Refused(404, "Repository not found", "RepoNotFound")


def writable(hub: HubServer, request: Request, kind: str, repo_id: str) -> Repository:
    """The repository, if this user may write to it."""
    repository = readable(hub, request, kind, repo_id)
    check_may_write(request.user, repository.owner)
    return repository


def commit_at(repository: Repository, revision: str) -> Commit:
    commit = repository.at(revision or "main")
    if commit is None:
        raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def whoami(hub: HubServer, request: Request) -> Reply:
    if request.user is None:
        raise Refused(401, "Invalid username or password.")
    role = "write" if request.user.can_write else "read"
    organizations = [{"type": "org", "name": name} for name in request.user.organizations]
    token = {"type": "access_token", "accessToken": {"displayName": "tests", "role": role}}
    return Reply.of({"type": "user", "name": request.user.name, "orgs": organizations, "auth": token})


def create(hub: HubServer, request: Request) -> Reply:
    asked = request.json()
    kind = f"{asked.get('type') or 'model'}s"
    owner = asked.get("organization") or (request.user.name if request.user else "")
    check_may_write(request.user, owner)
    repo_id = f"{owner}/{asked['name']}"
    url = f"{hub.url}/{'' if kind == 'models' else f'{kind}/'}{repo_id}"
    if (kind, repo_id) in hub.repositories:
        return Reply.of({"error": "You already created this repo", "url": url}, 409)
    hub.repositories[kind, repo_id] = Repository(repo_id, kind, asked.get("visibility") == "private")
    return Reply.of({"url": url, "id": repo_id})


def preupload(hub: HubServer, request: Request, kind: str, repo_id: str, revision: str) -> Reply:
    files = writable(hub, request, kind, repo_id).head.files
    told = []
    for asked in request.json()["files"]:
        path, current = asked["path"], files.get(asked["path"])
        mode = "lfs" if is_lfs(path, asked["size"]) else "regular"
        told.append(
            {"path": path, "uploadMode": mode, "shouldIgnore": False, **({"oid": current.etag} if current else {})}
        )
    return Reply.of({"files": told})


def batch(hub: HubServer, request: Request, prefix: str, repo_id: str) -> Reply:
    there = writable(hub, request, "datasets" if prefix else "models", repo_id).objects
    objects = []
    for asked in request.json()["objects"]:
        upload = {"href": f"{hub.url}/lfs/{prefix}{repo_id}/{asked['oid']}"}
        verify = {"href": f"{hub.url}/{prefix}{repo_id}.git/info/lfs/verify"}
        missing = {} if asked["oid"] in there else {"actions": {"upload": upload, "verify": verify}}
        objects.append({"oid": asked["oid"], "size": asked["size"], **missing})
    return Reply.of({"transfer": "basic", "objects": objects})


def store(hub: HubServer, request: Request, prefix: str, repo_id: str, oid: str) -> Reply:
    if hashlib.sha256(request.body).hexdigest() != oid:
        raise Refused(400, "the content does not have this checksum")
    hub.repositories["datasets" if prefix else "models", repo_id].objects[oid] = request.body
    hub.uploads.append(oid)
    return Reply(headers={"ETag": f'"{oid}"'})


def verify(hub: HubServer, request: Request, prefix: str, repo_id: str) -> Reply:
    there, asked = writable(hub, request, "datasets" if prefix else "models", repo_id).objects, request.json()
    if len(there.get(asked["oid"], b"")) != asked["size"]:
        raise Refused(404, "Object not found")
    return Reply()


def commit(hub: HubServer, request: Request, kind: str, repo_id: str, revision: str) -> Reply:
    repository = writable(hub, request, kind, repo_id)
    commit_at(repository, revision)
    try:
        made = repository.commit(map(json.loads, request.body.splitlines()))
    except KeyError as missing:
        raise Refused(400, f"{missing} is not there") from missing
    except ValueError as outdated:
        raise Refused(412, str(outdated)) from outdated
    return Reply.of({"success": True, "commitOid": made.oid, "commitUrl": f"{hub.url}/{repo_id}/commit/{made.oid}"})


def validate_yaml(hub: HubServer, request: Request) -> Reply:
    try:
        card_header(request.json()["content"])
    except yaml.YAMLError as error:
        return Reply.of({"errors": [{"message": str(error)}], "warnings": []}, 400)
    return Reply.of({"errors": [], "warnings": []})


def info(hub: HubServer, request: Request, kind: str, repo_id: str, revision: str = "") -> Reply:
    repository = readable(hub, request, kind, repo_id)
    return Reply.of(repository.description(commit_at(repository, revision), request.flag("blobs")))


def resolve(hub: HubServer, request: Request, prefix: str, repo_id: str, revision: str, path: str) -> Reply:
    repository = readable(hub, request, "datasets" if prefix else "models", repo_id)
    at = commit_at(repository, revision)
    file = at.files.get(path)
    if file is None:
        raise Refused(404, "Entry not found", "EntryNotFound", **{"X-Repo-Commit": at.oid})
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": at.oid, "Accept-Ranges": "bytes"}
    headers |= {"Content-Type": "application/octet-stream"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if not asked:
        return Reply(200, file.content, headers)
    size = len(file.content)
    first = int(asked[1]) if asked[1] else size - int(asked[2])
    last = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
    if first > last:
        return Reply(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
    return Reply(206, file.content[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{size}"})


def tree(hub: HubServer, request: Request, kind: str, repo_id: str, revision: str, folder: str) -> Reply:
    at = commit_at(readable(hub, request, kind, repo_id), revision)
    entries = at.tree(folder, request.flag("recursive"))
    if folder and not entries:
        raise Refused(404, f"{folder} does not exist", "EntryNotFound", **{"X-Repo-Commit": at.oid})
    return Reply.of(entries)


def paths_info(hub: HubServer, request: Request, kind: str, repo_id: str, revision: str) -> Reply:
    at = commit_at(readable(hub, request, kind, repo_id), revision)
    if "json" in request.headers.get("Content-Type", ""):
        paths = request.json()["paths"]
    else:
        paths = parse_qs(request.body.decode()).get("paths", [])
    return Reply.of([entry for path in paths if (entry := at.info(path.rstrip("/")))])


def list_repositories(hub: HubServer, request: Request, kind: str) -> Reply:
    asked = request.query
    wanted = set(asked.get("filter", [])) | set(asked.get("pipeline_tag", []))
    author, search = asked.get("author", [""])[0], asked.get("search", [""])[0].lower()
    found = [
        repository.description(repository.head)
        for (of_kind, repo_id), repository in hub.repositories.items()
        if of_kind == kind
        and (not repository.private or is_member(request.user, repository.owner))
        and author in ("", repository.owner)
        and search in repo_id.lower()
        and wanted <= set(repository.shown_tags(repository.head))
    ]
    start = int(asked.get("cursor", ["0"])[0])
    page, rest = found[start : start + hub.page_size], found[start + hub.page_size :]
    pairs = [f"{name}={quote(value)}" for name, values in asked.items() if name != "cursor" for value in values]
    following = f"{hub.url}/api/{kind}?{'&'.join([*pairs, f'cursor={start + hub.page_size}'])}"
    return Reply.of(page, **({"Link": f'<{following}>; rel="next"'} if rest else {}))


def refs(hub: HubServer, request: Request, kind: str, repo_id: str) -> Reply:
    return Reply.of(readable(hub, request, kind, repo_id).refs())


def tag(hub: HubServer, request: Request, kind: str, repo_id: str, revision: str) -> Reply:
    repository = writable(hub, request, kind, repo_id)
    name, at = request.json()["tag"], commit_at(repository, revision)
    if name in repository.tags:
        raise Refused(409, f"Tag reference exists already: {name}")
    repository.tags[name] = at.oid
    return Reply()


def settings(hub: HubServer, request: Request, kind: str, repo_id: str) -> Reply:
    repository = writable(hub, request, kind, repo_id)
    asked = request.json()
    visibility = asked.get("visibility", "private" if asked.get("private") else "public")
    repository.private = visibility == "private"
    return Reply.of({"private": repository.private, "visibility": visibility})


def create_collection(hub: HubServer, request: Request) -> Reply:
    asked = request.json()
    check_may_write(request.user, asked["namespace"])
    words = re.sub(r"[^a-z0-9]+", "-", asked["title"].lower()).strip("-")
    number = hashlib.sha1(asked["title"].encode()).hexdigest()[:24]
    slug = f"{asked['namespace']}/{words}-{number}"
    if slug in hub.collections:
        return Reply.of({"error": "This collection already exists", "slug": slug}, 409)
    hub.collections[slug] = {
        **{"slug": slug, "title": asked["title"], "owner": {"name": asked["namespace"]}, "items": []},
        **{"private": asked.get("private", False), "theme": "blue", "upvotes": 0, "lastUpdated": DATE},
    }
    return Reply.of({**hub.collections[slug], "position": 0})


def _collection(hub: HubServer, request: Request, slug: str) -> dict[str, Any]:
    collection = hub.collections.get(slug)
    if collection is None or (collection["private"] and not is_member(request.user, collection["owner"]["name"])):
        raise Refused(404, "Collection not found")
    return collection


def collection(hub: HubServer, request: Request, slug: str) -> Reply:
    return Reply.of({**_collection(hub, request, slug), "position": 0})


def add_item(hub: HubServer, request: Request, slug: str) -> Reply:
    found = _collection(hub, request, slug)
    check_may_write(request.user, found["owner"]["name"])
    item = request.json()["item"]
    if any(known["id"] == item["id"] for known in found["items"]):
        raise Refused(409, "This item is in the collection already")
    readable(hub, request, f"{item['type']}s", item["id"])
    number = hashlib.sha1(item["id"].encode()).hexdigest()[:24]
    found["items"].append({"_id": number, "id": item["id"], "type": item["type"], "position": len(found["items"])})
    return Reply.of({**found, "position": 0})


def _route(method: str, path: str, route: Callable[..., Reply]) -> tuple[str, re.Pattern[str], Callable[..., Reply]]:
    """`KIND`, `ID`, `REV`, `PATH`, `PREFIX` and `SLUG` stand for the parts a route is told."""
    names = {
        "KIND": r"(?P<kind>models|datasets|spaces)",
        "ID": r"(?P<repo_id>[^/]+/[^/]+?)",
        "REV": r"(?P<revision>[^/]+)",
        "PATH": r"(?P<path>.+)",
        "PREFIX": r"(?P<prefix>(?:datasets/)?)",
        "FOLDER": r"(?:/(?P<folder>.*))?",
        "SLUG": r"(?P<slug>[^/]+/[^/]+)",
        "OID": r"(?P<oid>[0-9a-f]{64})",
    }
    return method, re.compile(re.sub("|".join(names), lambda word: names[word[0]], path)), route


ROUTES = [
    _route("GET", "/api/whoami-v2", whoami),
    _route("POST", "/api/repos/create", create),
    _route("POST", "/api/validate-yaml", validate_yaml),
    _route("POST", "/api/KIND/ID/preupload/REV", preupload),
    _route("POST", "/PREFIXID.git/info/lfs/objects/batch", batch),
    _route("POST", "/PREFIXID.git/info/lfs/verify", verify),
    _route("PUT", "/lfs/PREFIXID/OID", store),
    _route("POST", "/api/KIND/ID/commit/REV", commit),
    _route("GET", "/api/KIND/ID/refs", refs),
    _route("POST", "/api/KIND/ID/tag/REV", tag),
    _route("PUT", "/api/KIND/ID/settings", settings),
    _route("GET", "/api/KIND/ID/tree/REVFOLDER", tree),
    _route("POST", "/api/KIND/ID/paths-info/REV", paths_info),
    _route("GET", "/api/KIND/ID/revision/REV", info),
    _route("GET", "/api/KIND/ID", info),
    _route("GET", "/api/KIND", list_repositories),
    _route("GET", "/PREFIXID/resolve/REV/PATH", resolve),
    _route("POST", "/api/collections", create_collection),
    _route("POST", "/api/collections/SLUG/items", add_item),
    _route("GET", "/api/collections/SLUG", collection),
]
