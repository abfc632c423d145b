"""What package managers start for the packages that a file beside a Dockerfile declares, and dev containers for it."""

from pathlib import Path

import pytest

from echo_migrate.rules import _declared_needs
from echo_migrate.shell import package_managers
from tests.conftest import Run

PYTHON = "FROM python:3.13\nWORKDIR /app\n"
NODE = "FROM node:24\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"
LEAN = NODE.replace("ci", "ci --omit=dev")
POETRY = f"{PYTHON}COPY . .\nRUN poetry install\n"
MYSQL = f"{PYTHON}RUN apt-get install -y build-essential default-libmysqlclient-dev && pip install mysqlclient\n"
MYSQL_GEM = "FROM ruby:3.4\nRUN apt-get install -y build-essential X && gem install mysql2\n"
OPENSSL = {"Cargo.lock": '[[package]]\nname = "openssl-sys"\nversion = "0.9"\n'}
PG = {"Gemfile": "", "Gemfile.lock": "    pg (1.5.9)\n"}
CARGO = "FROM rust:1\nCOPY . .\nRUN cargo build --release\n"
RUBY = "FROM ruby:3.4\nWORKDIR /app\nCOPY Gemfile* ./\nRUN bundle install\n"
REQUIREMENTS = f"{PYTHON}COPY requirements.txt .\nRUN pip install -r requirements.txt\n"
FEATURES = '{"build": {"dockerfile": "Dockerfile"}, "features": {"ghcr.io/devcontainers/features/git:1": {}}}'
PEER_IN_NPM = """{"packages": {"node_modules/pg": {"version": "8.13.1",
  "peerDependencies": {
    "pg-native": ">=3.0.1"
  },
  "peerDependenciesMeta": {
    "pg-native": {
      "optional": true
    }
  }}}}"""
PEER_IN_YARN = """"pg@npm:8.13.1":
  peerDependencies:
    pg-native: ">=3.0.1"
  peerDependenciesMeta:
    pg-native:
      optional: true
"""
PEER_IN_BUN = (
    '    "pg": ["pg@8.13.1", "", { "peerDependencies": { "pg-native": ">=3" }, "optionalPeers": ["pg-native"] }],\n'
)


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def said(run: Run, tree: Path, text: str, files: dict[str, str], path: str = "Dockerfile", *options: str) -> str:
    (tree / ".git").mkdir()
    for name, body in {**files, path: text}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(body)
    words = [
        "--no-config",
        "--select",
        "unhardened-image",
        "--fail-on",
        "never",
        "--output-format",
        "concise",
        *options,
    ]
    return run("check", *words, str(tree / path)).stdout.decode()


