"""The page of the report in Chromium: it loads nothing, its numbers lead to their rows, it is used by keyboard, and no
text of a tree is more than a text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from echo_migrate.model.reasons import because
from echo_migrate.reports.migration import Document, render
from echo_migrate.reports.migration.history import Record
from echo_migrate.reports.migration.images import Images, Pair, Side
from echo_migrate.reports.migration.rows import Ended
from echo_migrate.reports.migration.scans import Compared, Known, Risk
from tests.chromium import Browser, chromium
from tests.conftest import Run
from tests.standin import commit
from tests.test_report import HOSTILE, document, row

MANY = 5_000
LARGEST = 3_000_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of few, of many, and of hostile references."""
    folder = tmp_path_factory.mktemp("pages")
    listed = {"few": range(1, 60), "many": range(1, MANY + 1), "none": range(0)}
    documents = {name: document([row(number) for number in numbers]) for name, numbers in listed.items()}
    for name, made in {**documents, "hostile": hostile()}.items():
        (folder / f"{name}.html").write_text(render("html", made), encoding="utf-8")
    return folder


def hostile() -> Document:
    """A report that has hostile texts wherever a text can be that is not the program's own."""
    texts = ("path", "service", "upstream", "reference", "target", "context", "kind", "proven", "rule")
    rows = [
        row(
            number,
            owners=(text,),
            verified=(text,),
            state=("migrate", "needs-person")[number % 2],
            reasons=(because("guess", guess=text), because("deprecated", name=text, successor=text)),
            ended=(Ended(text, "2024-06-30", text),),
            **dict.fromkeys(texts, text),
        )
        for number, text in enumerate(HOSTILE, 1)
    ]
    made = document(rows)
    about = tuple(("paths", text) for text in HOSTILE)
    pairs = tuple(
        Pair(text, text, Side(9, 9, text, True, (text,), (text,)), Side(1, 1, text), made.report.total)
        for text in HOSTILE
    )
    known = tuple(Known("removed", text, text, text, text, text) for text in HOSTILE)
    found = Risk(tuple(Compared(text, text, True, made.report.total, known) for text in HOSTILE), HOSTILE, HOSTILE)
    unread = dict.fromkeys(HOSTILE, 1)
    return made._replace(
        report=made.report._replace(about=about, unread=HOSTILE, not_read=unread, title=HOSTILE[1], login=HOSTILE[0]),
        images=Images(pairs, 2, 1),
        risk=found,
        savings=made.savings._replace(assumptions=HOSTILE, source=HOSTILE[0]),
        steps=[one._replace(commands=HOSTILE, title=HOSTILE[0], why=HOSTILE[1]) for one in made.steps],
        trend=[Record(f"2026-11-0{day}", HOSTILE[0], "x", (day, 0, 0, 0, 0, 0)) for day in (1, 2)],
    )


@pytest.fixture
def page(browser: Browser, pages: Path) -> Browser:
    browser.size(1280, 900)
    browser.open(pages / "few.html")
    return browser


def shown(browser: Browser) -> int:
    return int(browser.run("return document.getElementById('shown').dataset.count"))


