"""Texts of any size that were made, or could be, to cost more than their size: one a shape, by name.

Each is a file's name and a function of how often its piece is repeated; ``tests/test_growth.py`` and
``tests/bench/growth.py`` hold what reading them costs to their size.
"""

from collections.abc import Callable

Shape = Callable[[int], str]


def _stages(n: int) -> str:
    return "FROM debian:12 AS s0\nRUN a\nFROM s0 AS s1\nRUN a\n" + "".join(
        f"FROM s{i - 1} AS s{i}\nCOPY --from=s{i - 2} / /\nRUN a\n" for i in range(2, n)
    )


def _reads(n: int) -> str:
    return (
        "ARG a0=x\n" + "".join(f"ARG a{i}=${{a{i - 1}+x}}${{a{i - 1}+x}}\n" for i in range(1, n)) + f"FROM $a{n - 1}\n"
    )


def _wide_reads(n: int) -> str:
    lines = [f"ARG a{i}=" + f"${{a{i - 1}+x}}" * 60 for i in range(1, n)]
    return "ARG a0=x\n" + "\n".join(lines) + f"\nFROM python:3.12\nFROM $a{n - 1}\n"


def _names(n: int) -> str:
    given = "; ".join(f'A{i}=f"{{A{i - 1}}}{{A{i - 1}}}"' for i in range(1, n))
    call = f'client.containers.run(f"{{A{n - 1}}}python:3.12")'
    return f'import docker\nclient = docker.from_env(); A0=""; {given}; {call}\n'


def _diamond(n: int) -> str:
    rest = [f'target "t{i}" {{ inherits = ["t{i - 1}", "t{i - 1}"] }}' for i in range(1, n)]
    return 'target "t0" { contexts = { a = "docker-image://python:3.12" } }\n' + "\n".join(rest) + "\n"


def _inherits(n: int) -> str:
    return "".join(
        f'target "t{i}" {{\n  inherits = ["t{max(0, i - 1)}"]\n  args = {{ A = "python:3.12" }}\n}}\n' for i in range(n)
    )


def _inline(n: int) -> str:
    return "services:\n  s:\n    build:\n      dockerfile_inline: |\n" + "        FROM python:3.12\n" * n


def _gitlab(n: int) -> str:
    return "".join(f"j{i}:\n  stage: test\n  script: [make]\n  services: [postgres:16]\n" for i in range(n))


def _aliases(n: int) -> str:
    service = "  services: [{name: postgres:16, alias: db}]\n"
    return "".join(f"j{i}:\n  stage: test\n  script: [make]\n{service}" for i in range(n))


def _merges(n: int) -> str:
    rest = "".join(f"x-{i}: &a{i}\n  <<: *a{i - 1}\n" for i in range(1, n))
    return "x-0: &a0 {image: python:3.12}\n" + rest + f"services:\n  s:\n    <<: *a{n - 1}\n"


def _wide_merges(n: int) -> str:
    rest = "".join(f"x-{i}: &a{i}\n  <<: [*a{i - 1}, *a{i - 1}]\n  k{i}: 1\n" for i in range(1, n))
    return "x-0: &a0 {image: python:3.12}\n" + rest + f"services:\n  s:\n    <<: *a{n - 1}\n"


def _copies(n: int) -> str:
    pair = "COPY a{i} /x{i}\nRUN rm -rf /x{i} && tar xf /b{i}.tar.gz\n"
    return "FROM debian:12\n" + "".join(pair.format(i=i) for i in range(n))


def _chowns(n: int) -> str:
    return "FROM debian:12\n" + "".join(
        f"COPY a{i} /x{i}\nRUN chown -R a /y{i} && curl -o /z{i}.tgz http://a/b{i}.tgz\n" for i in range(n)
    )


def _installs(n: int) -> str:
    return "FROM node:22\n" + "RUN apt-get update && apt-get install -y x\nRUN npm ci\n" * n


def _chain(n: int) -> str:
    first = "FROM debian:12 AS s0\nRUN apt-get update && apt-get install x\n"
    return first + "".join(f"FROM s{i - 1} AS s{i}\nRUN apt-get update && apt-get install x\n" for i in range(1, n))


