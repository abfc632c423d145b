"""Proofs of compose projects, as far as they need no builder."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import pytest

from echo_migrate.files.source import Source
from echo_migrate.files.workspace import begin
from echo_migrate.formats import compose
from echo_migrate.formats.compose.project import Project
from echo_migrate.model import Result
from echo_migrate.proof.belief import believed
from echo_migrate.proof.builders import Builder, Built, Docker, PassedOn
from echo_migrate.proof.compare import Observed, compare
from echo_migrate.proof.container import Running
from echo_migrate.proof.image import Config
from echo_migrate.proof.processes import Finished, Processes
from echo_migrate.proof.prove import Bench, Change
from echo_migrate.proof.records import Records
from echo_migrate.proof.siblings import Unmet, beside


class Recorder(Docker):
    """A builder that builds and starts nothing, and remembers what it was asked: all it starts ends well at once."""

    def __init__(self) -> None:
        super().__init__("docker", Processes(), "x")
        self.builds: list[tuple[str, PassedOn]] = []
        self.asked: list[tuple[str, ...]] = []
        self.images: dict[str, str] = {}

    def build(self, dockerfile: str, ignored: str, context: str, passed: PassedOn, folder: str) -> Built:
        self.builds.append((context, passed))
        return Built("f" * 64, 0, "")

    def short(self, *words: str, whole: bool = False, things: int = 1) -> Finished:
        self.asked.append(words)
        return Finished(0, "f" * 64, "")

    def inspect(self, id: str) -> dict[str, Any]:
        return {"Id": self.images.get(id, "e" * 64)}

    def wait(self, container: str, seconds: float) -> None:
        pass

    def export(self, container: str, read: Callable[[IO[bytes]], object], timeout: float) -> bool:
        return True


def bench(folder: Path, builder: Builder, network: str = "", arguments: tuple[str, ...] = ()) -> Bench:
    work, passed = folder / "work", PassedOn(arguments, network=network)
    work.mkdir(exist_ok=True)
    return Bench(builder, "docker 1", passed, str(work), Records([str(folder / "proofs")]))


def change(path: Path) -> Change:
    before = Source.read(str(path))
    after = Source.of(before.path, before.data.replace(b"FROM a", b"FROM b"))
    return Change(before, after, Result(before, (), (), after, kind="dockerfile"))


def project(folder: Path, own: str, others: str = "  db: {image: postgres}\n") -> Project:
    """Return the project of a service ``web`` that needs ``db``, with what else is written of it."""
    (folder / "Dockerfile").write_text("FROM a\n")
    text = f"services:\n  web:\n    build: .\n    depends_on: [db]\n    {own}\n{others}"
    (folder / "compose.yaml").write_text(text)
    begin()
    found = compose.project_of(str(folder / "Dockerfile"))
    assert found
    return found


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ("command: gunicorn -b ${HOST} app", "the value of HOST is not in the file"),
        ('command: [gunicorn, "${HOST}"]', "the value of HOST is not in the file"),
        ('command: "gunicorn \'app"', "its command is not valid"),
        ("command: {a: b}", "its command is not valid"),
        ('entrypoint: "/run ${MODE}"', "the value of MODE is not in the file"),
        ('user: "${ID}"', "the value of ID is not in the file"),
        ('environment: {HOST: "${HOST}"}', "the value of HOST is not in the file"),
        ("environment: [HOST]", "HOST is taken from the environment"),
        ("env_file: .env", "its env_file is not read"),
        ('healthcheck: {test: "curl ${URL}"}', "the value of URL is not in the file"),
        ('healthcheck: {test: [CMD, curl, "${URL}"]}', "the value of URL is not in the file"),
    ],
)
def test_a_service_of_which_not_all_is_known_is_not_started(own: str, why: str, tmp_path: Path) -> None:
    found = project(tmp_path, own)
    assert (found.own.command, found.own.entrypoint, found.own.health) == (None, None, None)
    with (
        pytest.raises(Unmet, match=f"the service web cannot be started as Compose would: {why}"),
        beside(Docker("docker", Processes(), "x"), found, PassedOn(), lambda _: ""),
    ):
        pass


@pytest.mark.parametrize("own", ["volumes: ['./app:/app']", "command: 'gunicorn -b ${HOST:-::} app'", "ports: ['$P']"])
def test_what_does_not_decide_what_runs_may_be_unknown(own: str, tmp_path: Path) -> None:
    assert not project(tmp_path, own).own.unknown


@pytest.mark.parametrize("network", ["", "none", "host", "shared"])
def test_a_service_without_siblings_runs_as_compose_has_it(network: str, tmp_path: Path) -> None:
    service = {
        "build": ".",
        "environment": {"A": "b"},
        "command": "serve --all",
        "user": "5",
        "ports": ["80:8099"],
        "volumes": ["data:/data"],
    }
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": {"web": service}}))
    begin()
    builder = Recorder()
    proof = bench(tmp_path, builder, network).prove(change(tmp_path / "Dockerfile"))
    assert (proof.verdict, proof.reason) == ("same", "")
    made = [words for words in builder.asked if words[0] == "create"]
    assert len(made) == 2
    for words in made:
        assert words[-4:] == ("--", "f" * 64, "serve", "--all")
        assert {("--env", "A=b"), ("--user", "5"), ("--volume", "/data")} <= {*pairwise(words)}
        assert [other for one, other in pairwise(words) if one == "--network"] == [network] * bool(network)
    assert not any(words[0] == "network" for words in builder.asked)


def test_the_port_of_a_service_is_asked_where_its_image_has_none(tmp_path: Path) -> None:
    found = project(tmp_path, "ports: ['80:8099', {target: 1}]")._replace(siblings=())
    with beside(Recorder(), found, PassedOn(), lambda _: "") as given:
        assert given(Config())[1].ports == ("8099", "1")
        assert given(Config(ports=("5/tcp",)))[1].ports == ("5/tcp",)


def test_a_service_without_siblings_of_which_not_all_is_known_is_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "compose.yaml").write_text("services:\n  web:\n    build: .\n    env_file: .env\n")
    begin()
    proof = bench(tmp_path, Recorder()).prove(change(tmp_path / "Dockerfile"))
    said = "the service web cannot be started as Compose would: its env_file is not read"
    assert (proof.verdict, proof.reason) == ("not-comparable", said)


@pytest.mark.parametrize("args", ["[TOKEN, V=1]", "{TOKEN: , V: '1'}"])
@pytest.mark.parametrize(
    ("set", "beside_it", "given", "said"),
    [
        (False, False, (), ""),
        (True, False, (), "the environment"),
        (False, True, (), "its .env file"),
        (True, True, ("TOKEN",), ""),
        (True, False, ("TOKEN=x",), ""),
    ],
)
def test_an_argument_from_here_is_handed_over_only_if_it_is_named(
    args: str,
    set: bool,
    beside_it: bool,
    given: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of one that is set nowhere, Compose hands nothing over, either."""
    monkeypatch.delenv("TOKEN", raising=False)
    if set:
        monkeypatch.setenv("TOKEN", "the-value")
    if beside_it:
        (tmp_path / ".env").write_text("TOKEN=the-value\n")
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "compose.yaml").write_text(
        f"services:\n  web:\n    build:\n      context: .\n      args: {args}\n    command: run\n"
    )
    begin()
    builder = Recorder()
    proof = bench(tmp_path, builder, arguments=given).prove(change(tmp_path / "Dockerfile"))
    if said:
        why = f"Compose takes the build argument TOKEN from {said}: give it with --build-arg TOKEN"
        assert (proof.verdict, proof.reason, builder.builds) == ("not-checked", why, [])
    else:
        assert proof.verdict == "same"
        assert builder.builds[0][1].arguments == ("V=1", *given)


