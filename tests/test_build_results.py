"""What the builds near a file make is not pulled: whichever program builds, and whichever kind of file names it."""

import json
from pathlib import Path

import pytest

from echo_migrate.files.workspace import begin
from echo_migrate.formats._builds_nearby import builds_near
from tests.conftest import Run

MADE = {
    "a command": ("a.sh", "docker build -t nginx:1.29 ."),
    "a command in an argument": ("a.sh", "docker build --build-arg V=$(cat v | tr -d x) -t nginx:1.29 ."),
    "a quoted argument": ("a.sh", 'docker build --build-arg "U=https://x?a=1&b=2" -t nginx:1.29 .'),
    "a quoted label": ("package.json", '{"scripts": {"b": "docker build --label \\"a;b\\" -t nginx:1.29 ."}}'),
    "a folded command": ("a.yml", "run: >\n  docker build\n  -t nginx:1.29 ."),
    "a continued command of PowerShell": ("a.ps1", "docker build `\r\n  -t nginx:1.29 ."),
    "a registry of Azure": ("a.sh", "az acr build --registry r --image nginx:1.29 ."),
    "a tag of several words": ("a.sh", 'args+=(--tag "nginx:1.29")\ndocker build "${args[@]}" .'),
    "a variable beside tags that bake computes": (
        "docker-bake.hcl",
        'variable "I" { default = "nginx:1.29" }\ntarget "a" { tags = P ? [I] : [] }',
    ),
    "a variable of a function": ("a.py", 'def a():\n    i = "nginx:1.29"\n    run(f"docker build -t {i} .")'),
    "a variable of a job": ("a.yml", "jobs:\n  a:\n    env:\n      I: nginx:1.29\n    run: docker build -t $I ."),
    "a variable of the function that calls": (
        "a.sh",
        "a() {\n  local i=nginx:1.29\n  b\n}\nb() {\n  docker build -t $i .\n}",
    ),
    "a variable of the task that calls": (
        "Taskfile.yml",
        "tasks:\n  a:\n    cmds:\n      - task: b\n        vars:\n          I: nginx:1.29\n"
        "  b:\n    cmds:\n      - docker build -t {{.I}} .",
    ),
    "an entry of a matrix": (
        "a.yml",
        "jobs:\n  a:\n    matrix:\n      include:\n      - image: nginx\n"
        "    run: docker build -t ${{ matrix.image }}:1.29 .",
    ),
    "a value of a list in a matrix": (
        "a.yml",
        "jobs:\n  a:\n    matrix:\n      image:\n        - web\n        - nginx\n      arch: [amd64]\n"
        "    env:\n      I: ${{ matrix.image }}\n    run: docker build -t $I:1.29 .",
    ),
    "a value of a list with the ends of lines of other standards in comments": (
        "a.yml",
        "jobs:\n  a:\n    matrix:\n      image:\n        - web # a\u2028b\x0cc\r\n        - nginx # \x85\n"
        "    run: docker build -t ${{ matrix.image }}:1.29 .",
    ),
    "a value of a matrix beside one of another job": (
        "a.yml",
        "jobs:\n  t:\n    strategy: {matrix: {image: [web]}}\n  a:\n    strategy:\n      matrix:\n"
        "        image: [web, nginx]\n        tag: ['1.29']\n        include: [{image: b}]\n    steps:\n"
        "    - {uses: docker/build-push-action@v6, with: {tags: '${{ matrix.image }}:${{ matrix.tag }}'}}",
    ),
    "a value of a matrix that the file does not list": (
        "a.yml",
        "jobs:\n  t:\n    strategy:\n      matrix:\n        image: [nginx]\n  a:\n    strategy:\n      matrix:\n"
        "        image: ${{ fromJSON(x) }}\n    steps:\n"
        "    - {uses: docker/build-push-action@v6, with: {tags: '${{ matrix.image }}:1.29'}}",
    ),
    "a value of a list in brackets in a matrix": (
        "a.yml",
        "jobs:\n  a:\n    matrix:\n      image: ['web', \"nginx\"]\n"
        "    run: docker build -t ${{ matrix.image }}:1.29 .",
    ),
    "a name for all platforms": ("a.sh", "docker buildx imagetools create -t nginx:1.29 nginx:amd64 nginx:arm64"),
    "a manifest": ("a.sh", "docker manifest create --amend nginx:1.29 nginx:amd64 # build"),
    "what is pushed and copied": (
        "a.sh",
        "docker build -t nginx:1.29 .\ndocker tag nginx:1.29 r/n:1\ndocker push r/n:1",
    ),
    "what is pushed": ("a.sh", "make build\ndocker push -q nginx:1.29"),
    "what a variable says is pushed": ("a.sh", "I=nginx:1.29\nmake build\npodman image push --tls-verify=false $I"),
    "GoReleaser": (".goreleaser.yml", 'builds: []\ndockers:\n- image_templates: ["nginx:1.29"]'),
    "GoReleaser, a manifest": ("goreleaser.yaml", "builds: []\ndocker_manifests: [{name_template: 'nginx:1.29'}]"),
    "GoReleaser, by the name of the project": (
        ".github/goreleaser.yml",
        "project_name: nginx\nbuilds: []\ndockers: [{image_templates: ['{{ .ProjectName }}:1.29']}]",
    ),
    "a second tag": ("a.sh", "docker build -q -t app:1 -t nginx:1.29 ."),
    "a name behind its option": ("a.sh", "docker buildx b -tnginx:1.29 ."),
    "variables of a script": ("a.sh", 'V=1.29\nN=nginx\nnerdctl build -t "$N:$V" .'),
    "a default": ("a.sh", "docker build -t ${I:-nginx:1.29} ."),
    "a loop": ("a.sh", "for v in 1.28 1.29; do docker build -t nginx:$v $v; done"),
    "buildah": ("a.sh", "buildah bud --tag=docker.io/library/nginx:1.29 ."),
    "a target of bake": ("a.sh", "docker buildx bake --set web.tags=nginx:1.29"),
    "buildpacks": ("a.sh", "pack build nginx:1.29 --builder x"),
    "quarkus": ("a.sh", "mvn -Dquarkus.container-image.build=true -Dquarkus.container-image.image=nginx:1.29"),
    "kaniko in a pod": ("a.yaml", "args:\n  - --destination=nginx:1.29"),
    "kaniko in a list": ("a.yaml", 'args: ["--dockerfile=d", "--destination", "nginx:1.29"]'),
    "variables of make": ("Makefile", "IMG ?= nginx\nTAG := 1.29\nx:\n\t$(DOCKER) build \\\n\t  -t $(IMG):$(TAG) ."),
    "a function of make": (
        "Makefile",
        "I ?= nginx\ndefine image\n\tdocker build \\\n\t  -f $(2) -t $(1) .\nendef\n"
        "x:\n\t$(call image, ${I}:1.29,Dockerfile)",
    ),
    "a function of make in one line": (
        "Makefile",
        "image = docker build -t $2:1.29 $(1)\nx:\n\t@$(call image,web,nginx)",
    ),
    "words of Cloud Build": ("a.yaml", "args:\n  - build\n  - -t\n  - nginx:1.29\n  - ."),
    "words of Cloud Build in brackets": ("a.yaml", "args: ['build', '-t', 'nginx:1.29', '.']"),
    "words in Python": ("a.py", 'run(["docker", "build", "-t", "nginx:1.29", "."])'),
    "a name in Python": ("a.py", 'IMAGE = "nginx:1.29"\nrun(["docker", "build", "-t", IMAGE, "."])'),
    "a field in Python": ("a.py", 'V = "1.29"\nrun(f"docker build -t nginx:{V} .")'),
    "docker-py": ("a.py", 'client.images.build(path=str(here), tag="nginx:1.29")'),
    "dockerode": ("a.js", "docker.buildImage(s, { t: 'nginx:1.29' })"),
    "a script of npm": ("package.json", '{"scripts": {"image": "docker build -t nginx:1.29 ."}}'),
    "Jenkins": ("Jenkinsfile", 'docker.build("nginx:1.29", "web")'),
    "Earthly": ("Earthfile", "build:\n  FROM scratch\n  SAVE IMAGE --push nginx:1.29"),
    "jib in Gradle": ("build.gradle", "jib {\n  to {\n    image = 'nginx:1.29'\n  }\n}"),
    "jib in Maven": ("pom.xml", "<configuration><to><image>nginx:1.29</image></to> jib"),
    "docker-maven-plugin": ("pom.xml", "<image><name>nginx:1.29</name><build><from>x</from></build></image>"),
    "Spring Boot": ("b.gradle.kts", 'bootBuildImage { imageName.set("nginx:1.29") }'),
    "Terraform": ("a.tf", 'resource "docker_image" "x" {\n  name = "nginx:1.29"\n  build {\n    context = "."\n  }\n}'),
    "Ansible": ("a.yml", '- community.docker.docker_image:\n    name: nginx\n    tag: "1.29"\n    source: build'),
    "OpenShift": (
        "a.yaml",
        "kind: BuildConfig\nspec:\n  output:\n    to:\n      kind: DockerImage\n      name: nginx:1.29",
    ),
    "a variable of just": ("justfile", 'image := "nginx:1.29"\nb:\n  docker build -t {{image}} .'),
    "a variable of Task": ("Taskfile.yml", "vars:\n  I: nginx:1.29\ntasks:\n  b: docker build -t {{.I}} ."),
    "a variable of PowerShell": ("a.ps1", '$Image = "nginx:1.29"\ndocker build -t $Image .'),
    "a variable of cmd": ("a.bat", "set IMAGE=nginx:1.29\r\ndocker build -t %IMAGE% .\r\n"),
    "a bake file": (
        "docker-bake.hcl",
        'variable "T" { default = "1.29" }\ntarget "a" { tags = ["x/y", "nginx:${T}"] }',
    ),
    "a bake file in JSON": ("docker-bake.json", '{"target": {"a": {"tags": ["nginx:1.29"]}}}'),
    "tags that bake computes": (
        "docker-bake.hcl",
        'function "t" {\n  params = [n]\n  result = ["nginx:1.29"]\n}\ntarget "a" { tags = t("1.29") }',
    ),
    "a service": ("compose.yaml", "services: {a: {build: ., image: 'nginx:1.29'}}"),
    "a service with more tags": ("b.yaml", "services: {a: {build: {context: ., tags: ['nginx:1.29']}, image: x/y}}"),
    "a service with defaults": ("compose.yaml", "services: {a: {build: ., image: '${R:-}nginx:${V:-1.29}'}}"),
    "a step": (
        ".github/workflows/x.yml",
        "jobs: {a: {steps: [{uses: docker/build-push-action@v6, with: {tags: 'a/b:1, nginx:1.29'}}]}}",
    ),
    "a step with a variable": (
        ".github/workflows/x.yml",
        "env:\n  I: nginx:1.29\n"
        "jobs: {a: {steps: [{uses: docker/build-push-action@v6, with: {tags: '${{ env.I }}'}}]}}",
    ),
    "Okteto": ("okteto.yml", "build:\n  web:\n    context: web\n    image: nginx:1.29"),
    "Okteto, one of several manifests": (".okteto/okteto-e2e.yaml", "build: {web: {image: '${R:-nginx}:1.29'}}"),
    "Garden, a module": ("garden.yml", "kind: Module\ntype: container\ndockerfile: d\nimage: nginx:1.29"),
    "Garden, before modules had a kind": ("garden.yml", "type: container\ndockerfile: d\nimage: nginx:1.29"),
    "Garden, a build": (
        "web.garden.yaml",
        "kind: Deploy\nname: a\n---\nkind: Build\ntype: container\nname: web\nspec: {publishId: 'nginx:1.29'}",
    ),
}
"""Files that make nginx:1.29."""

