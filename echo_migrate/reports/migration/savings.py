"""What the safe fixes save: the lines and files that they change, and the minutes that the edits would take by hand, as
a range, by a table of assumptions that the user can replace."""

from typing import Any, NamedTuple

from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.data import parse_yaml, read_data
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.reports import visible
from echo_migrate.reports.migration.figures import Figure, Index
from echo_migrate.reports.migration.rows import ReportRow

CLASSES = ("own", "elsewhere")
LARGEST = 100_000
LONGEST = 300
MOST = 100_000


class MinutesError(ValueError):
    """A table of minutes that cannot be used; the message says why."""


class Effort(NamedTuple):
    """A class of edits: what it is, the minutes for one, from and to, and the references that have such an edit."""

    what: str
    low: float
    high: float
    figure: Figure


class Savings(NamedTuple):
    """The edits of the safe fixes by class, the lines and files that they change, and the assumptions of the minutes;
    ``source`` is the file of the table, "" for the program's own."""

    efforts: tuple[Effort, ...]
    lines: Figure
    files: Figure
    assumptions: tuple[str, ...]
    source: str

    @property
    def minutes(self) -> tuple[float, float]:
        """The minutes of all edits by hand, from and to."""
        low = sum(one.low * one.figure.number for one in self.efforts)
        high = sum(one.high * one.figure.number for one in self.efforts)
        return low, high

    @property
    def hours(self) -> tuple[str, str]:
        """The hours of all edits by hand, from and to, with one digit."""
        low, high = self.minutes
        return f"{low / 60:.1f}", f"{high / 60:.1f}"

    @property
    def time(self) -> str:
        """How long all edits by hand take, as text: in minutes below an hour."""
        low, high = self.minutes
        return f"{low:.0f} to {high:.0f} minutes" if high < 60 else "{} to {} hours".format(*self.hours)


def savings(rows: list[ReportRow], path: str = "") -> Savings:
    """Return what the safe fixes save, by a user's table or the program's own. Raises ``MinutesError``."""
    index = Index(rows)
    data: Any = _table(path) if path else read_data("report/minutes.yaml")
    ready = ("state", "migrate")
    efforts = [
        Effort(visible(one["what"]), one["minutes"][0], one["minutes"][1], index.figure(ready, ("edit", name)))
        for name, one in data["classes"].items()
    ]
    assumptions = tuple(map(visible, data["assumptions"]))
    done = tuple(one for one in efforts if one.figure.number)
    return Savings(done, index.figure(ready, unit="lines"), index.figure(ready, unit="files"), assumptions, path)


def _table(path: str) -> Any:
    """Return a user's table, checked. Raises ``MinutesError``."""
    from echo_migrate.files.yaml import NotYaml
    from echo_migrate.files.yaml import bounded as nested

    try:
        text = contents(path, LARGEST).decode()
        nested(text)
        with bounded():
            data: Any = None if "<<" in text else parse_yaml(text)
    except (Unreadable, NotYaml) as error:
        raise MinutesError(f"{path}: {error}") from None
    except (Spent, Exception):  # PyYAML raises errors of several kinds
        raise MinutesError(f"{path}: is not valid YAML, or more of it than can be read") from None
    data = data if isinstance(data, dict) else {}
    classes = data.get("classes")
    if not isinstance(classes, dict) or set(classes) != set(CLASSES):
        raise MinutesError(f"{path}: classes must have {' and '.join(CLASSES)}")
    for name, one in classes.items():
        minutes = one.get("minutes") if isinstance(one, dict) else None
        if not isinstance(minutes, list) or len(minutes) != 2 or not all(map(_is_number, minutes)):
            raise MinutesError(f"{path}: {name}: minutes must be two numbers, from and to")
        if minutes[0] > minutes[1] or not _is_text(one.get("what")):
            raise MinutesError(f"{path}: {name}: needs what it is, and minutes from the lower to the higher")
    assumptions = data.get("assumptions")
    if not isinstance(assumptions, list) or not assumptions or not all(map(_is_text, assumptions)):
        raise MinutesError(f"{path}: assumptions must be a list of texts")
    return data


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST
