"""Package managers: the laws of their data, and what commands ask of them."""

from pathlib import Path

import pytest

from echo_migrate.files.data import folder, parse_yaml
from echo_migrate.files.source import Traced
from echo_migrate.shell.package_managers import Call, by_kind, call, data, does, listed, used_for
from echo_migrate.shell.parser import read

RAW = parse_yaml((Path(folder()) / "commands.yaml").read_text())
ROWS = [(name, row) for kind in ("system", "language") for name, row in RAW[kind].items()]
KEYS = {
    *(
        "commands",
        "install",
        "remove",
        "update",
        "upgrade",
        "clean",
        "run",
        "other",
        "valued",
        "answer",
        "letters",
        "needs",
        "cached",
    ),
    *("recommended", "caches", "lists", "emptied", "environment", "settings", "pinned", "from", "dry", "cleaning"),
    *(
        "development",
        "families",
        "old",
        "keeping",
        "keeping letters",
        "answering",
        "assumes",
        "groups",
        "unnamed",
        "uncached",
        "copying",
        "ends",
        "moved",
        "kept",
        "whole",
        "brought",
        "companions",
        "alone",
    ),
}


def asked(text: str, **variables: str) -> list[Call]:
    commands = read(Traced.of(text, 0, len(text))).commands
    return [one for command in commands if (one := call(command, variables.get))]


def test_rows() -> None:
    assert RAW["source"]
    assert RAW["date"]
    commands = [words for _, row in ROWS for words in row["commands"]]
    assert len(commands) == len(set(commands))
    for name, row in ROWS:
        assert set(row) <= KEYS, name
        assert row.get("install"), name
        for option in (*row.get("valued", ()), *row.get("answer", ()), *row.get("cached", ())):
            assert option.startswith("-"), (name, option)
        verbs = [verb for action in ("install", "remove", "update", "upgrade", "clean") for verb in row.get(action, ())]
        assert len(verbs) == len(set(verbs)), name
        assert all(isinstance(verb, str) for verb in verbs), name
        assert not row.get("letters") or row["answer"][0].lstrip("-") in row["letters"], name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dnf group -y install core", "dnf group install"),
        ("pip3 install x", "pip install"),
        ("uv sync", "uv sync"),
        ("uv tool install ruff", "uv tool install"),
        ("pacman -Syu", "pacman -Syu"),
        ("add-pkg curl", "add-pkg"),
        ("yarn", "yarn"),
    ],
)
def test_shown(text: str, shown: str) -> None:
    assert [one.shown for one in asked(text)] == [shown]


@pytest.mark.parametrize(
    ("text", "versioned"),
    [
        ("gem install x -v1.2", True),
        ("gem install x --version=1.2", True),
        ("pip install -rall.txt", True),
        ("gem install --verbose x", False),
        ("gem install -Nv 1.2 x", True),
        ("pip install -Ur all.txt", True),
        ("pip install -Uq x", False),
    ],
)
def test_versioned(text: str, versioned: bool) -> None:
    assert [one.versioned() for one in asked(text)] == [versioned]


