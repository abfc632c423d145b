"""What is read of images in their layers: archives that tar would write, pushed to a registry, and some that not."""

import gzip
import io
import json
import sqlite3
import subprocess
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from echo_migrate.images.answers import Contents
from echo_migrate.registry import layers
from echo_migrate.registry.cache import Cache
from echo_migrate.registry.client import Client
from echo_migrate.registry.errors import Malformed
from echo_migrate.registry.image import config_from, configuration_of, index_of, manifest_of
from tests.conftest import Run
from tests.registries import OCI, Registry

pytestmark = pytest.mark.usefixtures("no_logins")

OS = 'PRETTY_NAME="Debian 13"\nID=debian\nVERSION_CODENAME=trixie\n'
DPKG = """\
Package: curl
Status: install ok installed
Description: a tool
 Package: not-this

Package: gone
Status: deinstall ok config-files

Package: libc6
Status: install ok installed
"""


class File(NamedTuple):
    text: str | bytes = ""
    mode: int = 0o644
    link: str = ""
    hard: bool = False


RUNS = File("x", 0o755)


def archive(files: dict[str, File], format: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format) as tar:
        for name, file in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = file.mode
            content = file.text.encode() if isinstance(file.text, str) else file.text
            if file.link:
                entry.type, entry.linkname = tarfile.LNKTYPE if file.hard else tarfile.SYMTYPE, file.link
            else:
                entry.size = len(content)
            tar.addfile(entry, None if file.link else io.BytesIO(content))
    return packed.getvalue()


def push(registry: Registry, repository: str, *packed: tuple[bytes, str], tag: str = "1", **config: Any) -> str:
    """Push an image with these layers, each with its compression; return the repository's name."""
    stated = json.dumps({"os": "linux", "architecture": "amd64", "config": config, "rootfs": {"type": "layers"}})
    blobs = []
    for content, kind in packed:
        if kind == "gzip":
            content = gzip.compress(content, mtime=0)
        elif kind == "zstd":
            content = subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout
        suffix = f"+{kind}" if kind else ""
        blobs.append(registry.push_blob(repository, content, f"{OCI}.layer.v1.tar{suffix}").json)
    described = registry.push_blob(repository, stated.encode(), f"{OCI}.config.v1+json").json
    kind = f"{OCI}.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": described, "layers": blobs}
    registry.push_manifest(repository, tag, manifest)
    return registry.name(repository)


def look(name: str, cache: Cache | None = None, offline: bool = False) -> Contents:
    with Client(cache, offline=offline) as client:
        index = index_of(client, name, "1")
        config = config_from(*configuration_of(client, name, index))
        return layers.contents_of(client, name, manifest_of(client, name, index), config)


def test_what_lies_on_what(registry: Registry, tmp_path: Path) -> None:
    base = {
        "usr/bin/sh": RUNS,
        "usr/bin/old": RUNS,
        "usr/bin/note": File("no program"),
        "usr/bin/wget": File(link="/bin/busybox"),
        "bin": File(link="usr/bin"),
        "usr/bin/busybox": RUNS,
        "usr/bin/dangling": File(link="gone-away"),
        "opt/tool/bin/tool": RUNS,
        "opt/other/bin/other": RUNS,
        "etc/os-release": File(OS),
        "etc/passwd": File("root:x:0:0:root:/root:/bin/sh\napp:x:1001:1001::/:/bin/false\nbroken\nx:y:z:\n"),
        "var/lib/dpkg/status": File(DPKG),
    }
    middle = {
        "usr/bin/.wh.old": File(),
        "./usr/local/bin/python3": RUNS,
        "usr/bin/hard": File(link="usr/bin/sh", hard=True),
    }
    top = {"opt/tool/bin/.wh..wh..opq": File(), "opt/tool/bin/newer": RUNS}
    path = ["PATH=/opt/tool/bin:/usr/local/bin:/usr/bin:/bin"]
    packed = [(archive(base), "gzip"), (archive(middle), "zstd"), (archive(top, tarfile.GNU_FORMAT), "")]
    name = push(registry, "layers/all", *packed, Env=path)
    cache = Cache(str(tmp_path / "cache"))
    found = look(name, cache)
    assert found.programs == {"sh", "wget", "busybox", "python3", "hard", "newer"}
    assert found.packages == {"curl", "libc6"}
    assert dict(found.users) == {"root": 0, "app": 1001}
    assert dict(found.os_release)["ID"] == "debian"
    assert look(name, cache, offline=True) == found


