"""Advisories that were downloaded, matched to the packages of bills of materials: real ones, made by syft, and rows by
hand in the forms of OSV and of Echo's list."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.registry import packages
from echo_migrate.reports.migration import render
from echo_migrate.reports.migration.scans import ScanError, feeds, matched, read_sbom, risk
from echo_migrate.reports.migration.scans.data import named
from echo_migrate.reports.migration.scans.feeds import Advisory, is_affected
from echo_migrate.reports.migration.scans.sbom import Package, Sbom, cyclonedx, of_purls
from tests.conftest import Run
from tests.test_report import document, row
from tests.test_schemas import validator

STATUS = (
    "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl (3.0.1-1)\n"
    "Version: 3.0.1-1+b1\nMaintainer: x\n\n"
    "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\nMaintainer: y\n\n"
)
SYFT = Path(sys.executable).parent / "syft"
OLD, NEW = "python:3.12", "reg.echohq.com/python:3.12"


def advisory(id: str, ecosystem: str, name: str, *events: tuple[str, str], **more: Any) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{kind: version} for kind, version in events]}]
    affected = {"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges}
    head = {"id": f"{ecosystem.partition(':')[0].upper()}-{id}", "modified": "2026-01-01T00:00:00Z", "upstream": [id]}
    return head | {"affected": [affected]} | more


OSV = [
    advisory("CVE-2024-0001", "Debian:12", "openssl", ("introduced", "0"), ("fixed", "3.0.2-1")),
    advisory("CVE-2024-0002", "Debian:12", "bash", ("introduced", "0"), ("fixed", "5.1-1")),
    advisory("CVE-2024-0003", "Debian:11", "bash", ("introduced", "0")),
    advisory("CVE-2024-0004", "Debian:12", "bash", ("introduced", "0"), withdrawn="2026-02-01T00:00:00Z"),
]
SAME = (("CVE-2024-0010", "jinja2"), ("CVE-2024-0011", "flask"))
ECHO = {"openssl": {"CVE-2024-0001": {"fixed_version": "3.0.1-1"}}, "bash": {"CVE-2024-0005": {"severity": "Low"}}}


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bills of materials of two systems, written by syft in both formats."""
    folder = tmp_path_factory.mktemp("bills")
    for name, release in (("old", 'ID=debian\nVERSION_ID="12"\n'), ("new", 'ID=echo\nVERSION_ID="1"\n')):
        root = folder / name
        (root / "var/lib/dpkg").mkdir(parents=True)
        (root / "etc").mkdir()
        (root / "var/lib/dpkg/status").write_text(STATUS)
        (root / "etc/os-release").write_text(release)
        outputs = [f"cyclonedx-json={folder}/{name}.cdx.json", f"spdx-json={folder}/{name}.spdx.json"]
        words = [str(SYFT), "scan", f"dir:{root}", "-q", "--source-name", "acme/app", "--source-version", name]
        environment = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "HOME": str(folder)}
        subprocess.run([*words, "-o", outputs[0], "-o", outputs[1]], check=True, env=environment)
    (folder / "osv.json").write_text(json.dumps(OSV))
    (folder / "echo.json").write_text(json.dumps(ECHO))
    return folder


@pytest.mark.parametrize("format", ["cdx", "spdx"])
def test_the_packages_that_syft_finds_are_matched(bills: Path, format: str) -> None:
    old = read_sbom(f"{OLD}={bills}/old.{format}.json")
    assert old.total == 2
    assert set(old.packages) == {
        Package("Debian", "12", "openssl", "3.0.1-1", "DebianVersion"),
        Package("Debian", "12", "bash", "5.2-1", "DebianVersion"),
    }
    assert read_sbom(f"{bills}/old.{format}.json").image.names == {"docker.io/acme/app:old"}
    ((name, scan),), notes = matched([("old", old)], [str(bills / "osv.json")])
    assert (name, notes) == ("old", [])
    assert [(one.id, one.package, one.version) for one in scan.found] == [("CVE-2024-0001", "openssl", "3.0.1-1")]


