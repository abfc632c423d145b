"""Manifests, values and CI files: what each kind is known by, other files that decide, plain loaders as oracles."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.engine import fix
from echo_migrate.engine.run import check_safely
from echo_migrate.files import workspace
from echo_migrate.files.source import Source
from echo_migrate.formats import ci, recognised
from echo_migrate.images import catalog
from echo_migrate.images.reference import VARIABLE
from echo_migrate.model import Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.pages import LOGINS, PAGES, ROOT, Case, cases, settings

KINDS = ("ci", "helm", "kubernetes")
CASES = [case for page in PAGES if page.stem in KINDS for case in cases(page)]
SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True, logins=frozenset(LOGINS))


def fix_source(path: str, text: str, unsafe: bool = False) -> Result:
    format = recognised(path, text)
    assert format is not None
    return fix.fix_source(Source(path, text), format, SETTINGS._replace(unsafe=unsafe))


class Loader(yaml.SafeLoader):
    pass


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("a.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a}]}\n", "kubernetes"),
        ("a.yaml", '{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "a"}]}}', "kubernetes"),
        ("a.json", '{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [{"image": "a"}]}}', "kubernetes"),
        ("a.json", '{"apiVersion": {"type": "string"}, "kind": "Pod", "image": "a"}', ""),
        ("package.json", '{"name": "a", "kind": "Pod", "image": "node:22"}', ""),
        ("task.json", '{"containerDefinitions": [{"image": "a"}]}', "aws"),
        ("task.json", '{"taskDefinition": {"containerDefinitions": [{"image": "a"}]}}', "aws"),
        ("task.yaml", "family: a\ncontainerDefinitions:\n  - image: b\n", "aws"),
        ("a.json", '[{"image": "a", "essential": true}]', "aws"),
        ("a.json", '[{"image": "a", "title": "b"}]', ""),
        ("stack.yml", "Resources: {A: {Type: AWS::ECS::TaskDefinition, Properties: {Image: a}}}\n", "aws"),
        ("stack.yml", "Resources: {A: {Type: AWS::EC2::Instance, Properties: {ImageId: a}}}\n", ""),
        ("web.container", "[Container]\nImage=a\n", "quadlet"),
        ("quadlets/web.image", "[Image]\nImage=a\n", "quadlet"),
        ("web.container", "[Service]\nImage=a\n", ""),
        ("web.image", "Image=a\n", ""),
        ("a.nomad", 'job "a" {\n  task "b" {\n    driver = "docker"\n  }\n}\n', "nomad"),
        ("infra/a.hcl", 'job "a" {\n  task "b" {\n    driver = "podman"\n  }\n}\n', "nomad"),
        ("a.pkr.hcl", 'source "docker" "a" {\n  image = "b"\n}\n', "packer"),
        ("a.pkr.hcl", 'source "lxd" "a" {\n  image = "b"\n}\n', ""),
        ("a.pkr.json", '{"source": {"docker": {"a": {"image": "b"}}}}', "packer"),
        ("a.json", '{"builders": [{"type": "docker", "image": "b"}]}', "packer"),
        ("a.json", '{"plugins": [{"type": "docker", "image": "b"}]}', ""),
        ("a.hcl", 'job "a" {\n  task "b" {\n    driver = "exec"\n  }\n}\n', ""),
        ("a.yaml", "kind: Pod\nspec: {containers: [{image: a}]}\n", ""),
        ("a.yaml", "x:\n  apiVersion: v1\n  kind: Pod\n  image: a\n", ""),
        ("crd.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", ""),
        ("kustomization.yaml", "images: [{name: a, newName: b}]\n", "kustomize"),
        ("base/Kustomization", "images: [{name: a, newName: b}]\n", "kustomize"),
        ("kustomization.yaml", "resources: [a.yaml]\n", ""),
        ("values.yaml", "image: a\n", "helm"),
        ("chart/values-dev.yaml", "web:\n  image:\n    repository: a\n", "helm"),
        ("prod.values.yml", "web: {image: {repository: a}}\n", "helm"),
        ("values.yaml", "replicas: 1\n", ""),
        ("content.yaml", "image: logo.png\n", ""),
        ("x.yml", "on: push\njobs:\n  a:\n    container: b\n", "github"),
        (".github/workflows/x.yml", '"on": [push]\njobs: {a: {steps: [{uses: "docker://b"}]}}\n', "github"),
        (".github/workflows/x.yml", "on: push\njobs: {a: {steps: [{run: make}]}}\n", ""),
        ("action.yml", "runs: {using: docker, image: 'docker://a'}\n", "github"),
        (".gitlab-ci.yml", "image: a\n", "gitlab"),
        ("ci/test.gitlab-ci.yml", "a: {script: [b]}\nimage: c\n", "gitlab"),
        ("ci/test.yml", "test:\n  stage: a\n  image: b\n  script: [c]\n", "gitlab"),
        ("play.yml", "- name: a\n  docker_container:\n    image: b\n", "ansible"),
        ("site.yaml", "- hosts: all\n  tasks:\n    - containers.podman.podman_container: {image: b}\n", "ansible"),
        ("play.yml", "- name: a\n  package: {name: docker_container}\n", ""),
        (".travis.yml", "language: c\nscript: make\nimage: a\n", ""),
        (".circleci/config.yml", "jobs:\n  a:\n    docker: [{image: b}]\n", "ci"),
        ("azure-pipelines.yml", "container: a\n", "ci"),
        ("bitbucket-pipelines.yml", "image: a\n", "ci"),
        ("cloudbuild.yaml", "steps: [{name: a}]\n", "ci"),
        ("infra/cloudbuild-dev.yaml", "steps: [{name: a}]\n", "ci"),
        ("copilot/web/manifest.yml", "image: {location: a}\n", "ci"),
        ("web/manifest.yml", "image: {location: a}\n", ""),
        (".ko.yaml", "defaultBaseImage: a\n", "ci"),
        ("components/a/component.yaml", "name: a\nimplementation:\n  container: {image: b}\n", "ci"),
        ("values.yaml", "implementation:\n  kind: a\nimage: {repository: b}\n", "helm"),
        ("a.yaml", "pipelineInfo: {name: a}\ndeploymentSpec: {executors: {b: {container: {image: c}}}}\n", "ci"),
        ("src/executors/default.yml", "docker:\n  - image: a\n", "ci"),
        ("src/models/default.yml", "docker:\n  - image: a\n", ""),
        (".drone.yml", "steps: [{image: a}]\n", "ci"),
        (".woodpecker/test.yml", "steps: {a: {image: b}}\n", "ci"),
    ],
)
def test_known_by_content_or_by_name(path: str, text: str, kind: str) -> None:
    format = recognised(path, text)
    assert (format.__name__.rpartition(".")[2] if format else "") == kind  # type: ignore[attr-defined]


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path, node


def loaded(text: str) -> list[Any] | None:
    try:
        return list(yaml.load_all(text, Loader))
    except (yaml.YAMLError, ValueError, TypeError):
        return None


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_loaded_differs_in_texts_that_name_images_alone(case: Case) -> None:
    before, after = loaded(case.text), loaded(case.fixed)
    if before is None:
        assert after is None
        return
    assert after is not None
    old, new = list(leaves(before)), list(leaves(after))
    assert [path for path, _ in old] == [path for path, _ in new]
    for (path, one), (_, other) in zip(old, new, strict=True):
        assert type(one) is type(other), path
        if one != other:
            names = path[-1] in ("repository", "tag", "newName", "newTag", "image", "registry", "default")
            assert names or "reg.echohq.com" in other


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_image_of_a_container_is_listed(case: Case) -> None:
    format = recognised(case.path, case.text)
    assert format is not None
    listed = {
        case.text[outcome.image.start : outcome.image.end]
        for outcome in fix.fix_source(Source(case.path, case.text), format, settings(case)).outcomes
    }
    for path, value in leaves(loaded(case.text) or []):
        named = path[-1] == "image" or (path[-2:-1] == ("image",) and path[-1] in ("name", "repository"))
        if named and isinstance(value, str) and value and "{{" not in value.replace("${{", ""):
            if {"request", "requestObject"} & set(path[:2]):
                continue  # a recorded request: nobody pulls what it names
            if value == "library":
                continue  # a piece of a name in a form that is not known
            if value.startswith("macos-"):
                continue  # the name of a virtual machine
            if value.startswith("/") or ("backend: local" in case.text and "steps" in path[:-1]):
                continue  # a shell of Woodpecker's local backend
            if path[-2:-1] == ("hero",):
                continue  # the name of a picture
            if VARIABLE.match(value) and value not in listed:
                continue  # the values of a parameter, which are listed where they are written
            assert value.removeprefix("docker://") in listed, path


@pytest.mark.parametrize(
    ("path", "text", "levels"),
    [
        (
            ".github/workflows/a.yml",
            "on: push\njobs:\n  a:\n    container: node:22\n    services: {db: {image: 'postgres:17'}}\n"
            "    steps:\n      - run: docker run redis:7\n"
            "      - run: ssh a docker run golang:1.26\n",
            ["warning", "note", "note", "warning"],
        ),
        (
            ".gitlab-ci.yml",
            "services: ['mysql:8.4']\na: {image: 'node:22', script: [docker run redis:7]}\n",
            ["note", "warning", "note"],
        ),
        ("compose.yml", "services: {a: {image: 'node:22'}}\n", ["warning"]),
    ],
)
def test_what_is_beside_a_job_is_a_note(path: str, text: str, levels: list[str]) -> None:
    assert [found.level for found in fix_source(path, text).findings if found.rule == "unhardened-image"] == levels


def test_a_word_with_a_number_is_the_image_of_a_setting_only_if_that_is_its_name() -> None:
    keys = "IMAGE_FORMAT: jpeg:80\n  IMAGE_LIMIT: upload:5\n  IMAGE_KIND: redis:7\n  APP_IMAGE: app:1\n  IMAGE_X: a/b:1"
    result = fix_source("a.yaml", f"apiVersion: v1\nkind: ConfigMap\ndata:\n  {keys}\n")
    assert [move.image.ref.value for move in result.outcomes] == ["redis:7", "app:1", "a/b:1"]


def test_every_kind_of_the_data_has_a_case_and_is_in_order() -> None:
    paths = [case.path for case in CASES]
    names = [kind.name for kind in ci.kinds()]
    assert names == sorted(names)
    for kind in ci.kinds():
        assert any(kind.files.search(path) for path in paths), kind.name
        assert kind.images or kind.scripts
        assert all(all(way) for way in (*kind.images, *(way for way, _ in kind.scripts)))
        assert re.search(rf"(?m)^{kind.name}:$", (ROOT / "mappings" / "places" / "ci.yaml").read_text())


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("b: {variables: {I: 'node:20'}, image: $I, script: [a]}\n", ["node:20"]),
        ("b: {variables: {I: 'node:20'}, services: [{name: $I, alias: n}], script: [a]}\n", ["node:20"]),
        ("b: {extends: .c, image: $I, script: [a]}\n.c: {variables: {I: 'node:20'}}\n", ["node:20"]),
        ("b: {extends: .c, variables: {I: 'node:20'}, script: [a]}\n.c: {image: $I}\n", ["node:20"]),
        ("b: {image: !reference [.c, image], variables: {I: 'node:20'}, script: [a]}\n.c: {image: $I}\n", ["node:20"]),
        (
            "b: {variables: !reference [.c, variables], image: $I, script: [a]}\n.c: {variables: {I: 'node:20'}}\n",
            ["node:20"],
        ),
        ("default: {image: $I}\nb: {variables: {I: 'node:20'}, script: [a]}\n", ["node:20"]),
        ("default: {image: $I}\nb: {variables: {I: 'node:20'}, script: [a]}\nc: {script: [a]}\n", ["$I"]),
        ("default: {image: $I}\nb: {variables: {I: 'node:20'}, trigger: a}\nc: {script: [a]}\n", ["node:22"]),
        ("b: {extends: b, image: $I, script: [a]}\n", ["node:22"]),
        ("b: {variables: {I: $J, J: $I}, image: $I, script: [a]}\n", ["$I"]),
    ],
)
def test_a_jobs_own_variables_win(text: str, resolved: list[str]) -> None:
    result = fix_source(".gitlab-ci.yml", f"variables: {{I: 'node:22'}}\n.a:\n  image: a\n{text}")
    assert [outcome.image.resolved or outcome.image.ref.value for outcome in result.outcomes] == ["a", *resolved]


def test_the_values_of_a_chart_are_those_its_templates_are_written_for(tmp_path: Path) -> None:
    chart, none = tmp_path / "chart", tmp_path / "none"
    text = 'image: {repository: node, tag: "22"}\nsub: {image: {repository: node, tag: "22"}}\n'
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: web\ndependencies: [{name: a, alias: sub}]\n")
    (chart / "templates" / "web.yaml").write_text('image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"\n')
    assert [outcome.state for outcome in fix_source(str(none / "values.yaml"), text).outcomes] == ["needs-person"] * 2
    assert fix_source(str(chart / "values.yaml"), text).fixed.text == text.replace("node", "reg.echohq.com/node", 1)
    for name, of_chart in (("values-prod.yaml", True), ("values.prod.yaml", True), ("redis-values.yaml", False)):
        first, second = fix_source(str(chart / name), text).outcomes
        assert [one.id for one in first.reasons] == ([] if of_chart else ["chart-registry"])
        assert [one.id for one in second.reasons] == ["chart-registry"]


@pytest.mark.parametrize(
    ("beside", "content", "reason"),
    [
        (
            "templates/web.yaml",
            'image: "docker.io/{{ .Values.image.repository }}"\n',
            "the chart may put a registry in front of it",
        ),
        ("templates/web.yaml", 'image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}-alpine"\n', "registry"),
        (
            "templates/_helpers.tpl",
            '{{- define "a" -}}\n{{ .Values.hub | default "docker.io" }}/{{ .Values.image.repository }}\n{{- end -}}\n',
            "the chart may put a registry in front of it",
        ),
        (
            "templates/web/pod.yaml",
            'image: {{ printf "docker.io/%s:%s" .Values.image.repository .Values.image.tag | quote }}\n',
            "the chart may put a registry in front of it",
        ),
        (
            "templates/web.yaml",
            '{{ $image := printf "%s/%s" (default "docker.io" .Values.image.registry) .Values.image.repository }}\n',
            "the chart may put a registry in front of it",
        ),
        (
            "templates/web.yaml",
            "image: >-\n  {{ if .Values.a }}docker.io/{{ end }}{{ .Values.image.repository }}\n",
            "the chart may put a registry in front of it",
        ),
        (
            "templates/web.yaml",
            'image: {{ include "common.images.image" (dict "imageRoot" .Values.image) }}\n',
            "the chart may put a registry in front of it",
        ),
        (
            "charts/common/templates/_images.tpl",
            '{{- define "common.image" -}}\n{{ .hub }}{{ .repository }}\n{{- end -}}\n',
            "the chart may put a registry in front of it",
        ),
        (
            "templates/_image.tpl",
            '{{ define "a.image" }}{{ list .Values.hub .Values.image.repository | compact | join "/" }}{{ end }}\n',
            "the chart may put a registry in front of it",
        ),
        (
            "templates/web.yaml",
            'image: "{{ default .Values.image.registry .Values.web.image.registry }}/{{ .Values.image.name }}"\n',
            "the chart may put a registry in front of it",
        ),
        ("values-prod.yaml", "image: {tag: 1.27-alpine}\n", "another values file sets part of it"),
        ("ci/test-values.yaml", "image: {registry: harbor.example.com/hub}\n", "another values file sets part of it"),
    ],
)
def test_the_rest_of_a_chart_can_stand_against_a_move(tmp_path: Path, beside: str, content: str, reason: str) -> None:
    (tmp_path / beside).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / beside).write_text(content)
    (tmp_path / "Chart.yaml").write_text("name: web\n")
    (outcome,) = fix_source(str(tmp_path / "values.yaml"), 'image: {repository: node, tag: "22"}\n').outcomes
    assert outcome.state == "needs-person"
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("path", "command", "held"),
    [
        ("deploy.sh", "helm upgrade -i web ./web --set image.tag=22-alpine", True),
        ("Makefile", "x:\n\thelm install web web/ \\\n\t  --set 'replicas=1,image.repository=acme/node'", True),
        (".github/workflows/a.yml", "run: helm template a $CHART --set-string=image.registry=$R", True),
        ("web/deploy.sh", "helm -n a upgrade web . --set image.digest=x", True),
        ("Makefile", "x:\n\tcd ./web && helm upgrade --install b . --set image.tag=1", True),
        ("deploy.sh", "cd $DIR && helm upgrade b ./ --set image.tag=1", True),
        (".github/workflows/a.yml", "working-directory: web\nrun: helm upgrade b . --set image.tag=1", True),
        ("deploy.sh", "helm upgrade -n b --install b ../web --version 1 --set image.tag=1", True),
        ("deploy.sh", "helm install b $ROOT/web --set image.tag=1", True),
        ("deploy.sh", "helm template ./web --set image.tag=1 > out.yaml", True),
        ("deploy.sh", "helm upgrade $ARGS b ./web --set image.tag=1", True),
        ("Taskfile.yml", "helm upgrade {{ .NAME }} {{ .CHART }} --set image.tag=1", True),
        ("deploy.sh", "helm install cache acme/web --set image.tag=1", False),
        ("deploy.sh", "helm install cache oci://acme.example.com/web --set image.tag=1", False),
        ("deploy.sh", "helm install cache web --repo https://acme.example.com --set image.tag=1", False),
        ("Makefile", "x:\n\tcd charts/other && helm upgrade --install other . --set image.tag=1", False),
        ("deploy.sh", "helm upgrade --install ${NAME} acme/node --set image.tag=1", False),
        ("deploy.sh", "helm upgrade web acme/node -f $VALUES --set image.tag=1", False),
        ("deploy.sh", "helm upgrade -i web ./web --set image.pullPolicy=Always,sub.image.tag=1", False),
        ("deploy.sh", "helm upgrade -i web ./other --set image.tag=22-alpine", False),
        ("deploy.sh", "helm upgrade -i web acme/chart --set image.tag=1; kubectl apply -f web", False),
        ("notes.md", "helm upgrade -i web ./web --set image.tag=22-alpine", False),
    ],
)
def test_a_command_may_set_the_values_of_a_chart(tmp_path: Path, path: str, command: str, held: bool) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "web" / "templates").mkdir(parents=True)
    (tmp_path / "web" / "templates" / "a.yaml").write_text(
        'image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"\n'
    )
    (tmp_path / "web" / "Chart.yaml").write_text("name: web\n")
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(command + "\n")
    values = str(tmp_path / "web" / "values.yaml")
    (outcome,) = fix_source(values, 'image: {repository: node, tag: "22"}\n').outcomes
    assert outcome.state == ("needs-person" if held else "migrate")
    assert outcome.reason == (f"{path} sets part of it with --set" if held else "")


@pytest.mark.parametrize(
    ("template", "state"),
    [
        ("{{ tpl .Values.image . }}", "migrate"),
        ("{{ .Values.image | quote }}", "migrate"),
        ('{{ tpl (printf "%s/%s" .Values.mirror .Values.image) . }}', "needs-person"),
        ("docker.io/{{ .Values.image }}", "needs-person"),
        ('{{ include "common.image" (dict "image" .Values.image) }}', "needs-person"),
    ],
)
def test_an_image_in_one_piece_may_be_given_a_registry_too(tmp_path: Path, template: str, state: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "web.yaml").write_text(f"image: {template}\n")
    (tmp_path / "Chart.yaml").write_text("name: web\n")
    (outcome,) = fix_source(str(tmp_path / "values.yaml"), "image: node:22\n").outcomes
    assert outcome.state == state


def test_an_empty_registry_is_that_of_all_images_where_templates_take_it(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "web.yaml").write_text(
        "image: {{ .Values.web.image.registry | default .Values.image.registry }}/{{ .Values.web.image.repository }}\n"
    )
    (tmp_path / "Chart.yaml").write_text("name: web\n")
    text = 'image: {registry: ghcr.io/acme}\nweb: {image: {registry: "", repository: node, tag: "22"}}\n'
    (outcome,) = fix_source(str(tmp_path / "values.yaml"), text).outcomes
    assert (outcome.image.ref.value, outcome.state) == ("ghcr.io/acme/node:22", "no-replacement")
    (outcome,) = fix_source(str(tmp_path / "values.yaml"), text.replace("node", "quay.io/acme/node")).outcomes
    assert outcome.image.ref.value == "quay.io/acme/node:22"


@pytest.mark.parametrize(
    "template",
    [
        '{{ .Values.image.registry | default "docker.io" }}/{{ .Values.image.repository }}\n'
        "image: {{ with .Values.web.image.registry }}{{ . }}/{{ end }}{{ .Values.web.image.repository }}\n",
        "{{ default .Values.image.registry .Values.job.image.registry }}/{{ .Values.job.image.repository }}\n"
        "image: {{ with .Values.web.image.registry }}{{ . }}/{{ end }}{{ .Values.web.image.repository }}\n",
        "{{ default .Values.image.registry .Values.web.image.registry }}/{{ .Values.web.image.repository }}\n"
        "image: {{ with .Values.web.image.registry }}{{ . }}/{{ end }}{{ .Values.web.image.repository }}\n",
        "image: {{ default .Values.web.image.registry .Values.image.registry }}/{{ .Values.image.repository }}\n",
        "image: {{ .Values.image.registry }}{{ .Values.web.image.registry }}/{{ .Values.web.image.repository }}\n",
    ],
)
def test_an_empty_registry_is_not_that_of_others(tmp_path: Path, template: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "web.yaml").write_text(f"image: {template}")
    (tmp_path / "Chart.yaml").write_text("name: web\n")
    text = 'image: {registry: ghcr.io/acme}\nweb: {image: {registry: "", repository: node, tag: "22"}}\n'
    (outcome,) = fix_source(str(tmp_path / "values.yaml"), text).outcomes
    assert outcome.image.ref.value == "node:22"
    assert outcome.state == "needs-person"


@pytest.mark.parametrize(
    "template",
    [
        'image: "{{ .Values.image.registry }}/{{ .Values.image.repository }}"\n',
        "image: {{ if .Values.image.registry }}{{ .Values.image.registry }}/{{ end }}{{ .Values.image.repository }}\n",
        'image: {{ printf "%s/%s:%s" .Values.image.registry .Values.image.repository .Values.image.tag }}\n',
        'image: {{ include "a.image" . }}\n{{ define "a.image" }}{{ .Values.image.repository }}{{ end }}\n',
        'source: "https://example.com/{{ .Values.image.repository }}"\n',
        'args: {{ join "," .Values.args }} # {{ .Values.image.repository }}\n',
        'name: {{ printf "%s-%s" .Release.Name .Values.image.repository }}\n',
    ],
)
def test_templates_that_write_what_the_values_say_are_no_reason(tmp_path: Path, template: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "web.yaml").write_text(template)
    (tmp_path / "Chart.yaml").write_text("name: web\n")
    (outcome,) = fix_source(str(tmp_path / "values.yaml"), 'image: {repository: node, tag: "22"}\n').outcomes
    assert outcome.state == "migrate"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("docker-bake.hcl", 'target "a" {\n  contexts = { python = "docker-image://python:3.12" }\n}\n'),
        ("docker-bake.json", '{"target": {"a": {"contexts": {"python": "target:b"}}}}'),
        ("compose.yaml", "services: {a: {build: {context: ., additional_contexts: {python: ./base}}}}\n"),
    ],
)
def test_a_named_context_takes_the_place_of_an_image(tmp_path: Path, path: str, content: str) -> None:
    (tmp_path / path).write_text(content)
    (tmp_path / "Dockerfile").write_text("FROM python\nFROM node:22\n")
    assert [o.state for o in fix_source(str(tmp_path / "Dockerfile"), "FROM python\nFROM node:22\n").outcomes] == [
        "local",
        "migrate",
    ]


def test_a_kustomization_that_searches_for_a_new_name_keeps_it(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / "kustomization.yaml").write_text("resources: [..]\nimages: [{name: python, newTag: '3.13'}]\n")
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    (outcome,) = fix_source(
        str(tmp_path / "kustomization.yaml"), "images: [{name: app, newName: python, newTag: '3.12'}]\n"
    ).outcomes
    assert outcome.state == "needs-person"
    assert "prod/kustomization.yaml would match the new name too" in outcome.reason


def test_a_kustomization_may_name_what_no_file_can_be_called(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "kustomization.yaml").write_text(
        r'{resources: [pod.yaml, "x\0"], transformers: ["t\0x"], patches: [{path: "a\0"}]}'
    )
    text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: node:22\n"
    assert [outcome.state for outcome in fix_source(str(tmp_path / "pod.yaml"), text).outcomes] == ["migrate"]


@pytest.mark.parametrize(("name", "named"), [("WebImage", True), ("WEB:IMAGE", True), ("OtherImage", False)])
def test_a_placeholder_is_renamed_by_a_kustomization(tmp_path: Path, name: str, named: bool) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [a.yaml]\nimages:\n- {name: WebImage, newName: ko://example.com/web}\n- {name: WEB, newTag: '1'}\n"
    )
    text = f"apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: '{name}'}}]}}\n"
    (outcome,) = fix_source(str(tmp_path / "a.yaml"), text).outcomes
    assert outcome.state == "needs-person"
    assert ("kustomization.yaml" in outcome.reason) == named


def test_a_plain_manifest_among_the_templates_of_a_chart_is_not_rewritten(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: web\n")
    text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: node:22\n"
    result = fix_source(str(tmp_path / "templates" / "pod.yaml"), text)
    assert [outcome.state for outcome in result.outcomes] == ["needs-person"]
    assert fix_source(str(tmp_path / "pod.yaml"), text).fixed.text == text.replace("node", "reg.echohq.com/node")


TWO = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: node:22\n    - image: python:3.12\n"
KUSTOMIZATIONS = {
    "that has it as a resource": {"base": "resources: [pod.yaml]\n{images}"},
    "above its folder's": {"base": "resources: [./pod.yaml]\n", "overlays/prod": "resources: [../../base]\n{images}"},
    "with old bases": {"base": "resources: [pod.yaml]\n", "overlays": "bases: [../base/]\n{images}"},
    "as a component of one above": {
        "base": "resources: [pod.yaml]\n",
        "overlays": "resources: [../base]\ncomponents: [../parts/a]\n",
        "parts/a": "components: [../b]\n",
        "parts/b": "kind: Component\n{images}",
    },
    "that names itself again": {"base": "resources: [pod.yaml, ., ../base]\n{images}"},
}


@pytest.mark.parametrize("sets", ["newTag: '23'", "newName: a"])
@pytest.mark.parametrize("files", KUSTOMIZATIONS.values(), ids=KUSTOMIZATIONS)
def test_an_image_that_a_kustomization_rewrites_needs_review(tmp_path: Path, files: dict[str, str], sets: str) -> None:
    (tmp_path / ".git").mkdir()
    for folder, text in files.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "kustomization.yaml").write_text(text.format(images=f"images: [{{name: node, {sets}}}]\n"))
    (tmp_path / "kustomization.yml").symlink_to("/etc/hostname")
    where = next(folder for folder, text in files.items() if "images" in text) + "/kustomization.yaml"
    result = fix_source(str(tmp_path / "base" / "pod.yaml"), TWO)
    assert [outcome.state for outcome in result.outcomes] == ["needs-person", "migrate"]
    said = f"its tag is set by {where}" if "newTag" in sets else f"renamed by {where}"
    assert result.outcomes[0].reason == said
    assert result.fixed.text == TWO.replace("python", "reg.echohq.com/python")


@pytest.mark.parametrize(
    "text",
    [
        "- image: nginx\n  repository: node\n  tag: '22'\n",
        "site: {image: team.jpg}\n",
        "vm: {image: debian-12.qcow2}\n",
    ],
)
def test_values_of_something_else_name_no_images(tmp_path: Path, text: str) -> None:
    assert fix_source(str(tmp_path / "values.yml"), text).outcomes == ()


POD = "apiVersion: v1\nkind: Pod\nSPEC\nspec:\n  containers:\n    - image: node:22\n"


@pytest.mark.parametrize(
    ("rest", "state"),
    [
        ('metadata: {annotations: {a: "{{ with secret }}{{ .Data.x }}{{ end }}"}}', "migrate"),
        ("metadata:\n  annotations:\n    a: |\n      {{- range .x }}\n      {{ end }}", "migrate"),
        ("# {{ .Values.x }}", "migrate"),
        ("metadata: {annotations: {a: '{% if x %}b{% endif %}'}}", "migrate"),
        ("metadata:\n  annotations:\n    a: |\n      {% for x in y %}\n      {% endfor %}", "migrate"),
        ("metadata:\n  name: web\n    {% if x %}", "needs-person"),
        (
            "metadata: {name: web}\n---\nkind: PrometheusRule\nx: '{{ $labels.a }}'\n---\napiVersion: v1\nkind: Pod",
            "migrate",
        ),
        ("metadata: {name: {{ .Values.x }}}", "needs-person"),
        ('metadata:\n{{ include "x" . }}', "needs-person"),
        ("{{- if .Values.x }}\nmetadata: {}\n{{- end }}", "needs-person"),
    ],
)
def test_a_template_in_a_scalar_makes_no_template_of_the_file(tmp_path: Path, rest: str, state: str) -> None:
    result = fix_source(str(tmp_path / "pod.yaml"), POD.replace("SPEC", rest))
    assert [outcome.state for outcome in result.outcomes] == [state]


STATEFUL = (
    "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  template:\n    spec:\n      containers:\n"
    '        - {name: pg, image: "postgres:16"}\n'
)
MERGED = (
    "kind: StatefulSet\nmetadata: {name: NAME}\nspec: {template: {spec: {containers: "
    "[{name: pg, volumeMounts: [{name: data, mountPath: /var/lib/postgresql/data}]}]}}}\n"
)
ADDED = (
    "- {op: add, path: /spec/template/spec/containers/0/volumeMounts, value: [{name: d, "
    "mountPath: /var/lib/postgresql/data/}]}\n"
)


@pytest.mark.parametrize(
    ("overlay", "patch", "stays"),
    [
        ("patches: [{path: patch.yaml}]\n", MERGED.replace("NAME", "db"), True),
        ("patchesStrategicMerge: [patch.yaml]\n", MERGED.replace("NAME", "db"), True),
        ("patches: [{path: patch.yaml, target: {kind: StatefulSet}}]\n", ADDED, True),
        ("patchesJson6902: [{path: patch.yaml, target: {kind: StatefulSet, name: db}}]\n", ADDED, True),
        ("patches: [{path: patch.yaml}]\n", MERGED.replace("NAME", "other"), False),
        ("patches: [{path: patch.yaml, target: {kind: Deployment}}]\n", ADDED, False),
        ("patches: [{path: ../../../etc/passwd}]\n", "", False),
    ],
)
def test_a_volume_that_an_overlay_mounts_counts(tmp_path: Path, overlay: str, patch: str, stays: bool) -> None:
    (tmp_path / ".git").mkdir()
    for name, text in {
        "base/db.yaml": STATEFUL,
        "base/kustomization.yaml": "resources: [db.yaml]\n",
        "prod/kustomization.yaml": f"resources: [../base]\n{overlay}",
        "prod/patch.yaml": patch,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (outcome,) = fix_source(str(tmp_path / "base" / "db.yaml"), STATEFUL).outcomes
    assert ("a volume keeps its data" in outcome.reason) == stays


VOLUME = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db}\nspec:\n  template:\n    spec:\n"
    "      imagePullSecrets: [{name: echo}]\n"
    "      containers:\n      - {name: db, image: 'mongo:8.0', volumeMounts: [{name: data, mountPath: /data/db}]}\n"
    "      volumes:\n      - {name: data, %s}\n"
)


@pytest.mark.parametrize(
    ("volume", "stays"),
    [
        ("emptyDir: {}", False),
        ("emptyDir: {medium: Memory}", False),
        ("configMap: {name: a}", False),
        ("secret: {secretName: a}", False),
        ("projected: {sources: []}", False),
        ("persistentVolumeClaim: {claimName: a}", True),
        ("hostPath: {path: /data}", True),
        ("nfs: {path: /data, server: a}", True),
        ("emptyDir: {}}\n#{{ if .Values.kept }}\n#{", True),
    ],
)
def test_only_a_volume_that_outlives_its_pod_keeps_data(tmp_path: Path, volume: str, stays: bool) -> None:
    (outcome,) = fix_source(str(tmp_path / "db.yaml"), VOLUME % volume).outcomes
    assert ("a volume keeps its data" in outcome.reason) == stays


def test_a_claim_that_an_overlay_puts_in_place_of_a_volume_keeps_data(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    text = VOLUME % "emptyDir: {}"
    for name, content in {
        "base/db.yaml": text,
        "base/kustomization.yaml": "resources: [db.yaml]\n",
        "prod/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
        "prod/patch.yaml": "kind: Deployment\nmetadata: {name: db}\nspec: {template: {spec: {volumes: ["
        "{name: data, emptyDir: null, persistentVolumeClaim: {claimName: db}}]}}}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (outcome,) = fix_source(str(tmp_path / "base" / "db.yaml"), text).outcomes
    assert "a volume keeps its data" in outcome.reason


@pytest.mark.parametrize(
    ("volume", "stays"),
    [
        ("'d:/data/db'", True),
        ("'d:/data/db:rw'", True),
        ("'d:/data/db:ro'", False),
        ("'./a.conf:/data/db/a.conf:ro,z'", False),
        ("'/data/db'", True),
        ("{type: tmpfs, target: /data/db}", False),
        ("{type: volume, source: d, target: /data/db}", True),
        ("{type: bind, source: ./d, target: /data/db, read_only: true}", False),
        ("'${A:-${B:-x}/y}:/data/db'", True),
        ("'${A:-${B:-${C}:x}/y}:/other'", False),
        ("'${A:-${B:-x}/y}:/data/db:ro'", False),
    ],
)
def test_only_a_mount_that_is_written_keeps_data(tmp_path: Path, volume: str, stays: bool) -> None:
    text = f"services: {{a: {{image: 'mongo:8.0', volumes: [{volume}]}}}}\n"
    (outcome,) = fix_source(str(tmp_path / "compose.yaml"), text).outcomes
    assert ("a volume keeps its data" in outcome.reason) == stays


TAGGED = "kind: ImageTagTransformer\nimageTag: {name: postgres, newTag: '16.4'}\n"


@pytest.mark.parametrize(
    ("files", "sets"),
    [
        ({"images.yaml": TAGGED, "kustomization.yaml": "transformers: [images.yaml]\n"}, True),
        ({"t/images.yaml": TAGGED, "t/kustomization.yml": "resources: [images.yaml]\n"}, True),
        ({"t/images.yaml": TAGGED, "t/kustomization.yaml": "resources: [other.yaml]\n"}, False),
        ({"images.yaml": TAGGED, "t/kustomization.yaml": "resources: [../images.yaml]\n"}, False),
        ({"t/images.yaml": TAGGED}, False),
    ],
)
def test_the_files_of_a_folder_of_transformers_count(tmp_path: Path, files: dict[str, str], sets: bool) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "t").mkdir()
    for name, text in {"kustomization.yaml": "transformers: [t]\n", "db.yaml": STATEFUL, **files}.items():
        (tmp_path / name).write_text(("resources: [db.yaml]\n" if name == "kustomization.yaml" else "") + text)
    (outcome,) = fix_source(str(tmp_path / "db.yaml"), STATEFUL).outcomes
    assert (outcome.reason == "its tag is set by kustomization.yaml") == sets


@pytest.mark.parametrize("broken", ["{{ x }}: [", "a: \0", "- |-\n  {{ if"])
def test_an_entry_that_cannot_be_read_takes_nothing_from_the_others(tmp_path: Path, broken: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "patch.yaml").write_text(broken)
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [pod.yaml]\npatches: [{path: patch.yaml}]\ntransformers: [patch.yaml]\n"
        "images: [{name: node, newTag: '23'}]\n"
    )
    states = [outcome.state for outcome in fix_source(str(tmp_path / "pod.yaml"), TWO).outcomes]
    assert states == ["needs-person", "migrate"]


FOLLOWERS = {
    "Flux": (
        "clusters/apps.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "spec: {path: ./apps, images: [{name: node, newTag: '24'}]}\n",
        "its tag is set by clusters/apps.yaml",
    ),
    "Argo CD": (
        "argo/app.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
        "spec: {source: {path: apps, kustomize: {images: [node=node:24]}}}\n",
        "renamed by argo/app.yaml",
    ),
    "Argo CD with many sources": (
        "argo/app.yml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
        "spec: {sources: [{path: other}, {path: apps/, kustomize: {images: ['docker.io/library/node:24']}}]}\n",
        "its tag is set by argo/app.yml",
    ),
    "a transformer": (
        "apps/kustomization.yaml",
        "resources: [pod.yaml]\ntransformers:\n  - |-\n    kind: ImageTagTransformer\n"
        "    imageTag: {name: node, newTag: '24'}\n",
        "its tag is set by apps/kustomization.yaml",
    ),
    "a transformer that is named elsewhere": (
        "apps/images.yaml",
        "apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: a}\nimageTag: {name: node, newTag: '24'}\n",
        "its tag is set by apps/images.yaml",
    ),
    "Image Updater": (
        "app.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  annotations:\n"
        "    argocd-image-updater.argoproj.io/image-list: a=ghcr.io/b/c, web=node:22.x\n",
        "Argo CD Image Updater finds it by its name, in app.yaml",
    ),
    "Image Updater's resource": (
        "updater.yaml",
        "apiVersion: argocd-image-updater.argoproj.io/v1alpha1\nkind: ImageUpdater\n"
        "spec: {applicationRefs: [{images: [{alias: web, imageName: 'node:22.x'}]}]}\n",
        "Argo CD Image Updater finds it by its name, in updater.yaml",
    ),
    "Renovate": (
        ".github/renovate.json5",
        "{packageRules: [{matchPackageNames: ['!x', 'node'], allowedVersions: '<23'}]} // ours\n",
        "Renovate finds it by its name, in .github/renovate.json5",
    ),
    "Renovate, by a regular expression": (
        "renovate.json",
        '{"packageRules": [{"matchDepNames": ["/^(?:ruby|node)$/"], "enabled": false}]}\n',
        "Renovate finds it by its name, in renovate.json",
    ),
    "Renovate, by how a name begins": (
        "package.json",
        '{"name": "a", "renovate": {"packageRules": [{"matchPackagePrefixes": ["nod"], "enabled": false}]}}\n',
        "Renovate finds it by its name, in package.json",
    ),
    "Renovate, by a pattern": (
        ".gitlab/renovate.json",
        '{"packageRules": [{"matchPackagePatterns": ["^node"], "enabled": false}]}\n',
        "Renovate finds it by its name, in .gitlab/renovate.json",
    ),
    "Renovate, a rule for several managers": (
        "renovate.json",
        '{"packageRules": [{"matchManagers": ["npm", "dockerfile"], "matchPackageNames": ["node"]}]}\n',
        "Renovate finds it by its name, in renovate.json",
    ),
    "Renovate, beside a rule for others": (
        "renovate.json",
        '{"packageRules": [{"matchManagers": ["npm"], "matchPackageNames": ["node"], "minor": {"enabled": false}}, '
        '{"minor": {}, "matchDatasources": ["docker"], "matchPackageNames": ["node"]}]}\n',
        "Renovate finds it by its name, in renovate.json",
    ),
    "Dependabot": (
        ".github/dependabot.yml",
        "updates: [{package-ecosystem: docker, directory: /apps, ignore: [{dependency-name: 'nod*'}]}]\n",
        "Dependabot finds it by its name, in .github/dependabot.yml",
    ),
    "Tilt, which runs it": (
        "apps/Tiltfile",
        "'''Builds \\''' \"all\".'''\nx = 'it\\'s # \"'  # \"one\nk8s_custom_deploy('a', image_selector = 'node')\n",
        "Tilt finds it by its name, in apps/Tiltfile",
    ),
    "Tilt, which looks for it": (
        "web.tiltfile",
        'k8s_custom_deploy("web", apply_cmd="make", image_selector="docker.io/library/node:22")\n',
        "Tilt finds it by its name, in web.tiltfile",
    ),
    "sed": (
        "deploy.sh",
        "sed -i -e 's|image: node:.*|image: node:23|' apps/pod.yaml\n",
        "sed finds it by its name, in deploy.sh",
    ),
    "sed in a recipe": (
        "Makefile",
        "x:\n\tsed 's/\\(image: *\\)node:22/\\1$(IMG)/' apps/pod.yaml | kubectl apply -f -\n",
        "sed finds it by its name, in Makefile",
    ),
    "kustomize": ("deploy.sh", "cd apps && kustomize edit set image x=y \\\n  node=$IMG\n", "renamed by deploy.sh"),
    "kustomize, a tag": (
        ".gitlab-ci.yml",
        "a: {script: ['kustomize edit set image \"node:$TAG\"']}\n",
        "its tag is set by .gitlab-ci.yml",
    ),
    "kbld": (
        "apps/image.lock.yaml",
        "apiVersion: kbld.k14s.io/v1alpha1\nkind: Config\noverrides:\n- image: node:22\n  newImage: node@sha256:1\n",
        "kbld finds it by its name, in apps/image.lock.yaml",
    ),
    "kbld, a lock": (
        "apps/.imgpkg/images.yml",
        "apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n"
        "images: [{image: 'a@sha256:1', annotations: {kbld.carvel.dev/id: 'node:22'}}]\n",
        "kbld finds it by its name, in apps/.imgpkg/images.yml",
    ),
    "DevSpace": (
        "apps/devspace.yaml",
        "version: v2beta1\ndev:\n  web: {imageSelector: 'node:22', ssh: {enabled: true}}\n",
        "DevSpace finds it by its name, in apps/devspace.yaml",
    ),
}
NO_FOLLOWERS = {
    "of Tilt elsewhere": ("other/Tiltfile", "docker_build('node', '.')\n"),
    "of Tilt, in a comment": ("apps/Tiltfile", "# image_selector='node', once\nx = 'a' # image_selector='node'\n"),
    "of Tilt, in a docstring": ("apps/Tiltfile", 'def a():\n  """As in:\n  f(image_selector="node") \\"""\n  """\n'),
    "of Tilt, in a string": ("apps/Tiltfile", "print('write image_selector=\"node\"')\n"),
    "of Tilt, in one that does not end": ("apps/Tiltfile", "x = r'''\nimage_selector='node'\n"),
    "of Tilt, a file alone": ("Tiltfile", "k8s_yaml('node')\nlocal_resource('node', 'make build')\n"),
    "of DevSpace, filled in": ("devspace.yaml", "version: v2beta1\nimages: {a: {image: '${IMAGE}'}}\n"),
    "of another folder": ("apps.yaml", FOLLOWERS["Flux"][1].replace("./apps", "./other")),
    "of another image": ("apps.yaml", FOLLOWERS["Flux"][1].replace("node", "nodejs")),
    "of another system": (".github/dependabot.yml", FOLLOWERS["Dependabot"][1].replace("docker", "npm")),
    "of all images": (".github/dependabot.yml", FOLLOWERS["Dependabot"][1].replace("nod*", "*")),
    "of Dependabot, which reads one folder": (
        ".github/dependabot.yml",
        FOLLOWERS["Dependabot"][1].replace("/apps", "/"),
    ),
    "of other managers": (
        "renovate.json",
        '{"packageRules": [{"matchManagers": ["npm", "nvm"], "minor": {"a": {}}, "matchPackageNames": ["node"]}]}',
    ),
    "of other sources": (
        "renovate.json5",
        "{packageRules: [{matchPackageNames: ['node'], minor: {}, matchDatasources: ['node-version']}, {}]}",
    ),
    "of none": ("renovate.json", '{"packageRules": [{"matchPackageNames": ["*", "/node/", "!node"]}]}'),
    "of a part of the name": (
        "renovate.json",
        '{"packageRules": [{"matchPackagePatterns": ["node"], "matchDepNames": ["/node$/", "/^nodejs/"]}]}',
    ),
    "of sed, by no name": ("a.sh", "sed -i 's|image: .*|image: acme/node|' apps/pod.yaml\n"),
    "of sed, another": ("a.sh", "sed -i 's|image: acme/node|image: node|' x; echo image: node\n"),
    "of kustomize, another": ("a.sh", "kustomize edit set image $IMAGE=node acme/node=x && echo node=1\n"),
    "of npm": ("package.json", '{"name": "renovate", "packageRules": [{"matchPackageNames": ["node"]}]}'),
    "of a package below": (
        "apps/package.json",
        '{"renovate": {"packageRules": [{"matchPackageNames": ["node"]}]}}',
    ),
    "that is no YAML": ("apps.yaml", "kustomize.toolkit.fluxcd.io: [\n"),
}