def _taken(n: int) -> str:
    stages = "".join(f"FROM debian:12 AS s{i}\nRUN make\n" for i in range(n))
    return stages + "FROM debian:12\n" + "".join(f"COPY --from=s{i} /a /b{i}\n" for i in range(n))


def _merged_services(n: int) -> str:
    return "x-a: &a\n  image: python:3.12\n  restart: always\nservices:\n" + "".join(
        f"  s{i}:\n    <<: *a\n    ports: ['80']\n" for i in range(n)
    )


def _pods(n: int) -> str:
    pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: a, image: 'python:3.12'}\n---\n"
    return pod * n


def _one_pod(n: int) -> str:
    containers = "".join(f"  - {{name: a{i}, image: 'python:3.12'}}\n" for i in range(n))
    return f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n{containers}"


def _jobs(n: int) -> str:
    job = (
        "  j{i}:\n    runs-on: x\n    container: {{image: 'python:3.12'}}\n    steps:\n    - run: docker run node:22\n"
    )
    return "on: push\njobs:\n" + "".join(job.format(i=i) for i in range(n))


def _matrix(n: int) -> str:
    values = ", ".join(f"'python:3.{i}'" for i in range(n))
    job = "  j:\n    strategy: {matrix: {image: [%s]}}\n    runs-on: x\n    container: '${{ matrix.image }}'\n"
    return "on: push\njobs:\n" + job % values


def _kustomization(n: int) -> str:
    images = "".join(f"- {{name: a{i}, newName: python, newTag: '3.12'}}\n" for i in range(n))
    return f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages:\n{images}"


def _circle(n: int) -> str:
    jobs = "".join(f"  j{i}:\n    docker: [{{image: 'python:3.12'}}]\n    steps: [checkout]\n" for i in range(n))
    return f"version: 2.1\njobs:\n{jobs}"


def _python(n: int) -> str:
    return "import docker\nclient = docker.from_env()\n" + 'client.containers.run("python:3.12")\n' * n


def _terraform(n: int) -> str:
    return "".join(f'resource "docker_image" "i{i}" {{\n  name = "python:3.12"\n}}\n' for i in range(n))


def _json(n: int) -> str:
    targets = ", ".join(f'"t{i}": {{"contexts": {{"a": "docker-image://python:3.12"}}}}' for i in range(n))
    return f'{{"target": {{{targets}}}}}'


def _devcontainer(n: int) -> str:
    features = ", ".join(f'"f{i}": {{}}' for i in range(n))
    return f'{{"image": "python:3.12", "features": {{{features}}}}}'


def _go(n: int) -> str:
    call = 'func f() { testcontainers.ContainerRequest{Image: "python:3.12"} }\n'
    return 'import "github.com/testcontainers/testcontainers-go"\n' + call * n


def _circle_calls(n: int) -> str:
    head = "executors:\n  e:\n    parameters: {image: {type: string}}\n    docker: [{image: << parameters.image >>}]\n"
    jobs = "".join(f"  j{i}: {{executor: {{name: e, image: 'python:3.{i}'}}}}\n" for i in range(n))
    return f"{head}jobs:\n{jobs}workflows: {{w: {{jobs: [j0]}}}}\n"


def _circle_parameters(n: int) -> str:
    given = "".join(f"  p{i}: {{type: string, default: 'python:3.12'}}\n" for i in range(n))
    jobs = "".join(f"  j{i}: {{docker: [{{image: << pipeline.parameters.p{i} >>}}]}}\n" for i in range(n))
    return f"parameters:\n{given}jobs:\n{jobs}"


def _azure(n: int) -> str:
    given = "".join(f"  p{i}: python:3.12\n" for i in range(n))
    jobs = "".join(f"  - job: a\n    container: ${{{{ parameters.p{i} }}}}\n" for i in range(n))
    return f"parameters:\n{given}jobs:\n{jobs}"


def _azure_variables(n: int) -> str:
    given = "".join(f"  v{i}: $(v{i + 1})\n" for i in range(n))
    return f"variables:\n{given}jobs:\n" + "".join(f"  - job: a\n    container: $(v{i})\n" for i in range(n))