def test_a_system_that_syft_does_not_know_is_read_or_not_matched(bills: Path) -> None:
    assert "purl" not in (bills / "new.cdx.json").read_text()
    new = read_sbom(f"{NEW}={bills}/new.cdx.json")
    assert [(one.ecosystem, one.name, one.version) for one in new.packages] == [
        ("Echo", "bash", "5.2-1"),
        ("Echo", "openssl", "3.0.1-1"),
    ]
    spdx = read_sbom(f"{NEW}={bills}/new.spdx.json")
    assert (spdx.total, spdx.packages, spdx.unknown) == (2, (), ("packages without a package URL",))
    assert matched([("x", spdx)], [str(bills / "echo.json")])[0] == []


def test_what_the_layers_have_is_the_same_as_what_syft_finds(bills: Path) -> None:
    found = packages.installed({"var/lib/dpkg/status": STATUS.encode()})
    purls = [one.purl({"ID": "debian", "VERSION_ID": "12"}) for one in found]
    assert set(of_purls(OLD, purls).packages) == set(read_sbom(f"{OLD}={bills}/old.cdx.json").packages)
    apk = packages.installed(
        {"lib/apk/db/installed": b"P:libcrypto3\nV:3.1.4-r1\no:openssl\n\nP:musl\nV:1.2\no:musl\n"}
    )
    bill = of_purls("x", [one.purl({"ID": "alpine", "VERSION_ID": "3.20.1"}) for one in apk])
    assert [(one.ecosystem, one.release, one.name, one.version) for one in bill.packages] == [
        ("Alpine", "v3.20", "openssl", "3.1.4-r1"),
        ("Alpine", "v3.20", "musl", "1.2"),
    ]


