"""How the files in ``mappings/`` are read, and the laws of what they say of images."""

import re
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from echo_migrate.files import data
from echo_migrate.images import catalog, providers, upstream
from echo_migrate.images import facts as image_facts
from echo_migrate.rules import RULES

FOLDER = Path(data.folder())
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
VENDORS = sorted(path.stem for path in (FOLDER / "images").glob("*.yaml"))
UPSTREAM = yaml.load((FOLDER / "upstream.yaml").read_text(), LOADER)
EOL = yaml.load((FOLDER / "eol.yaml").read_text(), LOADER)


@cache
def images(vendor: str) -> dict[str, Any]:
    """What a file of images holds, read once it is asked for: reading all of them takes a second."""
    read: dict[str, Any] = yaml.load((FOLDER / "images" / f"{vendor}.yaml").read_text(), LOADER)
    return read


FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.yaml"))


def test_dates_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "folder", lambda: str(tmp_path))
    (tmp_path / "a.yaml").write_text("date: 2026-11-23\nnames: [a, 1, 1.5, true, null, 2026-01-02]\n")
    read = data.read_data("a.yaml")
    assert read == {"date": "2026-11-23", "names": ["a", 1, 1.5, True, None, "2026-01-02"]}
    read["names"].clear()
    assert data.read_data("a.yaml")["names"], "each caller has data of its own"
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_each_process_reads_a_file_anew_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """An edited row of a checkout applies at once; what lies where something could be kept is in nobody's way."""
    script = "import sys; from echo_migrate.files import data; data.folder = lambda: sys.argv[1]; "
    command = [sys.executable, "-c", script + "print(data.read_data('a.yaml'))", str(tmp_path)]
    (tmp_path / "__pycache__").write_text("in the way")
    for names in (["a", "b"], ["a", "b", "c"]):
        (tmp_path / "a.yaml").write_text(f"names: [{', '.join(names)}]\n")
        said = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=True).stdout
        assert said == f"{{'names': {names}}}\n"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["__pycache__", "a.yaml"]


def test_a_block_is_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "folder", lambda: str(tmp_path))
    text = '# head\n_about:\n  date: 2026-01-02\na:\n  - b\n# between\n  - c\n\nab: {not: [yaml\n"a.b/c":\n  - d\n'
    (tmp_path / "x.yaml").write_text(text)
    (tmp_path / "y.json").write_text(
        '{\n"_about":{"date":"2026-01-02"},\n"a":["b","c"],\n"ab":{not json,\n"a.b/c":["d"]\n}\n'
    )
    for name in ("x.yaml", "y.yaml"):
        assert data.read_block(name, "a") == ["b", "c"]
        assert data.read_block(name, "_about") == {"date": "2026-01-02"}
        assert data.read_block(name, "a.b/c") == ["d"]
        assert data.blocks(name) == ["a", "ab", "a.b/c"]
        for strange in ("axb/c", "b", "../x", ".*", "x" * 5000, "a:\n", 'a"', "\udcff", ""):
            assert data.read_block(name, strange) is None


