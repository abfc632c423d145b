"""The documentation: its site is built strictly, each rule has its address, and the picture is what a check prints."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import picture, site
from echo_migrate.rules import RULES, SITE, link
from tests.conftest import copy_project

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("docs") / "project"
    copy_project(root)
    done = subprocess.run([sys.executable, "docs/site.py"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "build" / "docs" / "site"


def test_each_rule_has_its_page_where_reports_link_to(built: Path) -> None:
    for id in RULES:
        page = built / link(id).removeprefix(f"{SITE}/") / "index.html"
        assert f"<title>{id} - echo-migrate</title>" in page.read_text()
    assert (built / "security" / "index.html").exists()


def test_pages_are_found_by_what_they_are_about(built: Path) -> None:
    texts = [item["text"] for item in json.loads((built / "search.json").read_text())["items"]]
    assert any("imagePullSecrets" in text for text in texts)


def test_a_page_loads_nothing_from_elsewhere(built: Path) -> None:
    pages = [*built.rglob("*.html")]
    assert len(pages) > len(RULES)
    for page in pages:
        loaded = re.findall(r"<(?:script|img|link|iframe)[^>]*?\s(?:src|href)=\"?([^\s\">]+)", page.read_text())
        assert not [address for address in loaded if re.match(r"(?:https?:)?//", address) and SITE not in address]


def test_a_case_is_a_block_with_a_title() -> None:
    text = "```yaml a/b.yml\nx: 1\n```\n\n```says\nx\n```\n\n```sh\ny\n```\n"
    assert site.titled(text) == (
        '```yaml title="a/b.yml"\nx: 1\n```\n\n```text title="findings"\nx\n```\n\n```sh\ny\n```\n'
    )


def test_the_picture_is_what_a_check_prints() -> None:
    assert picture.drawn(picture.printed()) == (ROOT / "docs" / "check.svg").read_text()
