"""A small Hub on the loopback interface, for the real clients: repositories in memory, requests on record.

It follows the routes the clients use: creating, preupload, large files, commits, tags, listings, downloads with ranges,
private repositories, collections. A connection can be made to break in the middle of an upload.
"""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Container
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.messages import Refused, Reply, Request, User
from tests.hub.repository import Commit, File, Repository, is_lfs
from tests.hub.routes import ROUTES


class HubServer:
    """The Hub: start it with `with HubServer(...) as hub`.

    Attributes:
        users: who a token stands for.
        repositories: by (kind, id).
        collections: by slug.
        log: "METHOD path" of every request, in order.
        uploads: the sha-256 of every large file that arrived whole.
        broken: ordinals, counted from 0, of the large uploads whose connection breaks half way.
    """

    def __init__(self, users: dict[str, User], page_size: int = 2) -> None:
        self.users, self.page_size = users, page_size
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.collections: dict[str, dict[str, Any]] = {}
        self.log: list[str] = []
        self.uploads: list[str] = []
        self.broken: Container[int] = ()
        self.counter = itertools.count()
        self.is_closed = False
        self.lock = threading.RLock()

    def __enter__(self) -> HubServer:
        hub = self

        class Bound(Handler):
            server_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.is_closed = True
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def model(self, repo_id: str) -> Repository:
        return self.repositories["models", repo_id]

    def add_folder(self, repo_id: str, folder: Path) -> None:
        """Adds a public model that holds the files of a folder."""
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        made = {name: File(content, is_lfs(name, len(content))) for name, content in files.items()}
        repository = self.repositories["models", repo_id] = Repository(repo_id, "models", private=False)
        repository.commits.append(Commit("made by hand", made, frozenset(made)))

    def break_uploads(self, ordinals: Container[int]) -> None:
        """Breaks the connection in the middle of the large uploads of these ordinals, counted from now."""
        self.broken, self.counter = ordinals, itertools.count()

    def answer(self, request: Request) -> Reply:
        for method, pattern, route in ROUTES:
            match = pattern.fullmatch(request.path)
            if match and request.method in (method, method.replace("GET", "HEAD")):
                try:
                    with self.lock:
                        return route(
                            self, request, **{name: unquote(value or "") for name, value in match.groupdict().items()}
                        )
                except Refused as refused:
                    return refused.reply
        return Refused(404, "Sorry, we can't find the page you are looking for.").reply


class Handler(BaseHTTPRequestHandler):
    """Reads requests, and writes what the Hub answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_hub: HubServer

    def handle_any(self) -> None:
        hub, parts = self.server_hub, urlsplit(self.path)
        hub.log.append(f"{self.command} {unquote(parts.path)}")
        is_broken = self.command == "PUT" and parts.path.startswith("/lfs/") and next(hub.counter) in hub.broken
        if is_broken or hub.is_closed:  # connections that were kept open outlive the server
            self.rfile.read1(int(self.headers.get("Content-Length", 0)) // 2)
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        body = self.body()  # read in any case: what is left of it would be taken for the next request
        token = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if token and token not in hub.users:
            self.write(Refused(401, "Invalid credentials in Authorization header").reply)
            return
        query = parse_qs(parts.query, keep_blank_values=True)
        self.write(hub.answer(Request(self.command, parts.path, query, self.headers, body, hub.users.get(token))))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, *args: object) -> None:
        """Says nothing: the Hub keeps a log."""
