"""A folder of results, each of one repository at one revision: written once, whole, and never changed.

So a run that was stopped goes on where it was, and one that finds nothing new reads nothing again.
"""

import hashlib
import json
import os
from typing import Any

from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.write import NotWritten, replace

_LATEST = "latest.json"


class Store:
    """Results below a folder, by key."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the result under a key, None if there is none, or it cannot be read."""
        return _read(self._path(key))

    def put(self, key: str, result: dict[str, Any]) -> None:
        """Keep a result. Raises ``NotWritten``."""
        self._write(self._path(key), result)

    def latest(self) -> list[dict[str, Any]]:
        """Return an entry for each repository of the last run: its name, revision, key and error."""
        found = (_read(os.path.join(self.folder, _LATEST)) or {}).get("repositories")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def put_latest(self, entries: list[dict[str, Any]]) -> None:
        """Keep the entries of a run. Raises ``NotWritten``."""
        self._write(os.path.join(self.folder, _LATEST), {"version": 1, "repositories": entries})

    def _path(self, key: str) -> str:
        return os.path.join(self.folder, "results", key[:2], f"{key}.json")

    def _write(self, path: str, data: dict[str, Any]) -> None:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise NotWritten(f"{path}: could not be written: {(error.strerror or str(error)).lower()}") from None
        replace(path, f"{json.dumps(data, ensure_ascii=True, indent=1, sort_keys=True)}\n".encode())


def key(*parts: str) -> str:
    """Return the key of a result: a hash of all that decides it."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _read(path: str) -> dict[str, Any] | None:
    try:
        found = json.loads(contents(path, 200_000_000))
    except (Unreadable, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