def _woodpecker(n: int) -> str:
    listed = ", ".join(f'"python:3.{i}"' for i in range(n))
    steps = "".join(f"  s{i}: {{image: '${{I}}', commands: [make]}}\n" for i in range(n))
    return f"matrix:\n  I: [{listed}]\nsteps:\n{steps}"


def _inputs(n: int) -> str:
    given = "".join(f"    i{i}: {{default: 'python:3.12'}}\n" for i in range(n))
    jobs = "".join(f"j{i}:\n  image: $[[ inputs.i{i} ]]\n  script: [make]\n" for i in range(n))
    return f"spec:\n  inputs:\n{given}---\n{jobs}"


def _cloud_build(n: int) -> str:
    steps = "".join(f"  - {{name: $_I{i}, args: [build, --build-arg, BASE=$_I{i}, .]}}\n" for i in range(n))
    return f"steps:\n{steps}substitutions:\n" + "".join(f"  _I{i}: python:3.12\n" for i in range(n))


SHAPES: dict[str, tuple[str, Shape]] = {
    "stages that take from two above": ("Dockerfile", _stages),
    "build arguments that are only asked about": ("Dockerfile", _reads),
    "the same, sixty a line": ("Dockerfile", _wide_reads),
    "build arguments that are part of each other": (
        "Dockerfile",
        lambda n: "ARG a0=x\n" + "".join(f"ARG a{i}=$a{i - 1}$u{i}\n" for i in range(1, n)) + f"FROM $a{n - 1}\n",
    ),
    "build arguments without a value that decide": (
        "Dockerfile",
        lambda n: "ARG a0=x\n" + "".join(f"ARG a{i}=${{u{i}+}}$a{i - 1}\n" for i in range(1, n)) + f"FROM $a{n - 1}\n",
    ),
    "arguments that stages also take": (
        "Dockerfile",
        lambda n: (
            "".join(f"ARG A{i}=python:3.{i}\n" for i in range(n)) + "".join(f"FROM $A{i}\nARG A{i}\n" for i in range(n))
        ),
    ),
    "one argument, many images": ("Dockerfile", lambda n: "ARG a=python\n" + "FROM $a:3.12\n" * n),
    "images": ("Dockerfile", lambda n: "FROM python:3.12\n" * n),
    "stages that a variable may mean": (
        "Dockerfile",
        lambda n: "".join(f"FROM a AS s{i}\nFROM x-${{V}}\n" for i in range(n)),
    ),
    "copies and removals": ("Dockerfile", _copies),
    "copies and changes of owners": ("Dockerfile", _chowns),
    "installs of two managers": ("Dockerfile", _installs),
    "installs of tools": (
        "Dockerfile",
        lambda n: (
            "FROM debian:12\n"
            + "RUN apt-get update && apt-get install -y curl\nONBUILD RUN apt-get install -y git\n" * n
        ),
    ),
    "installs of one RUN": (
        "Dockerfile",
        lambda n: "FROM debian:12\nRUN true" + " && apt-get update && apt-get install -y a; rm -rf /x" * n + "\n",
    ),
    "a chain of stages": ("Dockerfile", _chain),
    "stages that one takes from": ("Dockerfile", _taken),
    "words in pieces": ("Dockerfile", lambda n: "FROM debian:12\nRUN docker run " + "$$\\" * n + "\n"),
    "a script's words in pieces": ("run.sh", lambda n: "docker run " + "$$\\" * n + "\n"),
    "a script's commands": ("run.sh", lambda n: "docker run python:3.12\n" * n),
    "Python names that double": ("a.py", _names),
    "Python calls": ("a.py", _python),
    "targets that inherit twice": ("docker-bake.hcl", _diamond),
    "targets that inherit in a chain": ("docker-bake.hcl", _inherits),
    "targets in JSON": ("docker-bake.json", _json),
    "one inline Dockerfile": ("compose.yaml", _inline),
    "inline Dockerfiles": (
        "compose.yaml",
        lambda n: (
            "services:\n"
            + "".join(f"  s{i}:\n    build:\n      dockerfile_inline: |\n        FROM python:3.12\n" for i in range(n))
        ),
    ),
    "merges in a chain": ("compose.yaml", _merges),
    "merges that double": ("compose.yaml", _wide_merges),
    "services that merge one": ("compose.yaml", _merged_services),
    "services": (
        "compose.yaml",
        lambda n: "services:\n" + "".join(f"  s{i}: {{image: 'python:3.12'}}\n" for i in range(n)),
    ),
    "services of a pipeline": (".gitlab-ci.yml", _gitlab),
    "services with an alias": (".gitlab-ci.yml", _aliases),
    "variables of a pipeline": (
        ".gitlab-ci.yml",
        lambda n: (
            "variables:\n"
            + "".join(f"  I{i}: python:3.{i}\n" for i in range(n))
            + "".join(f"j{i}:\n  image: $I{i}\n  script: [make]\n" for i in range(n))
        ),
    ),
    "manifests": ("pod.yaml", _pods),
    "resources that image streams set": (
        "list.yaml",
        lambda n: (
            "apiVersion: v1\nkind: List\nitems:\n"
            + "- spec: {triggers: [{imageChangeParams: {containerNames: [a]}}], containers: [{name: a, image: node}]}\n"
            * n
        ),
    ),
    "one pod": ("pod.yaml", _one_pod),
    "containers of a parameter": (
        "task.yaml",
        lambda n: (
            "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  params: [{name: i, default: 'python:3.12'}]\n  steps:\n"
            + "  - {name: a, image: $(params.i)}\n" * n
        ),
    ),
    "values of a chart": (
        "values.yaml",
        lambda n: "".join(f"a{i}:\n  image: {{repository: python, tag: '3.12'}}\n" for i in range(n)),
    ),
    "a kustomization": ("kustomization.yaml", _kustomization),
    "jobs of a workflow": (".github/workflows/a.yml", _jobs),
    "a matrix": (".github/workflows/a.yml", _matrix),
    "jobs of another pipeline": (".circleci/config.yml", _circle),
    "an executor's images and uses": (".circleci/config.yml", _circle_calls),
    "parameters of a pipeline": (".circleci/config.yml", _circle_parameters),
    "parameters of a template": ("azure-pipelines.yml", _azure),
    "variables that are each other": ("azure-pipelines.yml", _azure_variables),
    "images of a matrix": (".woodpecker.yml", _woodpecker),
    "inputs of a component": ("templates/a.yml", _inputs),
    "substitutions of a build": ("cloudbuild.yaml", _cloud_build),
    "hooks that are images": (
        ".pre-commit-hooks.yaml",
        lambda n: "- {id: a, language: docker_image, entry: 'python:3.12 -V'}\n" * n,
    ),
    "recipes that are no shell": ("Makefile", lambda n: "a:\n" + "\tdocker run node:22 (\n" * n),
    "comments that ignore": (
        "Dockerfile",
        lambda n: "# hadolint global ignore=DL3006\n" * n + "FROM python\n" * n,
    ),
    "one value of many names": (
        "a.py",
        lambda n: (
            "import docker\nclient = docker.from_env()\n"
            + "a=" * n
            + "("
            + "'b', " * n
            + ")\nclient.containers.run('python:3.12')\n"
        ),
    ),
    "calls in one line": (
        "a_test.go",
        lambda n: (
            'import "github.com/testcontainers/testcontainers-go"\n'
            + 'f(testcontainers.ContainerRequest{Image: "python:3.12"}); ' * n
        ),
    ),
    "inline Dockerfiles in one line": (
        "compose.yaml",
        lambda n: (
            "services: {"
            + ", ".join(f's{i}: {{build: {{dockerfile_inline: "FROM python:3.12"}}}}' for i in range(n))
            + "}\n"
        ),
    ),
    "packages": (
        "Dockerfile",
        lambda n: f"FROM debian:12\nRUN apt-get install -y {'vim ' * n}\n" + "RUN make\n" * n + 'CMD ["x"]\n',
    ),
    "variables of recipes": (
        "Makefile",
        lambda n: (
            "".join(f"I{i} = python:3.{i}\n" for i in range(n))
            + "".join(f"t{i}:\n\tdocker run $(I{i}) x\n" for i in range(n))
        ),
    ),
    "variables of recipes that name each other": (
        "Makefile",
        lambda n: (
            "I0 = a\n" + "".join(f"I{i} = $(I{i - 1})b\n" for i in range(1, n)) + f"t:\n\tdocker run $(I{n - 1})\n"
        ),
    ),
    "commands in variables of recipes": (
        "Makefile",
        lambda n: (
            "".join(f"R{i} = docker run python:3.{i}\n" for i in range(n))
            + "".join(f"t{i}:\n\tx; if $(R{i}) y; then echo '; $(R{i}) z'; fi\n" for i in range(n))
        ),
    ),
    "recipes": ("Makefile", lambda n: "a:\n" + "\tdocker run python:3.12\n" * n),
    "resources": ("main.tf", _terraform),
    "containers of one resource": (
        "main.tf",
        lambda n: (
            'resource "kubernetes_pod" "a" {\n  spec {\n'
            + '    container {\n      image = "python:3.12"\n    }\n' * n
            + "  }\n}\n"
        ),
    ),
    "stages copied in a chain": (
        "Dockerfile",
        lambda n: (
            "FROM python:3.12 AS s0\n"
            + "".join(f"FROM python:3.12 AS s{i + 1}\nCOPY --from=s{i} /a /a\n" for i in range(n))
            + f"FROM python:3.12-slim-bookworm\nCOPY --from=s{n} /a /a\n"
        ),
    ),
    "a dev container": ("devcontainer.json", _devcontainer),
    "tests in Go": ("a_test.go", _go),
}


