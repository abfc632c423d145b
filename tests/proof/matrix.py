"""Projects with providers: ``python -m tests.proof.matrix`` builds all of it and writes the table of docs/proof.md.

Each image that a file names, before and after, is a stand-in (``standins``). In each pair the naive swap, which only
replaces names, is built too: it is what happens without a tool. What the tool says beforehand is held against what
building and starting show; the verdict never comes from findings.
"""

import os
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from echo_migrate.engine.run import check_safely
from echo_migrate.files.source import Edit, Source
from echo_migrate.files.workspace import begin
from echo_migrate.images.answers import Answer, Answers, Config
from echo_migrate.images.catalog import load
from echo_migrate.model import Result
from echo_migrate.proof.builders import Builder, PassedOn, chosen
from echo_migrate.proof.compare import Verdict
from echo_migrate.proof.processes import MARK, Processes
from echo_migrate.proof.prove import Bench, Change
from echo_migrate.proof.records import Proof, Records
from echo_migrate.proof.workplace import Workplace
from echo_migrate.registry.image import config_from
from echo_migrate.reports import plural
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.proof.daemon import daemon
from tests.proof.standins import make

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "proof.md"
PROVIDERS = ("echo", "docker", "chainguard")
NONROOT = "echo, non-root"
"""Echo with images that start as another user than upstream's. No list has their users: the tool knows them as with
``--online``, by the configuration of the images."""

_USER = "nonroot"
DAY = "2026-11-27"
_PROJECT = re.compile(r"(?m)^## (\S+)\n\n(.+?)\n\n(.*?)(?=^## |\Z)", re.DOTALL)
_FILE = re.compile(r"(?ms)^```\w+ (\S+)\n(.*?)^```$")
_START, _END = "<!-- made by python -m tests.proof.matrix{} -->\n", "<!-- end -->\n"


class Project(NamedTuple):
    """A project: its files by name."""

    name: str
    about: str
    files: dict[str, str]


class Pair(NamedTuple):
    """A project with a provider. ``word`` is what the tool says of the move beforehand; the proofs are of the naive
    swap, and of the safe and the unsafe fix where there is one."""

    project: str
    provider: str
    word: str
    warned: bool
    naive: Proof
    safe: Proof | None
    unsafe: Proof | None


def projects() -> list[Project]:
    """Return the projects of the page."""
    found = _PROJECT.findall((HERE / "projects.md").read_text())
    return [Project(name, about, dict(_FILE.findall(blocks))) for name, about, blocks in found]


def write(project: Project, folder: Path) -> Path:
    """Write the files of a project, and return its Dockerfile."""
    for name, text in project.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "Dockerfile"


class Bases:
    """The stand-ins that were made."""

    def __init__(self, environment: dict[str, str], user: str = "") -> None:
        self.environment, self.user = environment, user
        self.made: set[str] = set()

    def of(self, result: Result, provider: str) -> None:
        """Make the stand-ins of the images of a file, and of those it would move to."""
        for move in result.outcomes:
            name, upstream = move.image.ref.value, move.upstream
            if move.image.local or upstream is None:
                continue
            for reference in (name, swapped(move.target or name, provider)):
                if reference not in self.made:
                    make(reference, upstream, name, provider, self.environment, self.user)
                    self.made.add(reference)


class There:
    """The images of a builder, as what a registry answers."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def answer(self, full: str) -> Answer:
        """Return whether an image is there."""
        found = self.builder.inspect(full)
        return Answer("available", str(found["Id"]), ("linux/amd64",)) if found else Answer("no-such-tag")

    def configuration(self, full: str) -> Config | None:
        """Return the configuration of an image."""
        found = self.builder.inspect(full.removeprefix("docker.io/library/"))
        return config_from({"config": found["Config"]}, 0) if found else None


def swapped(target: str, provider: str) -> str:
    """Return a target with a tag: where the tool names none, as the tag is not listed, the provider's latest."""
    return target if ":" in target.rpartition("/")[2] else f"{target}:latest"


