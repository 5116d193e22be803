"""Images are decoded once and kept, on disk and perhaps on the device; or decoded again where there is no room."""

from __future__ import annotations

from ...utils.doors import door

__all__, __getattr__ = door(
    __name__,
    {
        "contents": ["ALL", "CachedSplit", "list_caches", "remove_caches"],
        "copies": ["NOT_IN_A_STREAM", "count_copies"],
        "device_memory": ["DATA_ON_DEVICE", "on_device"],
        "disk_space": ["CACHING", "DiskSpace", "default_cache_dir"],
        "entries": ["CacheRecord", "DamagedError", "EntryWriter", "load_record", "open_images"],
        "on_the_fly": ["UncachedImages"],
        "readable": ["readable_rows"],
        "store": ["ImageStore", "cache_images"],
    },
)
