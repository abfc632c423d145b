"""What a stage calls by what it starts: scripts and tasks of the build context, and commands that run others."""

from collections.abc import Sequence
from pathlib import Path
from time import process_time

import pytest

from echo_migrate.dockerfile.copied_scripts import likely_text_at
from echo_migrate.dockerfile.run import Mount
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.shell.makefiles import included_by, recipes_of, rules_of
from tests.conftest import Run

NODE = "FROM node:22 AS build\nWORKDIR /app\nCOPY . .\n"
GO = "FROM golang:1.26 AS build\nWORKDIR /app\nCOPY . .\n"
PYTHON = "FROM python:3.13 AS build\nWORKDIR /app\nCOPY . .\n"
MADE = "FROM debian:13 AS made\n"
TAKEN = f"{NODE}COPY --from=made /opt/made /usr/local/bin\n"
SCRIPT = {"b.sh": "#!/bin/sh\nset -e\ncurl -O x\n"}
MAKEFILE = {"Makefile": "GEN = python3\n\nbuild: deps\n\tnpm ci\ndeps:\n\t@$(GEN) gen.py\nrelease:\n\trsync a b\n"}
CHAIN = """\
if command -v curl >/dev/null; then
  curl x
elif command -v wget >/dev/null; then
  wget x
else
  exit 1
fi
"""
PSYCOPG = 'dependencies = ["psycopg2"]\n'
SCM = '[build-system]\nrequires = ["setuptools-scm>=8"]\n[project]\nname = "a"\ndynamic = ["version"]\n'


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def said(run: Run, tree: Path, text: str, files: dict[str, str], provider: str = "docker") -> str:
    (tree / ".git").mkdir()
    for name, body in {**files, "Dockerfile": f"{text}\nFROM scratch\nCOPY --from=build /app /app\n"}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(body)
    options = ["--no-config", "--select", "unhardened-image", "--fail-on", "never", "--output-format", "concise"]
    return run("check", *options, "--provider", provider, str(tree)).stdout.decode()