@pytest.mark.parametrize(
    ("text", "files", "program"),
    [
        (REQUIREMENTS, {"requirements.txt": "flask\nlib @ git+https://example.com/lib\n"}, "git"),
        (REQUIREMENTS, {"requirements.txt": "-r base.txt\n", "base.txt": "-e git+https://example.com/lib\n"}, "git"),
        (REQUIREMENTS, {"requirements.txt": "Django>=5\npsycopg2==2.9\n"}, "gcc"),
        (
            f"{PYTHON}COPY . .\nRUN uv sync --frozen\n",
            {"uv.lock": 'source = { git = "https://e.com/x" }\n'},
            "git",
        ),
        (f"{PYTHON}COPY Pipfile .\nRUN pipenv sync\n", {"Pipfile": 'x = {git = "https://example.com/x"}\n'}, "git"),
        (
            f"{PYTHON}RUN --mount=type=bind,source=r.txt,target=r.txt pip install -r r.txt\n",
            {"r.txt": "x @ hg+https://e/x\n"},
            "hg",
        ),
        (NODE, {"package.json": '{"dependencies": {"lib": "github:acme/lib#v1"}}'}, "git"),
        (NODE, {"package.json": '{"devDependencies": {"lib": "acme/lib"}}'}, "git"),
        (NODE, {"package.json": "{}", "package-lock.json": '{"resolved": "git+ssh://git@example.com/x"}'}, "git"),
        (
            NODE,
            {"package.json": '{"dependencies": {"lib": "acme/lib"}}', "pnpm-lock.yaml": "tarball: https://e/x.tgz\n"},
            "git",
        ),
        (NODE.replace("npm ci", "yarn"), {"yarn.lock": '  resolved "https://e/a/x.git#abc"\n'}, "git"),
        (NODE.replace("npm ci", "bun install"), {"bun.lock": '"x": ["x@git+https://e/a/x.git#abc"]\n'}, "git"),
        (RUBY, {"Gemfile": 'gem "lib", github: "acme/lib"\n', "Gemfile.lock": "    rake (13)\n"}, "git"),
        (RUBY, {"Gemfile": 'gem "puma"\n', "Gemfile.lock": "    puma (6.4.2)\n"}, "gcc"),
        (RUBY, {"Gemfile": 'gem "rake"\n'}, "gcc"),
        (REQUIREMENTS.replace("-r", "-Ur"), {"requirements.txt": "lib @ git+https://example.com/lib\r\n"}, "git"),
        (POETRY, {"poetry.lock": '[[package]]\nname = "psycopg2"\nversion = "2"\n'}, "gcc"),
        (POETRY, {"pyproject.toml": '[project]\ndependencies = [\n"flask", "psycopg2>=2"]\n'}, "gcc"),
        (POETRY, {"pyproject.toml": "[tool.poetry.dependencies]\npsycopg2 = '^2'\n"}, "gcc"),
        (POETRY, {"pyproject.toml": '[tool.poetry.group.dev.dependencies.lib]\n\ngit = "https://e/x"\n'}, "git"),
        (POETRY, {"pyproject.toml": '[tool.uv.sources.lib]\nrev = "1"\ngit = "https://e/x"\n'}, "git"),
        (f"{PYTHON}RUN uvx --from git+https://example.com/lib lib\n", {}, "git"),
        (f"{PYTHON}RUN apt-get install -y make && pip install uwsgi\n", {}, "gcc"),
        ("FROM php:8.4-cli\nRUN pecl install redis\n", {}, "gcc"),
        (REQUIREMENTS.replace("install", "wheel"), {"requirements.txt": "psycopg2\n"}, "gcc"),
        (
            REQUIREMENTS.replace("pip install", "python3 -m pip download"),
            {"requirements.txt": "x @ git+https://e/x"},
            "git",
        ),
        (f"{PYTHON}RUN pip install --no-binary :all: numpy\n", {}, "gcc"),
        (NODE, {"package.json": '{"dependencies": {"node-rdkafka": "^3"}}'}, "python3"),
        (LEAN, {"package-lock.json": '{"node_modules/node-pty": {"version": "1.0.0"}}'}, "python3"),
        (NODE.replace("npm ci", "yarn"), {"yarn.lock": 'libpq@1.8.14:\n  version "1.8.14"\n'}, "python3"),
        (NODE.replace("npm ci", "pnpm i"), {"pnpm-lock.yaml": "packages:\n\n  node-pty@1.0.0:\n"}, "python3"),
        (NODE.replace("npm ci", "bun i"), {"bun.lock": '    "node-pty": ["node-pty@1.0.0", ""],\n'}, "python3"),
        ("FROM node:24\nRUN npm install -g node-gyp\nRUN node-gyp rebuild\n", {}, "python3"),
        ("FROM node:24\nRUN npm install lz4\n", {}, "python3"),
        (CARGO, {"Cargo.lock": '[[package]]\nname = "openssl-sys"\nversion = "0.9"\n'}, "pkg-config"),
        (f"{PYTHON}RUN apt-get install -y gcc && pip install psycopg2\n", {}, "pg_config"),
        (
            RUBY.replace("bundle", "apt-get install -y build-essential postgresql-client libpq5 && bundle"),
            PG,
            "pg_config",
        ),
        (MYSQL_GEM.replace("X", "default-mysql-client libmysqlclient21"), {}, "mysql_config"),
        (f"{PYTHON}RUN apt-get install -y gcc && pip install 'psycopg[pool, c]>=3'\n", {}, "pg_config"),
        (REQUIREMENTS, {"requirements.txt": "flask\npsycopg[c]==3.2.1 ; python_version > '3'\n"}, "gcc"),
        (POETRY, {"pyproject.toml": "[tool.poetry.dependencies]\npsycopg = {version = '3', extras = ['c']}\n"}, "gcc"),
        (MYSQL.replace(" mysqlclient", " 'mysqlclient>=2'"), {}, "pkg-config"),
        (MYSQL.replace(" mysqlclient", " mysqlclient==2.2.0"), {}, "pkg-config"),
        (MYSQL.replace(" mysqlclient", " mysqlclient~=2.1"), {}, "pkg-config"),
        (f"{PYTHON}RUN apt-get install -y gcc && pip install mysqlclient==2.1.1\n", {}, "mysql_config"),
        (f"{PYTHON}RUN pip install --no-binary=lxml,black lxml\n", {}, "gcc"),
        (f"{PYTHON}RUN uv sync --no-binary\n", {}, "gcc"),
        (f"{PYTHON}RUN pip install --no-binary confluent-kafka confluent-kafka==2.5.0\n", {}, "gcc"),
        (f"{PYTHON}RUN pip install --no-binary=$PKGS -r r.txt\n", {}, "gcc"),
        (NODE.replace("npm ci", "yarn"), {"yarn.lock": '"lz4@npm:^0.6.5":\n  version: 0.6.5\n'}, "python3"),
        (NODE.replace("npm ci", "pnpm i"), {"pnpm-lock.yaml": "packages:\n\n  /lz4/0.6.5:\n"}, "python3"),
        (NODE.replace("npm ci", "pnpm i"), {"pnpm-lock.yaml": "packages:\n\n  '/lz4@0.6.5':\n"}, "python3"),
        (NODE, {"package-lock.json": '{"dependencies": {\n  "lz4": {\n    "version": "0.6.5"}}}'}, "python3"),
        (RUBY, {"Gemfile": "", "Gemfile.lock": "    pg (1.6.2)\n    pg (1.6.2-arm64-darwin)\n"}, "pg_config"),
        (RUBY, {"Gemfile": "", "Gemfile.lock": "    pg (1.6.2)\n    pg (1.6.2-x86_64-linux-musl)\n"}, "pg_config"),
        (RUBY, {"Gemfile": "", "Gemfile.lock": "    pg (1.6.2)\n    pg (1.6.2-aarch64-linux)\n"}, "pg_config"),
        ("FROM golang:1.26\nARG GOPRIVATE\nRUN go build ./...\n", {}, "git"),
    ],
)
def test_called(run: Run, tmp_path: Path, text: str, files: dict[str, str], program: str) -> None:
    assert f"calls {program}, which the new image may not have" in said(run, tmp_path, text, files)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (REQUIREMENTS, {"requirements.txt": "flask  # was git+https://example.com/lib\npsycopg2-binary\n"}),
        (REQUIREMENTS, {"requirements.txt": "flask\n", "dev.txt": "x @ git+https://example.com/lib\n"}),
        (REQUIREMENTS.replace("3.13", "3.13-slim"), {"requirements.txt": "psycopg2\n"}),
        (NODE, {"package.json": '{"repository": "acme/app", "main": "dist/index.js", "dependencies": {"a": "^1"}}'}),
        (NODE, {"package.json": '{"dependencies": {"a": "npm:@acme/lib@1", "b": "file:../b"}}'}),
        (NODE, {"package.json": "[" * 100_000}),
        (NODE, {"package.json": '{"dependencies": {"lib": "npm:@acme/lib", "b": "dist/app-1.0.0.tgz"}}'}),
        (
            NODE.replace("npm ci", "pnpm install"),
            {"package.json": '{"dependencies": {"lib": "acme/lib"}}', "pnpm-lock.yaml": "tarball: https://e/x.tgz\n"},
        ),
        (LEAN, {"package.json": '{"devDependencies": {"lib": "acme/lib"}}'}),
        (LEAN, {"package.json": '{"devDependencies": {"node-pty": "1"}}'}),
        (CARGO, {"Cargo.lock": '[[package]]\nname = "openssl"\nversion = "1"\n'}),
        (CARGO, {"Cargo.lock": 'name = "openssl-src"\nversion = "3"\n\nname = "openssl-sys"\nversion = "0.9"\n'}),
        (CARGO.replace(":1", ":1-slim"), {"Cargo.lock": 'name = "openssl-sys"\nversion = "0.9"\n'}),
        (f"{PYTHON}RUN apt-get install -y gcc libpq-dev && pip install psycopg2\n", {}),
        (LEAN, {"package-lock.json": '{"node_modules/node-pty": {"version": "1.0.0", "dev": true}}'}),
        (NODE, {"package.json": '{"dependencies": {"node-pty-types": "1", "a": "node-pty"}}'}),
        (NODE, {"package-lock.json": '{"node_modules/@acme/node-pty": {}, "node_modules/node-pty-types": {}}'}),
        (NODE.replace("npm ci", "apt-get install -y g++ make python3 && npm i lz4"), {}),
        (NODE.replace("24", "24-alpine"), {"package.json": '{"dependencies": {"node-rdkafka": "^3"}}'}),
        (REQUIREMENTS.replace("install", "wheel"), {"requirements.txt": "flask\n"}),
        (LEAN, {"package-lock.json": '{"a": {"resolved": "git+ssh://git@e/x", "integrity": "b", "dev": true}}'}),
        (f"{NODE}RUN npm install dist/app-1.0.0.tgz lib@npm:@acme/lib\n", {"package.json": "{}"}),
        (REQUIREMENTS, {"requirements.txt": "-c pins.txt\nflask\n", "pins.txt": "psycopg2==2.9\n"}),
        (f"{PYTHON}COPY . .\nRUN pip install -r a.txt\n", {"a.txt": "a\n", "pyproject.toml": 'a = {git = "b"}\n'}),
        (POETRY, {"poetry.lock": '[[package]]\nname = "psycopg2"\nversion = "2"\noptional = true\n'}),
        (POETRY, {"pyproject.toml": "[tool.poetry.dependencies]\npsycopg2 = {version = '2', optional = true}\n"}),
        (POETRY, {"pyproject.toml": "tool = 1\nproject = 2\n[tool.other"}),
        (f"{PYTHON}RUN pip install --only-binary=:all: psycopg2\n", {}),
        (f'{PYTHON}RUN echo "use pip install git+https://example.com/lib" && pip install flask\n', {}),
        (f"{PYTHON}RUN apt-get install -y g++ && python3 -m pip install uwsgi\n", {}),
        ("FROM ruby:3.4\nRUN apt-get install -y g++ make && gem install puma\n", {}),
        ("FROM debian:13\nRUN apt-get install -y python3-pip && pip install psycopg2\n", {}),
        ("FROM python:3.13-slim-trixie\nRUN pip install psycopg2\n", {}),
        ('FROM golang:1.26\nENV GOPRIVATE="" GONOPROXY=none\nRUN go build ./...\n', {}),
        ("FROM golang:1.26\nENV GOPRIVATE=e.com GOFLAGS=-mod=vendor\nRUN go build ./...\n", {}),
        ("FROM golang:1.26\nENV GOPRIVATE=e.com\nRUN go build -mod=vendor ./...\n", {}),
        (RUBY, {"Gemfile": 'gem "rake"\n', "Gemfile.lock": "    rake (13)\n    puma (6.4-x86_64-linux)\n"}),
        (CARGO.replace("build --release", "install cargo-watch"), OPENSSL),
        (CARGO.replace("build --release", "+nightly fetch"), OPENSSL),
        (CARGO.replace("build --release", "--config build fetch"), OPENSSL),
        (REQUIREMENTS.replace("install -r", "install wheel -r"), {"requirements.txt": "flask\n"}),
        (RUBY.replace("bundle", "apt-get install -y postgresql-server-dev-all && bundle"), PG),
        (MYSQL_GEM.replace("X", "libmariadb-dev"), {}),
        (NODE, {"package-lock.json": PEER_IN_NPM}),
        (MYSQL.replace(" mysqlclient", " mysqlclient==2.1.1"), {}),
        (MYSQL.replace(" mysqlclient", " 'mysqlclient>=2,<2.2.0'"), {}),
        (MYSQL.replace(" mysqlclient", " mysqlclient~=2.1.0"), {}),
        (MYSQL.replace(" mysqlclient", " -r r.txt").replace("RUN", "COPY . .\nRUN"), {"r.txt": "mysqlclient==2.1.1\n"}),
        (f"{PYTHON}RUN pip install 'psycopg[binary]' psycopg2-binary\n", {}),
        (f"{PYTHON}RUN pip install --no-binary=:none: flask\n", {}),
        (NODE.replace("npm ci", "yarn"), {"yarn.lock": PEER_IN_YARN}),
        (NODE.replace("npm ci", "yarn"), {"yarn.lock": 'a@1:\n  optionalDependencies:\n    lz4 "^1"\n'}),
        (NODE.replace("npm ci", "pnpm i"), {"pnpm-lock.yaml": PEER_IN_YARN.replace("@npm:", "@")}),
        (NODE.replace("npm ci", "bun i"), {"bun.lock": PEER_IN_BUN}),
    ],
)
def test_not_called(run: Run, tmp_path: Path, text: str, files: dict[str, str]) -> None:
    assert "calls" not in said(run, tmp_path, text, files)


