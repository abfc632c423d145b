"""The script that makes data files anew from their sources, on small repositories in the form of each source."""

import os
import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SCRIPT = runpy.run_path(str(ROOT / "hooks" / "refresh"))
COMMIT = "0123abc" + "0" * 33

ENDS = f"""\
# Ends of life.
_about:
  source: https://endoflife.date, github:endoflife-date/endoflife.date@{COMMIT} (MIT license)
  date: 2026-08-22
_images:   # which product an upstream image is
  debian: debian
  node: nodejs
_releases:
  trixie: [debian, "13"]
gone:
  title: Gone
  cycles:
    "1": 2020-01-01
nodejs:
  title: Node
  cycles:
    "24": 2028-04-30
    "22": 2027-04-30
    "20": 2026-04-30
    "0.10": ended
debian:
  title: Debian
  cycles:
    "13": [2028-08-09, 2030-06-30]
"""
NODE = """\
---
title: Node.js
eoesColumn: Commercial Support

# The schedule.
releases:
  - releaseCycle: "26"
    eol: false
    eoes: 2035-01-01
  - releaseCycle: "25"
    eol: soon
  - releaseCycle: "24"
    releaseDate: 2025-05-06
    eol: 2028-05-31
    eoes: 2030-01-01

  - releaseCycle: "22"
  - releaseCycle: "11"
    eol: 2019-06-30
  - releaseCycle: 0.10
    eol: true

---

> [Node.js](https://nodejs.org) is a runtime.
"""
DEBIAN = """\
---
title: Debian
releases:
  - releaseCycle: "14"
    eol: 2030-08-09
    eoes: false
  - releaseCycle: "13"
    eol: 2028-08-09
    eoes: 2030-06-30
---
"""
FLOATING = f"""\
# The versions of floating tags.
_about:
  source: github:docker-library/official-images@{COMMIT} (tags of the same image)
  date: 2026-08-21
alpine: {{latest: "3.23"}}
gone: {{latest: "1"}}
redis: {{latest: "8.10"}}
"""
IMAGES = f"""\
# What is known of hardened images.
_about:
  source: github:docker-hardened-images/catalog@{COMMIT} (image definitions)
  date: 2026-08-22
gone:
  - tags: ["1"]
    family: debian
tool:
  - tags: ["1", 1.0, 1.1.0]
    family: debian
    manager: ""
    shell: false
    user: nonroot
    uid: 65532
    entrypoint: [/tool]
    cmd: []
  - tags: [1-dev]
    family: debian
    manager: apt-get
    shell: true
    user: root
    uid: 0
    entrypoint: [/tool]
    cmd: []
    lacks: [curl]
""".replace("1.0,", '"1.0",')

WORDS = f"""\
# Tags.
_about:
  source: github:docker-library/official-images@{COMMIT} and its history
  since: 2025-05-01
  date: 2026-08-21
gone:
  - behind: [""]
    tags: >-
      1
node:
  - behind: ["", slim]
    tags: >-
      18
"""