def test_an_image_is_described_in_one_file() -> None:
    assert not {name for name in images("official") if name[0] != "_"} & images("upstream").keys()


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_block_is_what_the_whole_file_says(vendor: str) -> None:
    names = list(images(vendor))
    for name in names[:: max(1, len(names) // 40)]:
        block = data.read_block(f"images/{vendor}.yaml", name)
        assert block == data._with_text_dates(images(vendor)[name]), name


@pytest.mark.parametrize("name", FILES)
def test_a_wheel_says_what_a_checkout_says(name: str, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml_names, whole, keys = data.names(), data.read_data(name), data.blocks(name)
    monkeypatch.setattr(data, "folder", lambda: str(installed / "echo_migrate" / "mappings"))
    assert data.names() == yaml_names
    assert repr(data.read_data(name)) == repr(whole), "types and order count"
    assert data.blocks(name) == keys == [key for key in whole if key[0] != "_"]
    for key, value in whole.items():
        assert repr(data.read_block(name, key)) == repr(value), key


def test_what_json_would_change_is_no_data() -> None:
    as_json = runpy.run_path(str(FOLDER.parent / "hooks" / "wheel.py"))["as_json"]
    assert as_json({"b": {"x": 1}, "a": ["é"]}) == '{\n"b":{"x":1},\n"a":["\\u00e9"]\n}\n'
    with pytest.raises(ValueError, match="quote keys"):
        as_json({"a": {1: "b"}})


@pytest.mark.parametrize("vendor", VENDORS)
def test_facts_of_images(vendor: str) -> None:
    blocks: dict[str, Any] = dict(images(vendor))
    about = blocks.pop("_about")
    assert set(about) == {"source", "date"}
    ends = blocks.pop("_ends", {})
    assert all(str(end) == "ended" or re.fullmatch(r"\d{4}-\d\d-\d\d", str(end)) for end in ends.values())
    names = [name for name in blocks if name != "_default"]
    assert names == sorted(names)
    families = {*UPSTREAM["distributions"]["words"]}
    managers = {"", "apk", "apt-get", "dnf", "microdnf", "zypper"}
    for name, variants in blocks.items():
        seen: set[str] = set()
        for row in variants:
            base = image_facts.ImageFacts(**{key: value for key, value in row.items() if key != "tags"})
            assert row["tags"], name
            assert all(isinstance(tag, str) for tag in row["tags"]), name
            exact = [tag for tag in row["tags"] if not re.search(r"[*\[]", tag)]
            assert seen.isdisjoint(exact), f"{name}: a tag names two images"
            seen.update(exact)
            assert base.family is None or base.family in families, name
            assert base.manager is None or base.manager in managers, name
            assert base.uid is None or base.user is not None, name
            assert (base.uid == 0) == (base.user == "root") or base.uid is None, name
            assert not set(base.programs) & set(base.lacks), name


def test_vendors_have_files() -> None:
    assert set(UPSTREAM["vendors"]["registries"].values()) | {"official", "upstream"} == set(VENDORS)
    assert set(providers.providers()) <= set(VENDORS)
    known = catalog.load()
    for prefix in UPSTREAM["vendors"]["registries"]:
        assert upstream.shortest(prefix, "", known.facts) == prefix


@pytest.mark.parametrize(
    ("reference", "facts"),
    [
        ("scratch", {"shell": False, "complete": True}),
        ("python:3.12-slim", {"libc": "glibc", "manager": "apt-get", "user": "root", "entrypoint": ()}),
        ("amd64/python:3.12-alpine3.20", {"libc": "musl", "manager": "apk"}),
        ("python:3.12-windowsservercore", {"manager": None, "shell": None}),
        ("node:${V}", {"manager": None, "family": None}),
        ("node@sha256:" + "0" * 64, {"manager": None, "family": None}),
        ("redis:7-alpine", {"libc": "musl", "manager": "apk", "user": "root", "entrypoint": ("docker-entrypoint.sh",)}),
        ("redis:5-alpine", {"libc": "musl", "manager": None, "user": None}),
        ("nginx:1.30.2", {"user": "root", "ports": ("80",)}),
        ("nginx:1.19", {"user": None, "entrypoint": None}),
        ("haproxy:3.2", {"user": "haproxy", "uid": None}),
        ("haproxy:2.2", {"user": None}),
        ("nginx:1.30-windowsservercore", {"user": None}),
        ("cgr.dev/chainguard/python", {"shell": False, "uid": 65532, "entrypoint": ("/usr/bin/python",)}),
        ("cgr.dev/acme/python:3.12-dev", {"shell": True, "manager": "apk", "user": None}),
        ("cgr.dev/acme/python:3.12", {"shell": None, "family": "wolfi"}),
        ("dhi.io/node:22", {"shell": False, "user": "node", "manager": ""}),
        ("dhi.io/node:22-dev", {"shell": True, "user": "root", "manager": "apt-get"}),
        ("dhi.io/node:1", {"shell": None, "user": None}),
        ("gcr.io/distroless/java17-debian12:nonroot", {"entrypoint": ("java", "-jar"), "user": "nonroot"}),
        ("gcr.io/distroless/static:debug", {"shell": True, "complete": False}),
        ("gcr.io/distroless/static:${TAG}", {"shell": None}),
        ("registry.access.redhat.com/ubi9/ubi-minimal:9.8", {"manager": "microdnf"}),
        ("registry.access.redhat.com/ubi9:9.8", {"manager": "dnf"}),
        ("redhat/ubi9-micro", {"manager": "", "shell": None}),
        ("registry.access.redhat.com/ubi9/python-312", {"family": "redhat", "manager": None}),
        ("registry.access.redhat.com/hi/python:3.12", {"shell": False}),
        ("registry.access.redhat.com/hi/python:3.12-builder", {"shell": True, "manager": "dnf"}),
        ("registry.access.redhat.com/hi/go:1.26-fips", {"shell": None, "manager": None}),
        ("registry.access.redhat.com/hi/go:1.26-builder", {"shell": True, "manager": "dnf"}),
        ("registry.access.redhat.com/hi/rust:latest", {"shell": None}),
        (
            "reg.echohq.com/eclipse-temurin-jre:25",
            {"shell": True, "lacks": frozenset(("nc", "ncat", "netcat", "wget"))},
        ),
        ("reg.echohq.com/redis:7", {"family": "debian", "shell": None}),
        ("registry.example.com/team/python:3", {"family": None, "shell": None}),
        ("not a reference", {"shell": None}),
    ],
)
def test_what_is_known_of_an_image(reference: str, facts: dict[str, object]) -> None:
    base = image_facts.facts_of(reference, catalog.load())
    assert {name: getattr(base, name) for name in facts} == facts


def test_a_mirror_has_what_its_provider_has() -> None:
    mirror = catalog.load("docker", "harbor.example.com/dhi")
    assert image_facts.facts_of("harbor.example.com/dhi/node:22", mirror).shell is False
    assert image_facts.facts_of("harbor.example.com/dhi/node:22", catalog.load()).shell is None


def test_programs() -> None:
    base = image_facts.ImageFacts(shell=False, programs=frozenset(["java"]), lacks=frozenset(["wget"]))
    assert [base.has(name) for name in ("java", "wget", "sh", "bash", "curl")] == [True, False, False, False, None]
    assert image_facts.ImageFacts(complete=True).has("curl") is False
    assert image_facts.ImageFacts(shell=True).has("sh") is True
    assert image_facts.ImageFacts(shell=True).has("bash") is None


def test_ends_of_life() -> None:
    products = {name: block for name, block in EOL.items() if name[0] != "_"}
    released = {product for product, _ in EOL["_releases"].values()}
    released |= {product for product, _ in EOL["_languages"].values()} | {"windows-server"}
    assert set(EOL["_images"].values()) | released == set(products)
    assert list(EOL["_languages"]) == sorted(EOL["_languages"])
    assert set(EOL["_windows"].values()) <= set(products["windows-server"]["cycles"])
    for image, names in EOL["_codenames"].items():
        assert set(names.values()) <= set(products[EOL["_images"][image]]["cycles"]), image
    assert list(EOL["_images"]) == sorted(EOL["_images"])
    for name, (product, cycle) in EOL["_releases"].items():
        assert cycle in products[product]["cycles"], name
    for name, block in products.items():
        assert set(block) == {"title", "cycles"}, name
        for cycle, ends in block["cycles"].items():
            assert isinstance(cycle, str), name
            for end in ends if isinstance(ends, list) else [ends]:
                assert str(end) in ("", "ended") or re.fullmatch(r"\d{4}-\d\d-\d\d", str(end)), (name, cycle)


def test_presets_name_rules() -> None:
    for name, preset in data.read_data("presets.yaml").items():
        assert set(preset) == {"summary", "rules"}
        assert set(preset["rules"]) <= {*RULES, "all", "default"}, name
        assert preset["rules"] == sorted(set(preset["rules"])), name


def test_packages_of_another_distribution() -> None:
    rows = yaml.load((FOLDER / "packages" / "wolfi.yaml").read_text(), LOADER)
    about = rows.pop("_about")
    assert about["date"]
    assert about["source"]
    assert list(rows) == sorted(rows)
    assert all(names and all(re.fullmatch(r"[a-z0-9][\w.+-]*", one) for one in names) for names in rows.values())
    headers = {one: names for one, names in rows.items() if one.endswith("-dev")}
    assert all(name.endswith("-dev") for names in headers.values() for name in names), (
        "headers are in packages of their own"
    )
