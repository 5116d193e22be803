"""Model repositories served on the loopback interface, as far as the clients need to download it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0" * 39 + "1"


@contextmanager
def serving(repositories: Mapping[str, Path]) -> Iterator[tuple[str, list[str]]]:
    """Serves each folder as the repository it is named by; gives the address of the Hub and the list that requests are added to."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            asked.append(f"{self.command} {path}")
            repo_id = next((name for name in repositories if f"/{name}/" in f"{path}/"), "")
            folder = repositories.get(repo_id, Path())
            file = folder / path.rpartition("/")[2]
            if repo_id and path in (f"/api/models/{repo_id}", f"/api/models/{repo_id}/revision/main"):
                siblings = [{"rfilename": file.name} for file in folder.iterdir()]
                info = {"id": repo_id, "sha": COMMIT, "tags": [], "siblings": siblings}
                self.answer(200, json.dumps(info).encode(), {})
            elif repo_id and path.startswith(f"/{repo_id}/resolve/") and file.is_file():
                content = file.read_bytes()
                self.answer(200, content, {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT})
            else:
                code = {"X-Error-Code": "EntryNotFound" if repo_id else "RepoNotFound", "X-Repo-Commit": COMMIT}
                self.answer(404, b"{}", code)

        do_HEAD = do_GET

        def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
