"""The results of a fleet as one table: Parquet, a row a reference, for DuckDB and whatever else reads it."""

import os
from collections.abc import Iterator
from typing import Any

from echo_migrate.files.source import reason_of
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet.store import Store

MISSING = "a table needs the extra: install echo-migrate[fleet]"
_TEXTS = ("path", "context", "raw", "resolved", "upstream", "state", "target", "basis", "reason")
_BATCH = 50_000


def write(path: str, store: Store) -> None:
    """Write the references of the last run, by repository and place. Raises ``NotWritten``."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise NotWritten(MISSING) from None
    text = arrow.string()
    names = ("repository", "revision", *_TEXTS)
    schema = arrow.schema([*((name, text) for name in names), ("line", arrow.int32()), ("reason_id", text)])
    part = f"{path}.{os.getpid()}.part"
    try:
        with parquet.ParquetWriter(part, schema, compression="zstd") as file:
            for rows in _batches(store):
                file.write_table(arrow.Table.from_pylist(rows, schema))
        os.replace(part, path)
    except OSError as error:
        raise NotWritten(f"{path}: could not be written: {reason_of(error)}") from None
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def _batches(store: Store) -> Iterator[list[dict[str, Any]]]:
    """Yield rows, as many at a time as fit into memory."""
    rows: list[dict[str, Any]] = []
    for entry in store.latest():
        found = store.get(entry["key"]) if entry.get("key") else None
        for one in found["inventory"]["references"] if found else ():
            texts = {name: _text(one.get(name)) for name in _TEXTS}
            reasons = one.get("reasons") or [{}]
            place = {"repository": _text(entry["repository"]), "revision": entry["revision"], "line": one.get("line")}
            rows.append(place | texts | {"reason_id": reasons[0].get("id")})
        if len(rows) >= _BATCH:
            yield rows
            rows = []
    yield rows


def _text(value: Any) -> str | None:
    """Return a text as Parquet takes it: names of files may have bytes that are no text."""
    return None if value is None else str(value).encode("utf-8", "replace").decode()