@pytest.mark.parametrize(
    ("image", "command", "program"),
    [
        ("node:22", "python3 build.py", "python3"),
        ("golang:1.26", "env X=1 python3 gen.py", "python3"),
        ("ruby:3.4", "convert a.png b.png", "convert"),
        ("node:22", "tar xJf a.tar.xz", "xz"),
        ("node:22", "tar -xf a.tar.bz2", "bzip2"),
        ("node:22", "apt-get install -y bzip2 liblzma-dev && tar xJf a.tar.xz", "xz"),
        ("node:22", "apt-get install -y graphicsmagick && convert a.png b.png", "convert"),
        ("node:22", "apt-get install -y libxml2 && xml2-config --libs", "xml2-config"),
        ("node:22", "apt-get install -y libcurl4 && curl-config --libs", "curl-config"),
        ("node:22", "apt-get install -y xz-utils bzip2 && tar xJf a.tar.xz && tar xjf b.tbz", ""),
        ("node:22", "apt-get install -y libxslt1-dev && xml2-config --libs && xslt-config --libs", ""),
        ("node:22", "apt-get install -y libcurl4-openssl-dev && curl-config --libs", ""),
        ("node:22", "apt-get install -y dpkg-dev && tar xJf a.tar.xz", ""),
        ("node:22", "tar -I 'xz -T0' -xf a", "xz"),
        ("node:22", "tar --use-compress-program=bzip2 -xf a", "bzip2"),
        ("node:22", "tar -C /opt -xvf a.txz", "xz"),
        ("node:22", "tar xCf /opt a.tar.xz", "xz"),
        ("node:22", "tar --extract --file=a.tar.xz", "xz"),
        ("node:22", "cat a | tar -xJ -C /opt", "xz"),
        ("node:22", "tar -xzf a.tgz -C/opt/java", ""),
        ("node:22", "tar -xzf a.tgz --exclude=*.xz --exclude '*.bz2'", ""),
        ("node:22", "tar -xzfJ", ""),
        ("node:22", "tar -I zstd -xf a.tar.zst", ""),
        ("node:22", "tar -xf a.tar -C", ""),
        ("node:22", "bsdtar -xJf a.tar.xz", ""),
        ("node:22", "useradd -m app", "useradd"),
        ("php:8.4-cli", "docker-php-ext-enable redis", "docker-php-ext-enable"),
        ("node:22", "apt-get install -y python3 && python3 build.py", ""),
        ("python:3.13", "python3 build.py", ""),
        ("node:22-slim", "python3 build.py", ""),
        ("node:22-slim", "tar xJf a.tar.xz", ""),
        ("node:22-alpine", "tar xJf a.tar.xz", ""),
        ("node:22", "tar xzf a.tgz", ""),
        ("node:22", "tar cf Jaj.tar xzy", ""),
        ("node:22", "apt-get install -y adduser && useradd -m app", ""),
        ("node:22-alpine", "adduser -D app", ""),
    ],
)
def test_what_upstream_has_by_the_way_or_of_its_own(
    run: Run, tmp_path: Path, image: str, command: str, program: str
) -> None:
    text = f"FROM {image} AS build\nRUN {command}\nFROM scratch\nCOPY --from=build /out /out\n"
    found = said(run, tmp_path, text, {}, "Dockerfile", "--provider", "docker")
    assert (f"no {program}" in found) if program else "safe" not in found and "may" not in found