@pytest.mark.parametrize("name", ["few", "hostile", "none"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_loads_without_a_word_on_the_console_and_fits(browser: Browser, pages: Path, name: str, width: int) -> None:
    browser.size(width, 900)
    browser.open(pages / f"{name}.html")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.run("location.hash = 'state=migrate'; dispatchEvent(new Event('beforeprint'))")
    assert browser.console() == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


def test_every_number_leads_to_its_rows(page: Browser) -> None:
    wrong = page.run(
        """
        const status = document.getElementById("shown"), wrong = [];
        const figures = [...document.querySelectorAll("a.figure")];
        for (const figure of figures) {
          history.replaceState(null, "", figure.getAttribute("href"));
          dispatchEvent(new HashChangeEvent("hashchange"));
          const count = figure.dataset.unit === "files" ? status.dataset.files : status.dataset.count;
          if (count !== figure.textContent) wrong.push(figure.getAttribute("href") + " " + count);
        }
        return figures.length > 100 ? wrong : ["only " + figures.length + " figures"];
        """
    )
    assert wrong == []


def test_it_is_used_by_keyboard_alone(page: Browser) -> None:
    page.press(Keys.TAB)
    assert page.run("return document.activeElement.className") == "skip"
    page.press(Keys.TAB)
    focused = page.run("return document.activeElement.getAttribute('href')")
    count = int(page.run("return document.activeElement.textContent"))
    assert focused == "#state=hardened"
    page.press(Keys.ENTER)
    page.wait("return document.activeElement.id === 'references'")
    assert shown(page) == count < 59
    page.press(Keys.TAB)
    page.press("python")
    assert 0 < shown(page) <= count
    page.wait("return document.activeElement.type === 'search'")
    page.run("document.querySelector('#filters select').focus()")
    page.press(Keys.HOME)
    page.run("document.querySelector('#filters button').focus()")
    page.press(Keys.ENTER)
    assert shown(page) == 59
    page.run("document.querySelector('#rows th:nth-child(3) button').focus()")
    page.press(Keys.SPACE)
    first = page.run("return document.querySelector('#rows td:nth-child(3)').textContent")
    page.press(Keys.SPACE)
    last = page.run("return document.querySelector('#rows td:nth-child(3)').textContent")
    assert first < last
    assert page.run("return document.querySelector('#rows th:nth-child(3)').getAttribute('aria-sort')") == "descending"


def test_a_choice_filters_and_the_address_keeps_it(page: Browser) -> None:
    page.run(
        """
        const select = [...document.querySelectorAll("#filters label")].find((one) => one.firstChild.data === "Owner");
        select.lastChild.value = "@acme/team-3";
        select.lastChild.dispatchEvent(new Event("change"));
        """
    )
    assert shown(page) == sum(number % 40 == 3 for number in range(1, 60))
    address = page.run("return location.href")
    page.driver.refresh()
    assert shown(page) == sum(number % 40 == 3 for number in range(1, 60))
    assert "owner=%40acme%2Fteam-3" in address
    page.run("location.hash = 'state=nothing%20of%20the%20kind'")
    page.wait("return document.getElementById('shown').dataset.count === '0'")
    assert page.all("#rows tbody tr") == []


def test_what_a_screen_reader_is_told(page: Browser) -> None:
    assert page.run("return document.documentElement.lang") == "en"
    nameless = page.run(
        """
        return [...document.querySelectorAll("a, button, select, input, svg.bar, table th")].filter((one) =>
          !(one.textContent.trim() || one.getAttribute("aria-label") || (one.labels && one.labels.length))).length;
        """
    )
    assert nameless == 0
    assert page.run("return document.querySelectorAll('main > section:not([aria-labelledby])').length") == 0
    levels = page.run("return [...document.querySelectorAll('h1, h2, h3')].map((one) => +one.tagName[1])")
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    assert page.run("return document.getElementById('shown').getAttribute('aria-live')") == "polite"


def test_both_schemes_have_contrast(page: Browser) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for text."""
    for scheme in ("light", "dark"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        ratios = page.run(
            """
            const light = (text) => {
              const [r, g, b] = text.match(/[\\d.]+/g).map((one) => one / 255)
                .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
              return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const ground = light(getComputedStyle(document.body).backgroundColor);
            return ["body", ".note", "a.figure", "thead th"].map((one) => {
              const ink = light(getComputedStyle(document.querySelector(one)).color);
              return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
            });
            """
        )
        assert min(ratios) >= 4.5, scheme
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_five_thousand_references_are_one_small_file_and_stay_usable(browser: Browser, pages: Path) -> None:
    browser.size(1280, 900)
    assert (pages / "many.html").stat().st_size <= LARGEST
    browser.open(pages / "many.html")
    assert browser.console() == []
    assert shown(browser) == MANY
    drawn = len(browser.all("#rows tbody tr"))
    assert 50 <= drawn <= 200, "no more than what is looked at"
    browser.run("document.getElementById('more').click()")
    assert len(browser.all("#rows tbody tr")) == 2 * drawn
    browser.run("location.hash = 'owner=%40acme%2Fteam-7&state=migrate'")
    browser.wait("return location.hash.includes('team') && document.getElementById('shown').dataset.count < 5000")
    assert shown(browser) == sum(i % 40 == 7 and i % 6 == 0 for i in range(1, MANY + 1))
    browser.run("location.hash = 'state='")
    browser.wait("return document.getElementById('shown').dataset.count === '5000'")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert len(browser.all("#rows tbody tr")) == MANY, "printed whole"


def test_no_script_of_a_text_runs(browser: Browser, pages: Path) -> None:
    browser.open(pages / "hostile.html")
    texts = browser.run(
        "return [...document.querySelectorAll('#rows td:nth-child(2) code')].map((one) => one.textContent)"
    )
    assert {text.strip() for text in HOSTILE} <= {text.strip() for text in texts}
    assert browser.run("return document.scripts.length") == 2
    assert browser.all("img, iframe, object, embed, base, style ~ style") == []
    addresses = browser.run("return [...document.querySelectorAll('a')].map((one) => one.getAttribute('href') || '')")
    assert {one.partition(":")[0] for one in addresses if not one.startswith("#")} <= {"https"}
    injected: list[Any] = browser.run(
        """
        const made = document.createElement("script");
        made.textContent = "window.ran = true";
        document.body.append(made);
        const image = document.createElement("img");
        image.setAttribute("onerror", "window.ran = true");
        image.src = "data:x";
        document.body.append(image);
        return [window.ran === undefined, document.querySelector("meta[http-equiv]").content];
        """
    )
    assert injected[0], "the policy holds where escaping would not"
    assert "unsafe" not in injected[1]
    assert [one for one in browser.console() if "Content Security Policy" in one["message"]]


def test_a_hostile_tree(run: Run, browser: Browser, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    image = "evil.example/<script>alert(1)<-script>"
    commit(
        tmp_path,
        {
            f"{name}/Dockerfile": f"FROM {image}\nFROM python:3.12 AS <img>\n",
            "CODEOWNERS": "* @<script>alert(1)</script> \"'@x\n",
            "compose.yaml": f'services:\n  "{name}":\n    image: "node:22"\n  "</script>":\n    image: redis:7\n',
            "javascript:alert(1)/Dockerfile": "FROM node:22\n",
        },
    )
    (tmp_path / ".git" / "config").write_text(
        '[remote "origin"]\n\turl = https://github.com/acme/"onclick=alert(1).git\n'
    )
    done = run("report", "--output", "r.html")
    assert done.returncode == 0, done.stderr
    browser.open(tmp_path / "r.html")
    assert browser.console() == []
    assert shown(browser) == 5
    assert name in browser.run("return document.getElementById('rows').textContent")
    assert browser.all("main img") == []
    addresses = browser.run("return [...document.querySelectorAll('a')].map((one) => one.getAttribute('href'))")
    assert all(one.startswith(("#", "https://echo-migrate.example.com/")) for one in addresses)
