"""The table ``verify`` of a configuration: what is required of images, and who else may sign them.

    [verify."harbor.example.com/hardened"]
    require = ["signature", "provenance"]
    keys = ["keys/release.pub"]                                # paths, or the keys themselves
    identities = [{ issuer = "https://…", identity = "https://…" }]
    trusted-root = "keys/trusted_root.json"                    # for identities, in place of Sigstore's own

A row holds for images below its name alone. The file may come with a tree, so that it names files of that tree alone,
and what is verified by its keys is shown as such.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import click

from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.spelling import unknown_key
from echo_migrate.registry import names
from echo_migrate.registry.keys import public_key
from echo_migrate.registry.statements import Refused
from echo_migrate.registry.trust import KINDS, Identity, Policy, Signer

_KEYS = ("require", "keys", "identities", "trusted-root")
_PEM = "-----BEGIN "
_MOST = 50
"""The most keys, and the most identities, of a row."""


def rows(where: str, table: Any, path: str, allowed: Callable[[str], bool]) -> list[str]:
    """Return the rows of the table as JSON, with their files as absolute paths. Raises ``click.UsageError``.

    ``path`` is that of the configuration, and ``allowed`` tells whether it may name a file.
    """
    if not isinstance(table, dict):
        raise click.UsageError(f"{where}: verify must be a table")
    return [json.dumps(_row(f"{where}: verify: {names.printable(name)}", name, row, path, allowed))
            for name, row in table.items()]  # fmt: skip


def policies_of(values: tuple[str, ...]) -> tuple[Policy, ...]:
    """Return the policies that rows are, with the keys read. Raises ``click.UsageError``."""
    return tuple(map(_policy, map(json.loads, values)))


def _row(where: str, name: str, row: Any, path: str, allowed: Callable[[str], bool]) -> dict[str, Any]:
    host, _, rest = name.partition("/")
    if not names.is_host(host) or (rest and not names.PATH.fullmatch(rest)):
        raise click.UsageError(f"{where}: is not a registry, HOST[:PORT][/PREFIX]")
    if not isinstance(row, dict):
        raise click.UsageError(f"{where}: must be a table")
    for key in row.keys() - {*_KEYS}:
        raise click.UsageError(f"{where}: {unknown_key(names.printable(key), _KEYS)}")
    required = _texts(where, "require", row.get("require", []))
    for kind in required:
        if kind not in KINDS:
            raise click.UsageError(f"{where}: require: {names.printable(kind)!r}: known are {', '.join(KINDS)}")
    identities = row.get("identities", [])
    fits = isinstance(identities, list) and len(identities) <= _MOST and all(map(_is_identity, identities))
    if not fits:
        raise click.UsageError(f"{where}: identities must be a list of tables with issuer and identity, both texts")
    root = row.get("trusted-root", "")
    if not isinstance(root, str):
        raise click.UsageError(f"{where}: trusted-root must be a text")
    keys = _texts(where, "keys", row.get("keys", []))
    return {
        "prefix": f"{names.canonical(host)}/{rest}".rstrip("/"),
        "require": required,
        "keys": [key if key.startswith(_PEM) else _file(where, key, path, allowed) for key in keys],
        "identities": identities,
        "root": _file(where, root, path, allowed) if root else "",
        "source": os.path.relpath(path),
    }


def _is_identity(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"issuer", "identity"} and all(
        isinstance(one, str) and one for one in value.values()
    )  # fmt: skip


def _texts(where: str, key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _MOST or not all(isinstance(one, str) for one in value):
        raise click.UsageError(f"{where}: {key} must be a list of at most {_MOST} texts")
    return value


def _file(where: str, name: str, path: str, allowed: Callable[[str], bool]) -> str:
    """Return the path of a file that the configuration names."""
    full = os.path.join(os.path.dirname(os.path.abspath(path)), name)
    if "\0" in name or not allowed(full):
        raise click.UsageError(f"{where}: {names.printable(name)} must lie in the repository of this file")
    return full


def _policy(row: dict[str, Any]) -> Policy:
    source, signers = row["source"], []
    for key in row["keys"]:
        given = key.startswith(_PEM)
        shown = f"the key in {source}" if given else f"{os.path.relpath(key)}, named in {source}"
        where = shown if given else os.path.relpath(key)
        try:
            pem = key.encode() if given else contents(key)
            public_key(pem)
        except (Refused, Unreadable) as error:
            raise click.UsageError(f"{where}: {error}") from None
        signers.append(Signer(shown, (pem,)))
    if row["root"]:
        try:
            contents(row["root"])
        except Unreadable as error:
            raise click.UsageError(f"{os.path.relpath(row['root'])}: {error}") from None
    for one in row["identities"]:
        root = f" by the root of trust {os.path.relpath(row['root'])}" if row["root"] else ""
        by = f"{names.printable(one['identity'])}{root}, named in {source}"
        signers.append(Signer(by, identities=(Identity(**one),), root=row["root"]))
    return Policy(row["prefix"], tuple(signers), tuple(row["require"]), source)
