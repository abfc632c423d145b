"""Variables of upstream's start script: found by name in each kind of file, and a reason where they may be lost."""

import json
from pathlib import Path

import pytest

from echo_migrate.files.data import blocks, read_block, read_data
from echo_migrate.files.source import Source
from echo_migrate.formats import NO_REQUEST, recognised
from echo_migrate.images import catalog, providers
from echo_migrate.images.reference import parse
from echo_migrate.images.variables import UNREAD, ignored_variables, unset_variables
from echo_migrate.model import Image
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
    "main.tf": f'resource "docker_container" "a" {{\n  image = "mysql:8.4"\n  env = ["MYSQL_USER={SECRET}"]\n}}\n',
    "run.py": f'import docker\ndocker.from_env().containers.run("mysql:8.4", environment=["MYSQL_USER={SECRET}"])\n',
    "stack.json": (
        '{"Resources": {"a": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [{"Name": "a",'
        f' "Image": "mysql:8.4", "Environment": [{{"Name": "MYSQL_USER", "Value": "{SECRET}"}}]}}]}}}}}}}}'
    ),
}
TERRAFORM = {
    'env = ["A=b", "B"]': ["A", "B"],
    'env = ["A=${var.b}", "B=\\"x\\"", var.c]': ["A", "B", UNREAD],
    'env = { A = "b", "B" = var.c, (var.d) = "x" }': ["A", "B", UNREAD],
    "env = concat(var.a, [])": [UNREAD],
    "env = null": [],
    'env {\n    name = "A"\n    value = "b"\n  }\n  env {\n    name = "B"\n    value_from {}\n  }': ["A", "B"],
    'env {\n    name = var.a\n    value = "b"\n  }': [UNREAD],
    'dynamic "env" {\n    for_each = var.a\n    content {\n      name = env.key\n    }\n  }': [UNREAD],
    'dynamic "port" {\n    for_each = var.a\n    content {}\n  }': [],
    'env_from {\n    secret_ref {\n      name = "s"\n    }\n  }': [UNREAD],
    'environment_variables = { A = "b" }\n  secure_environment_variables = { B = var.c }': ["A", "B"],
    'environment = [{ name = "A", value = "b" }]\n  secrets = [{ name = "B", valueFrom = "c" }]': ["A", "B"],
    "environment = [for k, v in var.a : { name = k, value = v }]": [UNREAD],
}
PYTHON = {
    'client.containers.run("mysql:8.4", environment={"A": "b", **more})': ["A", UNREAD],
    'client.containers.run("mysql:8.4", environment=["A=b", f"B={c}", d])': ["A", "B", UNREAD],
    'client.containers.run("mysql:8.4", environment=given)': [UNREAD],
    'client.containers.run("mysql:8.4", environment=None)': [],
    'client.containers.run("mysql:8.4", environment=dict(A="b"))': ["A"],
    'client.services.create("mysql:8.4", env=("A=b",))': ["A"],
    'DockerOperator(image="mysql:8.4", environment={"A": 1}, private_environment={"B": 2})': ["A", "B"],
    'KubernetesPodOperator(image="mysql:8.4", env_vars=[V1EnvVar(name="A", value="b")], env_from=x)': ["A", UNREAD],
    'V1Container(image="mysql:8.4", env=[V1EnvVar("A", "b"), {"name": "B"}], env_from=[])': ["A", "B"],
    'DockerContainer("mysql:8.4").with_env("A", "b").with_env(key="B", value="c").with_envs(C="d", **e)': [
        *("A", "B", "C", UNREAD)
    ],
    'DockerContainer("mysql:8.4").with_env(a, "b")': [UNREAD],
    'DockerContainer("mysql:8.4").with_env_file("x.env")': [UNREAD],
}
IMPORTS = """import docker
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.docker.operators.docker import DockerOperator
from kubernetes.client import V1Container, V1EnvVar
from testcontainers.core.container import DockerContainer
client = docker.from_env()
"""
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


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def reasons(run: Run, folder: Path, provider: str) -> tuple[dict[str, str], str]:
    done = run("inventory", "--provider", provider, "--output-format", "json", str(folder))
    found = json.loads(done.stdout)["references"]
    assert found
    asked = {
        row["path"]: "".join(one["id"] + " " + one["message"] for one in row["reasons"] if "variables" in one["id"])
        for row in found
    }
    return asked, (done.stdout + done.stderr).decode()


