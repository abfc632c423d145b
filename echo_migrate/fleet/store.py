"""A folder of results, each of one repository at one revision: written once, whole, and never changed.

So a run that was stopped goes on where it was, and one that finds nothing new reads nothing again. The folder is on
this machine, or wherever fsspec reaches, such as ``s3://bucket/fleet``.
"""

import hashlib
import json
import os
from typing import Any, Protocol

from echo_migrate.files.source import Unreadable, contents, reason_of
from echo_migrate.files.write import NotWritten, replace

_LATEST = "latest.json"
_LOOKED = "looked.json"
_LARGEST = 200_000_000
MISSING = "this place needs the extra: install echo-migrate[fleet], and the package of fsspec for it"


class NotRead(Exception):
    """A file of a store may be there, and cannot be read; the message says why."""


class Store:
    """Results below a folder, or a URL of fsspec, by key. Raises ``NotWritten`` for a URL that cannot be used; whatever
    reads raises ``NotRead``."""

    def __init__(self, folder: str) -> None:
        self.is_local = "://" not in folder
        self.folder = os.path.abspath(folder) if self.is_local else folder.rstrip("/")
        self.shown = self.folder if self.is_local else "the store"  # a URL may have a login
        self._place: _Place = _Folder(self.folder) if self.is_local else _Elsewhere(self.folder)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the result under a key, None if there is none, or it is torn."""
        found = self._read(_name(key))
        listed = found.get("inventory") if found else None
        rows = listed.get("references") if isinstance(listed, dict) else None
        return (
            found if isinstance(rows, list) and all(isinstance(row, dict) and "state" in row for row in rows) else None
        )

    def put(self, key: str, result: dict[str, Any]) -> None:
        """Keep a result. Raises ``NotWritten``."""
        self._write(_name(key), result)

    def latest(self) -> list[dict[str, Any]]:
        """Return an entry for each repository of the last run: its name, revision, key and error."""
        found = (self._read(_LATEST) or {}).get("repositories")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def put_latest(self, entries: list[dict[str, Any]]) -> None:
        """Keep the entries of a run. Raises ``NotWritten``."""
        self._write(_LATEST, {"version": 1, "repositories": entries})

    def looked(self) -> dict[str, Any] | None:
        """Return what is remembered of the last look at the store: ``entries`` as ``latest`` has them, and ``told``,
        which are texts; None if there was none."""
        found = self._read(_LOOKED) or {}
        entries, told = found.get("entries"), found.get("told")
        if not isinstance(entries, list) or not isinstance(told, list):
            return None
        known = [one for one in entries if isinstance(one, dict)], [one for one in told if isinstance(one, str)]
        return {"entries": known[0], "told": known[1]}

    def put_looked(self, look: dict[str, Any]) -> None:
        """Remember a look. Raises ``NotWritten``."""
        self._write(_LOOKED, look)

    def _read(self, name: str) -> dict[str, Any] | None:
        data = self._place.read(name)
        try:
            found = json.loads(data) if data is not None else None
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def _write(self, name: str, data: dict[str, Any]) -> None:
        self._place.write(name, f"{json.dumps(data, ensure_ascii=True, indent=1, sort_keys=True)}\n".encode())


def key(*parts: str) -> str:
    """Return the key of a result: a hash of all that decides it."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _name(key: str) -> str:
    return f"results/{key[:2]}/{key}.json"


class _Place(Protocol):
    """Where files are kept, by name."""

    def read(self, name: str) -> bytes | None:
        """Return a file, None if it is not there. Raises ``NotRead``."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file. Raises ``NotWritten``."""


class _Folder:
    """Files below a folder, each written whole or not at all."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        path = os.path.join(self._folder, name)
        try:
            return contents(path, _LARGEST)
        except Unreadable as error:
            if os.path.lexists(path):
                raise NotRead(f"{path}: {error}") from None
            return None

    def write(self, name: str, data: bytes) -> None:
        path = os.path.join(self._folder, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise NotWritten(f"{path}: could not be written: {reason_of(error)}") from None
        replace(path, data)


class _Elsewhere:
    """Files below a URL. Object stores write a file whole; of others, one that is torn is no JSON, and made again.

    What clients raise is their own, and may have a login in its text: its type alone is said.
    """

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs

            self._files, self._root = url_to_fs(url)
        except ImportError:
            raise NotWritten(MISSING) from None
        except Exception as error:
            raise NotWritten(f"the store cannot be used ({type(error).__name__})") from None

    def read(self, name: str) -> bytes | None:
        try:
            data = self._files.cat_file(f"{self._root}/{name}", end=_LARGEST)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise NotRead(f"the store could not be read ({type(error).__name__})") from None
        return data if isinstance(data, bytes) else None

    def write(self, name: str, data: bytes) -> None:
        path = f"{self._root}/{name}"
        try:
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, data)
        except Exception as error:
            raise NotWritten(f"the store could not be written ({type(error).__name__})") from None
