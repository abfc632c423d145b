"""Logins as Docker, Podman and CI systems keep them, and credential helpers, which are programs of the test's own."""

import base64
import json
import os
import pickle
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.registry import helpers
from echo_migrate.registry.errors import RegistryError
from echo_migrate.registry.logins import Login, Logins


def auth(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data))


def helper(folder: Path, name: str, script: str) -> Path:
    """A credential helper: a script that has the server it is asked for in $server, and appends it to a log."""
    folder.mkdir(exist_ok=True)
    path = folder / f"docker-credential-{name}"
    path.write_text(f'#!/bin/sh\nread -r server\necho "$1 $server" >> "{folder}/log"\n{script}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_logins: Path) -> Path:
    """A folder of PATH, beside the tree in the working folder."""
    folder, tree = tmp_path / "programs", tmp_path / "tree"
    folder.mkdir()
    tree.mkdir()
    monkeypatch.chdir(tree)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def found(name: str) -> tuple[str, str, str] | None:
    login = Logins().for_(name)
    return (login.username, login.password, login.identity_token) if login else None


AUTHS = {
    "https://index.docker.io/v1/": auth("hub", "1"),
    "https://registry.acme.example/v2/": auth("scheme", "2"),
    "ghcr.io": {"auth": "", "username": "fields", "password": "3"},
    "localhost:5000": auth("port", "4:5"),
    "acme.azurecr.io": {**auth("00000000", ""), "identitytoken": "refresh"},
    "quay.example": auth("all", "6"),
    "quay.example/team": auth("team", "7"),
    "quay.example/team/app": auth("app", "8"),
    "Upper.Example": auth("upper", "9"),
    "nul.example": auth("old", "10\0"),
    "empty.example": {},
    "broken.example": {"auth": "%%%"},
    "binary.example": {"auth": base64.b64encode(b"\xff\xfe:\xff").decode()},
    "nothing.example": auth("only-a-name", ""),
    "odd.example": ["x"],
    "types.example": {"auth": 7, "username": None},
}


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("docker.io", ("hub", "1", "")),
        ("docker.io/library/python", ("hub", "1", "")),
        ("index.docker.io/acme/x", ("hub", "1", "")),
        ("registry-1.docker.io", ("hub", "1", "")),
        ("registry.acme.example/a", ("scheme", "2", "")),
        ("ghcr.io", ("fields", "3", "")),
        ("localhost:5000/x", ("port", "4:5", "")),
        ("localhost/x", None),
        ("localhost:5001/x", None),
        ("acme.azurecr.io", ("00000000", "", "refresh")),
        ("quay.example/other", ("all", "6", "")),
        ("quay.example/team/web", ("team", "7", "")),
        ("quay.example/team/app", ("app", "8", "")),
        ("quay.example/team/app/more", ("app", "8", "")),
        ("quay.example/teams", ("all", "6", "")),
        ("upper.example", ("upper", "9", "")),
        ("nul.example", ("old", "10", "")),
        ("example", None),
        *[(f"{name}.example", None) for name in ("empty", "broken", "binary", "nothing", "odd", "types", "absent")],
    ],
)
def test_keys(name: str, login: tuple[str, str, str] | None, no_logins: Path) -> None:
    write(no_logins / ".docker" / "config.json", {"auths": AUTHS})
    assert found(name) == login