ANY_TAG = {
    "a tag that is not known": ("a.sh", "docker build -t nginx:$V ."),
    "a part of a tag that is not known": ("a.sh", "docker build -t nginx:${V}-alpine ."),
    "GoReleaser, with its version": (
        ".goreleaser.yaml",
        "builds: []\ndockers:\n  - image_templates:\n      - 'nginx:{{ .Tag }}-arm64'",
    ),
    "GoReleaser, without its tags": (".goreleaser.yaml", "builds: []\ndockers_v2: [{images: [x/y, nginx]}]"),
    "GoReleaser, with ko": (".goreleaser.yaml", "builds: []\nkos: [{repositories: [nginx]}]"),
    "Tilt": ("Tiltfile", "docker_build('nginx', '.')"),
    "skaffold": ("skaffold.yaml", "build:\n  artifacts:\n    - image: nginx"),
    "skaffold, context first": ("skaffold.yaml", "build:\n  artifacts:\n  - context: web\n    image: nginx"),
    "ko": ("a.sh", "KO_DOCKER_REPO=nginx ko build --bare ."),
    "Drone": (".drone.yml", "steps:\n- name: build\n  image: plugins/docker\n  settings:\n    repo: nginx"),
    "Drone, by the name of the plugin alone": (".drone.yml", "- image: plugins/docker\n  settings:\n    repo: nginx"),
    "Azure": ("azure-pipelines.yml", "- task: Docker@2\n  inputs:\n    command: build\n    repository: nginx"),
    "tags that a step makes": (
        ".github/workflows/x.yml",
        "jobs: {build: {steps: [{uses: docker/metadata-action@v5, with: {images: nginx}}]}}",
    ),
}
"""Files that make nginx with any tag."""

