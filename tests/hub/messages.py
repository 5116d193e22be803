"""What goes over the wire of the loopback Hub: who asks for what, and the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class User:
    """Who a token stands for, and what it allows."""

    name: str
    organizations: tuple[str, ...] = ()
    can_write: bool = True

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.name, *self.organizations)


@dataclass(frozen=True)
class Reply:
    """An answer to a request."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Any, status: int = 200, **headers: str) -> Reply:
        return cls(status, json.dumps(content).encode(), {"Content-Type": JSON, **headers})


class Refused(Exception):
    """Ends a request with an error, as the Hub words it."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        shown = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **headers}
        self.reply = Reply.of({"error": message}, status, **shown)


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Any
    body: bytes
    user: User | None

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def flag(self, name: str) -> bool:
        return self.query.get(name, ["false"])[0].lower() in ("true", "1")
