"""The build hook that lays the data of ``mappings/`` into a wheel as JSON, which a start reads without PyYAML, and the
files of ``hooks/`` that ``echo-migrate init`` writes."""

import json
import runpy
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TEMPLATES = ("pre-commit-config.yml", "github/pull-request.yml")
"""What ``echo_migrate/cli/init.py`` reads."""


class WheelHook(BuildHookInterface[BuilderConfig]):
    """What hatchling calls before and after it builds a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add each file in parsed form, unless the wheel only points to the checkout, which has the YAML."""
        if version == "editable":
            return
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.root)
        read_data = runpy.run_path(str(root / "echo_migrate" / "files" / "data.py"))["read_data"]
        for path in sorted((root / "mappings").rglob("*.yaml")):
            name = path.relative_to(root / "mappings")
            target = Path(self.folder.name, "mappings", name).with_suffix(".json")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(as_json(read_data(name.as_posix())), encoding="ascii")
        for template in TEMPLATES:
            target = Path(self.folder.name, "hooks", template)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / "hooks" / template, target)
        build_data["force_include"][self.folder.name] = "echo_migrate"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was only for the build."""
        if version != "editable":
            self.folder.cleanup()


def as_json(data: dict[str, Any]) -> str:
    """Return data as JSON with one key of the top level a line: a reader finds it without parsing the others.

    Raises ``ValueError`` for what JSON would change, as keys that are no text.
    """
    lines = [f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in data.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if json.loads(text) != data:
        raise ValueError("JSON cannot say all of this data: quote keys that are numbers")
    return text
