"""The option ``--history``: a run's record is added to a history, and what it has become over time is told."""

from echo_migrate.cli.output import say
from echo_migrate.reports import plural
from echo_migrate.reports.migration import history
from echo_migrate.reports.migration.history import Record


def trend(path: str, record: Record) -> list[Record] | None:
    """Add a record to a history; return those that can be compared with it, None if that could not be done."""
    try:
        history.append(path, record)
        records, others = history.read(path)
    except history.HistoryError as error:
        say(str(error))
        return None
    if others:
        say(f"{path}: passed over {plural(others, 'line or file', 'lines or files')} with no record")
    return history.trend(records, record)