@pytest.mark.parametrize(
    "lines",
    ["node:24\nRUN useradd -m app\n", "php:8.4-cli\nRUN docker-php-ext-enable redis\n"],
)
def test_a_drop_in_image_has_what_is_of_upstreams_build(run: Run, tmp_path: Path, lines: str) -> None:
    assert "may have no" not in said(run, tmp_path, f"FROM {lines}", {})


@pytest.mark.parametrize(
    ("package", "command", "held"),
    [
        ("libcurl4-openssl-dev", "curl -f e.com", True),
        ("libgit2-dev", "git clone e.com", True),
        ("libgcc-s1", "gcc a.c", True),
        ("curl", "curl -f e.com", False),
        ("libcap2-bin", "setcap x /y", False),
        ("libxml2-utils", "patch -p1", True),
    ],
)
def test_a_library_is_no_program(run: Run, tmp_path: Path, package: str, command: str, held: bool) -> None:
    found = said(run, tmp_path, f"FROM python:3.13\nRUN apt-get install -y {package} && {command}\n", {})
    assert ("may have no" in found) == held, found


def test_the_data_is_read_once_for_all_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    list(_declared_needs.made("python", ["flask"]))
    monkeypatch.delattr(package_managers, "read_data")
    assert list(_declared_needs.made("python", ["psycopg2"])) == ["gcc", "pg_config"]


