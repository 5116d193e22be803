"""HTML in which nothing that comes from a file can be taken for HTML."""

from __future__ import annotations

import html


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *content: str | None, **attributes: object) -> Markup:
    """Returns an element; content that is no `Markup` is escaped, attributes always are.

    Args:
        name: of the element.
        content: what stands in it; None for nothing.
        attributes: `class_` for class, `data_model` for data-model; True for one without a value, None or False for none.
    """
    written = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    return Markup(f"<{name}{written}>{joined(*content)}</{name}>")


def joined(*content: str | None) -> Markup:
    """Returns pieces of content one behind the other."""
    return Markup("".join(_content(piece) for piece in content if piece is not None))


def picture(data: str, description: str, **attributes: object) -> Markup:
    """Returns an image; `data` is its address, `description` what a reader without eyes is told."""
    written = "".join(_attribute(key, value) for key, value in {"src": data, "alt": description, **attributes}.items())
    return Markup(f"<img{written}>")


def _content(piece: str) -> str:
    return piece if isinstance(piece, Markup) else html.escape(piece)


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
