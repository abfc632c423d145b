"""Print the bill of materials of a release (CycloneDX 1.6): what the lock has the program run and built with.

``python hooks/sbom.py > sbom.json``. Standard library only: a release runs it with the packages of the lock alone.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
_ENTRY = re.compile(r"(?m)^([a-z0-9-]+)==(\S+)(?: ; [^\\\n]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$")
_VERSION = re.compile(r'(?m)^__version__ = "([^"]+)"$')


def bill() -> dict[str, object]:
    """Return the bill of materials, with each package of the lock and the hashes of its files."""
    version = _VERSION.search((ROOT / "echo_migrate" / "__init__.py").read_text())
    assert version
    packages = [_component(*entry) for entry in _ENTRY.findall((ROOT / "hooks" / "requirements.txt").read_text())]
    own = _component("echo-migrate", version[1], "") | {"type": "application"}
    names = [str(one["bom-ref"]) for one in packages]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own},
        "components": packages,
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": names}, *({"ref": name} for name in names)],
    }


def _component(name: str, version: str, hashes: str) -> dict[str, object]:
    """Return a package; its files, of which one is installed, have their hashes as those of its distributions."""
    address = f"pkg:pypi/{name}@{version}"
    files = [
        {"type": "distribution", "url": address, "hashes": [{"alg": "SHA-256", "content": one}]}
        for one in re.findall(r"sha256:([0-9a-f]{64})", hashes)
    ]
    found: dict[str, object] = {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
    }
    return found | ({"externalReferences": files} if files else {})


if __name__ == "__main__":
    print(json.dumps(bill(), indent=2))