def test_a_caller_is_named_as_it_is_written(run: Run, tmp_path: Path) -> None:
    assert "pip calls git, " in said(run, tmp_path, f"{PYTHON}RUN python3 -m pip install git+https://e.com/x\n", {})


def test_what_is_called_by_name_is_said_once(run: Run, tmp_path: Path) -> None:
    found = said(run, tmp_path, f"{PYTHON}RUN git clone https://e.com/x && pip install -e git+https://e.com/y\n", {})
    assert "no git: " in found
    assert "also" not in found


COMPOSE = "services:\n  web: {build: {context: ../web, dockerfile: ../docker/Dockerfile}}\n"
WORKFLOW = (
    "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"
    "      - uses: docker/build-push-action@v6\n        with: {context: web, file: docker/Dockerfile}\n"
)


@pytest.mark.parametrize(
    ("files", "called"),
    [
        ({"docker/compose.yaml": COMPOSE, "web/requirements.txt": "psycopg2\n"}, True),
        ({"docker/compose.yaml": COMPOSE, "web/requirements.txt": "flask\n", "requirements.txt": "psycopg2\n"}, False),
        ({".github/workflows/ci.yml": WORKFLOW, "web/requirements.txt": "psycopg2\n"}, True),
        ({"docker/compose.yaml": COMPOSE, "requirements.txt": "psycopg2\n"}, True),
        ({"web/requirements.txt": "psycopg2\n"}, False),
        (
            {
                "docker/compose.yaml": COMPOSE + "  api: {build: {context: .., dockerfile: docker/Dockerfile}}\n",
                "web/requirements.txt": "flask\n",
                "requirements.txt": "psycopg2\n",
            },
            True,
        ),
        ({"docker/compose.yaml": COMPOSE.replace("../web", "../../.."), "web/requirements.txt": "psycopg2\n"}, False),
    ],
)
def test_the_context_that_other_files_state(run: Run, tmp_path: Path, files: dict[str, str], called: bool) -> None:
    assert ("pip calls gcc, " in said(run, tmp_path, REQUIREMENTS, files, "docker/Dockerfile")) == called


