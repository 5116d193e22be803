"""The loopback Hub answers as the clients expect, where they do not ask in the other tests."""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.hub.messages import User
from tests.hub.repository import File, Repository
from tests.hub.server import HubServer


@pytest.fixture(scope="module")
def address():
    with HubServer({"hf_ada": User("ada")}) as hub:
        for name, private in (("open", False), ("closed", True)):
            repository = hub.repositories["models", f"ada/{name}"] = Repository(f"ada/{name}", "models", private)
            repository.head.files["a/b.txt"] = File(b"0123456789", is_lfs=False)
        yield hub.url


def ask(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urlopen(Request(url, headers=headers)) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except HTTPError as error:
        return error.code, error.read(), dict(error.headers)


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=10-", 416, b""),
    ],
)
def test_parts_of_a_file(address, asked, status, content):
    answer = ask(f"{address}/ada/open/resolve/main/a/b.txt", Range=asked)
    assert answer[:2] == (status, content)
    assert answer[2]["Content-Range"].startswith("bytes ")


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("ada/open/resolve/main/c.txt", {}, 404, "EntryNotFound"),
        ("ada/open/resolve/v9/a/b.txt", {}, 404, "RevisionNotFound"),
        ("ada/closed/resolve/main/a/b.txt", {}, 401, "RepoNotFound"),
        ("ada/nothing/resolve/main/a/b.txt", {"Authorization": "Bearer hf_ada"}, 404, "RepoNotFound"),
        ("ada/open/resolve/main/a/b.txt", {"Authorization": "Bearer hf_eve"}, 401, None),
        ("api/models/ada/open/tree/main/c", {}, 404, "EntryNotFound"),
    ],
)
def test_what_is_not_there_or_not_for_all(address, path, headers, status, code):
    answer = ask(f"{address}/{path}", **headers)
    assert (answer[0], answer[2].get("X-Error-Code")) == (status, code)


def test_the_owner_reads_what_is_private(address):
    answer = ask(f"{address}/ada/closed/resolve/main/a/b.txt", Authorization="Bearer hf_ada")
    assert answer[:2] == (200, b"0123456789")
    assert len(answer[2]["X-Repo-Commit"]) == 40
