"""The report of a fleet: over a store that ``fleet`` has filled from real clones, and over many repositories."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cmarkgfm
import pytest

from echo_migrate.fleet.store import Store
from echo_migrate.reports.fleet import FORMATS, UNREADABLE, Fleet, fleet, render
from echo_migrate.reports.migration.history import Record
from tests.chromium import Browser, chromium
from tests.conftest import Run
from tests.test_fleet import made
from tests.test_report import HOSTILE
from tests.test_schemas import validator

DAY = ("--today", "2026-11-27")
MANY = 10_000
OF_TREES = (("--online",), ("--deep",), ("--provider", "echo"), ("--registry", "x"), ("--mapping", "x"))
STRANGE: list[Any] = [7, [], {}, {"state": "odd"}, {"state": []}]


def result(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """An entry of a store, and its result."""
    states = ("hardened", "migrate", "needs-person", "no-replacement", "first-party", "local")
    references = [
        {
            "path": f"src/{place}/Dockerfile",
            "state": states[(number + place) % 6],
            "upstream": ("python", "node", "redis")[place % 3],
            "reasons": [{"id": ("ended", "digest")[place % 2], "message": "x", "remedy": "y"}],
        }
        for place in range(20)
    ]
    owners = {one["path"]: [f"@acme/team-{number % 50}"] for one in references[:15]}
    entry = {
        "repository": f"acme/service-{number}",
        "url": "https://git.example.com/x",
        "revision": "a" * 40,
        "key": "k",
    }
    return entry, {"inventory": {"references": references}, "owners": owners}


def hostile(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    one = {"path": "x", "state": "needs-person", "upstream": text, "reasons": [{"id": text, "message": text}]}
    entry = {"repository": text, "url": f"javascript:{text}", "revision": text, "error": None}
    return entry, {"inventory": {"references": [one]}, "owners": {"x": [text, text]}}


def summed(asked: Fleet, **values: str) -> int:
    return sum(
        row.number
        for row in asked.rows
        if all(
            value in row.owners if name == "owner" else getattr(row, name) == value for name, value in values.items()
        )
    )


def test_of_real_clones(run: Run, tmp_path: Path) -> None:
    clones = tmp_path / "clones"
    owners = {"CODEOWNERS": "* @acme/all\ndeploy/ @acme/ops\n"}
    made(
        clones / "api",
        {
            "Dockerfile": "FROM python:3.12\n",
            "deploy/compose.yaml": "services: {a: {image: redis:8-alpine}}\n",
            **owners,
        },
    )
    made(clones / "acme" / "web", {"Dockerfile": "FROM reg.echohq.com/node:22\n"})
    (clones / "broken" / ".git").mkdir(parents=True)
    assert run("fleet", str(clones), "--store", "store", *DAY).returncode == 2
    words = ("report", "--store", "store", *DAY, "--output", "r.html", "--output", "r.json", "--output", "r.md")
    done = run(*words)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    data = json.loads((tmp_path / "r.json").read_text())
    validator("fleet-report").validate(data)
    assert data["percent_hardened"] == 33
    shown = {one["repository"]: (one["percent_hardened"], bool(one["error"])) for one in data["repositories"]}
    assert shown == {"acme/web": (100, False), "api": (0, False), "broken": (None, True)}
    assert {one["name"]: sum(one["states"].values()) for one in data["owners"]} == {
        "@acme/all": 1,
        "@acme/ops": 1,
        "(no owner) acme/web": 1,
    }
    (tmp_path / "clones" / "api" / "Dockerfile").write_text("FROM reg.echohq.com/python:3.12\n")
    first = [(tmp_path / name).read_bytes() for name in ("r.html", "r.md")]
    run(*words, "-q")
    assert first == [(tmp_path / name).read_bytes() for name in ("r.html", "r.md")], "the same bytes"


def test_a_trend_is_of_what_can_be_compared(run: Run, tmp_path: Path) -> None:
    for name in ("api", "web"):
        made(tmp_path / "clones" / name, {"Dockerfile": "FROM python:3.12\n"})

    def days(day: str, clones: str = "clones", *words: str) -> list[str]:
        run("fleet", clones, "--store", "store", "--today", day, *words)
        asked = ("report", "--store", "store", "--history", "h.jsonl", "--today", day, "--output-format", "json")
        done = run(*asked)
        assert done.returncode == 0, done.stderr
        assert (b"h.jsonl: no record is added, 1 repository could not be read" in done.stderr) is (day == "2026-11-05")
        return [one["date"][-2:] for one in json.loads(done.stdout)["trend"]]

    assert days("2026-11-01") == ["01"]
    assert days("2026-11-02") == ["01", "02"]
    assert days("2026-11-03", "clones", "--provider", "docker") == ["03"], "another provider"
    (tmp_path / "list").write_text("clones/web\n")
    assert days("2026-11-04", "list") == ["04"], "another list"
    head = tmp_path / "clones" / "web" / ".git" / "HEAD"
    known = head.read_text()
    head.write_text("ref: refs/heads/none\n")
    assert days("2026-11-05") == [], "a repository could not be read"
    head.write_text(known)
    assert days("2026-11-06") == ["01", "02", "06"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((".", "--store", "store"), b"give no paths"),
        *(((*words, "--store", "store"), b"it does not go with --store") for words in OF_TREES),
        *((("--store", one), b"has no results") for one in ("nowhere", "store", "memory://me:secret@bucket/x")),
        (("--store", "nonsense://x"), b"the store cannot be used"),
    ],
)
def test_misuse_is_told(run: Run, tmp_path: Path, words: tuple[str, ...], says: bytes) -> None:
    (tmp_path / "store").mkdir()
    done = run("report", *words)
    assert says in done.stderr
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr
    assert b"secret" not in done.stderr


def test_every_figure_is_the_sum_of_its_rows() -> None:
    asked = fleet(result(number) for number in range(60))  # each state, and owners of two repositories
    assert sum(asked.total.states.values()) == sum(row.number for row in asked.rows)
    for name, groups in (("repository", asked.repositories), ("owner", asked.owners), ("upstream", asked.upstreams)):
        for group in groups:
            for state, number in group.states.items():
                assert number == summed(asked, state=state, **{name: group.name})
    assert sum(group.left for group in asked.reasons) == asked.total.number("needs-person")
    lefts = [group.left for group in asked.repositories]
    assert lefts == sorted(lefts, reverse=True)


@pytest.mark.parametrize(
    "content",
    [
        *(None, {}, {"inventory": None}, {"inventory": {}}, {"inventory": {"references": None}}),
        *({"inventory": {"references": [one]}} for one in STRANGE),
        {"inventory": {"references": [{"state": "hardened", "path": []}]}, "owners": {}},
        {"inventory": {"references": [{"state": "needs-person", "reasons": [7]}]}},
        {"inventory": {"references": [{"state": "hardened"}]}, "owners": []},
    ],
)
def test_a_result_of_another_form_is_not_believed(content: Any) -> None:
    asked = fleet([({"repository": "a", "key": "x"}, content), result(1)])
    assert [(one.name, one.error) for one in asked.failed] == [("a", UNREADABLE)]
    for format in FORMATS:
        assert "acme/service-1" in render(format, asked)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def shown(browser: Browser) -> int:
    return int(browser.run("return document.getElementById('shown').dataset.count"))


def test_ten_thousand_repositories_are_one_page(browser: Browser, tmp_path: Path) -> None:
    asked = fleet(result(number) for number in range(MANY))
    path = tmp_path / "fleet.html"
    path.write_text(render("html", asked), encoding="utf-8")
    assert path.stat().st_size < 8_000_000
    browser.size(1280, 900)
    browser.open(path)
    assert browser.console() == []
    assert shown(browser) == sum(asked.total.states.values())
    assert len(browser.all("#rows tbody tr")) == 100
    wrong = browser.run(
        """
        const status = document.getElementById("shown"), wrong = [];
        const figures = [...document.querySelectorAll("a.figure")];
        const some = figures.filter((_, number) => number % 7 === 0);
        for (const figure of some) {
          history.replaceState(null, "", figure.getAttribute("href"));
          dispatchEvent(new HashChangeEvent("hashchange"));
          if (status.dataset.count !== figure.textContent) wrong.push(figure.getAttribute("href"));
        }
        return some.length > 50 ? wrong : ["only " + some.length];
        """
    )
    assert wrong == []


def test_the_list_is_searched_chosen_from_and_sorted(browser: Browser, tmp_path: Path) -> None:
    asked = fleet(result(number) for number in range(300))
    path = tmp_path / "fleet.html"
    path.write_text(render("html", asked), encoding="utf-8")
    browser.open(path)
    for name, value in (("owner", "@acme/team-7"), ("state", "hardened"), ("upstream", "node")):
        browser.run(
            """
            const [name, value] = arguments;
            history.replaceState(null, "", "#state=");
            dispatchEvent(new HashChangeEvent("hashchange"));
            const options = [...document.querySelectorAll("#filters option")];
            const select = options.find((one) => one.value === value).parentElement;
            select.value = value;
            select.dispatchEvent(new Event("change"));
            """,
            name,
            value,
        )
        assert shown(browser) == summed(asked, **{name: value})
    browser.run(
        """
        const search = document.querySelector("#filters input");
        search.value = "SERVICE-29";
        search.dispatchEvent(new Event("input"));
        """
    )
    assert shown(browser) == sum(
        row.number for row in asked.rows if row.upstream == "node" and "service-29" in row.repository
    )
    for descending in (False, True):
        browser.run("document.querySelector('#rows th[data-key=count] button').click()")
        counts = browser.run("return [...document.querySelectorAll('#rows td.count')].map((one) => +one.textContent)")
        assert counts == sorted(counts, reverse=descending)
    assert browser.console() == []


@pytest.mark.parametrize("width", [1280, 400])
def test_hostile_texts_are_texts(browser: Browser, tmp_path: Path, width: int) -> None:
    records = [Record(f"2026-11-0{day}", "", "fleet", (day, 0, 0, 0, 0, 0)) for day in (1, 2)]
    failed = {"repository": f"{HOSTILE[1]} failed", "error": HOSTILE[0]}
    asked = fleet([*map(hostile, HOSTILE), (failed, None)])._replace(trend=records)
    text = render("html", asked)
    path = tmp_path / "fleet.html"
    path.write_text(text, encoding="utf-8")
    browser.size(width, 900)
    browser.open(path)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert (browser.console(), browser.all("main img"), text.count("<script")) == ([], [], 2)
    assert shown(browser) == len(HOSTILE)
    addresses = browser.run("return [...document.querySelectorAll('a')].map((one) => one.getAttribute('href'))")
    assert all(one.startswith("#") for one in addresses)
    markdown = cmarkgfm.github_flavored_markdown_to_html(render("markdown", asked))
    assert Counter(re.findall("<(script|img)", markdown)) == {}
    validator("fleet-report").validate(json.loads(render("json", asked)))


def test_a_store_is_read_by_its_latest_run_alone(run: Run, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    entries = []
    for number in range(3):
        entry, found = result(number)
        store.put(f"{number:064}", found)
        entries.append(entry | {"key": f"{number:064}"})
    store.put_latest([*entries[:2], {"repository": "gone", "key": "f" * 64}, {"repository": 7, "key": []}])
    data = json.loads(run("report", "--store", "store", "--output-format", "json").stdout)
    read = {one["repository"]: bool(one["error"]) for one in data["repositories"]}
    assert read == {"acme/service-0": False, "acme/service-1": False, "gone": True, "?": True}