@pytest.mark.parametrize(
    ("text", "files", "program"),
    [
        (f"{NODE}COPY bin /usr/local/bin\nRUN curl x", {"bin/own": ""}, "curl"),
        (f"{NODE}COPY own /usr/local/bin/\nRUN curl x", {"own": ""}, "curl"),
        (f"{NODE}COPY --from=golang:1.26 /go/bin /usr/local/bin\nRUN xz x", {}, "xz"),
        (f"{MADE}RUN apt-get install -y curl\n{TAKEN}RUN curl x", {}, "curl"),
        (f"{MADE}COPY bin /opt/made\n{TAKEN}RUN curl x", {"bin/own": ""}, "curl"),
        (f"{NODE}RUN find . -name '*.py' -exec python3 {{}} \\;", {}, "python3"),
        (f"{NODE}RUN find . -type f -exec sh -c 'xz \"$1\"' _ {{}} +", {}, "xz"),
        (f"{NODE}RUN ls | xargs --max-procs 4 unzip", {}, "unzip"),
        (f"{NODE}RUN timeout --signal KILL 30 rsync a b", {}, "rsync"),
        (f"{NODE}RUN setpriv --reuid=1000 curl x", {}, "curl"),
        (f'{NODE}RUN runuser node -c "curl x"', {}, "curl"),
        (f"{NODE}RUN gosu node npm ci", {}, "gosu"),
        (f"{NODE}RUN /usr/bin/python3 x.py", {}, "python3"),
        (f"{NODE}ENV PY=python3\nRUN $PY x.py", {}, "python3"),
        (f"{NODE}ENV GET='curl -f'\nRUN $GET x", {}, "curl"),
        (f"{NODE}RUN GET='curl -fsSL'; $GET x", {}, "curl"),
        (f'{NODE}RUN if a; then G=echo; else G=/usr/bin/curl; fi; "$G" x', {}, "curl"),
        (f'{NODE}RUN if a; then G="wget -q"; else G=curl; fi; "$G" x', {}, "wget"),
        (f"{NODE}RUN ${{GET:-curl -f}} x", {}, "curl"),
        (f"{NODE}CMD G=curl; exec ${{G}} x", {}, "curl"),
        (f"{NODE}RUN gosu node $G x", {}, "gosu"),
        (f"{NODE}ENV G=curl\nRUN if a; then G=echo; fi; $G x", {}, "curl"),
        (f"{NODE}RUN sh g.sh", {"g.sh": "AS=\nif a; then AS=sudo; fi\n$AS curl x\n"}, "curl"),
        (f"{NODE}RUN sh g.sh", {"g.sh": 'GET=(curl -f)\n"${GET[@]}" x\n'}, "curl"),
        (f"{NODE}RUN command -v curl >/dev/null 2>&1 || exit 1", {}, "curl"),
        (f'{NODE}RUN [ -x "$(command -v curl)" ] || exit 1', {}, "curl"),
        (f"{NODE}RUN sh b.sh", {"b.sh": 'if ! [ -x "$(command -v curl)" ]; then\n  exit 1\nfi\n'}, "curl"),
        (f"{NODE}RUN sh b.sh", {"b.sh": 'if [ ! -x "$(which curl 2>/dev/null)" ]; then exit 1; fi\n'}, "curl"),
        (f"{NODE}RUN sh b.sh", {"b.sh": "if [[ -z $(command -v curl) ]]; then exit 1; fi\n"}, "curl"),
        (f"{NODE}RUN for p in node curl; do command -v $p || exit 1; done", {}, "curl"),
        (
            f"{NODE}RUN sh b.sh",
            {"b.sh": 'for p in "node" "curl"\ndo\n  which "${p}" >/dev/null || exit 1\ndone\n'},
            "curl",
        ),
        (f"{NODE}RUN sh g.sh", {"g.sh": "which curl > /dev/null || { echo none >&2; exit 1; }\ncurl x\n"}, "curl"),
        (f"{NODE}RUN sh g.sh", {"g.sh": "if ! hash curl; then\n  echo none\n  exit 2\nfi\ncurl x\n"}, "curl"),
        (f"{NODE}RUN sh g.sh", {"g.sh": CHAIN}, "curl or wget"),
        (f"{NODE}RUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF", {}, "python3"),
        (f"{NODE}RUN ./x.py", {"x.py": "#!/usr/bin/env python3\n"}, "python3"),
        (f"{NODE}RUN sh b.sh", SCRIPT, "curl"),
        (f"{NODE}RUN ./b.sh", {**SCRIPT, ".dockerignore": "dist\n"}, "curl"),
        (f"{NODE}RUN bash a.sh", {**SCRIPT, "a.sh": 'cd "$(dirname "$0")"\n./b.sh\n'}, "curl"),
        (f"{NODE}RUN bash a.sh", {**SCRIPT, "a.sh": "(cd w && ls)\n./b.sh\n"}, "curl"),
        (f"{NODE}RUN bash a.sh", {**SCRIPT, "a.sh": "cd w\nls\ncd -\n./b.sh\n"}, "curl"),
        (f"{NODE}RUN bash a.sh", {"w/b.sh": SCRIPT["b.sh"], "a.sh": "pushd w\n./b.sh\npopd\n"}, "curl"),
        ("FROM node:22 AS build\nWORKDIR /app\nRUN --mount=type=bind,target=. ./b.sh", SCRIPT, "curl"),
        ("FROM node:22 AS build\nWORKDIR /app\nCOPY *.sh ./\nRUN ./b.sh", SCRIPT, "curl"),
        (f"{GO}RUN make b", {"Makefile": "include c.mk\n", "c.mk": "b:\n\trsync a b\n"}, "rsync"),
        (f"{NODE}RUN npm run b -w w", {"w/package.json": '{"scripts": {"b": "rsync a b"}}'}, "rsync"),
        (f'{NODE}ENTRYPOINT ["./b.sh"]', SCRIPT, "curl"),
        (f"{PYTHON}RUN ./configure && make", {}, "make"),
        (f"{NODE}RUN apt-get install -y make\nRUN make build", MAKEFILE, "python3"),
        (f"{GO}RUN make", {"Makefile": "all: x.pb.go\n%.pb.go: %.proto\n\tcurl -o $@ $<\n"}, "curl"),
        (f"{GO}RUN make -C sub b", {"sub/Makefile": "b:\n\t$(MAKE) c\nc:\n\tX=1 rsync a b\n"}, "rsync"),
        (
            f"{NODE}RUN npm run build",
            {"package.json": '{"scripts": {"prebuild": "python3 x", "build": "a"}}'},
            "python3",
        ),
        (f"{NODE}RUN yarn b", {"package.json": '{"scripts": {"b": "run-s c:*", "c:d": "zip -r a b"}}'}, "zip"),
        (f"{NODE}RUN cd w && pnpm i", {"w/package.json": '{"scripts": {"postinstall": "rsync a b"}}'}, "rsync"),
        (f"{NODE}RUN npm ci", {"package.json": '{"scripts": {"install": "node-gyp rebuild"}}'}, "python3"),
        (
            "FROM rust:1.98 AS build\nCOPY . /app\nWORKDIR /app\nRUN cargo build",
            {"build.rs": 'Command::new("git")'},
            "git",
        ),
        (f"{PYTHON}RUN perl -MJSON::PP -e 1", {}, "perl-modules"),
        (f"{PYTHON}RUN perl -e 'use LWP::Simple; get(1)'", {}, "perl-modules"),
        (f"{PYTHON}RUN perl t/gen.pl", {"t/gen.pl": "use strict;\nuse Digest::SHA qw(sha1);\n"}, "perl-modules"),
        (f"{PYTHON}RUN t/gen", {"t/gen": "#!/usr/bin/perl\nuse Time::HiRes;\n"}, "perl-modules"),
        (f"{PYTHON}RUN prove -r t", {}, "prove"),
        (f"{PYTHON}RUN pip install .", {"pyproject.toml": SCM}, "git"),
        (f"{PYTHON}RUN pip install .", {"setup.py": "setup(ext_modules=[Extension('a', ['a.c'])])\n"}, "gcc"),
        (f"{GO}RUN make", {"Makefile": ".DEFAULT_GOAL := b\na:\n\tls\nb:\n\trsync a b\n"}, "rsync"),
        (f"{GO}RUN make", {"Makefile": "G = b\n.DEFAULT_GOAL := $(G)\na:\n\tls\nb:\n\t@ -rsync a b\n"}, "rsync"),
        (f"{GO}RUN make", {"Makefile": "vpath %.c a:b\nb:\nifeq 'a' 'a:b'\n\trsync a b\nendif\n"}, "rsync"),
        (f"{GO}RUN make", {"Makefile": "define R\n$(1): b\n\tls\nendef\nb:\n\trsync a b\n"}, "rsync"),
        (f"{GO}RUN make -C a -C b", {"a/b/Makefile": "b:\n\trsync a b\n"}, "rsync"),
        (f"{GO}RUN make", {"Makefile": ".RECIPEPREFIX = >\nb:\n>rsync a b\n"}, "rsync"),
        (f"{GO}RUN make -j $(nproc)", {"Makefile": "all:\n\trsync a b\n"}, "rsync"),
        (f"{GO}RUN make -j 4 -l 2.5", {"Makefile": "all:\n\trsync a b\n"}, "rsync"),
        (f"{NODE}RUN npm ci", {"package.json": '\ufeff{"scripts": {"postinstall": "rsync a b"}}'}, "rsync"),
        (f"{PYTHON}RUN pip install uv && uv sync --no-install-project", {"pyproject.toml": f"{SCM}{PSYCOPG}"}, "gcc"),
        (
            f"{PYTHON}ENV SETUPTOOLS_SCM_PRETEND_VERSION=1\nRUN pip install .",
            {"pyproject.toml": SCM, "setup.py": "setup(ext_modules=[])\n"},
            "gcc",
        ),
    ],
)
def test_called(run: Run, tmp_path: Path, text: str, files: dict[str, str], program: str) -> None:
    found = said(run, tmp_path, text, files)
    assert f"the new image may have no {program}" in found or f"calls {program}, which" in found


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (f"{NODE}COPY bin /usr/local/bin\nRUN curl x", {"bin/curl": ""}),
        (f"{NODE}COPY --from=tools:1 /usr/bin /usr/bin\nRUN curl x", {}),
        (f"{NODE}COPY --from=curlimages/curl:8.16.0 /opt /usr/local/bin\nRUN curl x", {}),
        (f"{MADE}RUN apt-get install -y curl && cp /usr/bin/curl /opt/made\n{TAKEN}RUN curl x", {}),
        (f"{MADE}RUN dnf install --installroot /opt/made -y curl\n{TAKEN}RUN curl x", {}),
        (f"{MADE}RUN tar xf x.tar -C /opt/made\n{TAKEN}RUN curl x", {}),
        (f"{MADE}COPY bin /opt/made\n{TAKEN}RUN curl x", {"bin/curl": ""}),
        (f"{NODE}RUN find . -name '*.map' -exec rm {{}} +", {}),
        (f"{NODE}RUN sh b.sh", {"b.sh": "apt-get install -y curl\ncurl x\n"}),
        (f"{NODE}RUN sh a.sh", {"a.sh": "apt-get install -y curl\n./b.sh\n", **SCRIPT}),
        (f"{NODE}RUN apt-get install -y curl\nRUN sh b.sh", SCRIPT),
        (f"{NODE}RUN sh b.sh", {"b.sh": "if command -v curl >/dev/null; then curl x; fi\n"}),
        (f"{NODE}RUN apt-get install -y wget\nRUN sh g.sh", {"g.sh": CHAIN}),
        (f"{NODE}RUN sh b.sh", {"b.sh": "if ! command -v curl; then exit 0; fi\ncurl x\n"}),
        (f"{NODE}RUN sh g.sh", {"g.sh": "command -v curl || { apt-get install -y curl || exit 1; }\ncurl x\n"}),
        (f"{NODE}RUN sh g.sh", {"g.sh": "# command -v curl || exit 1\nls\n"}),
        (f"{NODE}RUN sh g.sh", {"g.sh": 'if [ -x "$(command -v curl)" ]; then exit 1; fi\nls\n'}),
        (f"{NODE}RUN sh g.sh", {"g.sh": "for p in node curl; do command -v $p; done || true\n"}),
        (f"{NODE}RUN sh g.sh", {"g.sh": "for p in a b; do curl || exit 1; done\n".replace("curl", "echo curl")}),
        (f"{NODE}RUN sh g.sh", {"g.sh": "if a; then AS=sudo; fi\n$AS ls\n"}),
        (f"{NODE}RUN '$G' x; G=curl", {}),
        (f"{NODE}RUN sh b.sh", {"b.sh": "zip() {\n  echo\n}\nzip a\n"}),
        (f"{NODE}RUN npm ci", {"x.py": "#!/usr/bin/env python3\n", **SCRIPT}),
        (f"{NODE}RUN apt-get install -y make python3\nRUN make build", MAKEFILE),
        (f"{NODE}RUN npm ci --ignore-scripts", {"package.json": '{"scripts": {"postinstall": "python3 x"}}'}),
        (f"{NODE}RUN npm run b", {"package.json": '{"scripts": {"b": "tsc", "test": "python3 x"}}'}),
        (f"{NODE}RUN npm run b", {"package.json": "[" * 100_000}),
        (f"{NODE}RUN npm run b", {"package.json": '{"scripts": {"b": "npm run b"}}'}),
        (f"{NODE}RUN perl -MJSON::PP -e 1", {}),  # it has git, which depends on perl
        (f"{GO}RUN make -n && make --version", {"Makefile": "all:\n\trsync a b\n"}),
        (f"{GO}RUN make a", {"Makefile": "a: X = b\na:\n\tls\nb:\n\trsync a b\n"}),
        (f"{GO}RUN make", {"Makefile": "all: all\n\tgo build $(strip a) $$(ls)\npush:\n\trsync a b\n"}),
        (f"{PYTHON}RUN perl -MPOSIX x.pl", {"x.pl": "use strict;\nuse v5.10;\nuse Getopt::Long;\n"}),
        (f"{PYTHON}ENV SETUPTOOLS_SCM_PRETEND_VERSION=1\nRUN pip install .", {"pyproject.toml": SCM}),
        (f"{PYTHON}RUN pip install uv && uv sync --no-install-project", {"pyproject.toml": SCM}),
        (f"{PYTHON}RUN pip install .", {"pyproject.toml": SCM.replace('dynamic = ["version"]', 'version = "1"')}),
        (f"{PYTHON}RUN pip install .", {"pyproject.toml": f'{SCM}[tool.hatch.version]\nfallback-version = "0"\n'}),
        (f"{PYTHON}RUN pip install -r r.txt", {"r.txt": "setuptools-scm==8.1.0\n"}),
        (
            f"{PYTHON}RUN perl x.pl",
            {"x.pl": "use strict;\n=head1 USE\n\n  use LWP::Simple;\n\n=cut\nuse File::Spec::Unix;\n"},
        ),
        (
            "FROM perl:5.42 AS build\nWORKDIR /app\nCOPY . .\nRUN ./x.pl && prove t",
            {"x.pl": "#!/usr/bin/env perl\nuse JSON::PP;\n"},
        ),
    ],
)
def test_not_called(run: Run, tmp_path: Path, text: str, files: dict[str, str]) -> None:
    found = said(run, tmp_path, text, files)
    assert "may have no" not in found
    assert "which the new image" not in found


