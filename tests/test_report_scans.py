"""Scans and VEX files: what each format has is read, matched to references, and counted row by row."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, validators

from echo_migrate.reports.migration.scans import ScanError, read_scan, read_vex, risk
from echo_migrate.reports.migration.scans.data import Named, Product, Scan, Statement, Vulnerability, named, product_of
from echo_migrate.reports.migration.scans.vex import excluded
from tests.conftest import Run
from tests.test_report import HOSTILE, row
from tests.test_schemas import validator

DIGEST = "sha256:" + "1" * 64
SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def trivy(image: str, *ids: str, **more: Any) -> dict[str, Any]:
    found = [
        {
            "VulnerabilityID": id,
            "PkgName": "openssl",
            "InstalledVersion": "3.0.1",
            "Severity": "HIGH",
            "Status": "fixed",
        }
        for id in ids
    ]
    results = [{"Target": "x", "Class": "os-pkgs", "Vulnerabilities": found}, {"Target": "y", "Class": "lang-pkgs"}]
    metadata = {"RepoTags": [image], "RepoDigests": [f"{image.partition(':')[0]}@{DIGEST}"]}
    head = {"SchemaVersion": 2, "ArtifactName": image, "ArtifactType": "container_image", "Metadata": metadata}
    return head | {"Results": results} | more


def grype(image: str, *ids: str) -> dict[str, Any]:
    target = {"userInput": image, "manifestDigest": DIGEST, "tags": [image], "repoDigests": []}
    found = [
        {
            "vulnerability": {"id": "GHSA-aaaa-bbbb-cccc", "severity": "High"},
            "relatedVulnerabilities": [{"id": id}],
            "artifact": {"name": "openssl", "version": "3.0.1", "type": "deb"},
        }
        for id in ids
    ]
    return {"matches": found, "ignoredMatches": [], "source": {"type": "image", "target": target}, "descriptor": {}}


def sarif(image: str, *ids: str) -> dict[str, Any]:
    message = "Package: openssl\nInstalled Version: 3.0.1\nVulnerability {}\nSeverity: HIGH\nFixed Version: 3.0.2"
    found: list[Any] = [{"ruleId": id, "level": "error", "message": {"text": message.format(id)}} for id in ids]
    more: list[Any] = [{"ruleId": ids[0], "message": {"text": "x"}, "suppressions": [{"kind": "external"}]}]
    more.append({"ruleId": "DS002", "message": {"text": "a setting, no vulnerability"}})
    run = {"tool": {"driver": {"name": "Trivy"}}, "results": found + more, "properties": {"imageName": image}}
    return {"version": "2.1.0", "runs": [run]}


def cyclonedx(image: str, *ids: str) -> dict[str, Any]:
    name, _, version = image.rpartition(":")
    found = [
        {"id": id, "ratings": [{"severity": "high"}], "affects": [{"ref": "pkg-1"}], "source": {"name": "NVD"}}
        for id in ids
    ]
    found.append({"id": "CVE-2020-0000", "affects": [{"ref": "pkg-1"}], "analysis": {"state": "not_affected"}})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": "image", "name": name, "version": version}},
        "components": [{"type": "library", "bom-ref": "pkg-1", "name": "openssl", "version": "3.0.1"}],
        "vulnerabilities": found,
    }


def osv(image: str, *ids: str) -> dict[str, Any]:
    found = [{"id": f"DEBIAN-{id}", "aliases": [id], "database_specific": {"severity": "HIGH"}} for id in ids]
    package = {"package": {"name": "openssl", "version": "3.0.1", "ecosystem": "Debian"}, "vulnerabilities": found}
    return {"results": [{"source": {"path": image, "type": "docker"}, "packages": [package]}]}


FORMATS: dict[str, Callable[..., dict[str, Any]]] = {
    "Trivy": trivy,
    "Grype": grype,
    "SARIF": sarif,
    "CycloneDX": cyclonedx,
    "OSV": osv,
}


def written(path: Path, data: Any) -> str:
    path.write_text(json.dumps(data))
    return str(path)


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_is_read(tmp_path: Path, format: str) -> None:
    path = written(tmp_path / "s.json", FORMATS[format]("node:22", "CVE-2024-0001", "CVE-2024-0002"))
    scan = read_scan(f"node:22={path}" if format == "OSV" else path)
    assert scan.format == format
    assert scan.image.names == {"docker.io/library/node:22"}
    found = [one for one in scan.found if not one.excluded]
    assert [(one.id, one.package, one.version, one.severity) for one in found] == [
        (id, "openssl", "3.0.1", "high") for id in ("CVE-2024-0001", "CVE-2024-0002")
    ]
    assert [one.id for one in scan.found if one.excluded] == ["CVE-2020-0000"] * (format == "CycloneDX")


@pytest.mark.parametrize("format", ["SARIF", "CycloneDX"])
def test_the_examples_are_of_the_published_schemas(format: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    data = FORMATS[format]("node:22", "CVE-2024-0001")
    if format == "SARIF":
        schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text())
        validators.validator_for(schema, Draft202012Validator)(schema).validate(data)
    else:
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(data)) is None


@pytest.mark.parametrize(
    ("texts", "names", "digests"),
    [
        (["node"], {"docker.io/library/node:latest"}, set()),
        (["docker.io/library/node:22"], {"docker.io/library/node:22"}, set()),
        ([f"node@{DIGEST}"], set(), {DIGEST}),
        ([f"node:22@{DIGEST}", DIGEST], {"docker.io/library/node:22"}, {DIGEST}),
        (["reg.io:5000/a/b:1"], {"reg.io:5000/a/b:1"}, set()),
        (["${X}", "a b", "", None, 5, "x" * 999], set(), set()),
    ],
)
def test_what_names_of_an_image_name(texts: list[Any], names: set[str], digests: set[str]) -> None:
    found = named(texts)
    assert (set(found.names), set(found.digests)) == (names, digests)


PYTHON = "docker.io/library/python"


@pytest.mark.parametrize(
    ("purl", "product"),
    [
        ("pkg:docker/python@3.12", Product(PYTHON, "3.12")),
        ("pkg:docker/library/python", Product(PYTHON)),
        ("pkg:docker/a/b@1?repository_url=reg.io", Product("reg.io/a/b", "1")),
        (f"pkg:oci/b@{DIGEST.replace(':', '%3A')}?repository_url=reg.io/a/b&tag=1", Product("reg.io/a/b", "1", DIGEST)),
        ("pkg:oci/b?repository_url=reg.io/a", Product("reg.io/a/b")),
        ("pkg:oci/b@1", None),
        ("pkg:deb/debian/openssl@3", None),
        ("pkg:docker/%24%7BX%7D@1", None),
        ("", None),
    ],
)
def test_the_image_of_a_package_url(purl: str, product: Product | None) -> None:
    assert product_of(purl) == product


def openvex(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a", "statements": list(statements)}


def csaf(status: str, purl: str, component: str = "") -> dict[str, Any]:
    image = {"product_id": "P1", "name": "image", "product_identification_helper": {"purl": purl}}
    inner = {"product_id": "P2", "name": "inner", "product_identification_helper": {"purl": component}}
    tree: dict[str, Any] = {"branches": [{"category": "vendor", "branches": [{"product": image}, {"product": inner}]}]}
    tree["relationships"] = [
        {"product_reference": "P2", "relates_to_product_reference": "P1", "full_product_name": {"product_id": "P3"}}
    ]
    flags = [{"label": "component_not_present", "product_ids": ["P1", "P3"]}]
    one = {"cve": "CVE-2024-0001", "product_status": {status: ["P3" if component else "P1"]}, "flags": flags}
    head = {"category": "csaf_vex", "csaf_version": "2.0"}
    return {"document": head, "product_tree": tree, "vulnerabilities": [one]}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            openvex(
                {"vulnerability": {"name": "CVE-2024-0001"}, "products": [{"@id": "pkg:docker/python@3.12"}]}
                | {"status": "not_affected", "justification": "component_not_present"},
                {"vulnerability": "CVE-2024-0002", "products": ["pkg:docker/python"], "status": "affected"},
            ),
            [
                ({"CVE-2024-0001"}, "3.12", set(), "not affected, by VEX: component not present"),
                ({"CVE-2024-0002"}, "", set(), ""),
            ],
        ),
        (
            openvex(
                {
                    "vulnerability": {"name": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2024-0001"]},
                    "products": [
                        {
                            "identifiers": {"purl": "pkg:docker/python"},
                            "subcomponents": [{"@id": "pkg:deb/debian/zlib"}],
                        },
                        {"@id": "pkg:docker/python", "subcomponents": [{"@id": "what is this"}]},
                        {"@id": "no image"},
                    ],
                    "status": "fixed",
                }
            ),
            [({"GHSA-aaaa-bbbb-cccc", "CVE-2024-0001"}, "", {"zlib"}, "fixed, by VEX")],
        ),
        (
            csaf("known_not_affected", "pkg:docker/python@3.12"),
            [({"CVE-2024-0001"}, "3.12", set(), "not affected, by VEX: component not present")],
        ),
        (
            csaf("fixed", "pkg:docker/python", "pkg:deb/debian/zlib@1"),
            [({"CVE-2024-0001"}, "", {"zlib@1"}, "fixed, by VEX: component not present")],
        ),
        (csaf("known_affected", "pkg:docker/python"), []),
        (csaf("fixed", "pkg:generic/python"), []),
    ],
)
def test_vex_is_read(tmp_path: Path, data: dict[str, Any], expected: list[tuple[set[str], str, set[str], str]]) -> None:
    found = read_vex(written(tmp_path / "v.json", data))
    assert all(one.product.repository == PYTHON for one in found)
    assert [(set(one.ids), one.product.tag, set(one.packages), one.status) for one in found] == expected


def of(image: str, *ids: str, format: str = "Trivy") -> tuple[str, Scan]:
    return f"{image}.json", Scan(named([image]), tuple(Vulnerability(id, "openssl") for id in ids), format)


READY = row(6, reference="python:3.12", target="reg.io/python:3.12", state="migrate")


def test_what_a_move_removes_is_counted_by_rows() -> None:
    scans = [of("python:3.12", "A", "B", "C"), of("reg.io/python:3.12", "C", "D"), of("unused:1", "E")]
    found = risk([READY, READY._replace(line=99)], scans, ())
    (one,) = found.images
    assert [(known.id, known.fate) for known in one.rows] == [
        *(("A", "removed"), ("B", "removed"), ("C", "stays"), ("D", "new"))
    ]
    assert one.figure.number == 2
    assert (found.total("removed"), found.total("removed", "stays"), found.total("new")) == (2, 3, 1)
    assert found.unmatched == ("unused:1.json",)


def test_without_a_scan_of_the_new_image_by_the_same_program_nothing_is_removed() -> None:
    for scans in ([of("python:3.12", "A")], [of("python:3.12", "A"), of("reg.io/python:3.12", format="Grype")]):
        found = risk([READY], scans, ())
        assert [(known.id, known.fate) for known in found.images[0].rows] == [("A", "found")]
        assert found.total("removed", "stays", "new", "found") == 0
    assert risk([READY], [of("python:3.11", "A")], ()).images == ()


def test_a_digest_is_matched_by_a_digest_alone() -> None:
    pinned = READY._replace(reference=f"python:3.12@{DIGEST}")
    assert risk([pinned], [of("python:3.12", "A")], ()).images == ()
    scan = Scan(Named(frozenset(), frozenset([DIGEST])), (Vulnerability("A"),), "Trivy")
    assert len(risk([pinned], [("s", scan)], ()).images) == 1
    assert risk([READY], [("s", scan)], ()).images == ()


@pytest.mark.parametrize(
    ("product", "packages", "applies"),
    [
        (Product(PYTHON), set(), True),
        (Product(PYTHON, "3.12"), {"openssl"}, True),
        (Product(PYTHON, "3.13"), set(), False),
        (Product(PYTHON), {"zlib"}, False),
        (Product("reg.io/python"), set(), False),
        (Product(PYTHON, "", DIGEST), set(), False),
    ],
)
def test_vex_excludes_what_it_is_about(product: Product, packages: set[str], applies: bool) -> None:
    statement = Statement(frozenset(["A"]), product, frozenset(packages), "not affected, by VEX")
    (one,) = risk([READY], [of("python:3.12", "A", "B")], [statement]).images
    assert [known.fate for known in one.rows] == ["excluded" if applies else "found", "found"]
    assert one.rows[0].why == ("not affected, by VEX" if applies else "")


@pytest.mark.parametrize(
    ("product", "applies"),
    [
        (Product("mirror.io/python", "", DIGEST), True),  # these are the bytes, wherever they lie
        (Product(PYTHON, "3.12", f"sha256:{'2' * 64}"), False),
        (Product(PYTHON, "3.12"), True),
        (Product(PYTHON, "3.13"), False),
    ],
)
def test_a_statement_about_a_digest_is_about_these_bytes(product: Product, applies: bool) -> None:
    statement = Statement(frozenset(["A"]), product, frozenset(["zlib"]), "fixed, by VEX")
    why = excluded([statement], Named(frozenset([f"{PYTHON}:3.12"]), frozenset([DIGEST])))
    assert why("A", "zlib", "1") == ("fixed, by VEX" if applies else "")
    assert why("A", "openssl", "1") == why("B", "zlib", "1") == ""
    name, scan = of("python:3.12", "A")
    scan = scan._replace(image=Named(scan.image.names, frozenset([DIGEST])), found=(Vulnerability("A", "zlib"),))
    (one,) = risk([READY], [(name, scan)], [statement]).images
    assert one.rows[0].fate == ("excluded" if applies else "found")


def said(status: str, date: str = "", *inner: str) -> dict[str, Any]:
    product = {"@id": "pkg:docker/python", "subcomponents": [{"@id": one} for one in inner]}
    dated = {"timestamp": date} if date else {}
    return {"vulnerability": {"name": "A"}, "products": [product], "status": status} | dated


@pytest.mark.parametrize(
    ("statements", "applies"),
    [
        ([said("not_affected", "2026-01-01T00:00:00Z"), said("affected", "2026-02-01T00:00:00Z")], False),
        ([said("affected", "2026-02-01T00:00:00Z"), said("not_affected", "2026-01-01T00:00:00Z")], False),
        ([said("affected", "2026-02-01T00:00:00Z"), said("fixed", "2026-02-01T00:30:00+01:00")], False),
        ([said("affected", "2026-01-01T00:00:00Z"), said("fixed", "2026-02-01T00:00:00Z")], True),
        ([said("not_affected"), said("under_investigation")], False),
        ([said("affected"), said("not_affected")], True),
        ([said("not_affected"), said("affected", "", "pkg:deb/debian/zlib@1")], True),
        ([said("not_affected"), said("affected", "", "pkg:deb/debian/openssl@9")], False),
        ([said("not_affected"), said("affected", "", "no package")], False),
        ([said("not_affected", "", "no package")], False),
        ([said("not_affected", "", "pkg:deb/debian/openssl@3.0.1-1?arch=amd64")], True),
        ([said("not_affected", "", "pkg:deb/debian/openssl")], True),
        ([said("not_affected", "", "pkg:deb/debian/openssl@3.0.1")], False),
        ([said("not_affected", "", "pkg:deb/debian/openssl@3.0.1-1?epoch=1")], False),
        ([said("not_affected", "when it was", "pkg:golang/openssl@v3.0.1-1")], True),
    ],
)
def test_the_later_statement_holds_for_the_version_that_it_names(
    tmp_path: Path, statements: list[dict[str, Any]], applies: bool
) -> None:
    found = read_vex(written(tmp_path / "v.json", openvex(*statements)))
    why = excluded(found, named(["python:3.12"]))
    assert bool(why("A", "openssl", "3.0.1-1")) == applies


def test_a_statement_about_the_bytes_of_one_scan_is_not_about_those_of_another() -> None:
    old, new = DIGEST, f"sha256:{'2' * 64}"
    names = named(["python:3.12"]).names
    scans = [(one, Scan(Named(names, frozenset([one])), (Vulnerability("A", "zlib"),), "Trivy")) for one in (old, new)]
    statement = Statement(frozenset(["A"]), Product(PYTHON, "", old), frozenset(), "fixed, by VEX")
    for listed in (scans, scans[::-1]):
        assert [known.fate for known in risk([READY], listed, [statement]).images[0].rows] == ["found"]
    assert [known.fate for known in risk([READY], scans[:1], [statement]).images[0].rows] == ["excluded"]


IDS = st.lists(st.sampled_from("ABCDEF"), unique=True)


@settings(max_examples=60)
@given(IDS, st.none() | IDS, IDS)
def test_every_vulnerability_has_one_row(before: list[str], after: list[str] | None, fixed: list[str]) -> None:
    scans = [of("python:3.12", *before), *([of("reg.io/python:3.12", *after)] if after is not None else [])]
    statement = Statement(frozenset(fixed), Product(PYTHON), frozenset(), "fixed, by VEX")
    (one,) = risk([READY], scans, [statement]).images
    was, will = set(before) - set(fixed), set(after or ())
    assert {known.id for known in one.rows} == set(before) | will
    assert len(one.rows) == len(set(before) | will)
    counted = {fate: {known.id for known in one.rows if known.fate == fate} for fate in ("removed", "stays", "new")}
    if after is not None:
        assert counted == {"removed": was - will, "stays": was & will, "new": will - was}


def test_of_a_tree(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nFROM node:22\n")
    written(tmp_path / "old.json", trivy("python:3.12", "CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003"))
    written(tmp_path / "new.json", trivy("reg.echohq.com/python:3.12", "CVE-2024-0003"))
    written(tmp_path / "node.json", osv("x", "CVE-2024-0009"))
    statement = {"vulnerability": "CVE-2024-0003", "products": ["pkg:docker/python@3.12"], "status": "fixed"}
    written(tmp_path / "vex.json", openvex(statement))
    words = ("Dockerfile", "--scan", "old.json", "--scan", "new.json", "--scan", "node:22=node.json", "-q")
    done = run("report", *words, "--output", "r.json", "--output", "r.html", "--output", "r.md")
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "r.json").read_text())
    validator("migration").validate(data)
    assert data["risk"]["totals"] == {"removed": 2, "stays": 1, "new": 0, "excluded": 0}
    rows = [
        one["fate"] for image in data["risk"]["images"] if image["after_scanned"] for one in image["vulnerabilities"]
    ]
    assert {fate: rows.count(fate) for fate in data["risk"]["totals"]} == data["risk"]["totals"]
    page = (tmp_path / "r.html").read_text()
    assert "Moving removes <strong>2</strong> of 3, and adds 0" in page
    assert page.count('data-fate="removed"') == 2
    assert "1 now, no scan of the new image" in page
    assert "Moving removes 2 of 3, and adds 0." in (tmp_path / "r.md").read_text()
    data = json.loads(run("report", *words, "--vex", "vex.json", "--output-format", "json").stdout)
    assert data["risk"]["totals"] == {"removed": 2, "stays": 0, "new": 1, "excluded": 0}
    assert json.loads(run("report", "Dockerfile", "--output-format", "json").stdout)["risk"] is None


def test_hostile_scans_are_texts(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    data = trivy("python:3.12", *HOSTILE, *(f"CVE-2024-{number:04}" for number in range(9)))
    for one in data["Results"][0]["Vulnerabilities"]:
        one |= {"PkgName": one["VulnerabilityID"], "Severity": one["VulnerabilityID"]}
    written(tmp_path / "<img src=x>.json", data)
    done = run("report", "Dockerfile", "--scan", "<img src=x>.json", "--output", "r.html", "--output", "r.md", "-q")
    assert done.returncode == 0
    page = (tmp_path / "r.html").read_text()
    assert [page.count(tag) for tag in ("<script", "</script>", "<img")] == [2, 2, 0]
    assert "\x1b" not in page + (tmp_path / "r.md").read_text()


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "[" * 99_999, '{"a":' * 9_999, '{"results": 5}', '{"results": [5]}'),
        '{"SchemaVersion": 2, "ArtifactName": "a", "Results": {"a": 1}}',
        '{"SchemaVersion": 2, "ArtifactName": "python:3.12", "Results": [{"Vulnerabilities": [{"PkgName": 5}]}]}',
        '{"matches": [1], "source": {}}',
        '{"matches": [], "source": {"target": "/folder"}}',
        '{"version": "2.1.0", "runs": [null]}',
        '{"bomFormat": "CycloneDX", "vulnerabilities": [{"affects": "x"}]}',
        '{"bomFormat": "CycloneDX", "vulnerabilities": []}',
        '{"results": []}',
    ],
)
def test_what_is_no_scan_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(ScanError, match=r"s\.json: "):
        read_scan(str(tmp_path / "s.json"))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "[]",
            "{}",
            "[" * 99_999,
            '{"statements": 5}',
            '{"statements": [5]}',
            '{"document": {}, "vulnerabilities": 5}',
        ),
        '{"statements": [{"status": "fixed", "vulnerability": 5, "products": ["pkg:docker/a"]}]}',
        '{"statements": [{"status": "fixed", "vulnerability": "A", "products": [{"subcomponents": [5]}]}]}',
        '{"document": {}, "product_tree": {"branches": [5]}}',
    ],
)
def test_what_is_no_vex_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(ScanError, match=r"v\.json: "):
        read_vex(str(tmp_path / "v.json"))


def test_misuse_of_scans_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    os.mkfifo(tmp_path / "pipe")
    for words in (("--scan", "pipe"), ("--scan", "nowhere"), ("--vex", "Dockerfile"), ("--scan", "Dockerfile")):
        done = run("report", "Dockerfile", *words)
        assert (done.returncode, done.stdout) == (2, b""), words