def variables_in(path: str, text: str) -> list[str]:
    source = Source(path, text)
    format = recognised(path, text)
    assert format is not None
    (image,) = [one for one in format.parse(source, NO_REQUEST) if isinstance(one, Image)]
    return list(image.variables)


@pytest.mark.parametrize("written", TERRAFORM)
@pytest.mark.parametrize(
    "within", ['resource "docker_container" "a" {', 'resource "kubernetes_pod" "a" {\n container {']
)
def test_terraform(written: str, within: str) -> None:
    text = f'{within}\n  image = "mysql:8.4"\n  {written}\n' + "}" * within.count("{") + "\n"
    assert variables_in("main.tf", text) == TERRAFORM[written]


def test_terraform_of_a_task() -> None:
    containers = '{ image = "mysql:8.4", essential = true, environment = [{ name = "A", value = "b" }] }'
    text = f'resource "aws_ecs_task_definition" "a" {{\n  container_definitions = jsonencode([{containers}])\n}}\n'
    assert variables_in("main.tf", text) == ["A"]


def test_secrets_of_a_task_are_variables() -> None:
    containers = (
        '[{"name": "a", "image": "mysql:8.4", "essential": true, "secrets": [{"name": "A", "valueFrom": "b"}]}]'
    )
    assert variables_in("task.json", containers) == ["A"]


@pytest.mark.parametrize("written", PYTHON)
def test_python(written: str) -> None:
    assert variables_in("run.py", f"{IMPORTS}{written}\n") == PYTHON[written]


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
    assert row.keys() <= {"reads", "files", "sets", "known", "source"}
    assert row.keys() & {"reads", "sets"}
    home = read_data("homes.yaml")["images"].get(name, name)
    assert known.name_of(parse(home)) == name
    assert row["source"]
    assert {one.partition("/")[0] for one in row.get("known", {})} <= set(providers.providers())
    for provider in providers.providers():
        drop_in, stated = catalog.load(provider).drop_in, set(row.get("known", {}).get(provider, ()))
        for plain in (pattern.replace("*", "X") for pattern in row.get("reads", ())[:1]):
            assert bool(told(home, (plain, f"{plain}_FILE"), provider)) is not drop_in or plain in stated
        sets = set(row.get("sets", ()))
        assert unset_variables(home, catalog.load(provider)) == (set() if drop_in else sets - stated)
    assert all(names == sorted(names) for names in (row.get("sets", []), *row.get("known", {}).values()))
    assert sorted(NAMES) == NAMES


ASPNET = "mcr.microsoft.com/dotnet/aspnet:10.0-alpine"


def unset(run: Run, folder: Path) -> bool:
    """Return whether a reference has the reason that its new image may not set a variable."""
    done = run("inventory", "--provider", "docker", "--output-format", "json", str(folder))
    return any(one["id"] == "unset" for row in json.loads(done.stdout)["references"] for one in row["reasons"])


@pytest.mark.parametrize(
    ("lines", "used"),
    [
        ("USER $APP_UID", True),
        ("COPY --chown=$APP_UID a /a", True),
        ("COPY a ${APP_UID}/a", True),
        ("COPY <<EOF /a\n${APP_UID}\nEOF", True),
        ("ONBUILD USER $APP_UID", True),
        ("ENV X=$APP_UID APP_UID=1", True),
        ("ENV APP_UID=$APP_UID", True),
        ("ARG APP_UID\nUSER $APP_UID", True),
        ("USER $APP_UID\nENV APP_UID=1", True),
        ("LABEL x=${APP_UID:-1}", False),
        ("LABEL x=${APP_UID-1}", False),
        ("LABEL x=${APP_UID:+1}", False),
        ("LABEL x=${X:-$APP_UID}", True),
        ("LABEL x=${APP_UID%5}", True),
        ("COPY <<'EOF' /a\n${APP_UID}\nEOF", False),
        ("ENV APP_UID=1654\nUSER $APP_UID", False),
        ("ARG APP_UID=1654\nUSER $APP_UID", False),
        ("ARG GIVEN\nENV APP_UID=$GIVEN\nUSER $APP_UID", False),
        ("USER $APP_UIDS", False),
        ("LABEL x=\\$APP_UID", False),
        ("USER 1654", False),
    ],
)
def test_a_variable_of_the_base_image(lines: str, used: bool, run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f'FROM {ASPNET}\n{lines}\nUSER 65532\nENTRYPOINT ["dotnet", "a.dll"]\n')
    assert unset(run, tmp_path) is used


