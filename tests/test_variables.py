"""Variables of upstream's start script: found by name in each kind of file, and a reason where they may be lost."""

import json
from pathlib import Path

import pytest

from echo_migrate.files.data import blocks, read_block, read_data
from echo_migrate.images import catalog, providers
from echo_migrate.images.reference import parse
from echo_migrate.images.variables import UNREAD, ignored_variables
from tests.conftest import Run

NAMES = blocks("variables.yaml")
SECRET = "hunter2-is-never-shown"
FILES = {
    "compose.yaml": f"services:\n  a:\n    image: mysql:8.4\n    environment: {{MYSQL_USER: {SECRET}}}\n",
    "compose.list.yaml": f"services:\n  a:\n    image: mysql:8.4\n    environment: ['MYSQL_USER={SECRET}']\n",
    "compose.file.yaml": "services:\n  a:\n    image: mysql:8.4\n    env_file: [{path: db.env}]\n",
    "Dockerfile": f"FROM mysql:8.4\nENV MYSQL_USER={SECRET}\n",
    "pod.yaml": (
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: mysql:8.4\n"
        f"    env: [{{name: MYSQL_USER, value: {SECRET}}}]\n"
    ),
    "chart/values.yaml": (
        f"image:\n  repository: mysql\n  tag: '8.4'\nenv:\n  - {{name: MYSQL_USER, value: {SECRET}}}\n"
    ),
    ".github/workflows/ci.yml": (
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    services:\n      db:\n        image: mysql:8.4\n"
        f"        env: {{MYSQL_USER: {SECRET}}}\n"
    ),
    ".gitlab-ci.yml": (
        f"a:\n  variables: {{MYSQL_USER: {SECRET}}}\n  services: [{{name: 'mysql:8.4', alias: db}}]\n  script: [x]\n"
    ),
    ".woodpecker.yml": f"services:\n  db:\n    image: mysql:8.4\n    environment: {{MYSQL_USER: {SECRET}}}\n",
    "run.sh": f"docker run -e MYSQL_USER={SECRET} mysql:8.4\n",
    "Makefile": f"a:\n\tdocker run --env MYSQL_USER={SECRET} mysql:8.4\n",
    "play.yml": (
        "- hosts: all\n  tasks:\n    - community.docker.docker_container:\n        name: a\n        image: mysql:8.4\n"
        f"        env: {{MYSQL_USER: {SECRET}}}\n"
    ),
    "a.container": f"[Container]\nImage=docker.io/library/mysql:8.4\nEnvironment=MYSQL_USER={SECRET}\n",
    "job.nomad.hcl": (
        'job "a" {\n  group "a" {\n    task "a" {\n      driver = "docker"\n      config { image = "mysql:8.4" }\n'
        f'      env {{ MYSQL_USER = "{SECRET}" }}\n    }}\n  }}\n}}\n'
    ),
}
ELSEWHERE = {
    "compose.yaml": "services:\n  a:\n    image: mysql:8.4\n    env_file: not-there.env\n",
    "compose.out.yaml": "services:\n  a:\n    image: mysql:8.4\n    env_file: ../../outside.env\n",
    "compose.variable.yaml": "services:\n  a:\n    image: mysql:8.4\n    env_file: ${FILE}\n",
    "pod.yaml": (
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: mysql:8.4\n"
        "    envFrom: [{secretRef: {name: db}}]\n"
    ),
    "run.sh": "docker run --env-file x.env mysql:8.4\n",
    "b.sh": "OPTIONS='--rm -it'\ndocker run $OPTIONS mysql:8.4\n",
}


def reasons(run: Run, folder: Path, provider: str) -> tuple[dict[str, str], str]:
    done = run("inventory", "--provider", provider, "--output-format", "json", str(folder))
    found = json.loads(done.stdout)["references"]
    assert found
    asked = {
        row["path"]: "".join(one["id"] + " " + one["message"] for one in row["reasons"] if "variables" in one["id"])
        for row in found
    }
    return asked, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("path", FILES)