OTHERS = {
    "a function of make that builds nothing": (
        "Makefile",
        "r = docker run $(1)\nx:\n\t$(call r,nginx:1.29)\n\tdocker build -t $(1) .",
    ),
    "a build in a build": ("Dockerfile.ci", "FROM docker:29\nRUN docker build -t nginx:1.29 .\n"),
    "an image that is run": ("a.sh", "docker run -t nginx:1.29 npm build"),
    "an image that is run after a build": ("a.sh", "npm run build; docker run -t nginx:1.29 x"),
    "a cache": ("a.sh", "docker build --cache-from nginx:1.29 -t app ."),
    "another name for it": ("a.sh", "docker tag nginx:1.29 localhost:5000/nginx:1.29"),
    "a repository that is not known": ("a.sh", "docker build -t $R/nginx:1.29 ."),
    "what skaffold runs": (
        "skaffold.yaml",
        "build:\n  artifacts:\n  - image: x/y\nverify:\n- container: {image: z}\n- image: nginx",
    ),
    "an argument beside tags that bake lists": (
        "docker-bake.hcl",
        'target "a" {\n  tags = []\n  args = { B = "nginx:1.29" }\n}',
    ),
    "what is copied": (
        "a.sh",
        "i=nginx:1.29 # a build\ndocker pull $i\ndocker tag $i $R/$i\ni=$R/$i\ndocker push $i",
    ),
    "what is copied in a loop": (
        "a.sh",
        "for i in nginx:1.29 b:1; do # build\n  docker pull -q --platform $P $i\n  i=$R/$i\n  docker push $i\ndone",
    ),
    "what is given another name, and pushed": (
        "a.sh",
        'I="nginx:1.29" # build\ndocker image tag "$I" "$R/$I" && I="$R/$I"\ndocker push "$I"',
    ),
    "what is pushed elsewhere": ("a.sh", "make build\nnpm push nginx:1.29; git push nginx"),
    "what a manifest is made of": ("a.sh", "make build\ndocker manifest create app:1 nginx:1.29"),
    "what an image for all platforms is made of": ("a.sh", "docker buildx imagetools create -t app:1 nginx:1.29"),
    "an archive of GoReleaser": (".goreleaser.yml", "builds: []\narchives: [{name_template: 'nginx:1.29'}]"),
    "what GoReleaser has from elsewhere": (
        ".goreleaser.yml",
        "builds: []\ndockers: [{image_templates: ['{{ .Env.R }}/nginx:1.29']}]",
    ),
    "a comment": ("a.sh", "# docker build -t nginx:1.29 ."),
    "what is printed": ("a.sh", "echo docker build -t nginx:1.29 ."),
    "a service beside one that is built": (
        "compose.yaml",
        "services: {a: {build: ., image: x/y}, b: {image: 'nginx:1.29'}}",
    ),
    "a resource beside one that is built": (
        "a.tf",
        'resource "docker_image" "x" {\n  name = "nginx:1.29"\n}\n'
        'resource "docker_image" "y" {\n  name = "y"\n  build {\n  }\n}',
    ),
    "what a developer's container of Okteto is": (
        "okteto.yml",
        "build: {web: {context: web}}\ndev: {web: {image: 'nginx:1.29'}}",
    ),
    "what a module of Garden without a Dockerfile pulls": (
        "garden.yml",
        "kind: Module\ntype: container\nname: nginx\nimage: nginx:1.29",
    ),
    "what Garden deploys": ("garden.yml", "kind: Deploy\ntype: container\nname: w\nspec: {image: 'nginx:1.29'}"),
    "an image that Maven runs": ("pom.xml", "<image><name>nginx:1.29</name><run>x</run></image> <build>"),
    "a script that is called build": ("package.json", '{"build": "docker run -v .:/app -it nginx:1.29 npm ci"}'),
    "a container that is called build": ("a.sh", "docker run --name build -t nginx:1.29 make"),
    "an image that is run on the same line": ("a.js", "x(`docker build .`); x(`docker run -t nginx:1.29`)"),
    "a value of another job's matrix": (
        "a.yml",
        "jobs:\n  t:\n    strategy:\n      matrix:\n        image: [nginx, python]\n"
        "    container: ${{ matrix.image }}:1.29\n"
        "  a:\n    strategy:\n      matrix:\n        image: [app, web]\n    steps:\n"
        "    - {uses: docker/build-push-action@v6, with: {tags: '${{ matrix.image }}:1.29'}}",
    ),
    "a value of another job's matrix, of a command": (
        "a.yml",
        "jobs:\n  t:\n    strategy:\n      matrix:\n        include:\n        - image: nginx\n"
        "  a:\n    strategy:\n      matrix:\n        image: [app, web]\n    steps:\n"
        "    - run: docker build -t ${{ matrix.image }}:1.29 .",
    ),
    "a service beside a matrix": (
        "a.yml",
        "jobs:\n  a:\n    services:\n      db:\n        image: nginx:1.29\n"
        "    run: docker build -t ${{ matrix.image }} . -t ${{ env.image }}",
    ),
    "a variable of another function": (
        "a.py",
        'def a():\n    image = "nginx:1.29"\n\n\ndef b(image):\n    run(f"docker build -t {image} .")',
    ),
    "a variable of another function of a shell": (
        "a.sh",
        "a() {\n  local i=nginx:1.29\n}\nb() {\n  local i=$1\n  docker build -t $i .\n}",
    ),
    "a variable of another task": (
        "Taskfile.yml",
        "tasks:\n  a:\n    vars:\n      I: nginx:1.29\n"
        "  b:\n    vars:\n      I: b:1\n    cmds:\n      - docker build -t {{.I}} .",
    ),
    "a variable of a program": ("db.ts", 'const imageName = "nginx:1.29"  // not the build'),
    "what a target takes beside tags that bake computes": (
        "docker-bake.hcl",
        'target "a" {\n  tags = [for t in ["1"] : "x/y:${t}"]\n  args = { B = "nginx:1.29" }\n}',
    ),
    "tests with a tag": ("a.sh", "make build\nmanage.py test --tag nginx"),
    "a package with a tag": ("a.sh", "npm run build; npm publish --tag=nginx"),
    "a repository beside a plugin of docker": (
        "a.yml",
        "run: make build; ls ~/.docker/cli-plugins/docker-compose\nwith:\n  repository: nginx",
    ),
    "a comment of a Tiltfile": ("Tiltfile", "# docker_build('nginx', '.')"),
    "a comment behind code of a Tiltfile": ("Tiltfile", "x = '#' # docker_build('nginx', '.')"),
    "a text of a Tiltfile": ("Tiltfile", '"""\ndocker_build(\'nginx\', \'.\')\n"""'),
    "a docstring": ("a.py", 'def a():\n    """docker build -t nginx:1.29 ."""'),
    "variables that name each other": ("a.sh", "A=$B\nB=$A\ndocker build -t nginx$A:1.29 ."),
}