def test_groups_are_sorted_and_apart() -> None:
    groups = [*RAW["packages"].values(), *RAW["does"].values()]
    for names in groups:
        assert names == sorted(set(names))
    packages = [name for names in RAW["packages"].values() for name in names]
    assert len(packages) == len(set(packages))
    assert set(data().does) == set(RAW["does"])
    assert all(row["names"] == sorted(set(row["names"])) for row in RAW["of one release"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apt-get -o A=b -t sid install -y --no-install curl=7 'git' libc6:arm64", "apt-get install curl git libc6"),
        ("apt-get -qy update", "apt-get update"),
        ("apt-get install -yqt sid curl", "apt-get install curl"),
        ("apt-get -qqo Dpkg::Use-Pty=0 install curl", "apt-get install curl"),
        ("aptitude -q install curl", "aptitude install curl"),
        ("conda install -yc conda-forge numpy", "conda install numpy"),
        ("apk add -qt .d gcc", "apk install gcc"),
        ("apk add -t.d gcc", "apk install gcc"),
        ("go install -tags x example.com/x@v1", "go install example.com/x"),
        ("apt-get purge -y --auto-remove gcc", "apt-get remove gcc"),
        ("apt-get build-dep nginx", "apt-get install"),
        ("apt-get --version", None),
        ("/usr/bin/apt install ./x.deb", "apt-get install ./x.deb"),
        ("apk --no-cache add -t .d gcc python3-dev~=3 edge@community", "apk install gcc python3-dev edge"),
        ("yum -y update", "yum upgrade"),
        ("dnf --setopt install_weak_deps=False -y install httpd-2.4", "dnf install httpd-2.4"),
        ("zypper --non-interactive in vim", "zypper install vim"),
        ("pacman -Syu --noconfirm git", "pacman upgrade git"),
        ("pacman -S --needed git", "pacman install git"),
        ("pacman -Rns git", "pacman remove git"),
        ("pacman -Scc", "pacman clean"),
        ("pip3.12 install -r r.txt 'flask==3' requests[x]>=2", "pip install flask requests"),
        ("python3 -m pip install -U pip", "pip install pip"),
        ("python3 -m venv x", None),
        ("dnf -y group install 'Development Tools'", "dnf install Development Tools"),
        ("dnf groups -q install -y core", "dnf install core"),
        ("dnf module install nodejs:20", "dnf install nodejs"),
        ("dnf module enable nodejs:20", None),
        ("dnf builddep -y x.spec", "dnf install"),
        ("yum up-min", "yum upgrade"),
        ("zypper si -d vim", "zypper install"),
        ("gem install x -- --with-y z", "gem install x"),
        ("uv pip install x", "uv pip install x"),
        ("uv sync --frozen", "uv install"),
        ("uv tool install ruff", "uv install ruff"),
        ("uv tool run ruff", None),
        ("bun pm cache rm", "bun clean rm"),
        ("go run example.com/x@v1 y", "go run example.com/x y"),
        ("npm ci --omit=dev", "npm install"),
        ("npm run build", None),
        ("yarn", "yarn install"),
        ("yarn --frozen-lockfile", "yarn install"),
        ("yarn --version", None),
        ("yarn build", None),
        ("add-pkg curl git", "add-pkg install curl git"),
        ("docker-php-ext-install -j4 pdo gd", "docker-php-ext-install install pdo gd"),
        ("go install example.com/x@v1", "go install example.com/x"),
        ("sudo -E env A=1 apt-get install git", "apt-get install git"),
        ("echo apt-get install git", None),
    ],
)  # fmt: skip
def test_calls(text: str, says: str | None) -> None:
    found = [
        " ".join([one.manager.name, one.action, *filter(None, listed(one.packages).split(", "))]) for one in asked(text)
    ]
    assert found == ([says] if says else [])


def test_variables() -> None:
    (known,) = asked("apt-get install $DEPS ${MORE} tzdata", DEPS="gcc make", MORE="")
    assert listed(known.packages) == "gcc, make, tzdata"
    assert not known.opaque
    (unknown,) = asked("apt-get install $DEPS tzdata")
    assert [(word.value, word.known) for word in unknown.packages] == [("$DEPS", False), ("tzdata", True)]
    assert not unknown.opaque
    (options,) = asked("apt-get install ${APT_OPTS} tzdata")
    assert options.opaque
    (quoted,) = asked('npm install -g "$(cat version)"')
    assert not quoted.opaque


@pytest.mark.parametrize(
    ("option", "given"),
    [("-y", True), ("-qy", True), ("--assume-yes", True), ("-q", False), ("--yes=true", True), ("--no-install", False)],
)
def test_options(option: str, given: bool) -> None:
    (one,) = asked(f"apt-get {option} install git")
    assert one.has(one.manager.answers, one.manager.letters) is given


@pytest.mark.parametrize(
    ("name", "use"),
    [("gcc", "build"), ("libpq-dev", "build"), ("g++-12", "build"), ("openjdk17", "build"), ("openjdk17-jre", "")]
    + [
        ("vim=9", "shell"),
        ("sudo", "network"),
        ("curl", "download"),
        ("libpq5", ""),
        ("python3", ""),
        ("gcc-12-base", ""),
    ],
)
def test_uses(name: str, use: str) -> None:
    (one,) = asked(f"apt-get install {name}")
    assert used_for(one.packages[0]) == use


@pytest.mark.parametrize(
    ("text", "kind", "is_one"),
    [("make -j4", "build", True), ("./gradlew build", "build", True), ("npm run build", "build", True)]
    + [("npm run start", "build", False), ("make --version", "build", False), ("python3.12 -", "interpret", True)]
    + [("sha256sum -c x", "check", True), ("curl x", "download", True), ("tar xf x", "unpack", True)],
)
def test_kinds(text: str, kind: str, is_one: bool) -> None:
    (command,) = read(Traced.of(text, 0, len(text))).commands
    assert does(command, kind) is is_one


def test_commands_by_kind_are_those_that_are_of_it() -> None:
    forms = sorted({form for known in data().does.values() for form in known})
    lines = [
        text for form in forms for text in (form, f"{form}3.11 -x", f"{form}.sh", f"{form} --version", f"V=1 {form} a")
    ]
    text = "\n".join([*lines, "V=1", "./x", "nothing at all"])
    commands = [one for line in text.split("\n") for one in read(Traced.of(line, 0, len(line))).commands]
    found = by_kind(commands)
    assert {kind: found.get(kind, []) for kind in data().does} == {
        kind: [one for one in commands if does(one, kind)] for kind in data().does
    }
    assert set(found) == set(data().does)
