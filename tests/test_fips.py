"""FIPS variants are preferred where they are known to be there, and said to be missing elsewhere."""

import json
from pathlib import Path

import pytest

from echo_migrate.files.source import Traced
from echo_migrate.images import catalog, providers
from echo_migrate.images.answers import Answer, Answers
from echo_migrate.images.migration import assess
from echo_migrate.model import Image, Migration, Variant
from tests.conftest import Run

TAGS = """\
registry: docker.io/acme
source: the tag lists of docker.io/acme
date: 2026-11-20
tags: listed
images:
  python: dhi-python
  node: dhi-node
tag_lists:
  dhi-python: ["3.13", "3.13-dev", "3.13-fips", "3.13-fips-dev", "3.14"]
  dhi-node: ["24", "24-dev"]
"""
NAMES = """\
registry: cgr.dev/acme
source: the tag lists of cgr.dev/acme
date: 2026-11-20
tags: listed
images:
  python: python
  node: node
tag_lists:
  python: ["3.13", "3.13-dev"]
  python-fips: ["3.13", "3.13-dev"]
  node: ["24", "24-dev"]
"""


def move(value: str, known: catalog.Catalog, variant: Variant = "runtime") -> Migration:
    image = Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value))
    return assess(image, known, today="2026-11-24", variant=variant)


def ids(found: Migration) -> list[str]:
    return [reason.id for reason in found.reasons]


@pytest.mark.parametrize(
    ("vendor", "rows", "plain", "fips", "other"),
    [
        ("docker", TAGS, "docker.io/acme/dhi-python:3.13", "docker.io/acme/dhi-python:3.13-fips", "dhi-node:24"),
        ("chainguard", NAMES, "cgr.dev/acme/python:3.13", "cgr.dev/acme/python-fips:3.13", "node:24"),
    ],
)
def test_a_pulled_list_has_it_in_its_tags_or_its_names(
    tmp_path: Path, vendor: str, rows: str, plain: str, fips: str, other: str
) -> None:
    (tmp_path / "mine.yaml").write_text(rows)
    known = catalog.load(vendor, mapping=str(tmp_path / "mine.yaml"))
    wanted = known._replace(prefers_fips=True)
    assert move("python:3.13", known).target == plain
    assert move("python:3.13", wanted).target == fips
    assert move("python:3.13", wanted, "dev").target == f"{fips}-dev"
    assert not {"fips-unlisted", "no-fips"}.intersection(ids(move("python:3.13", wanted)))
    without = move("node:24", wanted)
    assert (without.target or "").endswith(other)
    assert not without.safe
    assert "fips-unlisted" in ids(without)


@pytest.mark.parametrize("vendor", providers.providers())
def test_without_a_list_each_provider_says_that_none_is_known(vendor: str) -> None:
    known = catalog.load(vendor)
    image = "python:3.13" if "python" in known.rows else "nginx:1.30"
    plain, wanted = (move(image, one) for one in (known, known._replace(prefers_fips=True)))
    assert wanted.target == plain.target
    assert not wanted.safe
    assert {"fips-unlisted", "no-fips"}.intersection(ids(wanted))
    assert not {"fips-unlisted", "no-fips"}.intersection(ids(plain))


def test_a_registry_is_asked_for_its_tags() -> None:
    answers = Answers()
    known = catalog.load("docker", registry="docker.io/acme/dhi-")._replace(prefers_fips=True, answers=answers)
    assert "fips-unlisted" in ids(move("python:3.13", known))
    assert "docker.io/acme/dhi-python" in answers.asked_tags
    answers.tags["docker.io/acme/dhi-python"] = frozenset(("3.13", "3.13-fips"))
    answers.images["docker.io/acme/dhi-python:3.13-fips"] = Answer("available")
    found = move("python:3.13", known._replace(answers=answers.next()))
    assert (found.target, found.safe) == ("docker.io/acme/dhi-python:3.13-fips", True)


def test_the_way_back_asks_for_none() -> None:
    known = catalog.load(providers.UPSTREAM)._replace(prefers_fips=True)
    found = move("reg.echohq.com/node:22", known)
    assert (found.target, found.safe) == ("node:22", True)


def test_each_command_and_the_configuration_take_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(TAGS)
    (tmp_path / "Dockerfile").write_text('FROM python:3.13-slim\nCOPY app.py /\nCMD ["python", "/app.py"]\n')
    (tmp_path / ".echo-migrate.toml").write_text('provider = "docker"\nmapping = "mine.yaml"\nfips = true\n')
    target = "docker.io/acme/dhi-python:3.13-fips"
    assert target in run("check").stdout.decode()
    assert target in run("inventory").stdout.decode()
    assert target in run("match", "python:3.13").stdout.decode()
    assert target in run("fix", "--diff", "--unsafe-fixes").stdout.decode()
    words = ("compare", "--no-config", "--output-format", "json")
    plain, wanted = (json.loads(run(*words, *more).stdout) for more in ((), ("--fips",)))
    assert sum(row["safe"] for row in wanted["providers"]) == 0 < sum(row["safe"] for row in plain["providers"])