@pytest.fixture(autouse=True)
def _begun() -> None:
    begin()


def _results(tree: Path, path: str, text: str) -> frozenset[str]:
    (tree / ".git").mkdir()
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(f"{text}\n", newline="")
    return builds_near(str(tree / "Dockerfile")).results


@pytest.mark.parametrize("kind", MADE)
def test_the_name_of_what_a_build_makes_is_read(tmp_path: Path, kind: str) -> None:
    assert "nginx:1.29" in _results(tmp_path, *MADE[kind])


@pytest.mark.parametrize("kind", ANY_TAG)
def test_a_tag_that_is_not_known_may_be_any(tmp_path: Path, kind: str) -> None:
    assert "nginx:" in _results(tmp_path, *ANY_TAG[kind])


@pytest.mark.parametrize("kind", OTHERS)
def test_what_a_build_does_not_make_is_pulled(tmp_path: Path, kind: str) -> None:
    assert not {"nginx:1.29", "nginx:", "nginx"} & _results(tmp_path, *OTHERS[kind])


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('for x in a/b:1 c:2; do\n  docker pull -q "$x"\n  docker tag "$x" ghcr.io/acme/c:1\ndone', False),
        ("podman pull $1\npodman image tag $1 ghcr.io/acme/c:1", False),
        ("docker tag node:22 ghcr.io/acme/c:1", False),
        ("docker tag quay.io/other/c:1 ghcr.io/acme/c:1", False),
        ("docker build -t node:22 .\ndocker tag node:22 ghcr.io/acme/c:1", True),
        ("docker pull c:1 || docker build -t c:1 .\ndocker tag c:1 ghcr.io/acme/c:1", True),
        ("docker tag app:1 ghcr.io/acme/c:1", True),
        ("docker tag $APP ghcr.io/acme/c:1", True),
        ("docker tag quay.io/acme/c:1 ghcr.io/acme/c:1", True),
        ("docker pull ghcr.io/acme/c:rc\ndocker tag ghcr.io/acme/c:rc ghcr.io/acme/c:1", True),
        ("docker pull a/c:1\ndocker tag a/c:1 localhost:5000/c:1 # ghcr.io/acme/c:1", False),
    ],
)
def test_another_name_for_what_others_built_is_no_result(tmp_path: Path, text: str, made: bool) -> None:
    assert ("ghcr.io/acme/c:1" in _results(tmp_path, "a.sh", text)) is made