def test_what_was_not_started_does_not_pass() -> None:
    one = Observed(True, running=Running("nothing", message="the image has no command"))
    assert compare(one, one) == ("same", "as built: the image has no command", [])


def test_a_sibling_is_built_as_its_own_service_has_it(tmp_path: Path) -> None:
    """Also where another service builds the same Dockerfile, with another target, and where it is built twice."""
    (tmp_path / "Dockerfile").write_text("FROM a AS web\nFROM a AS jobs\n")
    services = {}
    for number, (name, target) in enumerate({"web": "web", "jobs": "jobs", "more": "jobs"}.items()):
        services[name] = {"build": {"context": ".", "target": target, "args": {"V": str(number)}}, "command": ["run"]}
    services["web"]["depends_on"] = {one: {"condition": "service_completed_successfully"} for one in ("jobs", "more")}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))
    begin()
    builder = Recorder()
    proof = bench(tmp_path, builder).prove(change(tmp_path / "Dockerfile"))
    assert (proof.verdict, proof.reason) == ("same", "")
    asked = [(passed.target, *passed.arguments) for _, passed in builder.builds]
    assert sorted(asked) == [("jobs", "V=1"), ("jobs", "V=2"), ("web", "V=0"), ("web", "V=0")]


@pytest.mark.parametrize("network", ["", "shared", "host"])
def test_siblings_never_share_a_network_that_is_named(network: str, tmp_path: Path) -> None:
    """But the host's, where one container runs after the other."""
    builder = Recorder()
    found = project(tmp_path, "command: run")
    with (
        pytest.raises(Unmet, match="db does not start: it ended with 0"),
        beside(builder, found, PassedOn(network=network), lambda _: ""),
    ):
        pass
    made = [words[-1] for words in builder.asked if words[:2] == ("network", "create")]
    (used,) = (words[words.index("--network") + 1] for words in builder.asked if words[0] == "create")
    assert ([used] == made) == (network != "host")
    assert (network == "host") == (used == network)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("db/Dockerfile", "FROM x\nRUN y\n"),
        ("db/data", "2"),
        ("compose.yaml", ('"a"', '"b"')),
        ("compose.yaml", ('"run"', '"walk"')),
        ("", "redis"),
        ("", "x"),
    ],
)
def test_a_proof_is_stale_once_a_sibling_is_another(path: str, text: str | tuple[str, str], tmp_path: Path) -> None:
    """For the next proof, and for what is written because of an earlier one."""
    (tmp_path / ".git").mkdir()
    for name, dockerfile in {"web": "FROM a\n", "db": "FROM x\nCOPY data /\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(dockerfile)
    (tmp_path / "db" / "data").write_text("1")
    done = {"condition": "service_completed_successfully"}
    services = {
        "web": {"build": "web", "command": "run", "depends_on": {"db": done}},
        "db": {"build": "db", "environment": {"POSTGRES": "a"}, "depends_on": {"cache": done}},
        "cache": {"image": "redis"},
    }
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services}))
    begin()
    builder = Recorder()
    one, what = bench(tmp_path, builder), change(tmp_path / "web" / "Dockerfile")
    proof = one.prove(what)
    one.records.keep(proof)
    assert proof.passes
    assert {"redis", "x"} <= dict(proof.images).keys()
    assert proof.added == ("b",)
    fixed = what.result._replace(fixed=what.after)

    def holds() -> tuple[bool, bool]:
        begin()
        found, _ = believed(
            what.result, fixed, one.records, lambda _: "", lambda _, image: builder.inspect(image)["Id"]
        )
        return bench(tmp_path, builder).prove(what).remembered, found is not None

    assert holds() == (True, True)
    if not path:
        builder.images[str(text)] = "d" * 64
    elif isinstance(text, tuple):
        (tmp_path / path).write_text((tmp_path / path).read_text().replace(*text))
    else:
        (tmp_path / path).write_text(text)
    assert holds() == (False, False)
