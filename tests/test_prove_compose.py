"""Proofs of compose projects, as far as they need no builder."""

from pathlib import Path

import pytest

from echo_migrate.files.workspace import begin
from echo_migrate.formats import compose
from echo_migrate.formats.compose.project import Project
from echo_migrate.proof.builders import Docker, PassedOn
from echo_migrate.proof.compare import Observed, compare
from echo_migrate.proof.container import Running
from echo_migrate.proof.processes import Processes
from echo_migrate.proof.siblings import Unmet, beside


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


def test_what_was_not_started_does_not_pass() -> None:
    one = Observed(True, running=Running("nothing", message="the image has no command"))
    assert compare(one, one) == ("same", "as built: the image has no command", [])