@pytest.mark.parametrize(
    ("files", "packages"),
    [
        ({"lib/apk/db/installed": File("C:Q1\nP:musl\nV:1.2\n\nP:busybox\n")}, {"musl", "busybox"}),
        ({"var/lib/dpkg/status.d/base": File("Package: base-files\nVersion: 12\n")}, {"base-files"}),
        ({"var/lib/rpm/rpmdb.sqlite": File(b"no database")}, set()),
        ({}, set()),
    ],
)
def test_packages(registry: Registry, files: dict[str, File], packages: set[str]) -> None:
    name = push(registry, "layers/packages", (archive({"bin/sh": RUNS, **files}), "gzip"))
    assert look(name).packages == packages


def test_packages_of_rpm(registry: Registry, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "rpm") as database:
        database.execute("CREATE TABLE Name (key TEXT, hnum INTEGER, idx INTEGER)")
        database.executemany("INSERT INTO Name VALUES (?, 1, 0)", [("bash",), ("glibc",), ("glibc",)])
    database.close()
    text = (tmp_path / "rpm").read_bytes()
    name = push(registry, "layers/rpm", (archive({"usr/lib/sysimage/rpm/rpmdb.sqlite": File(text)}), "gzip"))
    assert look(name).packages == {"bash", "glibc"}


def header(kind: bytes, size: int) -> bytes:
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT)


def sparse() -> bytes:
    entry = tarfile.TarInfo("./GNUSparseFile.0/x")
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}
    return entry.tobuf(tarfile.PAX_FORMAT) + b"99999999\n" * 100


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"no archive at all" * 100, ""),
        (b"\x1f\x8bno gzip", ""),
        (b"\x28\xb5\x2f\xfdno zstd", ""),
        (header(tarfile.XHDTYPE, 8 * 10**9), "gzip"),
        (header(tarfile.GNUTYPE_LONGNAME, 2 * 10**6), "gzip"),
        (sparse(), "gzip"),
        (archive({"bin/sh": RUNS})[:700], ""),
    ],
    ids=["text", "gzip", "zstd", "pax", "longname", "sparse", "cut"],
)
def test_what_is_no_layer(registry: Registry, content: bytes, kind: str) -> None:
    name = push(registry, "layers/broken", (content, kind))
    with pytest.raises(Malformed):
        look(name)


def test_limits(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    many = archive({f"usr/bin/{number}": RUNS for number in range(30)})
    large = archive({"usr/bin/large": File(b"\0" * 10**7, 0o755)})
    monkeypatch.setattr(layers, "MOST_ENTRIES", 20)
    with pytest.raises(Malformed, match="more than 20 entries"):
        look(push(registry, "layers/many", (many, "gzip")))
    monkeypatch.setattr(layers, "MOST_BYTES", 10**6)
    for kind in ("gzip", "zstd"):
        with pytest.raises(Malformed, match="more than 1,000,000 bytes"):
            look(push(registry, f"layers/{kind}", (large, kind)))


def test_a_run_knows_what_the_image_has(registry: Registry, run: Run, tmp_path: Path, no_logins: Path) -> None:
    whole = {
        "usr/bin/sh": RUNS,
        "usr/bin/apt-get": RUNS,
        "usr/bin/node": RUNS,
        "etc/os-release": File("ID=echo\nID_LIKE=debian\n"),
    }
    push(registry, "node", (archive({**whole, "var/lib/dpkg/status": File(DPKG)}), "gzip"), tag="24")
    (tmp_path / "Dockerfile").write_text(
        "FROM node:24\nRUN curl -O https://example.com/x\nRUN apt-get update && apt-get install -y libc6\n"
    )
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HTTPS_PROXY": "http://127.0.0.1:9"}
    words = ("check", ".", "--registry", registry.host, "--online", "--output-format", "concise", "--select")
    shallow = run(*words, "missing-binary,redundant-package", env=env)
    deep = run(*words, "missing-binary,redundant-package", "--deep", env=env)
    assert b"redundant-package" not in shallow.stdout
    assert b"curl" in deep.stdout