def test_what_was_pulled_has_a_name_on_this_machine(tmp_path: Path) -> None:
    text = "docker pull node:22\ndocker tag node:22 node:22-local\ndocker tag node:22 localhost/node:22"
    assert {"node:22-local", "localhost/node:22"} <= _results(tmp_path, "a.sh", text)


REFERENCES = {
    "a Dockerfile": ("web/Dockerfile", "FROM nginx:1.29\n"),
    "a script": ("scripts/run.sh", "docker run -d nginx:1.29\n"),
    "a makefile": ("web/Makefile", "x:\n\tdocker run nginx:1.29\n"),
    "a compose file": ("web/compose.yaml", "services: {web: {image: 'nginx:1.29'}}\n"),
    "a manifest": (
        "deploy/pod.yaml",
        "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: 'nginx:1.29'}]}}\n",
    ),
    "a pipeline": (".gitlab-ci.yml", "x:\n  image: nginx:1.29\n  script: [a]\n"),
    "a workflow": (".github/workflows/t.yml", "on: push\njobs: {a: {steps: [{run: docker run nginx:1.29}]}}\n"),
    "Python": ("tests/a.py", "import docker\ndocker.from_env().containers.run('nginx:1.29')\n"),
    "a quadlet": ("web/a.container", "[Container]\nImage=docker.io/library/nginx:1.29\n"),
    "a dev container": (".devcontainer/devcontainer.json", '{"image": "nginx:1.29"}\n'),
    "Terraform": ("web/a.tf", 'resource "docker_image" "x" {\n  name = "nginx:1.29"\n}\n'),
}
BUILDERS = ("a bake file", "a service", "a step", "variables of make")