def checked(
    path: Path,
    provider: str,
    unsafe: bool = False,
    variant: Literal["auto", "runtime"] = "auto",
    there: There | None = None,
) -> Result:
    """Return what the tool makes of a Dockerfile; with ``there``, of what it is told by a registry."""
    begin()
    settings = _settings(provider, there)._replace(apply=True, unsafe=unsafe, variant=variant)
    found = check_safely(Source.read(os.path.relpath(path)), settings)
    assert found
    return found


def _settings(provider: str, there: There | None = None) -> Settings:
    rules = tuple(rule for rule in RULES.values() if rule.default)
    catalog = load(provider)._replace(answers=Answers(kept=there)) if there else load(provider)
    return Settings(catalog, rules, today=DAY)


def naive(result: Result, provider: str) -> Source:
    """Return a text in which every image is replaced by the one that has its name at the provider."""
    edits = [
        Edit(move.image.start, move.image.end, swapped(move.target, provider))
        for move in result.outcomes
        if move.target and not move.image.local
    ]
    return result.source.apply(edits)


def pair(bench: Bench, bases: Bases, path: Path, project: str, provider: str) -> Pair:
    """Build and start what a provider means for a project."""
    flavour, provider = provider, "echo" if provider == NONROOT else provider
    safe, unsafe = checked(path, provider), checked(path, provider, unsafe=True)
    runtime = checked(path, provider, variant="runtime")
    bases.of(safe, provider)
    bases.of(runtime, provider)
    if flavour == NONROOT:
        there = There(bench.builder)
        safe, unsafe = (checked(path, provider, asked, there=there) for asked in (False, True))
    states = [move for move in safe.outcomes if not move.image.local]
    word = (
        "safe"
        if all(move.safe for move in states)
        else "unsafe"
        if unsafe.fixed.text != safe.fixed.text
        else "held back"
    )
    warned = word != "safe" or any(finding.level == "error" for finding in safe.findings)

    def proof(after: Source, result: Result, unsafe: bool) -> Proof:
        moved = check_safely(after, _settings(provider))
        found = bench.prove(Change(result.source, after, result, unsafe, moved=moved))
        if found.verdict != "not-checked":
            bench.records.keep(found)
        return found

    return Pair(
        project,
        flavour,
        word,
        warned,
        proof(naive(runtime, provider), safe, True),
        proof(safe.fixed, safe, False) if safe.fixed is not safe.source else None,
        proof(unsafe.fixed, unsafe, True) if unsafe.fixed.text != safe.fixed.text else None,
    )


def run(names: Iterable[str], providers: Sequence[str], environment: dict[str, str], folder: Path) -> Iterator[Pair]:
    """Yield the pairs of projects and providers."""
    from echo_migrate.cli.smoke import Tests, rows

    os.environ |= environment
    place = Workplace()
    processes = Processes({MARK: place.token})
    bases, here = Bases(environment, _USER if NONROOT in providers else ""), os.getcwd()
    try:
        builder, version = chosen("docker", processes, place.token)
        for project in projects():
            if project.name not in names:
                continue
            path = write(project, folder / project.name)
            os.chdir(path.parent)
            table = tomllib.loads(project.files.get(".echo-migrate.toml", ""))
            tests = Tests((), tuple(rows("", table.get("prove", []), str(path.parent), lambda _: True)))
            passed = PassedOn(network="host")
            bench = Bench(builder, version, passed, place.folder, Records([str(folder / "proofs")]), tests.of)
            for provider in providers:
                yield pair(bench, bases, path, project.name, provider)
    finally:
        os.chdir(here)
        place.sweep(builder, own=True)
        place.close()


class Sums(NamedTuple):
    """What the matrix shows as a whole."""

    pairs: int
    safe: int
    safe_broken: int
    naive_broken: int
    blocked: int
    unsafe: int
    unsafe_broken: int
    failures: int
    predicted: int