def test_in_the_report_and_only_where_both_were_looked_for(run: Run, bills: Path, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {OLD}\n")

    def risk(*feeds: str) -> dict[str, Any]:
        words = [word for feed in feeds for word in ("--feed", str(bills / feed))]
        words += ["--sbom", f"{OLD}={bills}/old.cdx.json", "--sbom", f"{NEW}={bills}/new.cdx.json"]
        done = run("report", ".", "--output-format", "json", *words)
        assert done.returncode == 0, done.stderr
        data = json.loads(done.stdout)
        validator("migration").validate(data)
        found: dict[str, Any] = data["risk"]
        return found

    both = risk("osv.json", "echo.json")
    assert both["totals"] == {"removed": 1, "stays": 0, "new": 1, "excluded": 0}
    assert both["notes"] == []
    (alone,) = (one := risk("osv.json"))["images"]
    assert (alone["after_scanned"], [row["fate"] for row in alone["vulnerabilities"]]) == (False, ["found"])
    assert len(one["notes"]) == 1
    assert one["notes"][0].endswith("new.cdx.json: not matched for lack of advisories: Echo")
    assert run("report", ".", "--feed", str(bills / "osv.json")).returncode == 2, "no packages"


def test_layers_are_not_compared_with_a_bill_of_materials(bills: Path, tmp_path: Path) -> None:
    """A bill of materials has packages of languages, and layers are read for those of the system alone."""
    both = [*OSV, advisory("CVE-2024-0009", "PyPI", "jinja2", ("introduced", "0"))]
    (tmp_path / "osv.json").write_text(json.dumps(both))
    components = [{"purl": "pkg:deb/debian/bash@5.2-1?distro=debian-12"}, {"purl": "pkg:pypi/jinja2@3.1.2"}]
    old = cyclonedx({"components": components})._replace(image=named([OLD]))
    layers = of_purls(NEW, ["pkg:deb/debian/bash@5.2-1?distro=debian-12"])
    rows = [row(1, reference=OLD, target=NEW)]

    def compared(new: Sbom) -> tuple[bool, list[str]]:
        scans, notes = matched([("old", old), ("new", new)], [str(tmp_path / "osv.json")])
        assert (len(scans), notes) == (2, [])
        (one,) = risk(rows, scans, []).images
        return one.scanned, [known.fate for known in one.rows]

    assert compared(layers) == (False, ["found"])
    assert compared(layers._replace(source=old.source)) == (True, ["removed"])


@pytest.mark.parametrize("package", ["jinja2", "jinja2@vendor-build"])
def test_what_cannot_be_compared_is_not_removed(tmp_path: Path, package: str) -> None:
    """A library without a version, or with one that cannot be compared, may have the vulnerability."""
    about = [advisory(id, "PyPI", name, ("introduced", "0"), ("fixed", "9")) for id, name in SAME]
    (tmp_path / "osv.json").write_text(json.dumps(about))
    bills = [("old", ["jinja2@3.1.2", "flask@1"]), ("new", [package])]
    scans, notes = matched(
        [(name, of_purls(OLD if name == "old" else NEW, [f"pkg:pypi/{one}" for one in has])) for name, has in bills],
        [str(tmp_path / "osv.json")],
    )
    found = risk([row(1, reference=OLD, target=NEW)], scans, [])
    (one,) = found.images
    assert [(known.id, known.fate) for known in one.rows] == [("CVE-2024-0010", "found"), ("CVE-2024-0011", "removed")]
    shown = "jinja2 vendor-build" if "@" in package else "jinja2 (no version)"
    assert notes == [f"new: versions that cannot be compared: {shown}"]
    made = document([])._replace(risk=found)
    assert "removes 1 of 2, and adds 0" in render("markdown", made)
    assert "removes 1 of 2, adds 0, 1 cannot be compared" in render("html", made)


def test_what_a_vendor_built_again_is_not_of_its_system(tmp_path: Path) -> None:
    """Echo's list is of source packages of its system: a library by the same name is another."""
    purls = ["pkg:deb/echo/pip@1?distro=echo-1", "pkg:pypi/pip@23.0%2Becho.1"]
    (tmp_path / "echo.json").write_text(json.dumps({"pip": {"CVE-2024-0012": {"fixed_version": "24"}}}))
    libraries = [advisory("CVE-2024-0013", "Echo:PyPI", "pip", ("introduced", "0"), ("fixed", "23.0+echo.2"))]
    (tmp_path / "osv.json").write_text(json.dumps(libraries))
    listed, osv = str(tmp_path / "echo.json"), str(tmp_path / "osv.json")
    assert matched([("x", of_purls(NEW, purls))], [listed]) == (
        [],
        ["x: not matched for lack of advisories: Echo:PyPI"],
    )
    assert matched([("x", of_purls(NEW, purls))], [osv])[1] == ["x: not matched for lack of advisories: Echo"]
    ((_, scan),), notes = matched([("x", of_purls(NEW, purls))], [listed, osv])
    assert notes == []
    assert [(one.id, one.version) for one in scan.found] == [("CVE-2024-0012", "1"), ("CVE-2024-0013", "23.0+echo.1")]


def test_one_advisory_a_list_a_folder_and_a_zip_are_the_same(bills: Path, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, one in enumerate(OSV):
            (folder / f"{number}.json").write_text(json.dumps(one))
            archive.writestr(f"{number}.json", json.dumps(one))
    (tmp_path / "answer.json").write_text(json.dumps({"vulns": OSV}))
    bill = read_sbom(f"{OLD}={bills}/old.cdx.json")
    found = [
        matched([("x", bill)], [str(path)])
        for path in (bills / "osv.json", folder, tmp_path / "all.zip", tmp_path / "answer.json")
    ]
    assert all(one == found[0] for one in found)
    only = matched([("x", bill)], [str(folder / "0.json")])[0]
    assert [one.id for one in only[0][1].found] == ["CVE-2024-0001"]


def test_a_zip_is_unpacked_up_to_a_limit(bills: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "all.zip").write_bytes(zipped("a.json", json.dumps(OSV).encode()))
    monkeypatch.setattr(feeds, "LARGEST_UNPACKED", 100)
    with pytest.raises(ScanError, match="when it is unpacked"):
        matched([("x", read_sbom(f"{OLD}={bills}/old.cdx.json"))], [str(tmp_path / "all.zip")])


@pytest.mark.parametrize(
    ("version", "events", "affected"),
    [
        ("1.0", [("introduced", "0")], True),
        ("1.0", [("introduced", "0"), ("fixed", "1.0")], False),
        ("1.0~rc1", [("introduced", "0"), ("fixed", "1.0")], True),
        ("1:0.1", [("introduced", "0"), ("fixed", "1.0")], False),
        ("1.0", [("introduced", "1.0"), ("last_affected", "1.0")], True),
        ("1.1", [("introduced", "1.0"), ("last_affected", "1.0")], False),
        ("0.9", [("introduced", "1.0")], False),
        ("3.5", [("introduced", "0"), ("fixed", "2.0"), ("introduced", "3.0"), ("fixed", "4.0")], True),
        ("2.5", [("introduced", "0"), ("fixed", "2.0"), ("introduced", "3.0"), ("fixed", "4.0")], False),
        ("4.0", [("fixed", "4.0"), ("introduced", "3.0"), ("fixed", "2.0"), ("introduced", "0")], False),
        ("not a version", [("introduced", "0"), ("fixed", "1")], None),
    ],
)
def test_ranges_are_evaluated_as_the_schema_says(
    version: str, events: list[tuple[str, str]], affected: bool | None
) -> None:
    one = Advisory("CVE-1", "", "", frozenset(), (tuple(events),))
    assert is_affected(Package("Debian", "12", "x", version, "DebianVersion"), one) is affected
    named = one._replace(versions=frozenset([version]), ranges=())
    assert is_affected(Package("Debian", "12", "x", version, "DebianVersion"), named) is True


def test_package_urls_in_the_terms_of_advisories() -> None:
    purls = (
        "pkg:pypi/Flask_Login@0.6",
        "pkg:pypi/jinja2@3.1.2%2Becho.1",
        "pkg:npm/%40babel/core@7.1.0",
        "pkg:golang/github.com/a/b@v1.2.3",
        "pkg:maven/org.x/y@1.0",
        "pkg:deb/ubuntu/bash@5.1?distro=ubuntu-22.04&epoch=2",
        "pkg:deb/echo/bash@5.1?distro=echo-1",
        "pkg:rpm/redhat/bash@5.1",
        "pkg:rpm/rocky/bash",
        "pkg:generic/x@1",
        "pkg:oci/x@sha256:1",
        "no url",
    )
    bill = of_purls("x", purls)
    assert [(one.ecosystem, one.release, one.name, one.version) for one in bill.packages] == [
        ("PyPI", "", "flask-login", "0.6"),
        ("Echo:PyPI", "", "jinja2", "3.1.2+echo.1"),
        ("npm", "", "@babel/core", "7.1.0"),
        ("Go", "", "github.com/a/b", "1.2.3"),
        ("Maven", "", "org.x:y", "1.0"),
        ("Ubuntu", "22.04", "bash", "2:5.1"),
        ("Echo", "", "bash", "5.1"),
    ]
    assert (bill.total, bill.unknown) == (11, ("packages without a package URL", "rpm/redhat", "rpm/rocky"))
    scans, notes = matched([("x", bill)], [])
    assert (scans, len(notes)) == ([], 1), "what nobody looked for is not absent"


def zipped(name: str, data: bytes, **options: Any) -> bytes:
    """An archive without the time of day, which is in the name of a test: each worker must find the same names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr(zipfile.ZipInfo(name), data, archive.compression)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"{}", b"null", b"7", b'"x"', b"[1]", b"[[]]", b'{"vulns": 7}', b"\xff", b"[" * 100_000),
        *(b'[{"id": "x", "affected": 7}]', b'[{"id": 7, "affected": []}]', b'{"a": {"b": 7}}'),
        *(b"PK\x03\x04", zipped("a.json", b"{")[:-30], zipped("a.txt", b"x"), zipped("a.json", b"[" * 100_000)),
        *(zipped("../../x.json", b"7"), zipped("a.json", b"0" * 6_000_000, compression=zipfile.ZIP_DEFLATED)),
    ],
)
def test_what_has_no_advisories_is_told(bills: Path, tmp_path: Path, content: bytes) -> None:
    bill = read_sbom(f"{OLD}={bills}/old.cdx.json")
    path = tmp_path / ("x.zip" if content.startswith(b"PK") else "x.json")
    path.write_bytes(content)
    with pytest.raises(ScanError, match="x[.]"):
        matched([("x", bill)], [str(path)])
    with pytest.raises(ScanError):
        read_sbom(f"{OLD}={path}")