def test_places_in_their_order(no_logins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each later place is put before all that is there already."""
    host = "registry.example"
    monkeypatch.setenv("CI_REGISTRY", f"{host}:443")
    assert found(host) is None
    monkeypatch.setenv("CI_REGISTRY_USER", "job")
    monkeypatch.setenv("CI_REGISTRY_PASSWORD", "secret")
    assert found(f"{host}/group/x") == ("job", "secret", "")
    places = [
        ("", no_logins / ".config" / "containers" / "auth.json"),
        ("XDG_CONFIG_HOME", tmp_path / "settings" / "containers" / "auth.json"),
        ("XDG_RUNTIME_DIR", tmp_path / "runtime" / "containers" / "auth.json"),
        ("", no_logins / ".docker" / "config.json"),
        ("DOCKER_CONFIG", tmp_path / "docker" / "config.json"),
        ("REGISTRY_AUTH_FILE", tmp_path / "a-file"),
    ]
    for number, (variable, path) in enumerate(places):
        write(path, {"auths": {host: auth("user", str(number))}})
        if variable:
            folders = {"DOCKER_CONFIG": path.parent, "REGISTRY_AUTH_FILE": path}
            monkeypatch.setenv(variable, str(folders.get(variable, path.parent.parent)))
        assert found(host) == ("user", str(number), "")
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {host: auth("text", "of a variable")}}))
    assert found(host) == ("text", "of a variable", "")
    assert found("elsewhere.example") is None


def test_gitlabs_proxy_of_docker_hub(no_logins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SERVER", "gitlab.example:443"), ("USER", "job"), ("PASSWORD", "secret")):
        monkeypatch.setenv(f"CI_DEPENDENCY_PROXY_{name}", value)
    assert found("gitlab.example/group/dependency_proxy/containers/python") == ("job", "secret", "")
    assert found("gitlab.example:443/x") == ("job", "secret", "")
    assert found("registry.gitlab.example/x") is None


@pytest.mark.parametrize("text", ["{", "[]", "nothing", '{"auths":' * 2000, '"x"'])
def test_what_is_no_configuration(text: str, no_logins: Path) -> None:
    path = no_logins / ".docker" / "config.json"
    write(path, text)
    logins = Logins()
    for _ in range(2):
        with pytest.raises(RegistryError, match="is not valid JSON") as raised:
            logins.for_("registry.example")
        assert str(path) in str(raised.value)


@pytest.mark.parametrize("data", ["", {}, {"auths": []}, {"auths": None, "credHelpers": "x", "credsStore": 7}])
def test_a_configuration_without_logins(data: Any, no_logins: Path) -> None:
    write(no_logins / ".docker" / "config.json", data)
    assert found("registry.example") is None


def test_what_cannot_be_read(no_logins: Path) -> None:
    (no_logins / ".docker" / "config.json").mkdir(parents=True)
    with pytest.raises(RegistryError, match=r"config\.json cannot be read: is a directory"):
        Logins().for_("registry.example")


def test_a_login_shows_nothing(no_logins: Path) -> None:
    login = Login("ada", "very-secret", "identity-secret")
    write(no_logins / ".docker" / "config.json", {"auths": {"a.example": auth("ada", "very-secret")}})
    logins = Logins()
    assert logins.for_("a.example") == Login("ada", "very-secret")
    for shown in (repr(login), str(login), f"{login}", f"{login!r}", repr([login]), repr(logins), str(logins)):
        assert "ada" not in shown
        assert "secret" not in shown
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(login)


def test_helpers(programs: Path, no_logins: Path) -> None:
    helper(programs, "one", 'printf \'{"ServerURL":"x","Username":"of-one","Secret":"1 %s"}\' "$server"')
    helper(programs, "two", 'printf \'{"Username":"<token>","Secret":"identity"}\'')
    helper(programs, "store", 'echo "credentials not found in native keychain"; exit 1')
    configuration = {
        "auths": {"a.example": auth("file", "0"), "c.example": {}, "d.example": auth("file", "3")},
        "credHelpers": {"a.example": "one", "https://index.docker.io/v1/": "one", "b.example": "two"},
        "credsStore": "store",
    }
    write(no_logins / ".docker" / "config.json", configuration)
    logins = Logins()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(logins.for_, ["a.example"] * 50)) == {Login("of-one", "1 a.example")}
    assert logins.for_("docker.io/library/python") == Login("of-one", "1 https://index.docker.io/v1/")
    assert logins.for_("b.example") == Login("", "", "identity")
    assert logins.for_("c.example") is None
    assert logins.for_("d.example") == Login("file", "3")
    log = (programs / "log").read_text().splitlines()
    assert log == ["get a.example", "get https://index.docker.io/v1/", "get b.example", "get c.example"]


FAULTS = {
    "absent": ("", "not on PATH"),
    "fails": ("echo very-secret; exit 3", "failed with exit code 3"),
    "talks": ("echo very-secret", "did not answer with a login"),
    "mute": ("", "did not answer with a login"),
    "lists": ("echo '[\"very-secret\"]'", "did not answer with a login"),
    "half": ('echo \'{"Secret":"very-secret"}\'', "did not answer with a login"),
    "sleeps": ("echo very-secret; sleep 1000 & sleep 1000", "gave no answer within"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_helpers_that_fail(
    name: str, programs: Path, no_logins: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script, words = FAULTS[name]
    monkeypatch.setattr(helpers, "_SECONDS", 0.3 if name == "sleeps" else 60)
    if name != "absent":
        helper(programs, name, script)
    write(no_logins / ".docker" / "config.json", {"credsStore": name})
    logins = Logins()
    for _ in range(2):
        with pytest.raises(RegistryError, match=words) as raised:
            logins.for_("registry.example")
        error = raised.value
        assert (
            "very-secret" not in f"{error!r}{vars(error)}{error.__cause__!r}{error.__context__!r}{capfd.readouterr()}"
        )
    asked = (programs / "log").read_text().splitlines() if name != "absent" else []
    assert len(asked) == (name != "absent"), "it is not asked again"


@pytest.mark.parametrize("name", ["../evil", "/bin/sh", "a/b", "evil;id", "", "x" * 65, "e vil", "\n"])
def test_names_of_helpers_that_are_none(name: str, programs: Path, no_logins: Path) -> None:
    helper(programs, "evil", "echo ran")
    write(no_logins / ".docker" / "config.json", {"credHelpers": {"registry.example": name}})
    with pytest.raises(RegistryError, match="not on PATH"):
        Logins().for_("registry.example")
    assert not (programs / "log").exists()


def test_no_program_of_the_tree_is_run(programs: Path, no_logins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a folder of PATH in it, by a link into it, or by a relative folder; and no configuration in it is read."""
    tree = Path.cwd()
    helper(tree / "bin", "evil", "echo ran")
    helper(tree, "evil", "echo ran")
    (programs / "docker-credential-linked").symlink_to(tree / "bin" / "docker-credential-evil")
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}bin{os.pathsep}{tree}/bin{os.pathsep}{programs}")
    write(tree / ".docker" / "config.json", {"auths": {"registry.example": auth("of", "the tree")}})
    for name in ("evil", "linked"):
        write(no_logins / ".docker" / "config.json", {"credsStore": name})
        with pytest.raises(RegistryError, match="not on PATH"):
            Logins().for_("registry.example")
    write(no_logins / ".docker" / "config.json", {})
    assert found("registry.example") is None
    assert not list(tree.rglob("log"))


def test_who_works_at_home_has_their_programs_there(no_logins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(no_logins / "bin", "mine", 'printf \'{"Username":"a","Secret":"b"}\'')
    monkeypatch.chdir(no_logins)
    monkeypatch.setenv("PATH", f"{no_logins}/bin{os.pathsep}{os.environ['PATH']}")
    write(no_logins / ".docker" / "config.json", {"credsStore": "mine"})
    assert found("registry.example") == ("a", "b", "")


def test_a_helper_that_cannot_be_started(programs: Path, no_logins: Path) -> None:
    helper(programs, "odd", "").write_text(f"#!{sys.prefix}/absent\n")
    write(no_logins / ".docker" / "config.json", {"credsStore": "odd"})
    with pytest.raises(RegistryError, match="cannot be started"):
        Logins().for_("registry.example")
