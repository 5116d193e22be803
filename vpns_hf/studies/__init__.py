"""Many jobs as one."""

from __future__ import annotations

from ..utils.doors import door

__all__, __getattr__ = door(
    __name__,
    {
        "transfer": ["Transfer"],
        "transfer_table": ["Matrix"],
    },
)