def test_a_variable_that_a_parent_or_a_global_argument_sets(run: Run, tmp_path: Path) -> None:
    text = f"ARG APP_UID=1654\nFROM {ASPNET} AS a\nARG APP_UID\nFROM a\nUSER $APP_UID\n"
    (tmp_path / "Dockerfile").write_text(text)
    assert not unset(run, tmp_path)
    (tmp_path / "Dockerfile").write_text(text.replace("ARG APP_UID\n", ""))
    assert unset(run, tmp_path)


@pytest.mark.parametrize(
    ("script", "used"),
    [
        ("cargo install --root $CARGO_HOME x", True),
        ("CARGO_HOME=$CARGO_HOME/x cargo build", True),
        ("cargo build && export CARGO_HOME=/c && ls $CARGO_HOME", False),
        ("ls $CARGO_HOME && export CARGO_HOME=/c", True),
        ("echo $RUST_VERSION", False),
        ("ls ${CARGO_HOME:-/c}", False),
        ("ls ${CARGO_HOME:=/c} $CARGO_HOME", False),
        ("ls ${CARGO_HOME#/}", True),
        ("for CARGO_HOME in a b; do ls $CARGO_HOME; done", False),
        ("echo a | while read -r x CARGO_HOME; do ls $CARGO_HOME; done", False),
        ("echo 'export PATH=$CARGO_HOME/bin' >> /etc/profile", False),
        ("echo \"it's $CARGO_HOME, isn't it\"", True),
        ("echo it\\'s $CARGO_HOME, isn\\'t it", True),
        ("sh -c 'ls $CARGO_HOME'", True),
        ("eval 'ls $CARGO_HOME'", True),
        ("trap 'ls $CARGO_HOME' EXIT", True),
        ("<<EOF\n# don't\nls $CARGO_HOME # isn't\nEOF", True),
        ("<<'EOF'\nls $CARGO_HOME\nEOF", True),
        ("cat <<'EOF' > /x\n$CARGO_HOME\nEOF", False),
        ("cat <<EOF > /x\n$CARGO_HOME\nEOF", True),
        ("cat <<'EOF' | sh\nls $CARGO_HOME\nEOF", True),
        ("sh <<'EOF'\nls $CARGO_HOME\nEOF", True),
    ],
)
def test_a_variable_in_a_script(script: str, used: bool, run: Run, tmp_path: Path) -> None:
    build = f"FROM rust:1.98-alpine AS a\nRUN {script}\nFROM scratch\nCOPY --from=a /x /x\n"
    (tmp_path / "Dockerfile").write_text(build)
    assert unset(run, tmp_path) is used


@pytest.mark.parametrize(("tag", "used"), [("21-jdk-alpine", True), ("21-jdk", False)])
def test_a_variable_that_each_variant_of_a_distribution_sets(tag: str, used: bool, run: Run, tmp_path: Path) -> None:
    build = f"FROM eclipse-temurin:{tag} AS a\nRUN ls $JAVA_HOME\nFROM scratch\nCOPY --from=a /x /x\n"
    (tmp_path / "Dockerfile").write_text(build)
    assert unset(run, tmp_path) is used


def test_a_variable_in_the_command_of_a_service(run: Run, tmp_path: Path) -> None:
    command = "ls $$JAVA_HOME"
    text = f"services:\n  a:\n    image: eclipse-temurin:21-jdk-alpine\n    command: [sh, -c, '{command}']\n"
    (tmp_path / "compose.yaml").write_text(text)
    assert unset(run, tmp_path)
    (tmp_path / "compose.yaml").write_text(f"{text}    environment: {{JAVA_HOME: /opt/java}}\n")
    assert not unset(run, tmp_path)