def test_one_context_for_all_files_of_a_language(run: Run, tmp_path: Path) -> None:
    files = {"app/package.json": "{}", "package-lock.json": '{"resolved": "git+ssh://git@example.com/x"}'}
    assert "calls" not in said(run, tmp_path, NODE, files, "app/Dockerfile")


@pytest.mark.parametrize(
    ("image", "command", "files", "says"),
    [
        ("node:24", "npm install git+https://e.com/x", {}, "npm calls git"),
        ("ruby:3.4", "bundle install && bundle exec puma", {}, "bundle calls gcc"),
        ("ruby:3.4", "bundle install && bundle exec puma", {"Gemfile.lock": "    rake (13)\n"}, ""),
    ],
)
def test_services(run: Run, tmp_path: Path, image: str, command: str, files: dict[str, str], says: str) -> None:
    text = f"services:\n  a:\n    image: {image}\n    command: bash -c '{command}'\n"
    found = said(run, tmp_path, text, files, "compose.yaml")
    assert says in found if says else "calls" not in found


@pytest.mark.parametrize(
    ("lines", "held"),
    [
        ("RUN apt-get install -y wget=1.24.5-1", True),
        ("RUN apt-get install -y nodejs=22.*", True),
        ("RUN apt-get install -y 'wget=*'", False),
        ("RUN apt-get install -y nodejs=22.11.0-1nodesource1", False),
        ("RUN echo deb > /etc/apt/sources.list.d/docker.list && apt-get install -y docker-ce-cli=5:27.3.1", True),
        ("RUN apt-get install -y docker-ce-cli=5:27.3.1 && echo deb > /etc/apt/sources.list.d/docker.list", True),
        ("RUN echo deb > /etc/apt/sources.list.d/docker.list && apt-get install -y curl=8.14.1-2", True),
        ("RUN add-apt-repository ppa:a/b && apt-get install -y terraform=1.9.8-1", False),
        ("COPY x.list /etc/apt/sources.list.d/\nRUN apt-get install -y bind9=1:9.18", True),
    ],
)
def test_pinned(run: Run, tmp_path: Path, lines: str, held: bool) -> None:
    assert ("is pinned on line" in said(run, tmp_path, f"FROM debian:13\n{lines}\n", {})) == held


@pytest.mark.parametrize(
    ("base", "packages", "held"),
    [
        ("python:3.12-slim", "curl libasound2t64", "13, not in 12"),
        ("python:3.12-slim", "libssl3t64:amd64", "13, not in 12"),
        ("python:3.12-slim", "libicu76 curl", "13, not in 12"),
        ("python:3.12-slim", "postgresql-client-17", "13, not in 12"),
        ("node:22", "openjdk-17-jre-headless", "12, not in 13"),
        ("node:22", "software-properties-common", "12, not in 13"),
        ("node:22", "software-properties-common && echo > /etc/apt/sources.list.d/a.list", "12, not in 13"),
        ("node:22", "libboost-system1.74.0 libboost-dev", "12, not in 13"),
        ("python:3.12-slim", "curl libasound2 libpq5 libssl3 libjpeg62-turbo libboost-dev gcc-12 openjdk-21", ""),
        ("python:3.12-slim", "postgresql-client-17 && echo > /etc/apt/sources.list.d/pgdg.list", ""),
        ("python:3.12-slim", "libicu76 && echo > /etc/apt/sources.list.d/pgdg.list", "13, not in 12"),
        ("debian:13-slim", "libasound2t64", ""),
    ],
)
def test_a_package_that_one_release_has(run: Run, tmp_path: Path, base: str, packages: str, held: str) -> None:
    lines = f"FROM {base}\nRUN apt-get update && apt-get install -y {packages}\n"
    found = said(run, tmp_path, lines, {})
    assert f"is in Debian {held}" in found if held else "is in Debian" not in found


@pytest.mark.parametrize(
    ("lines", "held"),
    [
        ("RUN echo ubuntu", False),
        ("RUN ./install.sh --os ubuntu", False),
        ("RUN install -o ubuntu a /a", True),
        ("RUN chown ubuntu:ubuntu /a", True),
        ("RUN su - ubuntu -c id", True),
        ("RUN sudo -u ubuntu id", True),
        ("USER ubuntu", True),
    ],
)
def test_the_user_of_ubuntu(run: Run, tmp_path: Path, lines: str, held: bool) -> None:
    found = said(run, tmp_path, f"FROM eclipse-temurin:21-jre\n{lines}\n", {})
    assert ("may have no user ubuntu" in found) == held, found