BUILDERS: dict[str, tuple[str, Callable[[int], str]]] = {
    "spaces behind --tag": ("a.sh", lambda n: f"docker build --tag{' ' * n}\n"),
    "spaces behind -t": ("a.sh", lambda n: f"docker build -t{' ' * n}\n"),
    "many options without a name": ("a.sh", lambda n: "docker build " + "-t --tag -t" * n),
    "a path in a call": ("a.py", lambda n: f'x.build("{"/" * n} '),
    "spaces in a call": ("a.py", lambda n: f"docker.build(tag={' ' * n}x)"),
    "calls in calls": ("a.py", lambda n: "docker.build(" * n),
    "open quotes": ("a.sh", lambda n: "docker build -t " + " \"$(' `" * n),
    "open brackets": ("a.sh", lambda n: "docker build " + "$((" * n),
    "images that are copied": ("a.sh", lambda n: "# build\n" + "docker pull a:1\ndocker push a:1\n" * n),
    "words of a command that pulls": ("a.sh", lambda n: "docker push a # build\n" + "docker pull " + "-a " * n),
    "platforms in patterns": (
        "a.sh",
        lambda n: "case a in\n" + "linux/386) docker build --platform linux/amd64 {,- ;;\n" * n,
    ),
    "many builds on a line": ("a.sh", lambda n: "docker build -t a:1 ; " * n),
    "images without a name": ("pom.xml", lambda n: "<image>" * n + "build"),
    "many images": ("pom.xml", lambda n: "<image><name>a</name><run/></image>" * n + "<build>"),
    "a chain of variables": (
        "a.sh",
        lambda n: "".join(f"A{i}=$(A{i + 1})\n" for i in range(n)) + "docker build -t $A0 .\n",
    ),
    "variables that double": (
        "a.sh",
        lambda n: (
            "A0=x\n" + "".join(f"A{i}={f'$A{i - 1}' * 90}\n" for i in range(1, 6)) + "docker build -t $A5 .\n" * n
        ),
    ),
    "a variable of many functions": (
        "a.sh",
        lambda n: "f() {\n  local i=$i\n  docker build -t $i .\n}\n" * n,
    ),
    "a file with a zero in its name": ("Makefile", lambda n: "include a\0b\n" * n + "docker build -t $A .\n"),
    "texts of a Tiltfile": ("Tiltfile", lambda n: "docker_build(a)\n" + '"""x\n' * n),
    "keys of a bake file": (
        "docker-bake.hcl",
        lambda n: (
            "".join(f'variable "v{i}" {{ default = "a" }}\n' for i in range(n))
            + 'target "a" { tags = f('
            + ", ".join(f"v{i}" for i in range(n))
            + ") }\n"
        ),
    ),
}
"""Files that may build, in which something is repeated: they are read for every Dockerfile near."""

LONG_BUILDS = 12_000
