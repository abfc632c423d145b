"""The history of a report: one record a run, whatever else runs or was killed; and what it shows."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.reports.migration import history, render
from echo_migrate.reports.migration.chart import HEIGHT, WIDTH, chart
from echo_migrate.reports.migration.figures import IN_SCOPE, ORDER
from echo_migrate.reports.migration.history import HistoryError, Record, append, read, trend
from tests.conftest import ROOT, Run
from tests.test_report import document, row
from tests.test_schemas import validator

DAYS = ("2026-09-01", "2026-09-15", "2026-10-20", "2026-11-27")
WRITE = """
import sys
from echo_migrate.reports.migration.history import Record, append
for number in range(int(sys.argv[2])):
    append(sys.argv[1], Record("2026-11-27", "", sys.argv[3], (number, 0, 0, 0, 0, 0)))
"""


def record(day: str = DAYS[0], hardened: int = 0, subject: str = "x") -> Record:
    return Record(day, "ab" * 20, subject, (hardened, 5, 7, 1, 0, 2))


@pytest.fixture(params=["file", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "history.jsonl") if request.param == "file" else f"{tmp_path / 'history'}/"


def test_what_is_appended_is_read(place: str) -> None:
    records = [record(day, number) for number, day in enumerate(DAYS)]
    for one in reversed(records):
        append(place, one)
    assert read(place) == (records, 0)


def test_runs_at_the_same_time_lose_nothing(place: str) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, place, "8", str(number)], cwd=ROOT) for number in range(3)
    ]
    assert [one.wait() for one in writers] == [0] * 3
    records, others = read(place)
    assert others == 0
    assert sorted((one.subject, one.states[0]) for one in records) == [(str(n), i) for n in range(3) for i in range(8)]


def test_two_runs_make_the_folder_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = os.mkdir

    def behind_another(folder: str, mode: int = 0o777) -> None:
        mkdir(folder, mode)
        mkdir(folder, mode)

    place = f"{tmp_path}/of/history/"
    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", behind_another)
        append(place, record())
    assert read(place) == ([record()], 0)


def test_killed_runs_leave_what_others_wrote(place: str) -> None:
    append(place, record(hardened=41))
    writer = subprocess.Popen([sys.executable, "-c", WRITE, place, "1000000", "killed"], cwd=ROOT)
    while len(read(place)[0]) < 3:
        assert writer.poll() is None
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    append(place, record(hardened=42))
    records, others = read(place)
    assert [one.states[0] for one in records if one.subject == "x"] == [41, 42]
    assert others <= 1


@pytest.mark.parametrize("torn", [b'{"version": 1, "da', b"\xff\xfe", b"{}", b"[" * 50_000, b"\n\n", b"9" * 30_000])
def test_a_torn_line_costs_only_itself(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "h"
    append(str(path), record(hardened=1))
    with path.open("ab") as file:
        file.write(torn)
    append(str(path), record(hardened=2))
    records, others = read(str(path))
    assert [one.states[0] for one in records] == [1, 2]
    assert others == bool(torn.strip())


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"date": "2026-13-40"},
        {"date": 5},
        {"revision": "<script>"},
        {"states": []},
        {"states": {"hardened": -1}},
        {"states": {"hardened": True}},
        {"states": {"hardened": 10**30}},
        {"subject": None},
    ],
)
def test_what_is_no_record_is_passed_over(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "h"
    path.write_text(json.dumps(json.loads(record().line) | changes) + "\n")
    assert read(str(path)) == ([], 1)


def test_what_is_no_history_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("target")
    for name in ("pipe", "link", "no/such/file"):
        with pytest.raises(HistoryError, match=name):
            append(str(tmp_path / name), record())
    assert not (tmp_path / "target").exists()
    monkeypatch.setattr(history, "_PATIENCE", 0.0)
    with (tmp_path / "held").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(HistoryError, match="another run"):
            append(str(tmp_path / "held"), record())
    monkeypatch.setattr(history, "LARGEST", 100)
    with pytest.raises(HistoryError, match="larger"):
        append(str(tmp_path / "small"), record())
    monkeypatch.setattr(history, "MOST_FILES", 1)
    for _ in range(2):
        append(f"{tmp_path}/many/", record())
    with pytest.raises(HistoryError, match="more than"):
        read(str(tmp_path / "many"))


def test_a_trend_is_of_the_same_subject_one_record_a_day() -> None:
    records = [record(DAYS[0], 1), record(DAYS[0], 2), record(DAYS[1], 3, "other"), record(DAYS[3], 9)]
    last = record(DAYS[2], 4)
    assert trend(records, last) == [record(DAYS[0], 2), last]


@settings(max_examples=50)
@given(st.dictionaries(st.dates(), st.lists(st.integers(0, 10**6), min_size=6, max_size=6), min_size=2, max_size=9))
def test_a_chart_stays_within_itself(days: dict[object, list[int]]) -> None:
    records = sorted(Record(str(day), "", "", tuple(numbers)) for day, numbers in days.items())
    drawn = chart(records)
    assert [state for state, _ in drawn.areas] == list(IN_SCOPE)
    assert drawn.highest == max(1, *(sum(one.states[ORDER.index(state)] for state in IN_SCOPE) for one in records))
    assert (drawn.days[0], drawn.days[-1]) == (0, WIDTH)
    for _, points in drawn.areas:
        places = [tuple(map(int, point.split(","))) for point in points.split()]
        assert len(places) == 2 * len(records)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)


def test_each_run_adds_one_record_and_the_page_shows_the_trend(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nFROM redis:7-alpine\n")
    words = ("report", "--history", "h.jsonl", "Dockerfile", "--output", "r.json", "--output", "r.html", "-q")
    assert run(*words, "--today", DAYS[0]).returncode == 0
    assert "One record so far" in (tmp_path / "r.html").read_text()
    assert run("fix", "-q", "Dockerfile").returncode == 0
    for _ in range(2):
        done = run(*words, "--today", DAYS[3])
        assert (done.returncode, done.stderr) == (0, b"")
        page = (tmp_path / "r.html").read_text()
        assert f"Since {DAYS[0]}: hardened from 0 to 1, left from 2 to 1." in page
    data = json.loads((tmp_path / "r.json").read_text())
    validator("migration").validate(data)
    assert [(one["date"], one["states"]["hardened"]) for one in data["trend"]] == [(DAYS[0], 0), (DAYS[3], 1)]
    assert (tmp_path / "h.jsonl").read_text().count("\n") == 3
    (tmp_path / "h.jsonl").write_text("what is this\n")
    assert b"passed over 1 line or file with no record" in run(*words).stderr
    failed = run("report", "--history", "no/h", "Dockerfile", "--output", "r.md")
    assert (failed.returncode, b"no/h: could not be written" in failed.stderr) == (2, True)
    assert (tmp_path / "r.md").exists()


def test_markdown_has_the_records() -> None:
    made = document([row(1)])._replace(trend=[record(DAYS[0], 1), record(DAYS[1], 3)])
    text = render("markdown", made)
    assert "| 2026-09-15 | `abababababab` | 3 | 5 | 7 | 1 | 0 | 2 |" in text