@pytest.mark.parametrize(("name", "text", "says"), FOLLOWERS.values(), ids=FOLLOWERS)
def test_a_program_that_finds_an_image_by_its_name_is_named(tmp_path: Path, name: str, text: str, says: str) -> None:
    result = _followed(tmp_path, name, text)
    assert [outcome.state for outcome in result.outcomes] == ["needs-person", "migrate"]
    assert says in [reason.message for reason in result.outcomes[0].reasons]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("apps/Tiltfile", "custom_build(\n    ref='node',\n    command=':',\n)\nk8s_yaml('pod.yaml')\n"),
        ("apps/Tiltfile", "docker_build('node', '.')\n"),
    ],
)
def test_that_a_program_builds_an_image_is_reason_enough(tmp_path: Path, name: str, text: str) -> None:
    outcome, _ = _followed(tmp_path, name, text).outcomes
    assert [reason.id for reason in outcome.reasons] == ["build-result"]


@pytest.mark.parametrize(("name", "text"), NO_FOLLOWERS.values(), ids=NO_FOLLOWERS)
def test_a_program_that_looks_for_others_is_no_reason(tmp_path: Path, name: str, text: str) -> None:
    assert [outcome.state for outcome in _followed(tmp_path, name, text).outcomes] == ["migrate", "migrate"]