@pytest.mark.parametrize("kind", REFERENCES)
def test_an_image_with_an_official_name_that_is_built_nearby_does_not_move_safely(
    run: Run, tmp_path: Path, kind: str
) -> None:
    (tmp_path / ".git").mkdir()
    path, text = REFERENCES[kind]
    for place, content in ((path, text), *(MADE[one] for one in BUILDERS)):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(content)
    held = json.loads(run("inventory", "--output-format", "json", "--logins", "gitlab", path).stdout)["references"]
    assert [("build-result" in [each["id"] for each in one["reasons"]], one["state"]) for one in held] == [
        (True, "needs-person")
    ]
    for place, _ in (MADE[one] for one in BUILDERS):
        (tmp_path / place).unlink()
    pulled = json.loads(run("inventory", "--output-format", "json", path).stdout)["references"]
    assert not any(each["id"] == "build-result" for one in pulled for each in one["reasons"])


SPLIT = {
    "a variable of an included makefile": {
        "Makefile": "include vars.mk\nb:\n\tdocker build -t $(IMG) .\n",
        "vars.mk": "IMG = nginx:1.29\n",
    },
    "a variable of a sourced script": {
        "b.sh": '. scripts/env.sh\ndocker build -t "$IMG" .\n',
        "scripts/env.sh": "export IMG=nginx:1.29\n",
    },
    "a variable of a script that is sourced behind a command": {
        "b.sh": 'set -e; source env.sh; docker build -t "$IMG" .\n',
        "env.sh": "export IMG=nginx:1.29\n",
    },
    "a service whose name another file has": {
        "compose.yaml": "services: {a: {image: 'nginx:1.29'}}\n",
        "compose.override.yaml": "services: {a: {build: .}}\n",
    },
    "a variable of .env": {
        "compose.yaml": "services: {a: {image: '${I}', build: .}}\n",
        ".env": "I=nginx:1.29\n",
    },
}


@pytest.mark.parametrize("kind", SPLIT)
def test_a_name_may_be_in_another_file_than_the_build(tmp_path: Path, kind: str) -> None:
    (tmp_path / ".git").mkdir()
    for path, text in SPLIT[kind].items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    near = builds_near(str(tmp_path / "web" / "Dockerfile"))
    assert near.make("nginx:1.29")
    assert not near.make("nginx:1.28")


@pytest.mark.parametrize(("service", "held"), [("a: {build: .}", True), ("b: {build: .}", False)])
def test_an_image_that_a_file_laid_over_builds_does_not_move_safely(
    run: Run, tmp_path: Path, service: str, held: bool
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "compose.yaml").write_text("services: {a: {image: 'node:22'}}\n")
    (tmp_path / "compose.override.yaml").write_text(f"services: {{{service}}}\n")
    (one,) = json.loads(run("inventory", "--output-format", "json", "compose.yaml").stdout)["references"]
    assert ([each["id"] for each in one["reasons"]] == []) != held
    assert one["state"] == ("needs-person" if held else "migrate")


def test_a_repository_in_a_folder_for_tests_is_no_test(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    assert "nginx:1.29" in _results(tmp_path / "test", "build.py", "x('docker build -t nginx:1.29 .')")


@pytest.mark.parametrize("named", [False, True])
def test_compose_files_of_a_folder_may_be_alternatives(run: Run, tmp_path: Path, named: bool) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "compose.dev.yaml").write_text("services: {a: {image: 'node:22'}}\n")
    (tmp_path / "compose.prod.yaml").write_text("services: {a: {build: .}}\n")
    (tmp_path / "Dockerfile").write_text("FROM node:22\n")
    both = (
        "docker compose -f compose.dev.yaml" + (" -f " if named else " up\n\tdocker compose -f ") + "compose.prod.yaml"
    )
    (tmp_path / "Makefile").write_text(f"x:\n\t{both} build\n")
    found = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert [one["state"] for one in found] == ["needs-person" if named else "migrate"] * 2


