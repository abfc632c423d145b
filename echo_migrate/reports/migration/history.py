"""The history of a migration: one record a run, and what they have become over time.

A history is a file with a record a line, or a folder with a file a record, whichever merges better where it is kept. A
run that is killed leaves at most a line that is no record, which the next run ends and every reader passes over; runs
at the same time wait for each other. A record has the figures of its day: its references are in that day's report.
"""

import contextlib
import json
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

from echo_migrate.files.source import Unreadable, contents, reason_of
from echo_migrate.files.write import NotWritten, created
from echo_migrate.reports.migration.figures import ORDER, Report

LARGEST = 20_000_000
LARGEST_RECORD = 20_000
MOST_FILES = 10_000
"""The limits of a history: of a file in bytes, of one record in characters, and of the records of a folder."""

_PATIENCE = 10.0
"""Seconds that a run waits for others to write theirs."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_REVISION = re.compile(r"[0-9a-f]{0,64}")


class HistoryError(ValueError):
    """A history that cannot be read or written; the message says why."""


class Record(NamedTuple):
    """The figures of one run: the references by state, in the order of ``ORDER``. ``subject`` is what was counted: the
    provider and the paths, so that only what can be compared is."""

    date: str
    revision: str
    subject: str
    states: tuple[int, ...]

    @property
    def line(self) -> str:
        """The record as one line of JSON."""
        states = dict(zip(ORDER, self.states, strict=True))
        fields = {"version": 1, "date": self.date, "revision": self.revision, "subject": self.subject, "states": states}
        return json.dumps(fields, separators=(", ", ": "))

    def number(self, *states: str) -> int:
        """Return the number of references in some states."""
        return sum(self.states[ORDER.index(state)] for state in states)


def record_of(report: Report, day: str) -> Record:
    """Return the record of a report."""
    about = dict(report.about)
    states = tuple(report.states[state].number for state in ORDER)
    return Record(day, about.get("commit", ""), f"{about.get('provider', '')}: {about.get('paths', '')}", states)


def append(path: str, record: Record) -> None:
    """Add a record to a history, which is made if there is none. Raises ``HistoryError``."""
    data = f"{record.line}\n".encode()
    if os.path.isdir(path) or path.endswith("/"):
        name = f"{record.date}-{time.time_ns():020}-{os.urandom(4).hex()}.json"
        try:
            with created(os.path.join(path, name), data):
                return
        except NotWritten as error:
            raise HistoryError(f"{path}: {error}") from None
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        try:
            _write(path, file, data)
        finally:
            os.close(file)
    except OSError as error:
        raise HistoryError(f"{path}: could not be written: {reason_of(error)}") from None


def read(path: str) -> tuple[list[Record], int]:
    """Return the records of a history, in order, and how many of its lines or files are none. Raises
    ``HistoryError``."""
    texts = list(_texts(path))
    found = [_parsed(text) for text in texts if text.strip()]
    records = [record for record in found if record]
    return sorted(records, key=lambda record: record.date), len(found) - len(records)


def trend(records: Iterable[Record], last: Record) -> list[Record]:
    """Return the records that can be compared with the last one, one a day: that day's last."""
    by_day = {record.date: record for record in records if record.subject == last.subject and record.date <= last.date}
    by_day[last.date] = last
    return [by_day[day] for day in sorted(by_day)]


def _write(path: str, file: int, data: bytes) -> None:
    """Append to an open file, alone, behind what a killed run may have left. Raises ``HistoryError``."""
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise HistoryError(f"{path}: is not a regular file")
    try:
        import fcntl
    except ImportError:
        raise HistoryError(f"{path}: could not be written: not on Windows") from None
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                raise HistoryError(f"{path}: another run holds it") from None
            time.sleep(0.02)
    size = os.fstat(file).st_size
    if size + len(data) > LARGEST:
        raise HistoryError(f"{path}: is larger than {LARGEST // 1_000_000} MB")
    broken = size and os.pread(file, 1, size - 1) != b"\n"
    os.write(file, b"\n" * bool(broken) + data)
    os.fsync(file)


def _texts(path: str) -> Iterator[str]:
    try:
        if not os.path.isdir(path):
            yield from contents(path, LARGEST).decode("utf-8", "replace").split("\n")
            return
        names = sorted(name for name in os.listdir(path) if name.endswith(".json"))
    except (OSError, Unreadable) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise HistoryError(f"{path}: {(why or str(error)).lower()}") from None
    if len(names) > MOST_FILES:
        raise HistoryError(f"{path}: has more than {MOST_FILES:,} records")
    for name in names:
        text = "?"
        with contextlib.suppress(Unreadable):
            text = contents(os.path.join(path, name), LARGEST_RECORD).decode("utf-8", "replace")
        yield text


def _parsed(text: str) -> Record | None:
    """Return the record that a text is, None if it is none."""
    if len(text) > LARGEST_RECORD:
        return None
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("version") != 1:
        return None
    day, revision, subject = (data.get(key) for key in ("date", "revision", "subject"))
    if not isinstance(day, str) or not isinstance(revision, str) or not isinstance(subject, str):
        return None
    states = data.get("states")
    if not _DATE.fullmatch(day) or not _REVISION.fullmatch(revision) or not isinstance(states, dict):
        return None
    numbers = tuple(states.get(state, 0) for state in ORDER)
    known = all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 10**9 for one in numbers)
    try:
        date.fromisoformat(day)
    except ValueError:
        return None
    return Record(day, revision, subject, numbers) if known else None