def _followed(tmp_path: Path, name: str, text: str) -> Result:
    for folder in (".git", "apps", "other"):
        (tmp_path / folder).mkdir()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / "apps" / "kustomization.yaml").write_text("resources: [pod.yaml]\n")
    (tmp_path / name).write_text(text)
    return fix_source(str(tmp_path / "apps" / "pod.yaml"), TWO)


def test_a_command_of_kustomize_changes_what_a_kustomization_lists(tmp_path: Path) -> None:
    _, text, _ = FOLLOWERS["kustomize"]
    _followed(tmp_path, "deploy.sh", text)
    states = [outcome.state for outcome in fix_source(str(tmp_path / "other" / "pod.yaml"), TWO).outcomes]
    assert states == ["migrate", "migrate"]


BUILD = """on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/login-action@v3
        with: {registry: reg.echohq.com}
      - uses: docker/build-push-action@v6
        with:
          context: ./app
          build-args: |
            BASE=python:3.12
            VERSION=python:3.11
          build-contexts: |
            base=docker-image://node:22
            local=./base
"""


def test_a_workflow_gives_a_build_images_as_arguments_and_as_contexts(tmp_path: Path) -> None:
    """Which of the arguments name an image, the Dockerfile tells."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nARG VERSION\nRUN echo $VERSION\n")
    path = tmp_path / ".github" / "workflows" / "ci.yml"
    assert fix_source(str(path), BUILD).fixed.text == BUILD.replace(
        "python:3.12", "reg.echohq.com/python:3.12"
    ).replace("node:22", "reg.echohq.com/node:22")
    without = BUILD.replace("docker/login-action@v3", "actions/checkout@v4").replace("registry: reg.echohq.com", "")
    assert [outcome.state for outcome in fix_source(str(path), without).outcomes] == ["needs-person"] * 2


SKAFFOLD = """apiVersion: skaffold/v4beta13
kind: Config
build:
  artifacts:
    - image: made
      context: app
      docker:
        buildArgs:
          BASE: python:3.12
          VERSION: python:3.11
          OTHER: "{{.OTHER}}"
    - image: jar
      jib: {fromImage: "ruby:3.4"}
    - image: cached
      jib: {fromImage: "docker://node:22"}
