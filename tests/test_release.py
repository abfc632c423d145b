"""What a release is made of: its version, its files, its bill of materials, its workflow."""

import json
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from cyclonedx.model.bom import Bom
from jsonschema.validators import validator_for

from echo_migrate import __version__
from tests.conftest import ROOT

CI = (ROOT / "docs" / "ci.md").read_text()
WORKFLOW = (ROOT / ".github" / "workflows" / "release.yml").read_text()
BIN = Path(sys.executable).parent


def test_the_files_pass_what_an_index_checks(wheel: Path, sdist: Path) -> None:
    done = subprocess.run(
        [BIN / "twine", "check", "--strict", wheel, sdist], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    done = subprocess.run([BIN / "check-wheel-contents", wheel], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"-{__version__}-" in wheel.name
    assert sdist.name == f"echo_migrate-{__version__}.tar.gz"
    with zipfile.ZipFile(wheel) as archive:
        assert "echo_migrate/py.typed" in archive.namelist()


def test_there_is_one_version() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in text
    assert 'path = "echo_migrate/__init__.py"' in text
    for path in (ROOT / "README.md", ROOT / "docs" / "ci.md"):
        assert set(re.findall(r"rev: v(\S+)", path.read_text())) <= {__version__}


def test_the_bill_of_materials_is_valid_and_that_of_the_lock() -> None:
    hook = runpy.run_path(str(ROOT / "hooks" / "sbom.py"))
    bill = hook["bill"]()
    read = Bom.from_json(json.loads(json.dumps(bill)))  # type: ignore[attr-defined]
    assert {f"{one.name}=={one.version}" for one in read.components} == {
        f"{one['name']}=={one['version']}" for one in bill["components"]
    }
    pins = re.findall(r"(?m)^([a-z0-9-]+==[^\s]+)", (ROOT / "hooks" / "requirements.txt").read_text())
    assert [f"{one['name']}=={one['version']}" for one in bill["components"]] == pins
    assert all(one["externalReferences"] for one in bill["components"])
    assert bill["metadata"]["component"]["version"] == __version__


def test_the_workflow_builds_by_the_lock_and_has_no_token() -> None:
    assert "secrets." not in WORKFLOW
    assert "--require-hashes --only-binary=:all: -r hooks/requirements.txt" in WORKFLOW
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == __version__


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        (".circleci/config.yml", "vendor.circle-ci"),
        ("azure-pipelines.yml", "vendor.azure-pipelines"),
        ("bitbucket-pipelines.yml", "vendor.bitbucket-pipelines"),
    ],
)
def test_a_recipe_is_of_the_form_of_its_system(name: str, schema: str) -> None:
    block = CI.partition(f"`{name}`:")[2].partition("```yaml\n")[2].partition("```")[0]
    form = get_builtin_schema(schema)
    assert [error.message for error in validator_for(form)(form).iter_errors(yaml.safe_load(block))] == []


def test_recipes_install_this_version_and_check() -> None:
    blocks = re.findall(r"```(?:yaml|groovy)\n(.*?)```", CI, re.DOTALL)
    recipes = [block for block in blocks if "install" in block]
    assert len(recipes) == 4
    for block in recipes:
        assert f"git+https://git.example.com/echo-migrate@v{__version__}" in block
        assert re.search(r"echo[-_]migrate\"? check --output [\w/-]+\.xml \.", block)