def test_each_kind_of_file(run: Run, tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(FILES[path])
    (tmp_path / "db.env").write_text(f"# none\nexport MYSQL_USER={SECRET}\nOTHER\n")
    asked, said = reasons(run, tmp_path, "docker")
    assert all(one.startswith("variables MYSQL_USER: ") for one in asked.values()), asked
    assert SECRET not in said
    assert set(reasons(run, tmp_path, "echo")[0].values()) == {""}


@pytest.mark.parametrize("path", ELSEWHERE)
def test_variables_that_are_not_read_may_be_any(run: Run, tmp_path: Path, path: str) -> None:
    (tmp_path.parent / "outside.env").write_text("MYSQL_USER=x\n")
    (tmp_path / path).write_text(ELSEWHERE[path])
    asked, _ = reasons(run, tmp_path, "docker")
    assert [one.split()[0] for one in asked.values()] == ["variables-unread"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("compose.yaml", "services:\n  a:\n    image: mysql:8.4\n    env_file: []\n"),
        ("pod.yaml", ELSEWHERE["pod.yaml"].replace("[{secretRef: {name: db}}]", "[]")),
        ("chart/values.yaml", 'image:\n  repository: mysql\n  tag: "8.4"\nenvFrom: []\nextraEnvVarsCM: ""\n'),
    ],
)
def test_where_no_variables_come_from_there_are_none(run: Run, tmp_path: Path, path: str, text: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(text)
    asked, _ = reasons(run, tmp_path, "docker")
    assert "variables-unread" not in " ".join(asked.values())


def test_a_service_that_builds_on_the_image(run: Run, tmp_path: Path) -> None:
    name = "POSTGRES_HOST_AUTH_METHOD"
    (tmp_path / "Dockerfile").write_text("FROM postgres:17-trixie\nUSER postgres\n")
    (tmp_path / "compose.yaml").write_text(f"services:\n  a:\n    build: .\n    environment: [{name}=md5]\n")
    asked, said = reasons(run, tmp_path, "docker")
    assert name in "".join(asked.values())
    assert "runs as" not in said


def told(value: str, names: tuple[str, ...], provider: str) -> list[str]:
    return [reason.message.partition(":")[0] for reason in ignored_variables(value, names, catalog.load(provider))]


def test_what_a_target_is_known_to_read_is_no_reason() -> None:
    names = ("POSTGRES_PASSWORD_FILE", "POSTGRES_USER", "PGDATA")
    assert told("postgres:17", names, "docker") == []
    assert told("postgres:17", names, "chainguard") == ["POSTGRES_PASSWORD_FILE, POSTGRES_USER"]
    assert told("postgres:17", ("POSTGRES_HOST_AUTH_METHOD",), "docker") == ["POSTGRES_HOST_AUTH_METHOD"]
    assert told("redis:8", ("REDIS_PASSWORD", UNREAD), "docker") == []
    assert told("dhi.io/mysql:8.4", ("MYSQL_USER",), providers.UPSTREAM) == []


@pytest.mark.parametrize("name", NAMES)
def test_each_block_has_its_source_and_a_name_of_an_image(name: str) -> None:
    row = read_block("variables.yaml", name)
    known = catalog.load()
    assert row.keys() <= {"reads", "files", "known", "source"}
    assert known.name_of(parse(read_data("homes.yaml")["images"].get(name, name))) == name
    assert row["source"]
    assert set(row.get("known", {})) <= set(providers.providers())
    plain = row["reads"][0].replace("*", "X")
    for provider in providers.providers():
        asked = told(name, (plain, f"{plain}_FILE"), provider)
        assert bool(asked) is not catalog.load(provider).drop_in or plain in row.get("known", {}).get(provider, ())
    assert sorted(NAMES) == NAMES