@pytest.mark.parametrize(
    ("path", "makes"),
    [("build.py", True), ("ci/x.py", True), ("test_build.py", False), ("web.spec.ts", False), ("tests.sh", True)],
)
def test_the_code_of_tests_makes_nothing_for_others(tmp_path: Path, path: str, makes: bool) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("x('docker build -t nginx:1.29 .')\n")
    assert builds_near(str(tmp_path / "Dockerfile")).make("nginx:1.29") == makes


def test_an_image_whose_tag_is_a_variable_may_be_any_that_is_built(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.sh").write_text("docker build -t nginx:1.29 .\n")
    near = builds_near(str(tmp_path / "Dockerfile"))
    assert near.make("docker.io/library/nginx:${V}")
    assert not any(map(near.make, ("nginx:1.28", "${R}nginx:1.29", "redis:${V}")))


@pytest.mark.parametrize("name", ["compose.yaml", "docker-bake.hcl"])
def test_a_dockerfile_is_named_from_the_root_of_its_tree(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("ARG V=24\nFROM node:${V}\n")
    texts = {
        "compose.yaml": 'services:\n  web:\n    build: {context: app, args: {V: "22"}}\n',
        "docker-bake.hcl": 'target "web" {\n  context = "app"\n  args = {V = "22"}\n}\n',
    }
    (tmp_path / name).write_text(texts[name])
    rows = json.loads(run("inventory", "--output-format", "json", str(tmp_path / name)).stdout)["references"]
    assert [one["message"] for row in rows for one in row["reasons"] if one["id"] == "other-part"] == [
        "its other part is in app/Dockerfile"
    ]


@pytest.mark.parametrize(
    ("module", "image", "own"),
    [
        ("github.com/kubereboot/kured", "ghcr.io/kubereboot/kured:1.23.0", True),
        ("github.com/Kubereboot/Kured/v2 // 2", "kubereboot/kured:1.23.0", True),
        ("github.com/kubereboot/kured-fork", "ghcr.io/kubereboot/kured:1.23.0", False),
        ("example.com/kubereboot/kured", "ghcr.io/kubereboot/kured:1.23.0", False),
        ("github.com/kubereboot/kured", "ghcr.io/fluxcd/source-controller:v1.6.0", False),
        ("github.com/library/nginx", "nginx:1.29", False),
    ],
)
def test_an_image_with_the_name_of_the_go_module_is_its_owners(
    inside: Run, tmp_path: Path, module: str, image: str, own: bool
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "go.mod").write_text(f"module {module}\n\ngo 1.26\n")
    (tmp_path / "compose.yaml").write_text(f"services:\n  a:\n    image: {image}\n")
    done = inside("inventory", "--no-config", "--provider", "docker", "--output-format", "json", str(tmp_path))
    (row,) = json.loads(done.stdout)["references"]
    assert (row["state"] == "first-party") == own, row


SLOW = '\r\n[remote "origin"]\r\n' + "\tfetch = +refs/*\r\n" * 30
"""What costs a pattern with two ways to read the end of a line more than the limit of a file."""


@pytest.mark.parametrize(
    ("url", "image", "reason"),
    [
        ("x" + SLOW * 3 + "\turl = https://example.com/a/b.git", "acme/shop:1", "unknown-image"),
        ("https://github.com/acme/shop-gitops.git", "ghcr.io/acme/shop:1", "of-the-owner"),
        ("git@github.com:Acme/shop-gitops", "acme/shop/web:1", "of-the-owner"),
        ("ssh://git@github.com:22/acme/shop-gitops/", "acme/shop:1", "of-the-owner"),
        ("https://x:y@github.com/acme/shop.git", "acme/shop:1", "first-party"),
        ("https://example.com/acme/shop.git", "acme/shop:1", "unknown-image"),
        ("https://github.com/acme/shop-gitops.git", "other/shop:1", "unknown-image"),
        ("https://github.com/acme/shop-gitops.git", "registry.acme.com/official/shop:1", "of-the-owner"),
        ("https://github.com/acme/shop-gitops.git", "registry.acme.com:5000/shop:1", "first-party"),
        ("https://github.com/acme/shop-gitops.git", "registry.acme-other.com/shop:1", "unknown-image"),
        ("https://github.com/quay/shop.git", "quay.io/other/shop:1", "unknown-image"),
        ("https://github.com/fluxcd/flux2.git", "ghcr.io/fluxcd/source-controller:v1.6.0", "not-offered"),
    ],
)
def test_an_image_of_the_owner_of_a_clone_is_its_owners(
    inside: Run, tmp_path: Path, url: str, image: str, reason: str
) -> None:
    (tmp_path / ".git").mkdir()
    config = f'[core]\n\tbare = false\n[remote "origin"]\n\tfetch = +refs/*\n\turl = {url}\n[branch "main"]\n'
    (tmp_path / ".git" / "config").write_text(config)
    (tmp_path / "compose.yaml").write_text(f"services:\n  a:\n    image: {image}\n")
    done = inside("inventory", "--no-config", "--output-format", "json", str(tmp_path))
    (row,) = json.loads(done.stdout)["references"]
    assert [one["id"] for one in row["reasons"]] == [reason]


@pytest.mark.parametrize(
    ("path", "text", "image", "own"),
    [
        ("train/build.sh", "name=acme/train\ndocker build -t ${name}:v2 .\n", "acme/train:v1", True),
        ("train/Makefile", "image:\n\tdocker build -t ghcr.io/acme/train:$(TAG) .\n", "ghcr.io/acme/train:v1", True),
        ("train/.github/workflows/ci.yml", "run: docker build -t acme/train .\n", "acme/train:v1", True),
        ("train/build.sh", "docker build -t acme/train .\n", "other/train:v1", False),
        ("train/build.sh", "docker build -t $OWNER/train .\n", "acme/train:v1", False),
        ("build.sh", "docker build -t $OWNER/train .\n", "acme/train:v1", True),
        ("build.sh", "docker build -t $OWNER/$NAME .\n", "acme/train:v1", False),
        ("train/pull.sh", "docker pull acme/train\n", "acme/train:v1", False),
    ],
)
def test_an_unknown_image_that_the_tree_builds_anywhere_is_first_party(
    inside: Run, tmp_path: Path, path: str, text: str, image: str, own: bool
) -> None:
    (tmp_path / ".git").mkdir()
    for name, content in {path: text, "deploy/k8s/compose.yaml": f"services:\n  a:\n    image: {image}\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    compose = str(tmp_path / "deploy" / "k8s" / "compose.yaml")
    (row,) = json.loads(inside("inventory", "--no-config", "--output-format", "json", compose).stdout)["references"]
    assert (row["state"] == "first-party") == own, row


MATRIX_OF_NAMES = """jobs:
  a:
    strategy:
      matrix:
        include:
          - image: shop-web
    steps:
      - uses: docker/build-push-action@v6
        with:
          tags: ${{ secrets.USERNAME }}/${{ matrix.image }}:${{ env.TAG }}
"""


@pytest.mark.parametrize(
    ("path", "text", "image", "reason"),
    [
        (".github/workflows/a.yml", MATRIX_OF_NAMES, "acme/shop-web:1", "first-party"),
        (".github/workflows/a.yml", MATRIX_OF_NAMES, "acme/shop-api:1", "unknown-image"),
        ("makefile", "R := acme-shop\na:\n\tdocker build -t $(R)/web .\n", "acme-shop/api:1", "of-the-owner"),
        ("a/makefile", "R := acme-shop\na:\n\tdocker build -t $(R)/web .\n", "acme-shop/api:1", "of-the-owner"),
        ("a.sh", "docker build -t ghcr.io/acme/web .\n", "ghcr.io/acme/api:1", "of-the-owner"),
        ("a.sh", "docker build -t ghcr.io/acme/web .\n", "quay.io/acme/api:1", "unknown-image"),
        ("a.sh", "docker build -t registry.acme.com/web .\n", "registry.acme.com/api:1", "unknown-image"),
        ("a.sh", "docker build -t $R/web .\n", "acme/api:1", "unknown-image"),
        ("a.sh", "docker build -t grafana/web .\n", "grafana/grafana:12.0.0", "not-offered"),
        ("a.sh", "docker pull acme/web\n", "acme/api:1", "unknown-image"),
    ],
)
def test_an_unknown_image_beside_what_is_built_is_the_owners(
    inside: Run, tmp_path: Path, path: str, text: str, image: str, reason: str
) -> None:
    (tmp_path / ".git").mkdir()
    for name, content in {path: text, "k8s/compose.yaml": f"services:\n  a:\n    image: {image}\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    compose = str(tmp_path / "k8s" / "compose.yaml")
    (row,) = json.loads(inside("inventory", "--no-config", "--output-format", "json", compose).stdout)["references"]
    assert [one["id"] for one in row["reasons"]] == [reason], row
