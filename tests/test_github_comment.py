"""The comment as it looks: goldens, and what is left of hostile names once GitHub's own Markdown has rendered them."""

import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import example, given
from hypothesis import strategies as st

from echo_migrate.cli.github.artifact import Report, ReportedFinding, ReportedReference
from echo_migrate.cli.github.comment import LONGEST, LONGEST_SUMMARY, View, body
from echo_migrate.model import State
from echo_migrate.proof.compare import VERDICTS
from echo_migrate.proof.records import Proof
from echo_migrate.reports import Summary, code, printable, prose
from echo_migrate.rules import RULES, link
from tests.conftest import ROOT

GOLDENS = Path(__file__).parent / "goldens"
OURS = {
    *("p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "blockquote", "a"),
}
RULE_LINKS = frozenset(link(rule) for rule in RULES)
LINKED = r"@\w|#\d|https?://|www\.|(?i:\bgh-\d)|(?<![0-9A-Za-z])[0-9a-fA-F]{7,40}(?![0-9A-Za-z])"
"""What GitHub links, outside of code."""

ALPINE = "Echo has no Alpine variant: this switches to Debian (musl to glibc)"
HOSTILE = [
    "`x`",
    "a``b",
    "```",
    "a|b",
    "a\\|b@eve",
    "\\",
    "</code></summary></details><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- echo-migrate:comment -->",
    "-->",
    "@eve @acme/security",
    "#1 acme/shop#2 GH#3",
    "GH-12 gh-7",
    "26f1594 5e0d3b1c9f26f1594aaaabbbbccccddddeeeefff acme/shop@26f1594aaaabbbbccccddddeeeeffff0000aaaab",
    "##[error]x",
    "www.evil.example WWW.evil.example",
    "https://evil.example/?a=b",
    "eve@evil.example",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "[x]: https://evil.example",
    "\n\n# head\n\n---\n",
    "\r\n::error::x",
    "\x1b[31mred\x07",
    "\u202eevil",
    "*a* _b_ ~~c~~ $d$ :tada:",
    "&lt;b&gt; &#64;eve",
    "\udcff",
    "",
    " ",
    "x" * 5000,
]


class Rendered(HTMLParser):
    """What a browser would be given: tags, and text in code and outside of it."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.more: list[object] = []
        self.texts: list[tuple[str, str]] = []
        self.rows: list[int] = []
        options = Options.CMARK_OPT_UNSAFE  # GitHub renders HTML, and cleans it afterwards
        self.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, options))
        self.close()
        self.all, self.plain = ("".join(texts) for texts in zip(*self.texts, strict=True)) if self.texts else ("", "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.more += [] if tag == "a" and [("href", value) for value in RULE_LINKS & {attrs[0][1]}] == attrs else attrs
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.more.append(data)

    def handle_data(self, data: str) -> None:
        self.texts.append((data, "\0" if "code" in self.open else data))


def holds(markdown: str, folds: int) -> Rendered:
    """Nothing but ours is rendered: no tag, no link, no mention, no reference; tables and folds are whole."""
    page = Rendered(markdown)
    assert set(page.tags) <= OURS
    assert page.more == []
    assert page.open == []
    assert page.tags.count("details") == page.tags.count("summary") == folds
    assert set(page.rows) <= {3, 4}
    assert not re.search(LINKED, page.plain)
    assert not any(ch in markdown for ch in "\x1b\x07\r\u202e\udcff")
    return page


def found(
    path: str, line: int, rule: str = "unhardened-image", message: str = "", safe: bool | None = True
) -> ReportedFinding:
    said = message or "python:3.12 -> reg.echohq.com/python:3.12"
    return ReportedFinding(path, rule, "warning", said, line, 6, "seen" if rule == "unhardened-image" else None, safe)


def reference(
    path: str, line: int, resolved: str = "python:3.12", reason: str = "", target: str = ""
) -> ReportedReference:
    state: State = "needs-person" if reason else "migrate"
    return ReportedReference(path, line, 6, resolved, target or f"reg.echohq.com/{resolved}", state, reason)


def report(findings: list[ReportedFinding], references: list[ReportedReference]) -> Report:
    moves = sum(one.state == "migrate" for one in references)
    counts = Summary(
        len({one.path for one in references}), len(references), moves, 0, 0, 0, len(references) - moves, 0, 0
    )
    return Report("echo", counts, tuple(findings), tuple(references))


def nothing() -> View:
    return View(report([], []), frozenset({"README.md"}))


def one() -> View:
    references = [
        reference("api/Dockerfile", 1),
        reference("api/Dockerfile", 9, "node:22-alpine", ALPINE, "reg.echohq.com/node:22"),
    ]
    findings = [
        found("api/Dockerfile", 1),
        found("api/Dockerfile", 9, message="node:22-alpine has a hardened image", safe=False),
        found(
            "api/Dockerfile",
            4,
            "package-lists-left",
            "apt-get update leaves /var/lib/apt/lists: add rm -rf /var/lib/apt/lists/*",
        ),
        found("web/Dockerfile", 1),
    ]
    return View(report(findings, references), frozenset({"api/Dockerfile"}), frozenset(references), suggested=2)


def forty() -> View:
    paths = [f"services/s{number:02}/Dockerfile" for number in range(40)]
    references = [reference(path, 1) for path in paths]
    findings = [found(path, 1) for path in paths] + [
        found(path, 3, "root-at-runtime", "the container runs as root", None) for path in paths
    ]
    return View(report(findings, references), frozenset(paths), frozenset(references[:3]))


def five_hundred() -> View:
    places = list(product([f"services/s{number:03}/Dockerfile" for number in range(125)], range(1, 5)))
    references = [reference(path, line) for path, line in places]
    findings = [found(path, line) for path, line in places]
    return View(report(findings, references), frozenset(path for path, _ in places), frozenset(references))


def hostile() -> View:
    references = [reference(text, 1, text, text) for text in HOSTILE]
    findings = [found(text, 2, "renamed-image", text, safe=None) for text in HOSTILE]
    paths = frozenset(HOSTILE)
    return View(report(findings, references), paths, frozenset(references), notes=tuple(HOSTILE))


CASES = {"nothing": nothing, "one": one, "forty": forty, "five-hundred": five_hundred, "hostile": hostile}
FOLDS = {"nothing": 0, "one": 1, "forty": 40, "five-hundred": 104, "hostile": len(HOSTILE)}


@pytest.mark.parametrize("name", CASES)
def test_goldens(name: str) -> None:
    """To write one anew: ``python -m tests.test_github_comment``; then look at it."""
    text = body(CASES[name]())
    assert text == (GOLDENS / f"comment-{name}.md").read_text()
    holds(text, FOLDS[name])
    assert len(text) <= LONGEST


def test_the_documentation_shows_the_comment_as_it_looks() -> None:
    quoted = "".join(f"> {line}".rstrip() + "\n" for line in body(one()).splitlines())
    assert quoted in (ROOT / "docs" / "pull-requests.md").read_text()


def test_every_hostile_name_can_be_read() -> None:
    page = holds(body(hostile()), len(HOSTILE))
    shown = page.all.replace("\u200b", "")
    for text in HOSTILE:
        assert printable(text[:300]).strip() in shown, text


def test_the_summary_of_a_job_has_more_room() -> None:
    text = body(five_hundred(), LONGEST_SUMMARY)
    assert "not shown here" not in text
    assert sum("| " in line and "reg.echohq.com" in line for line in text.splitlines()) == 500


@given(st.integers(3_000, 70_000))
def test_it_is_cut_between_findings(longest: int) -> None:
    text = body(five_hundred(), longest)
    assert len(text.encode()) <= longest
    told = [line for line in text.splitlines() if line.startswith("| ") and "reg.echohq.com" in line]
    left = sum(int(count) for count in re.findall(r"(\d+) more findings? not shown", text))
    holds(text, text.count("<details>"))
    assert len(told) + left == 500


def test_it_is_not_all_clear_while_the_table_has_rows() -> None:
    """As where a baseline knows the findings."""
    view = one()
    text = body(view._replace(report=view.report._replace(findings=())))
    assert "| `python:3.12` |" in text
    assert "All clear" not in text


words = st.text(
    st.sampled_from("abcdef0123GgHh")
    | st.sampled_from("`|\\<>@#!*_~&;:/[]()-=.$ \n\r\twWxe1\x1b\u202e")
    | st.characters(),
    max_size=40,
)


@example("", "-", "")
@example("", "1. x", "")
@example("", "    x", "")
@given(words, words, words)
def test_no_text_says_anything_in_markdown(path: str, message: str, name: str) -> None:
    references = [reference(path, 1, name, message)]
    findings = [found(path, 2, "renamed-image", message, safe=None)]
    view = View(report(findings, references), frozenset({path}), frozenset(references), notes=(message,))
    page = Rendered(body(view))
    assert set(page.tags) <= OURS
    assert page.more == []
    assert page.open == []
    assert page.rows == [4, 4, 3, 3]
    assert page.tags.count("details") == 1
    assert not re.search(LINKED, page.plain)


@given(words)
def test_code_and_prose_show_what_they_were_given(text: str) -> None:
    wanted = printable(text)
    for written in (code(text), prose(text)):
        shown = Rendered(f"| x |\n|---|\n| x{written}y |").all.split("x", 2)[-1].strip().removesuffix("y")
        assert shown.replace("\u200b", "").strip() == wanted.replace("\u200b", "").strip()


def test_the_command_names_the_provider_if_it_is_not_the_usual_one() -> None:
    view = one()
    assert "`echo-migrate fix --provider chainguard .`" in body(
        view._replace(report=view.report._replace(provider="chainguard"))
    )
    unknown = body(view._replace(report=view.report._replace(provider="$(curl evil)")))
    assert "Run `echo-migrate fix .` to apply" in unknown


def test_the_worst_proof_is_first() -> None:
    proofs = tuple(Proof(f"{verdict}/Dockerfile", verdict, "") for verdict in VERDICTS)
    text = body(nothing()._replace(proofs=proofs))
    worst = ("broken", "differs", "not-comparable", "not-checked", "same")
    places = [text.index(f"{verdict}/Dockerfile") for verdict in worst]
    assert places == sorted(places)


if __name__ == "__main__":
    GOLDENS.mkdir(exist_ok=True)
    for name, case in CASES.items():
        (GOLDENS / f"comment-{name}.md").write_text(body(case()))