Refresh = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    folder = tmp_path / "mappings"
    files = {
        "eol.yaml": ENDS,
        "tags/floating.yaml": FLOATING,
        "tags/official.yaml": WORDS,
        "images/docker.yaml": IMAGES,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def refresh(mappings: Path, capsys: pytest.CaptureFixture[str]) -> Refresh:
    """``refresh("--age", "30")``: the exit code, and what is printed to both streams."""

    def refresh(*words: str) -> tuple[int, str, str]:
        code = SCRIPT["main"](["--mappings", str(mappings), *words])
        return (code, *capsys.readouterr())

    return refresh


def git(folder: Path, *words: str, day: str = "2026-09-01") -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    dates = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false")
    words = ("git", *who, *words)
    return subprocess.run(
        words, cwd=folder, env=kept | dates, check=True, capture_output=True, text=True
    ).stdout.strip()


def repository(folder: Path, files: dict[str, str], day: str = "2026-09-01") -> tuple[str, str]:
    """Return a new repository with one commit of some files, and the commit."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all", day=day)
    return str(folder), git(folder, "rev-parse", "HEAD")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def loaded(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return data


def test_ends_of_life(tmp_path: Path, mappings: Path, refresh: Refresh) -> None:
    files = {"products/nodejs.md": NODE, "products/debian.md": DEBIAN, "products/other.md": "---\ntitle: X\n---\n"}
    source, commit = repository(tmp_path / "ends", files)
    (tmp_path / "ends" / "products" / "nodejs.md").write_text("the working tree is not read")
    before = contents(mappings)
    code, report, _ = refresh("--endoflife", source)
    assert code == 1
    assert contents(mappings) == before
    assert report == (
        "mappings/eol.yaml: 4 added, 1 removed, 2 changed "
        f"(0123abc of 2026-08-22, now {commit[:7]} of 2026-09-01)\n"
        "  ! gone: not in the source any more, kept as it is\n"
        '  ! nodejs 25: soon is no date, "" is kept\n'
        "  ! nodejs 22: nothing is no date, 2027-04-30 is kept\n"
        '  + nodejs 26: ""\n'
        '  + nodejs 25: ""\n'
        "  + nodejs 11: 2019-06-01\n"
        "  + debian 14: 2030-08-09\n"
        "  - nodejs 20: 2026-04-30\n"
        "  ~ nodejs title: Node -> Node.js\n"
        "  ~ nodejs 24: 2028-04-30 -> 2028-05-31\n"
    )
    assert refresh("--endoflife", source, "--write")[:2] == (0, report)
    head, old_nodejs = ENDS.split("nodejs:\n", 1)
    assert (mappings / "eol.yaml").read_text() == (
        head.replace(COMMIT, commit).replace("2026-08-22", "2026-09-01")
        + 'nodejs:\n  title: Node.js\n  cycles:\n    "26": ""\n    "25": ""\n    "24": 2028-05-31\n'
        + '    "22": 2027-04-30\n    "11": 2019-06-01\n    "0.10": ended\n'
        + 'debian:\n  title: Debian\n  cycles:\n    "14": 2030-08-09\n    "13": [2028-08-09, 2030-06-30]\n'
    )
    assert old_nodejs.startswith("  title: Node\n")
    code, report, _ = refresh("--endoflife", source)
    assert code == 0
    assert report.startswith("mappings/eol.yaml: 0 added, 0 removed, 0 changed")
    assert [line[:4] for line in report.splitlines()[1:]] == ["  ! "] * 3
    assert set(contents(mappings)) == set(before), "no file is left beside them"


def test_floating_tags(tmp_path: Path, mappings: Path, refresh: Refresh) -> None:
    files = {
        "library/alpine": "# made\nMaintainers: a\n\nTags: 3.24.1, 3.24, 3, latest\n\nTags: 20260805, edge\n",
        "library/node": (
            "Tags: 26-alpine, alpine\nDirectory: a\n\nTags: 26, 26.7, 26.7.0, current,\n latest\n\n"
            "Tags: lts, 24.19.0\nSharedTags: 24, 24.19\n\nTags: 24-windows\nSharedTags: 23, lts\n"
        ),
        "library/fluentd": "Tags: v1.19.3-debian-1.0, v1.19-debian-1, v1.19-1, latest\n",
        "library/r-base": "Tags: 4.6.1, latest\n",
        "library/mosquitto": "Tags: 2.0.1-alpine, 2, stable, mainline\n",
        "library/named": "Tags: base, latest\n",
        "library/redis": "Tags: 8.10.0, 8.10, 8, latest\n",
        "library/debian": "Tags: trixie, 13.6, 13, latest\n\nTags: stable, stable-20260803\n",
        "other/x": "Tags: 1, latest\n",
    }
    bare = tmp_path / "bare.git"
    source, commit = repository(tmp_path / "tags", files)
    git(tmp_path, "clone", "-q", "--bare", source, str(bare))
    code, report, _ = refresh("--official-images", str(bare))
    assert (code, (mappings / "tags" / "floating.yaml").read_text()) == (1, FLOATING)
    assert report.splitlines()[1:] == [
        "  + debian latest: 13.6",
        "  + debian stable: 13.6",
        "  + fluentd latest: 1.19",
        "  + mosquitto stable: 2",
        "  + mosquitto mainline: 2",
        "  + node latest: 26.7",
        "  + node lts: 24.19",
        "  + node current: 26.7",
        "  + r-base latest: 4.6.1",
        "  - gone latest: 1",
        "  ~ alpine latest: 3.23 -> 3.24",
    ]
    assert refresh("--official-images", str(bare), "--write")[0] == 0
    assert (mappings / "tags" / "floating.yaml").read_text() == (
        FLOATING.partition("alpine:")[0].replace(COMMIT, commit).replace("2026-08-21", "2026-09-01")
        + 'alpine: {latest: "3.24"}\ndebian: {latest: "13.6", stable: "13.6"}\n'
        + 'fluentd: {latest: "1.19"}\nmosquitto: {stable: "2", mainline: "2"}\n'
        + 'node: {latest: "26.7", lts: "24.19", current: "26.7"}\nr-base: {latest: "4.6.1"}\nredis: {latest: "8.10"}\n'
    )


def test_what_official_images_state(tmp_path: Path, mappings: Path, refresh: Refresh) -> None:
    about = FLOATING.partition("alpine:")[0]
    (mappings / "images" / "official.yaml").write_text(about + "old:\n  - tags: [a]\n")
    library = "GitRepo: https://github.com/acme/web.git\nGitCommit: HEAD\n\nTags: 1.2, latest\n"
    official, commit = repository(tmp_path / "tags", {"library/web": library})
    repository(tmp_path / "sources" / "acme" / "web", {"Dockerfile": "FROM debian\nUSER web\n"})
    words = ("--official-images", official, "--sources", str(tmp_path / "sources"))
    assert refresh(*words)[1].splitlines()[-2:] == ["  + web: tags: 2 new (1.2, latest)", "  - old: tags: 1 gone (a)"]
    assert refresh(*words, "--write")[0] == 0
    text = (mappings / "images" / "official.yaml").read_text()
    assert text.startswith(about.replace(COMMIT, commit).replace("2026-08-21", "2026-09-01") + "web:\n")
    assert loaded(mappings / "images" / "official.yaml")["web"][0]["user"] == "web"
    assert refresh("--official-images", official, "--sources", str(tmp_path))[0] == 2
    with pytest.raises(SystemExit):
        refresh("--sources", str(tmp_path))


PUBLISHED = f"""\
# Versions.
_about:
  source:
    - github:docker-library/official-images@{COMMIT} and its history
    - github:curl/curl@{COMMIT} (docs/VERSIONS.md)
  since: 2025-05-01
  date: 2026-08-21
curl:
  ["8.13.0"]
gone:
  ["1"]
node:
  ["22"]
"""
RELEASES = "# Past\n\n- 8.22.0: pending\n- 8.21.0: June 24 2026\n- 8.14.0: May 28 2025\n- 8.13.0: April 2 2025\n"


def test_published_versions(tmp_path: Path, mappings: Path, refresh: Refresh) -> None:
    (mappings / "published.yaml").write_text(PUBLISHED)
    first = {"library/node": "Tags: 16.1\n", "library/old": "Tags: 3\n", "library/still": "Tags: v2.1\n"}
    folder, _ = repository(tmp_path / "tags", first, day="2025-04-01")
    (tmp_path / "tags" / "library" / "node").write_text("Tags: 18.1-slim, 18\n")  # what stands on the day
    git(Path(folder), "commit", "-q", "-a", "-m", "18", day="2025-04-30")
    (tmp_path / "tags" / "library" / "node").write_text("Tags: 20.1, lts\nSharedTags: 20-windows\n#Tags: 19\n")
    git(Path(folder), "commit", "-q", "-a", "-m", "20", day="2025-06-01")
    git(Path(folder), "rm", "-q", "library/old")
    (tmp_path / "tags" / "library" / "node").write_text("Tags: 22.1, 22.1-slim\n")
    git(Path(folder), "commit", "-q", "-a", "-m", "22", day="2026-09-01")
    curl, release = repository(tmp_path / "curl", {"docs/VERSIONS.md": RELEASES}, day="2026-09-02")
    code, report, _ = refresh("--history", folder, "--curl", curl, "--write")
    assert (code, [line for line in report.splitlines() if line[0] == " "]) == (
        0,
        [
            "  + old: tags: 1 new (3)",
            "  + still: tags: 1 new (v2.1)",
            "  - gone: tags: 1 gone (1)",
            "  ~ node: tags: 5 new (18, 20, 18.1, 20.1), 1 gone (22)",
            "  ! gone: has no tags any more",
            "  - gone: tags: 1 gone (1)",
            "  ~ node: tags: 5 new (lts, 20.1, 22.1, 18.1-slim), 1 gone (18-slim)",
            "  ~ curl: tags: 2 new (8.14.0, 8.21.0), 1 gone (8.13.0)",
        ],
    )
    text = (mappings / "published.yaml").read_text()
    assert text.endswith(
        f"    - github:curl/curl@{release} (docs/VERSIONS.md)\n  since: 2025-05-01\n  date: 2026-09-01\n"
        'curl:\n  ["8.14.0", "8.21.0"]\nnode:\n  ["18", "18.1", "20", "20.1", "22.1"]\nold:\n  ["3"]\n'
        'still:\n  ["v2.1"]\n'
    )
    assert (
        (mappings / "tags" / "official.yaml")
        .read_text()
        .endswith(
            "  since: 2025-05-01\n  date: 2026-09-01\n"
            'node:\n  - behind: [""]\n    tags: >-\n      18 20.1 22.1 lts\n'
            "  - behind: [slim]\n    tags: >-\n      18.1 22.1\n"
        )
    )
    again = refresh("--history", folder, "--curl", curl)[1].splitlines()
    assert [line.partition(": ")[2][:19] for line in again if line[0] == "m"] == ["0 added, 0 removed,"] * 3
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{folder}", "shallow")
    code, _, error = refresh("--history", str(tmp_path / "shallow"))
    assert (code, "has no commit before 2025-05-01" in error) == (2, True)


def definition(tags: list[str], image: str = "tool", **more: Any) -> str:
    said: dict[str, Any] = {"name": "Tool", "image": f"dhi.io/{image}", "tags": tags}
    said["accounts"] = {"root": True, "run-as": "nonroot", "users": [{"name": "nonroot", "uid": 65532}]}
    return yaml.safe_dump(said | {"entrypoint": ["/tool"]} | more)


ROOT_USER = {"root": True, "run-as": "root"}
MANY = [f"2.{number}.0-debian13-dev" for number in range(10)]


def test_hardened_images(tmp_path: Path, mappings: Path, refresh: Refresh) -> None:
    shell = {"packages": ["apt", "bash", "git=1:2.47", "ca-certificates", "!curl", "!wget", "!gawk", "!tzdata"]}
    artifacts = [{"name": "dhi.io/pkg-wget:1.25@sha256:0"}, {"name": "dhi.io/other:1"}]
    built = {"packages": ["apt", "bash", "ca-certificates-bundle", "git", "!curl", "!gawk"], "artifacts": artifacts}
    busybox = {"packages": ["apk-tools", "busybox"]}
    more: dict[str, Any] = {
        "cmd": ["--v=2", "run", "--"],
        "ports": ["80/tcp", "53/udp"],
        "dates": {"end-of-life": "2027-04-30"},
    }
    files = {
        "image/tool/debian-13/1.yaml": definition(["1", "1.1", "1.1.0"]),
        "image/tool/debian-13/1-dev.yaml": definition(["1-dev"], accounts=ROOT_USER, contents=shell),
        "image/tool/debian-13/2-dev.yaml": definition(MANY, accounts=ROOT_USER, contents=shell),
        "image/tool/debian-13/3-dev.yaml": definition(["3-dev", "1"], accounts=ROOT_USER, contents=built),
        "image/tool/alpine-3.24/1.yaml": definition(["1-alpine"], contents=busybox, **more),
        "image/9/debian-13/a.yaml": definition(["9"], "9", accounts={"run-as": 65532}, entrypoint=None),
        "image/tool/config/values.yaml": "a: [not, yaml",
        "image/tool/info.yaml": "name: tool\ntags: [x]\n",
    }
    source, commit = repository(tmp_path / "catalog", files)
    code, report, _ = refresh("--docker-catalog", source)
    assert (code, (mappings / "images" / "docker.yaml").read_text()) == (1, IMAGES)
    assert report == (
        "mappings/images/docker.yaml: 1 added, 1 removed, 1 changed "
        f"(0123abc of 2026-08-22, now {commit[:7]} of 2026-09-01)\n"
        "  ! tool 1: image/tool/debian-13/3-dev.yaml has it too, not taken\n"
        "  + 9: tags: 1 new (9)\n"
        "  - gone: tags: 1 gone (1)\n"
        "  ~ tool: tags: 13 new (1.1, 3-dev, 1-alpine, 2.0.0-debian13-dev), 1 gone (1.0), 1 with other facts (1-dev)\n"
    )
    assert refresh("--docker-catalog", source, "--write")[0] == 0
    text = (mappings / "images" / "docker.yaml").read_text()
    assert text.startswith(IMAGES.partition("gone:")[0].replace(COMMIT, commit).replace("2026-08-22", "2026-09-01"))
    assert (
        "    user: nonroot\n    uid: 65532\n    entrypoint: [/tool]\n"
        '    cmd: ["--v=2", run, --]\n    ports: ["80", 53/udp]\n    eol: "2027-04-30"\n'
    ) in text
    assert "  - tags: [\n        1-dev, 2.0.0-debian13-dev, 2.1.0-debian13-dev," in text
    assert max(map(len, text.splitlines())) <= 120
    data = loaded(mappings / "images" / "docker.yaml")
    assert list(data) == ["_about", "9", "tool"]
    facts = {"family": "debian", "manager": "", "shell": False, "entrypoint": [], "cmd": []}
    assert data["9"] == [facts | {"tags": ["9"], "user": "65532"}]
    plain, alpine, dev = data["tool"]
    facts = facts | {"user": "nonroot", "uid": 65532, "entrypoint": ["/tool"]}
    assert plain == facts | {"tags": ["1", "1.1", "1.1.0"]}
    assert (alpine["tags"], alpine["family"], alpine["manager"]) == (["1-alpine"], "alpine", "apk")
    assert {"wget", "nc", "ps", "xz"} < set(alpine["programs"])
    facts = facts | {"manager": "apt-get", "shell": True, "user": "root", "uid": 0, "packages": ["ca-certificates"]}
    assert dev == facts | {"tags": ["1-dev", *MANY, "3-dev"], "programs": ["git"], "lacks": ["curl", "gawk"]}


def test_a_long_report_is_cut(tmp_path: Path, refresh: Refresh) -> None:
    source, _ = repository(tmp_path / "a", {f"library/a{number}": "Tags: 1.2, latest\n" for number in range(600)})
    lines = refresh("--official-images", source)[1].splitlines()
    assert lines[0].startswith("mappings/tags/floating.yaml: 600 added, 3 removed, 0 changed")
    assert len(lines) == 22
    assert lines[-1] == "  and 583 more"


def test_nothing_is_written_if_a_source_is_wrong(tmp_path: Path, mappings: Path, refresh: Refresh) -> None:
    good, _ = repository(tmp_path / "good", {"library/alpine": "Tags: 3.24, latest\n"})
    old, _ = repository(tmp_path / "old", {"library/alpine": "Tags: 3.24, latest\n"}, day="2026-08-20")
    empty, _ = repository(tmp_path / "empty", {"products/nodejs.md": "No front matter.\n"})
    broken, _ = repository(tmp_path / "broken", {"products/nodejs.md": "---\nreleases: [\n---\n"})
    ended, _ = repository(tmp_path / "ended", {"products/nodejs.md": "---\ntitle: Node.js\n---\n"})
    before = contents(mappings)
    for words, message in (
        (("--official-images", old), "is of 2026-08-20, mappings/tags/floating.yaml of 2026-08-21"),
        (("--official-images", str(tmp_path / "none")), "git rev-list fails in"),
        (("--official-images", good, "--docker-catalog", good), "has no files in image/"),
        (("--official-images", good, "--endoflife", empty), "products/nodejs.md has no data"),
        (("--endoflife", broken), "products/nodejs.md: while parsing"),
        (("--endoflife", ended), "products/nodejs.md has no releases"),
    ):
        code, _, error = refresh(*words, "--write")
        assert (code, contents(mappings)) == (2, before)
        assert message in error
    (mappings / "eol.yaml").write_text("nodejs: {}\n")
    code, _, error = refresh("--endoflife", ended)
    assert (code, "does not state its source" in error) == (2, True)
    with pytest.raises(SystemExit, match="2"):
        refresh("--write")


def test_old_data_is_named(mappings: Path, refresh: Refresh) -> None:
    (mappings / "provider.yaml").write_text("provider: a\ndate: 2026-06-30\n")
    (mappings / "commands.yaml").write_text("a: {b: c}\n")
    assert refresh("--age", "120", "--today", "2026-10-28") == (0, "", "")
    assert refresh("--age", "120", "--today", "2026-10-29") == (
        1,
        "mappings/provider.yaml: of 2026-06-30, which is before 2026-07-01\n",
        "",
    )
    code, report, _ = refresh("--age", "1", "--today", "2026-08-23")
    assert (code, [line.partition(":")[0] for line in report.splitlines()]) == (
        1,
        ["mappings/provider.yaml", "mappings/tags/floating.yaml", "mappings/tags/official.yaml"],
    )


def test_the_age_of_each_file_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert SCRIPT["main"](["--age", "0", "--today", "9999-12-31"]) == 1
    named = {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()}
    assert {f"mappings/{file.name}" for files in SCRIPT["FILES"].values() for file in files} < named