profiles:
  - name: dev
    build:
      artifacts:
        - {image: made, context: app, kaniko: {dockerfile: "./Dockerfile", buildArgs: {BASE: "node:22"}}}
        - {image: gone, context: ../outside, docker: {buildArgs: {BASE: "php:8.4"}}}
"""


def test_skaffold_gives_builds_images_as_arguments_and_as_bases(tmp_path: Path) -> None:
    """Which of the arguments name an image, the Dockerfile tells."""
    _app(tmp_path)
    result = fix_source(str(tmp_path / "skaffold.yaml"), SKAFFOLD)
    assert [(one.image.where, one.image.ref.value) for one in result.outcomes] == [
        ("build.artifacts.0.docker.buildArgs.BASE", "python:3.12"),
        ("build.artifacts.1.jib.fromImage", "ruby:3.4"),
        ("profiles.0.build.artifacts.0.kaniko.buildArgs.BASE", "node:22"),
    ]
    assert result.fixed.text == SKAFFOLD.replace("BASE: python:3.12", "BASE: reg.echohq.com/python:3.12").replace(
        'BASE: "node:22"', 'BASE: "reg.echohq.com/node:22"'
    ).replace('fromImage: "ruby', 'fromImage: "reg.echohq.com/ruby')


CLOUD_BUILD = """steps:
  - name: gcr.io/cloud-builders/docker
    args: [login, reg.echohq.com]
  - name: gcr.io/cloud-builders/docker
    args: [build, -t, made, --build-arg, "BASE=python:3.12", "--build-arg=VERSION=python:3.11", app]
  - name: docker
    dir: app
    args: ["buildx", "build", "--build-arg", "BASE=${_BASE}", "-f", "Dockerfile", "."]
  - name: gcr.io/kaniko-project/executor:v1.24.0
    args: ["--build-arg=BASE=ruby:3.4", "--dockerfile=app/Dockerfile", "--context=dir:///workspace/app"]
  - name: gcr.io/cloud-builders/docker
    args: [build, --build-arg, "BASE=golang:1.26", elsewhere]
