"""The distribution's list of package sources: read or edited where a vendor's image may have none."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run

FILE = "/etc/apt/sources.list.d/debian.sources"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def named(run: Run, folder: Path, lines: str, image: str = "debian:13-slim", *options: str) -> list[str]:
    """Return the lists of package sources that reasons of the last reference name."""
    (folder / "Dockerfile").write_text(f"FROM {image} AS a\n{lines}\n")
    done = run("inventory", *options, "--output-format", "json", str(folder))
    reasons = [one for row in json.loads(done.stdout)["references"] for one in row["reasons"]]
    return [one["message"].split()[1].strip(",") for one in reasons if one["id"] == "sources-edited"]


@pytest.mark.parametrize(
    "lines",
    [
        f"RUN sed -i s/a/b/ {FILE}",
        f"RUN rm {FILE}",
        f"RUN cat {FILE}",
        f"RUN grep -q a {FILE} && echo b",
        f"RUN mv {FILE} /tmp/x && echo a > {FILE}",
        f"RUN cp {FILE} {FILE}.bak && sed -i s/a/b/ {FILE}",
        f"RUN install {FILE} /tmp/x",
        f"RUN cp -t /tmp {FILE}",
        f"RUN sed s/a/b/ < {FILE} > /tmp/x",
        f"RUN sed -i s/a/b/ {FILE} && touch {FILE}",
        f"RUN if x; then cp x {FILE}; fi && sed -i s/a/b/ {FILE}",
        f"RUN mv /tmp/x /etc/apt/other && sed -i s/a/b/ {FILE}",
    ],
)
def test_what_needs_the_list(lines: str, run: Run, tmp_path: Path) -> None:
    assert named(run, tmp_path, lines) == [FILE]


@pytest.mark.parametrize(
    "lines",
    [
        f"RUN mv /tmp/x {FILE}",
        f"RUN cp /tmp/x {FILE} && sed -i s/a/b/ {FILE}",
        f"RUN cp /tmp/debian.sources /etc/apt/sources.list.d/ && sed -i s/a/b/ {FILE}",
        f"RUN cp -t /etc/apt/sources.list.d /tmp/debian.sources && sed -i s/a/b/ {FILE}",
        f"RUN install -m 644 x {FILE} && sed -i s/a/b/ {FILE}",
        f"RUN touch {FILE} && sed -i s/a/b/ {FILE}",
        f"RUN echo a | tee {FILE} && sed -i s/a/b/ {FILE}",
        f"RUN echo a | tee {FILE}\nFROM a\nRUN sed -i s/a/b/ {FILE}",
        f"RUN [ -f {FILE} ] || touch {FILE}; sed -i s/a/b/ {FILE}",
        f"RUN [ ! -f {FILE} ] || sed -i s/a/b/ {FILE}",
        f"RUN cp -a /tmp/apt/. /etc/apt/ && sed -i s/a/b/ {FILE}",
        f"RUN rm -f {FILE}",
        f"RUN cat {FILE} || true",
        f"RUN echo sed {FILE}",
        "RUN echo deb > /etc/apt/sources.list.d/x.list && sed -i s/a/b/ /etc/apt/sources.list.d/*.list",
    ],
)
def test_what_writes_the_list_or_asks_for_it_first(lines: str, run: Run, tmp_path: Path) -> None:
    assert named(run, tmp_path, lines) == []


def test_upstreams_images_have_the_list(run: Run, tmp_path: Path) -> None:
    lines = f"USER root\nRUN sed -i s/a/b/ {FILE}"
    assert named(run, tmp_path, lines, "reg.echohq.com/debian:13-slim", "--provider", "upstream") == []


@pytest.mark.parametrize(("user", "held"), [("postgres", False), ("nonroot", True), ("65532", False)])
def test_upstreams_images_have_the_users_that_are_named(user: str, held: bool, run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM dhi.io/postgres:17\nUSER {user}\n")
    done = run("inventory", "--provider", "upstream", "--output-format", "json", str(tmp_path))
    (row,) = json.loads(done.stdout)["references"]
    assert ("user-absent" in [one["id"] for one in row["reasons"]]) is held
