"""Kinds of files that name images and have no reader: what they are known by, and how a run says it."""

import json
from pathlib import Path

import pytest

from echo_migrate.files.data import read_data
from echo_migrate.files.unread import may_be_unread, plural_of, unread_kind
from echo_migrate.formats import recognised
from tests.conftest import Done, Run

FILES = {
    "MODULE.bazel": ('oci.pull(name = "base", image = "python", tag = "3.13")\n', "Bazel file"),
    "third_party/WORKSPACE": ('container_pull(name = "a", repository = "library/redis")\n', "Bazel file"),
    "infra/app.bicep": ("properties: {\n  image: 'nginx:1.30'\n}\n", "Bicep file"),
    "project.toml": ('[io.buildpacks]\nbuilder = "paketobuildpacks/builder:base"\n', "Buildpacks project"),
    "captain-definition": ('{"schemaVersion": 2, "imageName": "nginx:1.30"}\n', "CapRover definition"),
    ".do/app.yaml": ("services:\n- image: {registry_type: DOCKER_HUB, repository: nginx}\n", "DigitalOcean app"),
    "docs/README.md": ("Start it:\n\n    $ docker run --rm nginx:1.30\n", "Markdown page"),
    "ci/pipeline.yml": (
        "jobs:\n- plan:\n  - task: a\n    config:\n      image_resource: {type: b}\n",
        "Concourse pipeline",
    ),
    "k/app.cue": ('container: image: "nginx:1.30"\n', "CUE file"),
    "devspace.yaml": ("version: v2beta1\nimages: {}\n", "devspace.yaml"),
    "Earthfile": ("VERSION 0.8\nFROM python:3.13\n", "Earthfile"),
    "fly.staging.toml": ('[build]\n  image = "nginx:1.30"\n', "fly.toml"),
    "web.garden.yml": ("kind: Build\ntype: container\nspec: {dockerfile: a}\nimage: b\n", "Garden file"),
    "app/build.gradle.kts": (
        'plugins { id("com.google.cloud.tools.jib") version "3.4" }\n',
        "Gradle build with images",
    ),
    "helmfile.yaml": ("releases:\n  - values: [{image: {tag: '1'}}]\n", "Helmfile"),
    "lib/web.libsonnet": ("{ image:: 'nginx:1.30' }\n", "Jsonnet file"),
    "Justfile": ("test:\n    docker run --rm node:22 npm t\n", "justfile"),
    "deploy/Kptfile": (
        "kind: Kptfile\npipeline:\n  mutators:\n    - image: ghcr.io/kptdev/krm-functions-catalog/set-labels:v0.2\n",
        "Kptfile",
    ),
    "pom.xml": ("<artifactId>jib-maven-plugin</artifactId>\n", "Maven project with images"),
    "App.csproj": ("<ContainerBaseImage>mcr.microsoft.com/dotnet/aspnet:9.0</ContainerBaseImage>\n", "MSBuild project"),
    "image.nix": ("dockerTools.pullImage { imageName = 'nginx'; }\n", "Nix file"),
    "okteto.yml": ("dev:\n  api:\n    image: node:22\n", "Okteto manifest"),
    "web/package.json": ('{"scripts": {"db": "docker run --rm postgres:16"}}\n', "package.json with images"),
    "src/main/resources/application.yml": (
        "quarkus:\n  datasource:\n    devservices:\n      image-name: postgres:16\n",
        "Quarkus configuration",
    ),
    "egg-paper.json": ('{"docker_images": {"Java 21": "eclipse-temurin:21"}}\n', "Pterodactyl egg"),
    "render.yaml": ("services:\n  - type: web\n    image: {url: docker.io/library/nginx}\n", "Render blueprint"),
    "Tiltfile": ("docker_build('app', '.')\n", "Tiltfile"),
    "Vagrantfile": ('config.vm.provider "docker" do |d|\n  d.image = "debian:12"\nend\n', "Vagrantfile"),
    "werf.yaml": ("image: a\nfrom: alpine:3.20\n", "werf.yaml"),
}


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.mark.parametrize(("path", "text", "kind"), [(path, *known) for path, known in FILES.items()])
def test_a_kind_is_known_by_name_and_by_what_only_it_has(path: str, text: str, kind: str) -> None:
    assert recognised(path, text) is None
    assert unread_kind(path, text) == kind
    assert unread_kind(f"a/b/{path}", text) == kind
    needs = read_data("places/unread.yaml")[kind].get("needs")
    assert (unread_kind(path, "# nothing\n") == "") == (needs is not None)
    assert plural_of(kind) != kind


def test_every_kind_has_an_example() -> None:
    assert sorted(read_data("places/unread.yaml")) == sorted({kind for _, kind in FILES.values()})


@pytest.mark.parametrize("path", ["main.go", "Earthfile.rst", "src/pom.xml.txt", "fly.tomls", "compose.yml.orig"])
def test_other_names_are_none(path: str) -> None:
    assert not may_be_unread(path)
    assert unread_kind(path, "FROM python:3.13\n") == ""


def out(done: Done) -> str:
    return done.stdout.decode()


def written(folder: Path) -> None:
    for path, (text, _) in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "more").mkdir()
    (folder / "more" / "Earthfile").write_text("VERSION 0.8\n")
    (folder / "more" / "pom.xml").write_text("<project/>\n")
    (folder / "Dockerfile").write_text("FROM node:22\n")


def test_the_summary_counts_them_apart(run: Run, tmp_path: Path) -> None:
    written(tmp_path)
    done = run("check", "--fail-on", "never")
    assert "1 image reference in 1 file" in out(done)
    (line,) = [line for line in out(done).splitlines() if "not read: " in line]
    assert line.startswith("  not read: 2 Earthfiles, 2 Bazel files, ")
    assert "Dockerfile" not in line
    loud = out(run("check", "--fail-on", "never", "-v"))
    assert "    Earthfile: more/Earthfile\n" in loud
    assert "more/pom.xml" not in loud


def test_json_has_them(run: Run, tmp_path: Path) -> None:
    written(tmp_path)
    report = run("check", "--fail-on", "never", "--output-format", "json")
    document = json.loads(out(report))
    assert document["summary"]["files"] == 1
    assert document["not_read"]["Earthfile"] == 2
    listed = json.loads(out(run("inventory", "--output-format", "json")))
    assert [one["path"] for one in listed["not_read"] if one["kind"] == "Earthfile"] == ["Earthfile", "more/Earthfile"]
    assert len(listed["not_read"]) == len(FILES) + 1
    suites = out(run("check", "--fail-on", "never", "--output-format", "junit"))
    assert "Earthfile" not in suites


def test_nothing_is_said_where_there_are_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:22\n")
    (tmp_path / "pom.xml").write_text("<project/>\n")
    assert "not read" not in out(run("check", "--fail-on", "never"))


def test_one_that_is_named_is_counted_and_one_that_is_excluded_is_not(run: Run, tmp_path: Path) -> None:
    written(tmp_path)
    only = run("check", "--fail-on", "never", "Tiltfile")
    assert out(only) == "No image references in 0 files.\n  not read: 1 Tiltfile\n"
    assert only.stderr == b""
    left = out(run("check", "--fail-on", "never", "--exclude", "Earthfile"))
    assert "Tiltfile" in left
    assert "Earthfile" not in left