def sums(pairs: Sequence[Pair]) -> Sums:
    """Count."""
    naive = [one for one in pairs if one.naive.verdict == "broken"]
    safe = [one.safe for one in pairs if one.safe]
    unsafe = [one.unsafe for one in pairs if one.unsafe]
    return Sums(
        len(pairs),
        len(safe),
        sum(one.verdict == "broken" for one in safe),
        len(naive),
        sum(one.warned or bool(one.safe and one.safe.verdict != "broken") for one in naive),
        len(unsafe),
        sum(one.verdict == "broken" for one in unsafe),
        len(naive),
        sum(bool(one.naive.predicted) for one in naive),
    )


_WORDS: dict[Verdict, str] = {
    "same": "same",
    "differs": "differs",
    "broken": "**broken**",
    "not-comparable": "not comparable",
    "not-checked": "not checked",
}


def table(pairs: Sequence[Pair]) -> str:
    """Return the table of the documentation."""
    total = sums(pairs)
    projects, providers = ({one[place] for one in pairs} for place in (0, 1))
    lines = [
        f"{len(projects)} projects with {plural(len(providers), 'provider')} are {total.pairs} pairs. The naive swap",
        f"breaks {total.naive_broken} of them, of which {total.blocked} were held back, marked unsafe or written",
        f"otherwise; a finding or a reason names the cause of {total.predicted}. Of {total.safe} safe fixes",
        f"{total.safe_broken} break, of {total.unsafe} unsafe ones {total.unsafe_broken}.",
        "",
        "| project | provider | naive swap | beforehand | safe fix | unsafe fix |",
        "|---|---|---|---|---|---|",
    ]
    for one in pairs:
        cells = [_word(one.naive), one.word, _word(one.safe), _word(one.unsafe)]
        lines.append(f"| {one.project} | {one.provider} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _word(proof: Proof | None) -> str:
    if proof is None:
        return "–"
    told = proof.cause or proof.reason
    return _WORDS[proof.verdict] + (f": {told}" if told and proof.verdict in ("broken", "differs") else "")


def main() -> None:
    """Build the matrix, or the projects that are named, and write the table if it is whole; with ``--non-root``, that
    of the non-root images."""
    asked, wanted = sys.argv[1:2] == ["--non-root"], [word for word in sys.argv[1:] if word != "--non-root"]
    providers = (NONROOT,) if asked else PROVIDERS
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="matrix-") as folder, daemon(Path(folder) / "d") as environment:
        found = []
        for one in run(wanted or [one.name for one in projects()], providers, environment, Path(folder) / "p"):
            print(f"{time.monotonic() - begun:6.1f} s  {one.project:<16} {one.provider:<11} {one.word:<10}", end=" ")
            print(f"naive {_word(one.naive)}; safe {_word(one.safe)}; unsafe {_word(one.unsafe)}", flush=True)
            if one.naive.verdict == "not-comparable":
                print("         ", one.naive.reason, one.naive.rows, flush=True)
            if one.naive.verdict == "broken":
                print(
                    "         ",
                    one.naive.reason,
                    one.naive.rows[:1],
                    one.naive.predicted or "NOT PREDICTED",
                    flush=True,
                )
            for proof in (one.safe, one.unsafe):
                if proof and proof.verdict in ("differs", "broken"):
                    print(
                        "         ",
                        proof.verdict,
                        [row for row in proof.rows if row.weight != "information"],
                        flush=True,
                    )
            found.append(one)
    print(table(found))
    if not wanted:
        text = PAGE.read_text()
        mark = _START.format(" --non-root" if asked else "")
        start = text.index(mark) + len(mark)
        end = text.index(_END, start)
        PAGE.write_text(f"{text[:start]}{table(found)}{text[end:]}")


if __name__ == "__main__":
    main()
