"""Before and after: what registries, layers, bills of materials and published facts tell of both images."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cmarkgfm
import pytest

from echo_migrate.images import catalog
from echo_migrate.reports.migration import Document, render
from echo_migrate.reports.migration.figures import Figure
from echo_migrate.reports.migration.images import FIELDS, Images, Pair, Side, gains, images
from tests import registries
from tests.conftest import Run
from tests.registries import Image, Registry
from tests.test_report import HOSTILE, document, row
from tests.test_schemas import validator


def status(*names: str) -> str:
    return "".join(f"Package: {name}\nStatus: install ok installed\nVersion: 1-1\n\n" for name in names)


BEFORE = Image(
    {
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "bin/sh": "x" * 9000,
        "var/lib/dpkg/status": status("a", "b", "c"),
    },
    {"ExposedPorts": {"80/tcp": {}}},
)
AFTER = Image(
    {"etc/os-release": "ID=echo\n", "var/lib/dpkg/status": status("a")},
    {"User": "65532", "ExposedPorts": {"8080/tcp": {}}},
)


class Two(NamedTuple):
    """Two registries: of the images in use, and of hardened ones."""

    upstream: Registry
    hardened: Registry


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folders = [tmp_path_factory.mktemp(name) for name in ("upstream", "hardened")]
    with registries.docker_registry(folders[0]) as upstream, registries.docker_registry(folders[1]) as hardened:
        upstream.push("team/python", "3.13", BEFORE)
        hardened.push("python", "3.13", AFTER)
        hardened.push("node", "22", AFTER)
        yield Two(upstream, hardened)


def reported(run: Run, two: Two, tmp_path: Path, *words: str) -> dict[str, Any]:
    image = f"{two.upstream.host}/team/python"
    (tmp_path / "Dockerfile").write_text(f"FROM {image}:3.13\nFROM {image}:3.13 AS again\nFROM node:22\n")
    (tmp_path / "m.yaml").write_text(f'images:\n  "{image}": python\n')
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "XDG_CACHE_HOME": str(tmp_path / ".cache"), "HOME": str(tmp_path)}
    asked = ("report", ".", "--mapping", "m.yaml", "--registry", two.hardened.host, "--output", "r.json", *words)
    done = run(*asked, env=nowhere)
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads((tmp_path / "r.json").read_text())
    validator("migration").validate(data)
    return data


def test_layers_of_both_images_are_compared(run: Run, two: Two, tmp_path: Path) -> None:
    found = reported(run, two, tmp_path, "--online", "--deep")["images"]
    own = next(one for one in found["pairs"] if "team" in one["before"])
    assert own["references"]["count"] == 2
    assert {key: own["old"][key] for key in FIELDS[1:]} == {
        "packages": 3,
        "user": "root",
        "shell": True,
        "ports": ["80"],
    }
    assert {key: own["new"][key] for key in FIELDS[1:]} == {
        "packages": 1,
        "user": "65532",
        "shell": False,
        "ports": ["8080"],
    }
    assert own["old"]["sources"] == own["new"]["sources"] == ["registry", "layers"]
    assert found["sums"]["packages"] == [3, 1]
    assert found["sums"]["size"] == [own["old"]["size"], own["new"]["size"]]
    assert found["sums"]["no_longer_root"] == 2, "node's user is a published fact"
    other = next(one for one in found["pairs"] if one["before"] == "node:22")
    assert other["old"]["size"] is other["old"]["packages"] is None, "its registry gave no answer"


def test_without_layers_packages_are_those_of_a_bill_of_materials(run: Run, two: Two, tmp_path: Path) -> None:
    without = reported(run, two, tmp_path, "--online")["images"]
    assert "packages" not in without["sums"]
    assert without["sums"]["size"][0] > 0
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}
    for name, count in (("old", 5), ("new", 2)):
        parts = [{"type": "library", "name": f"p{i}", "purl": f"pkg:deb/debian/p{i}@1"} for i in range(count)]
        (tmp_path / f"{name}.json").write_text(json.dumps(bill | {"components": parts}))
    words = (f"{two.upstream.host}/team/python:3.13=old.json", f"{two.hardened.host}/python:3.13=new.json")
    found = reported(run, two, tmp_path, "--sbom", words[0], "--sbom", words[1])["images"]
    assert found["sums"]["packages"] == [5, 2]
    assert "size" not in found["sums"]
    assert found["pairs"][0]["old"]["sources"] == ["bill of materials"]


def test_what_is_known_of_one_image_alone_is_not_compared() -> None:
    rows = [row(6, reference="node:22", target="reg.echohq.com/node:22"), row(12, reference="x/y:1", target="x/z:1")]
    found = images(rows, catalog.load(), {"docker.io/library/node:22": 400})
    assert (found.pairs, found.alike, found.others) == ((), 1, 1), "both have a shell, and no more is known of both"
    assert "packages" not in found.fields, "of the new image they are not known"
    assert "Packages" not in [name for name, *_ in gains(found)]
    assert images([row(2, reference="node:22", target="")], catalog.load(), {}) == Images((), 0, 0)


@pytest.mark.parametrize("format", ["markdown", "html", "json"])
def test_a_sum_is_of_the_rows_that_are_shown(format: str) -> None:
    made = document([row(6, reference=text, target=text) for text in HOSTILE])
    index = made.report.total
    pairs = [
        Pair(text, text, Side(3_000_000 * i, 100, "root", True, ("80",)), Side(1_000_000, None, text, False, ()), index)
        for i, text in enumerate(HOSTILE, 1)
    ]
    found = Images(tuple(pairs), 2, 1)
    assert found.sums("size") == (45_000_000, 5_000_000)
    assert found.no_longer_root == found.without_shell == len(HOSTILE)
    text = render(format, made._replace(images=found))
    assert Document.place(made, "src/x") == "x"
    if format == "json":
        validator("migration").validate(json.loads(text))
    else:
        assert "45.0 MB → 5.0 MB" in text
        assert text.count("not known") >= len(HOSTILE) or "Packages" not in text
        text = cmarkgfm.github_flavored_markdown_to_html(text) if format == "markdown" else text
        assert ("<img" in text, text.count("<script")) == (False, 2 if format == "html" else 0)


@pytest.mark.parametrize("source", ["layers", "bill of materials"])
def test_packages_are_compared_by_one_source_alone(source: str) -> None:
    old, new = Side(packages=430, sources=("bill of materials",)), Side(packages=96, sources=("registry", source))
    pair = Pair("a", "b", old, new, Figure(1, ()))
    assert pair.both("packages") is pair.differ("packages") is (source != "layers")
    told = {"layers": "430 (by a bill of materials) → 96 (by layers)", "bill of materials": "430 → 96"}
    assert pair.told("packages") == told[source]