def test_a_makefile_is_read_up_to_a_limit() -> None:
    long = f"A = {'x' * 50_000}\nall:\n\ttrue {'$(A)' * 2_400}\n"
    assert sum(map(len, recipes_of(long, []))) < 5_000_000
    assert len(included_by("include " + "a.mk " * 10_000)) == len(included_by("include a.mk\n" * 10_000)) < 100


def test_a_script_is_read_once_for_a_stage(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def text_at(path: str, stage: Stage, mounts: Sequence[Mount], dockerfile: str) -> str | None:
        asked.append(path)
        return likely_text_at(path, stage, mounts, dockerfile)

    monkeypatch.setattr("echo_migrate.dockerfile.called.likely_text_at", text_at)
    assert "may have no curl" in said(run, tmp_path, NODE + "RUN sh b.sh\n" * 30, SCRIPT)
    assert len(asked) < 10


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ('. /etc/os-release && [ "$NAME" = "Debian GNU/Linux" ]', "reads NAME"),
        ('eval "$(cat /etc/os-release)" && echo $PRETTY_NAME', "reads PRETTY_NAME"),
        ("source /usr/lib/os-release && echo ${VERSION}", "reads VERSION"),
        ("cat /etc/os-release && echo $NAME $VERSION", ""),
        ("grep -q Debian /etc/os-release", "a RUN may run a step that"),
        ("cat /etc/os-release | grep -i debian", "a RUN may run a step that"),
        ('test "$(cut -d. -f1 /etc/debian_version)" = 13', "a RUN may run a step that"),
        ("python3 -c 'import distro; print(distro.id())'", "a RUN may run a step that"),
        ("cat /etc/os-release", ""),
        ('test "$(head -1 /etc/issue)" = x', "a RUN may run a step that"),
        ("cat /etc/os-release | grep PRETTY_NAME | grep -q 13", "a RUN may run a step that"),
        ("cat /etc/os-release | grep PRETTY_NAME", ""),
        ("grep '^NAME=' /etc/os-release && head -n 2 /etc/os-release", ""),
        ("sed -i s/a/b/ /etc/issue && sed s/a/b/ x > /etc/issue", ""),
    ],
)
def test_the_release_is_read(run: Run, tmp_path: Path, line: str, held: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM python:3.13-slim\nRUN {line}\n")
    options = ["--no-config", "--fail-on", "never", "--output-format", "concise"]
    found = run("check", *options, str(tmp_path)).stdout.decode()
    assert held in found
    assert bool(held) is ("os-release-differs" in found or "may run a step" in found)


def test_a_makefile_full_of_variables_is_read_in_time() -> None:
    """None of what is needed has a certain name: a search of all rules for each took half a minute."""
    needed = "".join(f"t{i}: {' '.join(f'$(A{i}_{j}).o' for j in range(10))} t{i + 1}\n\tls\n" for i in range(10_000))
    assert rules_of(needed, "t0")  # reads the rules, which is kept
    begun = process_time()
    assert len(list(recipes_of(needed, ["t0"]))) > 100
    assert process_time() - begun < 4