@pytest.mark.parametrize(
    ("line", "source", "held"),
    [
        ("g++ -o /app main.cpp && cp -r ./static /srv", "/app", True),
        ("g++ -static -o /app main.cpp", "/app", False),
        ("g++ -o /app main.cpp", "/src/LICENSE", False),
        ("g++ -o /app main.cpp", "/etc/passwd", False),
    ],
)
def test_what_is_compiled_in_cpp(run: Run, tmp_path: Path, line: str, source: str, held: bool) -> None:
    text = f"FROM gcc:15 AS b\nRUN {line}\nFROM debian:13-slim\nCOPY --from=b {source} /x\n"
    assert ("libstdc++" in said(run, tmp_path, text, {}, "Dockerfile", "--provider", "docker")) == held


GO = "FROM golang:1.26\nCOPY . .\n"


@pytest.mark.parametrize(
    ("lines", "program"),
    [
        ("RUN go test -race ./...\n", "gcc"),
        ("RUN CGO_ENABLED=1 go build -o /app .\n", "gcc"),
        ("ENV CGO_ENABLED=1\nRUN go install ./cmd/app\n", "gcc"),
        ("RUN export CGO_ENABLED=1 && go run .\n", "gcc"),
        ("RUN CC=clang CGO_ENABLED=1 go build .\n", "clang"),
        ("RUN go env -w CGO_ENABLED=1 && go build .\n", "gcc"),
        ("RUN go build -buildmode=c-shared .\n", "gcc"),
        ("RUN gotestsum -- -race ./...\n", "gcc"),
        ("ENV GOFLAGS='-mod=mod -race'\nRUN go test ./...\n", "gcc"),
        ("RUN go test ./...\n", ""),
        ("RUN CGO_ENABLED=0 go build .\n", ""),
        ("RUN CGO_ENABLED=1 go mod download\n", ""),
        ("RUN go build -race=false .\n", ""),
        ("RUN apt-get install -y gcc-aarch64-linux-gnu && CC=aarch64-linux-gnu-gcc CGO_ENABLED=1 go build .\n", ""),
        ("RUN apt-get install -y gcc && go test -race ./...\n", ""),
    ],
)
def test_go_calls_a_c_compiler(run: Run, tmp_path: Path, lines: str, program: str) -> None:
    found = said(run, tmp_path, GO + lines, {})
    assert f"may have no {program}" in found if program else "may have no" not in found, found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            ".woodpecker.yml",
            "steps:\n  a:\n    image: golang:1.26\n    environment: {CGO_ENABLED: '%s'}\n    commands: [go build]\n",
        ),
        (".gitlab-ci.yml", "a:\n  image: golang:1.26\n  variables: {CGO_ENABLED: %s}\n  script:\n    - go build\n"),
    ],
)
def test_go_calls_a_c_compiler_in_a_pipeline(run: Run, tmp_path: Path, path: str, text: str) -> None:
    found = said(run, tmp_path, text % 1, {}, path)
    assert "also: may lack gcc" in found, found
    (tmp_path / ".git").rmdir()
    assert "gcc" not in said(run, tmp_path, text % 0, {}, path)