substitutions:
  _BASE: node:22
"""


def test_cloud_build_gives_builds_images_as_arguments(tmp_path: Path) -> None:
    """Which of the arguments name an image, the Dockerfile tells; without it, only names do."""
    _app(tmp_path)
    result = fix_source(str(tmp_path / "cloudbuild.yaml"), CLOUD_BUILD)
    assert {(one.image.ref.value, *(reason.id for reason in one.reasons)) for one in result.outcomes} == {
        ("gcr.io/cloud-builders/docker", "not-offered"),
        ("docker", "family", "login-beside"),
        ("gcr.io/kaniko-project/executor:v1.24.0", "unknown-image"),
        ("python:3.12",),
        ("node:22", "default"),
        ("ruby:3.4",),
        ("golang:1.26", "build-argument"),
    }
    assert result.fixed.text == CLOUD_BUILD.replace("BASE=python", "BASE=reg.echohq.com/python").replace(
        "BASE=ruby", "BASE=reg.echohq.com/ruby"
    )


def _app(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nARG VERSION\nRUN echo $VERSION\n")


def test_a_list_of_json_patches_sets_the_images_of_containers_alone(tmp_path: Path) -> None:
    text = (
        '- {op: replace, path: /spec/template/spec/containers/0/image, value: "node:22"}\n'
        "- {op: add, path: /metadata/labels/image, value: ruby}\n"
        "- op: add\n  path: /spec/template/spec/initContainers/-\n  value: {name: b, image: python:3.12}\n"
    )
    result = fix_source(str(tmp_path / "patch.yaml"), text)
    assert result.fixed.text == text.replace("node", "reg.echohq.com/node").replace("python", "reg.echohq.com/python")
    assert len(result.outcomes) == 2


TRIGGER = '[{"from": {"kind": "ImageStreamTag", "name": "n:22"}, "fieldPath": "%s.image"}]'
DEPLOYMENT = (
    "apiVersion: %s\nkind: %s\nmetadata: {name: a, annotations: %s}\nspec:\n  triggers: %s\n  template: {spec: "
    "{containers: [{name: web, image: 'node:22'}, {name: other, image: 'python:3.12'}]}}\n"
)
OPENSHIFT = {
    "a trigger of its own": (
        "apps.openshift.io/v1",
        "DeploymentConfig",
        "{}",
        "[{type: ImageChange, imageChangeParams: {containerNames: [web], from: {kind: ImageStreamTag, name: 'n:22'}}}]",
    ),
    "an annotation": (
        "apps/v1",
        "Deployment",
        "{image.openshift.io/triggers: '%s'}" % (TRIGGER % 'spec.template.spec.containers[?(@.name==\\"web\\")]'),
        "[]",
    ),
    "an annotation by number": (
        "apps/v1",
        "Deployment",
        "{image.openshift.io/triggers: '%s'}" % (TRIGGER % "spec.template.spec.containers[0]"),
        "[]",
    ),
}


@pytest.mark.parametrize("kind", ["", "Template", "List"])
@pytest.mark.parametrize("name", OPENSHIFT)
def test_an_image_that_an_image_stream_sets_needs_review(tmp_path: Path, name: str, kind: str) -> None:
    text = DEPLOYMENT % OPENSHIFT[name]
    beside = DEPLOYMENT % ("apps/v1", "Deployment", "{}", "[]")
    if kind:
        listed = "".join(f"- {one.rstrip().replace(chr(10), chr(10) + '  ')}\n" for one in (text, beside))
        text = f"apiVersion: v1\nkind: {kind}\n{'objects' if kind == 'Template' else 'items'}:\n{listed}"
    found = fix_source(str(tmp_path / "d.yaml"), text).outcomes
    assert [one.state for one in found] == ["needs-person", *["migrate"] * (3 if kind else 1)]
    assert found[0].reason == "an image stream of OpenShift sets it"


REPLACEMENT = (
    "source: {kind: ConfigMap, name: v, fieldPath: data.image}\n"
    "targets:\n- select: {kind: %s, name: %s}\n  fieldPaths: ['spec.containers.%s']\n"
)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(
    ("kind", "name", "field", "state"),
    [
        ("Pod", "web", "0.image", "needs-person"),
        ("Pod", "'w.*b?'", "0.image", "needs-person"),
        ("P.d", "web", "[name=a].image", "needs-person"),
        ("Pod", "web", "*.image", "needs-person"),
        ("Pod", "web", "1.image", "migrate"),
        ("Pod", "web", "[name=b].image", "migrate"),
        ("Pod", "we", "0.image", "migrate"),
        ("Deployment", "web", "0.image", "migrate"),
        ("Pod", "web", "0.imagePullPolicy", "migrate"),
    ],
)
def test_a_replacement_of_a_kustomization_sets_images(
    tmp_path: Path, kind: str, name: str, field: str, state: str, apart: bool
) -> None:
    (tmp_path / ".git").mkdir()
    written = REPLACEMENT % (kind, name, field)
    inline = written.replace("\n", "\n  ").strip()
    (tmp_path / "r.yaml").write_text("- " + inline)
    listed = "- path: r.yaml" if apart else "- " + inline
    (tmp_path / "kustomization.yaml").write_text(f"resources: [pod.yaml]\nreplacements:\n{listed}\n")
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: 'node:22'}]}\n"
    (tmp_path / "pod.yaml").write_text(text)
    (outcome,) = fix_source(str(tmp_path / "pod.yaml"), text).outcomes
    assert outcome.state == state
    assert outcome.reason == ("a replacement of kustomization.yaml sets it" if state != "migrate" else "")


def test_a_kustomization_has_no_say_in_what_is_no_resource_of_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "kustomization.yaml").write_text("resources: [b.yaml]\nimages: [{name: node, newTag: '23'}]\n")
    for path in ("a/pod.yaml", "pod.yaml"):
        states = [outcome.state for outcome in fix_source(str(tmp_path / path), TWO).outcomes]
        assert states == ["migrate", "migrate"]


def bomb(levels: int) -> str:
    names = [f"a{level}" for level in range(levels)]
    first = f"{names[0]}: &{names[0]} [x, x]\n"
    return first + "".join(f"{one}: &{one} [*{low}, *{low}, *{low}]\n" for low, one in pairwise(names))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_aliases_that_multiply_are_followed_so_far(case: Case) -> None:
    head, mark, rest = case.text.rpartition("\n---\n")
    for levels in (6, 40):
        keyed = all(isinstance(one, dict) for one in loaded(rest) or [None])
        text = f"{head}{mark}{bomb(levels)}{rest}" if keyed else case.text
        format = recognised(case.path, text)
        if format is not None:  # a word at the top of a file can be what it is known by
            result = check_safely(Source(case.path, text), settings(case))
            assert result is not None
            left = "its aliases stand for more than 50,000 values" in "".join(one.message for one in result.findings)
            assert left == (levels == 40 and text != case.text)
            assert result.refused is None


SHAPES = (
    *("containers: {a: b}", "containers: [a, [b], {image: [c]}, {image: {d: e}}]", "containers:", "image: [a]"),
    *("image: {repository: [a]}", "image: {repository: a, tag: [b]}", "image: {repository: a, registry: {b: c}}"),
    *("services: [{name: [a]}, a, 3]", "services: {a: [b], c: 3}", "jobs: [a]", "jobs: {a: {container: [b]}}"),
    *("jobs: {a: {container: {image: {b: c}}, services: x, steps: {a: b}}}", "steps: [a, {name: [b]}]", "images: a"),
    *("images: [a, {name: [b]}, {newName: c}, {name: d, newTag: [e]}]", "? [a, b]\n: image: c", "spec: &a [*a]"),
    *(
        "parameters: [a, {name: [b]}, {default: c}]",
        "parameters: {a: {default: [b]}, c: d}",
        "matrix: {include: a, b: [[c]]}",
    ),
    *("spec: {inputs: [a]}", "spec: {inputs: {a: {default: [b]}}}", "variables: [a, {name: [b]}, {'${{ if a }}': b}]"),
    *("strategy: {matrix: [a]}", "strategy: {matrix: {a: b, c: {d: [e]}}}", "workflows: {a: {jobs: [{b: c}, d, [e]]}}"),
    *(
        "executors: {a: {parameters: {b: c}, d: {name: a, b: {e: f}}}}",
        "substitutions: [a]",
        "substitutions: {_A: [b]}",
    ),
    *(
        "repos: [a, {hooks: [b, {language: docker_image, entry: [c]}]}]",
        "- {language: docker_image, entry: a, args: b}",
    ),
    *("steps: [{name: docker, args: [build, [a], {b: c}]}, {entrypoint: sh, args: [-c, [a]]}]",),
    *("volumeMounts: [a]", "docker: [{image: a, auth: b}]", "<<: [a]", "<<: {image: b}", "global: a", "global: [b]"),
)


@pytest.mark.parametrize("path", sorted({case.path for case in CASES}))
@pytest.mark.parametrize("shape", SHAPES)
def test_strange_shapes_end_in_an_answer(path: str, shape: str) -> None:
    nested = "spec:\n  template:\n" + "".join(f"    {line}\n" for line in shape.splitlines())
    for body in (shape + "\n", nested):
        text = f"apiVersion: v1\nkind: Pod\non: push\nstage: image\n{body}steps: image\n"
        format = recognised(path, text)
        if format is not None:
            assert fix.fix_source(Source(path, text), format, SETTINGS._replace(unsafe=True)).refused is None


@given(case=st.sampled_from(CASES), data=st.data())
def test_what_is_cut_or_pasted_anywhere_still_keeps_every_other_byte(case: Case, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(case.text)))
    end = data.draw(st.integers(start, min(len(case.text), start + 30)))
    paste = data.draw(
        st.sampled_from(
            ["", "\n", "\r\n", "{{ x }}", "[", "'", '"', ": ", "- ", "\t", "&a ", "*a", "\udcff", "---\n", "é"]
        )
    )
    text = case.text[:start] + paste + case.text[end:]
    format = recognised(case.path, text)
    if format is None:
        return
    result = fix.fix_source(Source(case.path, text), format, SETTINGS._replace(unsafe=True))
    before, after = loaded(text), loaded(result.fixed.text)
    if before is not None and "\udcff" not in text:
        assert after is not None
        assert [path for path, _ in leaves(before)] == [path for path, _ in leaves(after)]
    again = fix.fix_source(result.fixed, format, SETTINGS._replace(unsafe=True))
    assert again.fixed is again.source


@pytest.mark.parametrize(
    ("path", "line", "image"),
    [
        ("src/test/java/a/DbTest.java", 'new PostgreSQLContainer<>("postgres:16");', "postgres:16"),
        ("src/test/java/a/DbTest.java", 'new GenericContainer<?>(DockerImageName.parse("redis:7"));', "redis:7"),
        (
            "src/test/java/a/DbTest.java",
            'static final String PG = "postgres:16";\nPostgreSQLContainer<?> db = new PostgreSQLContainer<>(PG);',
            "postgres:16",
        ),
        (
            "src/test/java/a/DbTest.java",
            'private static final String PG =\n    "postgres:16";\nx = DockerImageName.parse(PG);',
            "postgres:16",
        ),
        (
            "src/test/java/a/DbTest.java",
            'x(new ImageFromDockerfile().withDockerfileFromBuilder(b -> b\n.from("redis:7").build()))',
            "redis:7",
        ),
        ("src/test/java/a/DbTest.java", 'String pg = "a:1";\npg = "a:2";\nx = DockerImageName.parse(pg);', ""),
        ("src/test/java/a/DbTest.java", 'String pg = "a:1";\n// x = DockerImageName.parse(pg);', ""),
        ("DbIT.kt", 'const val PG: String = "postgres:16"\nval db = PostgreSQLContainer<Nothing>(PG)', "postgres:16"),
        ("Tests/Db.cs", 'private const string Pg = "postgres:16";\nx.WithImage(Pg)', "postgres:16"),
        ("test/db.spec.ts", "const pg = 'postgres:16';\nnew PostgreSqlContainer(pg)", "postgres:16"),
        ("DbIT.kt", 'val db = new MySQLContainer("mysql:8")', "mysql:8"),
        ("DbIT.kt", 'val db = new GraphContainer("3.7.1")', ""),
        ("DbIT.kt", 'val V = "3.7.1"\nval db = GraphContainer(V)', ""),
        ("db_test.go", 'Image: "redis:7",', "redis:7"),
        ("db_test.go", 'const Cache = "redis:7"\nx := R{Image: Cache}', "redis:7"),
        ("db_test.go", 'Cache = "redis:7"\nc, err := redis.Run(ctx, Cache)', "redis:7"),
        ("internal/containers.go", 'Image: "redis:7",', "redis:7"),
        ("db_test.go", 'c, err := postgres.Run(ctx, "postgres:16")', "postgres:16"),
        ("db_test.go", 'mysql.RunContainer(context.Background(), tc.WithImage("mysql:8"))', "mysql:8"),
        ("test/db.spec.ts", 'await new GenericContainer("redis:7").start()', "redis:7"),
        ("test/db.spec.ts", "new PostgreSqlContainer('postgres:16')", "postgres:16"),
        ("Tests/Db.cs", '.WithImage("postgres:16")', "postgres:16"),
        ("Tests/Db.cs", 'var db = new PostgreSqlBuilder("postgres:16").Build();', "postgres:16"),
        ("Tests/Db.cs", 'var uri = new UriBuilder("http://a:80/");', ""),
        ("db_test.go", '// Image: "redis:7"', ""),
        ("test/db.spec.ts", "new GenericContainer(`redis:${V}`)", ""),
        ("src/main/java/a/Db.java", 'new PostgreSQLContainer<>("postgres:16");', ""),
    ],
)
def test_the_containers_of_tests_in_other_languages_are_listed_alone(path: str, line: str, image: str) -> None:
    text = f"// with testcontainers-go, DotNet.Testcontainers\n{line}\n"
    format = recognised(path, text)
    outcomes = fix_source(path, text, unsafe=True).outcomes if format else ()
    assert [outcome.image.ref.value for outcome in outcomes] == ([image] if image else [])
    if outcomes:
        assert fix_source(path, text, unsafe=True).fixed.text == text
        assert outcomes[0].state in ("needs-person", "no-replacement")
    assert recognised(path, line + "\n") is None
    assert recognised(path, f"// TestContainerSidecar: testContainers, TestContainers\n{line}\n") is None


def test_the_images_of_development_services_in_properties_are_listed_alone() -> None:
    text = "#quarkus.mongodb.devservices.image-name=mongo:7\n%dev.quarkus.redis.devservices.image-name=redis:7\n"
    text += (
        "quarkus.rabbitmq.devservices.image-name: rabbitmq:4\nquarkus.a.devservices.image-name=${A}\na.image-name=b:1\n"
    )
    outcomes = fix_source("src/main/resources/application.properties", text, unsafe=True).outcomes
    assert [outcome.image.ref.value for outcome in outcomes] == ["redis:7", "rabbitmq:4"]
    assert recognised("a.properties", "a.image-name=b:1\n") is None


def test_a_value_that_no_template_of_a_chart_reads_is_said_so(tmp_path: Path) -> None:
    text = "image: {repository: node, tag: '22'}\nother: {image: 'redis:8'}\n"
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("name: a\n")

    def said(template: str) -> list[list[str]]:
        (tmp_path / "templates/a.yaml").write_text(template)
        workspace.begin()
        outcomes = fix_source(str(tmp_path / "values.yaml"), text).outcomes
        return [[reason.id for reason in one.reasons if reason.id == "value-unread"] for one in outcomes]

    assert said("image: node:20\nb: {{ .Values.other.image }}\n") == [["value-unread"], []]
    assert said("image: node:20\nb: {{ toYaml .Values }}\n") == [[], []]
    (tmp_path / "charts/b").mkdir(parents=True)
    assert said("image: node:20\nb: {{ .Values.other.image }}\n") == [[], []]


def test_images_that_the_helpers_of_a_chart_name_are_listed(tmp_path: Path) -> None:
    text = '{{- define "a" -}}\n- image: redis:7\n- image: "{{ .Values.image }}"\n{{- end -}}\n'
    (tmp_path / "templates").mkdir()
    path = str(tmp_path / "templates/_helpers.tpl")
    assert recognised(path, text) is None
    (tmp_path / "Chart.yaml").write_text("name: a\n")
    outcomes = fix_source(path, text, unsafe=True).outcomes
    assert [outcome.image.ref.value for outcome in outcomes] == ["redis:7"]
    assert fix_source(path, text, unsafe=True).fixed.text == text
    assert recognised(path, text.replace("redis:7", "{{ .Values.a }}")) is None


def test_variables_of_the_shell_in_a_recipe_have_their_own_names() -> None:
    text = "x:\n\tdocker run $$A/tool:$${B}; docker run $(_C)/tool; docker run node:$$_D; docker run node:$${E:-22}\n"
    outcomes = fix_source("Makefile", text).outcomes
    names = [reason.message for one in outcomes for reason in one.reasons if reason.id == "no-value"]
    assert names == [f"no value for {name} in this file" for name in ("A, B", "_C", "_D")]
    assert [reason.message for reason in outcomes[-1].reasons] == ["variable E can be set elsewhere"]


@pytest.mark.parametrize(
    ("path", "library", "line", "image"),
    [
        ("lib/web-stack.ts", "aws-cdk-lib/aws-ecs", "ContainerImage.fromRegistry('nginx:1.29')", "nginx:1.29"),
        ("bin/app.js", "@aws-cdk/core", 'DockerImage.fromRegistry("node:22")', "node:22"),
        ("infra/src/build.ts", "aws-cdk-lib", "LinuxBuildImage.fromDockerRegistry(`node:22`)", "node:22"),
        ("infra/src/build.ts", "aws-cdk-lib", "ContainerImage.fromRegistry(`node:${v}`)", ""),
        ("src/registry.ts", "aws-cdk-lib", "ContainerImage.fromRegistry('nginx:1.29')", ""),
        ("lib/web-stack.ts", "other", "ContainerImage.fromRegistry('nginx:1.29')", ""),
        (
            "cdk/WebStack.java",
            "software.amazon.awscdk.Stack",
            'ContainerImage.fromRegistry("nginx:1.29")',
            "nginx:1.29",
        ),
        ("src/WebStack.cs", "Amazon.CDK.AWS.ECS", 'ContainerImage.FromRegistry("nginx:1.29")', "nginx:1.29"),
        ("stack.go", "aws-cdk-go", 'ContainerImage_FromRegistry(jsii.String("nginx:1.29"), nil)', "nginx:1.29"),
        ("test/e2e/pod.go", '"k8s.io/api/core/v1"', 'Image: "nginx:1.29",', "nginx:1.29"),
        ("test/e2e/pod.go", '"k8s.io/api/core/v1"', 'Image: "name",', ""),
        ("pkg/pod_test.go", '"k8s.io/api/core/v1"', 'Image: "busybox:1.37",', ""),
    ],
)
def test_images_in_code_for_clouds_and_clusters_are_listed_alone(
    path: str, library: str, line: str, image: str
) -> None:
    text = f"import x {library} x\n{line}\n"
    format = recognised(path, text)
    outcomes = fix_source(path, text, unsafe=True).outcomes if format else ()
    assert [outcome.image.ref.value for outcome in outcomes] == ([image] if image else [])
    assert all("only reported" in outcome.reason for outcome in outcomes)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("Makefile", True),
        ("GNUmakefile", True),
        ("build/docker.mk", True),
        ("Makefile.am", True),
        ("makefile.md", True),
    ],
)
def test_makefiles_are_known_by_name_and_a_program_for_containers(path: str, known: bool) -> None:
    format = recognised(path, "a:\n\tdocker run node:22\n")
    assert (format is not None and format.__name__.endswith("makefile")) == known  # type: ignore[attr-defined]
    assert recognised(path, "a:\n\tcc a.c\n") is None


@pytest.mark.parametrize(
    ("where", "listed"),
    [
        ("""container: ${{ fromJSON('{"image":"a","credentials":{"password":"it''s"}}') }}""", "fromJSON('…')"),
        (
            """container: {image: "${{ fromJSON(format('{{\\"a\\":\\"{0}\\"}}', github.ref)).a }}"}""",
            "fromJSON(format('…', github.ref)).a",
        ),
        (
            """services: {a: "${{ github.actor && fromJSON('{\\"image\\":\\"redis:8\\"}') || null }}"}""",
            "github.actor && fromJSON('…') || null",
        ),
        ("""services: ${{ fromJSON('{"db":{"image":"redis:8"}}') }}""", "fromJSON('…')"),
        ("services: ${{ fromJSON(needs.a.outputs.services) }}", "fromJSON(needs.a.outputs.services)"),
    ],
)
def test_what_an_expression_of_github_computes_is_listed_without_its_texts(where: str, listed: str) -> None:
    """A password may be in them."""
    (found,) = fix_source(".github/workflows/a.yml", f"on: push\njobs:\n  a:\n    {where}\n").outcomes
    assert (found.image.ref.value, found.state, found.edits) == (f"${{{{ {listed} }}}}", "needs-person", ())
    assert found.image.unsettled == (listed,)


@given(st.text("\t\n\r\\$(){}'\"@-+:#&| ab docker run node:22", max_size=120))
def test_any_text_is_a_makefile_that_keeps_its_other_lines(text: str) -> None:
    text = f"a:\n\tdocker run node:22 true\n{text}"
    result = fix_source("Makefile", text)
    old, new = text.split("\n"), result.fixed.text.split("\n")
    assert len(old) == len(new)
    assert all(a == b or b.replace("reg.echohq.com/", "") == a for a, b in zip(old, new, strict=True))


@pytest.mark.parametrize(
    ("patch", "target", "stays"),
    [
        ("kind: StatefulSet\nmetadata: {name: db}\nspec: {template: {spec: {containers: [POLICY]}}}\n", "", True),
        ("kind: StatefulSet\nmetadata: {name: other}\nspec: {template: {spec: {containers: [POLICY]}}}\n", "", False),
        ("- {op: add, path: /spec/template/spec/containers/0/imagePullPolicy, value: Never}\n", "StatefulSet", True),
        ("- {op: add, path: /spec/template/spec/containers/1/imagePullPolicy, value: Never}\n", "StatefulSet", False),
        ("- {op: add, path: /spec/template/spec/containers/0/imagePullPolicy, value: Always}\n", "StatefulSet", False),
        ("- {op: add, path: /spec/template/spec/containers/0/imagePullPolicy, value: Never}\n", ".*Set", True),
    ],
)
def test_a_pull_policy_that_an_overlay_sets_counts(tmp_path: Path, patch: str, target: str, stays: bool) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "local").mkdir()
    entry = "{path: patch.yaml" + (f", target: {{kind: {target}}}" if target else "") + "}"
    (tmp_path / "db.yaml").write_text(STATEFUL)
    (tmp_path / "kustomization.yaml").write_text("resources: [db.yaml]\n")
    (tmp_path / "local" / "kustomization.yaml").write_text(f"resources: [..]\npatches: [{entry}]\n")
    (tmp_path / "local" / "patch.yaml").write_text(patch.replace("POLICY", "{name: pg, imagePullPolicy: Never}"))
    (outcome,) = fix_source(str(tmp_path / "db.yaml"), STATEFUL).outcomes
    assert ("never-pulled" in [one.id for one in outcome.reasons]) == stays


def test_a_resource_whose_only_key_of_an_image_has_it_at_its_end_is_a_manifest(tmp_path: Path) -> None:
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: e}\nspec:\n  values:\n"
        "    sidecarImage: {repository: docker.io/library/node, tag: '22'}\n"
    )
    assert [one.state for one in fix_source(str(tmp_path / "release.yaml"), release).outcomes] == ["needs-person"]


@pytest.mark.parametrize(
    ("path", "text", "image", "reasons"),
    [
        ("action.yml", "inputs: {db-image: {default: 'neo4j:5'}}\nruns: {using: composite}\n", "neo4j:5", ["default"]),
        ("a.sh", "kubectl run x --image postgres -- psql -U postgres\n", "postgres", []),
        ("a.sh", "kubectl run x --image postgres; sh -c -- postgres\n", "postgres", ["same-name"]),
        ("a.sh", "docker run --name postgres postgres\npsql -U postgres -d postgres\n", "postgres", []),
        ("a.sh", "docker run redis\nREDIS_HOST=redis DB=redis ./a\nsudo apt install redis\n", "redis", []),
        ("a.sh", "docker run --name redis redis\ndocker rm -f redis\ndocker container stop redis\n", "redis", []),
        ("a.sh", "docker run redis\ndocker save redis\n", "redis", ["same-name"]),
        ("a.sh", "docker run redis\ndocker image rm redis\n", "redis", ["same-name"]),
        ("a.sh", "docker run redis\nIMAGE=redis ./a\n", "redis", ["same-name"]),
        ("a.sh", "docker run redis\ndocker ps -q --filter ancestor=redis\n", "redis", ["same-name"]),
        ("a.sh", "docker run redis\ndocker ps -q --filter=ancestor=redis\n", "redis", ["same-name"]),
        ("kustomization.yaml", "images: [{name: 'node:latest', newTag: '24'}]\n", "node:24", ["match-key"]),
        ("kustomization.yaml", "images: [{name: 'a.b:5000/x', newTag: '24'}]\n", "a.b:5000/x:24", ["first-party"]),
    ],
)
def test_what_a_place_names_and_why_it_stays(path: str, text: str, image: str, reasons: list[str]) -> None:
    outcomes = fix_source(path, text).outcomes
    found = [(one.image.ref.value, [reason.id for reason in one.reasons]) for one in outcomes]
    assert found == [(image, reasons)]


def test_a_service_whose_host_is_its_image_has_the_other_reasons_too() -> None:
    text = "a:\n  services: ['docker:28-dind', 'redis:5']\n  script: [ls]\n"
    found = fix_source(".gitlab-ci.yml", text).outcomes
    assert [[reason.id for reason in one.reasons] for one in found] == [
        ["service-host", "family"],
        ["service-host", "unpublished"],
    ]


@pytest.mark.parametrize("ending", ["js", "ts", "mts"])
def test_javascript_and_typescript_are_named_together(ending: str) -> None:
    text = "import { GenericContainer } from 'testcontainers'\nnew GenericContainer('redis:7')\n"
    (one,) = fix_source(f"tests/setup.{ending}", text).outcomes
    assert one.reason.startswith("JavaScript and TypeScript files are only reported")
