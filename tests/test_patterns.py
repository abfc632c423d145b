"""Regular expressions cost no more than in proportion to the text: none tries each length of a run of characters again
from each of its places.

Each text is one for which such an expression takes minutes, so that the limit of time for a file would leave it unread.
"""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import echo_migrate
from echo_migrate.files.lazy_regex import _Lazy
from echo_migrate.files.source import Source
from echo_migrate.formats.makefile import parse
from echo_migrate.model import Image
from tests.conftest import Run
from tests.pages import PAGES

BLANKS = " " * 100_000
PACKAGE = Path(echo_migrate.__file__).parent
POSSESSIVE = re.compile(r"(?<!\\)\)(?:[*+?]|\{\d*,?\d*\})\+")

TEXTS = {
    "Dockerfile": f"FROM python:3.12\nRUN echo {{{{ a |{BLANKS}\n",
    "cargo/Dockerfile": (
        "FROM rust AS a\nRUN cargo build\nFROM debian:13\nCOPY --from=a " + "/target/" * 60_000 + "a /a\n"
    ),
    "Makefile": "a:\n\tdocker run node:22 " + "${shell " * 12_000 + f"\nX ={BLANKS}\\\n",
    "compose.yaml": "services: {a: {image: 'node:22', command: '${" + "a" * 100_000 + "'}, b: {image: '$A'}}\n",
    ".env": f"A=b{BLANKS}c\n",
    "playbook.yml": f"#\n{BLANKS}#\n- docker_container:\n    image: node:22\n",
    "values.yaml": "x: |\n  " + "imagea" * 15_000 + "\nimage: 'node:22'\n",
    ".github/workflows/a.yml": (
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: docker/build-push-action@v6\n"
        f"        with:\n          build-args: |\n            A=b{BLANKS}c\n      - run: '# build-args:{BLANKS}x'\n"
    ),
    "pod.yaml": (
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'node:22', args: ['" + "-image" * 15_000 + "']}]}\n"
    ),
    "Jenkinsfile": "podTemplate(yaml: '" + "apiVersion " * 30_000 + "')\n",
    "docker-bake.hcl": f'target "a" {{\n  dockerfile-inline = <<E\n{BLANKS}\nx\nE\n}}\n',
    "azure-pipelines.yml": (
        "pool: {vmImage: x}\njobs:\n- job: a\n  container: ${{ variables['" + "a " * 50_000 + "!'] }}\n"
    ),
    "main.tf": (
        'variable "' + "_1" * 30_000 + '" {\n  default = "node:22"\n}\n'
        'resource "docker_image" "a" {\n  name = "node:22"\n}\n'
    ),
    "build.sh": "docker build \\\n" + "--build-arg V=1 \\\n" * 100_000,
    "b.py": "build_args=(" * 100_000 + "\n",
    "pom.xml": "<buildArgs>" * 100_000 + "\n",
    "a.py": "import docker\ndocker.from_env().containers.run('{" + "a" * 100_000 + "'.format(1))\n",
}


def test_a_text_with_a_match_has_a_word_that_the_pattern_needs() -> None:
    """Without it, the pattern would not be asked. Each line of the pages with cases, and each word, is a text."""
    rooms = ("dockerfile", "engine", "files", "formats", "images", "rules", "shell")
    there = [pkgutil.walk_packages([str(PACKAGE / room)], f"echo_migrate.{room}.") for room in rooms]
    modules = [import_module(one.name) for in_room in there for one in in_room]
    lazy = {id(one): one for module in modules for one in vars(module).values() if isinstance(one, _Lazy)}
    asked = [one for one in lazy.values() if one._needs]
    assert len(asked) > 20
    lines = {line for page in PAGES for line in page.read_text().splitlines()}
    texts = sorted(lines | {word for line in lines for word in line.split()})
    assert [
        (one._written[0], text)
        for one in asked
        for pattern in [re.compile(*one._written)]
        for text in texts
        if pattern.search(text) and not any(word in text.casefold() for word in one._needs)
    ] == []


def test_no_group_is_possessive() -> None:
    """Python before 3.11.5 keeps the half of such a group that fails in its middle; an atomic one is read rightly."""
    found = [str(path) for path in sorted(PACKAGE.rglob("*.py")) if POSSESSIVE.search(path.read_text())]
    assert found == []


@pytest.mark.parametrize("words", [("check", "--select", "all"), ("fix", "--unsafe-fixes", "--diff")])
def test_no_long_run_of_characters_leaves_a_file_unread(limited: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    for name, text in TEXTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = limited(60, *words, "--no-config", ".")
    assert done.returncode in (0, 1), done.stderr
    assert b"left unread" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("written", "images"),
    [
        ("A = $(shell docker run node:22 cat ${X})", ["node:22"]),
        ("A = ${shell docker run node:22 $(X)}\nB = {}", ["node:22"]),
        ("A = ${shell docker run node:22 && docker ps --format '{{.ID}}'}", ["node:22"]),
        ("A = $(shell docker run $(dir $(abspath x)) node:22 ls)", ["node:22"]),
        ("A = ${shell docker run node:22\nB = $(shell docker run python:3.12 (a))", ["python:3.12"]),
    ],
)
def test_calls_of_make_end_at_their_own_bracket(written: str, images: list[str]) -> None:
    nodes = parse(Source("Makefile", f"{written}\n"))
    assert [node.ref.value for node in nodes if isinstance(node, Image)] == images