def test_no_file_out_of_the_tree(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("x @ git+https://example.com/x\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    text = f"{PYTHON}COPY requirements.txt .\nRUN pip install -r ../requirements.txt -r requirements.txt\n"
    assert "calls" not in said(run, tree, text, {"requirements.txt": "-r ../requirements.txt\n"})


@pytest.mark.parametrize(
    ("path", "features", "held"),
    [
        (".devcontainer/Dockerfile", FEATURES, True),
        (".devcontainer/Dockerfile", '{"build": {"dockerfile": "Dockerfile"}, "features": {}}', False),
        (".devcontainer/Dockerfile.other", FEATURES, False),
        ("Dockerfile", FEATURES.replace('"Dockerfile"', '"../Dockerfile"'), True),
        ("Dockerfile", FEATURES, False),
    ],
)
def test_features_of_a_dev_container(run: Run, tmp_path: Path, path: str, features: str, held: bool) -> None:
    files = {".devcontainer/devcontainer.json": features}
    assert ("a feature of the dev container" in said(run, tmp_path, "FROM python:3.13\n", files, path)) == held


@pytest.mark.parametrize(
    ("service", "held"),
    [
        ("{build: {context: .., dockerfile: dev/Dockerfile}}", False),
        ("{build: {context: .., dockerfile: .devcontainer/Dockerfile.dev}}", True),
        ("{build: ../dev}", False),
        ("{build: {dockerfile: Dockerfile.dev}}", True),
        ("{build: {context: .., dockerfile: '$FILE'}}", True),
        ("{extends: {service: a}, build: ../dev}", True),
        ("{image: app}", True),
    ],
)
def test_features_of_a_service(run: Run, tmp_path: Path, service: str, held: bool) -> None:
    text = FEATURES.replace('"build": {"dockerfile": "Dockerfile"}', '"dockerComposeFile": ["c.yml"], "service": "dev"')
    files = {".devcontainer/devcontainer.json": text, "dev/Dockerfile": "FROM python:3.13\n"}
    files[".devcontainer/c.yml"] = f"services:\n  dev: {service}\n"
    found = said(run, tmp_path, "FROM python:3.13\n", files, ".devcontainer/Dockerfile.dev")
    assert ("a feature of the dev container" in found) == held, found


def test_features_of_a_service_beside_one_in_a_comment(run: Run, tmp_path: Path) -> None:
    service = '"dockerComposeFile": "c.yml", // "service": "other",\n"service": "dev"'
    files = {".devcontainer/devcontainer.json": FEATURES.replace('"build": {"dockerfile": "Dockerfile"}', service)}
    files[".devcontainer/c.yml"] = "services: {dev: {build: .}, other: {build: {dockerfile: Dockerfile.other}}}\n"
    files[".devcontainer/Dockerfile.other"] = "FROM python:3.13\n"
    assert "a feature of the dev" in said(run, tmp_path, "FROM python:3.13\n", files, ".devcontainer/Dockerfile")


@pytest.mark.parametrize(
    ("lines", "files", "held"),
    [
        ('COPY cli /app/cli\nENTRYPOINT ["/app/cli"]\n', {"cli": "#!/usr/bin/env node\n1\n"}, True),
        ('COPY cli /app/cli\nENTRYPOINT ["/app/cli"]\n', {"cli": "\x7fELF\0"}, False),
        ('COPY cli /app/cli\nENTRYPOINT ["/app/cli"]\n', {"cli": "#!/usr/local/bin/node\n1\n"}, False),
        ('COPY --from=x cli.js /app/cli.js\nENTRYPOINT ["/app/cli.js"]\n', {}, True),
        ('COPY cli.js /app/cli.js\nENTRYPOINT ["node", "/app/cli.js"]\n', {"cli.js": "#!/usr/bin/env node\n"}, False),
    ],
)
def test_started_by_env(run: Run, tmp_path: Path, lines: str, files: dict[str, str], held: bool) -> None:
    found = said(run, tmp_path, f"FROM node:24-alpine\nUSER node\n{lines}", files, "Dockerfile", "--provider", "docker")
    assert ("may have no env" in found) == held, found


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_requirements_are_read_by_their_byte_order_mark(run: Run, tmp_path: Path, encoding: str) -> None:
    """PowerShell writes them so, and pip reads them."""
    file = tmp_path / "requirements.txt"
    file.write_bytes("psycopg2==2.9.10\r\n".encode(encoding))
    (tmp_path / "Dockerfile").write_text(REQUIREMENTS)
    done = run("check", "--no-config", "--fail-on", "never", "--select", "unhardened-image", str(tmp_path))
    assert b"gcc" in done.stdout


DEV = "FROM rust:1\nWORKDIR /app\nCOPY . .\nCMD %s\n"


@pytest.mark.parametrize(
    ("text", "files", "program"),
    [
        (DEV % "cargo watch -x run", OPENSSL, "cargo calls pkg-config"),
        (DEV % '["cargo", "watch", "-x", "run"]', OPENSSL, "cargo calls pkg-config"),
        (DEV % "cargo run --release", OPENSSL, "cargo calls pkg-config"),
        (DEV.replace("COPY . .\n", "") % "cargo run", OPENSSL, "cargo calls pkg-config"),
        (DEV.replace("CMD", "ENTRYPOINT") % '["cargo", "run"]', OPENSSL, "cargo calls pkg-config"),
        (DEV % "cargo run", {"Cargo.lock": '[[package]]\nname = "serde"\nversion = "1"\n'}, ""),
        (DEV % "cargo fmt", OPENSSL, ""),
        (DEV % '["/app/run"]', OPENSSL, ""),
        (f"{PYTHON}CMD pip install -r r.txt && python a.py\n", {"r.txt": "psycopg2==2.9\n"}, "pip calls gcc"),
        (f"{PYTHON}CMD pip install -r r.txt && python a.py\n", {"r.txt": "flask\n"}, ""),
        (
            "FROM node:24\nCMD npm install && npm run dev\n",
            {"package.json": '{"dependencies": {"lib": "github:acme/lib#v1"}}'},
            "npm calls git",
        ),
    ],
)
def test_what_compiles_when_it_starts_is_asked_as_a_run_is(
    run: Run, tmp_path: Path, text: str, files: dict[str, str], program: str
) -> None:
    out = said(run, tmp_path, text, files)
    assert program in out
    assert (" calls " in out) == bool(program)
