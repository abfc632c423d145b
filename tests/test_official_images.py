"""The script that reads the Dockerfiles of official images, on small repositories in the form of each source."""

import runpy
import subprocess
from pathlib import Path
from typing import Any

import yaml

SCRIPT = runpy.run_path(str(Path(__file__).parent.parent / "hooks" / "refresh"))
WEB = """\
# made by a script
Maintainers: Someone (@someone)
GitRepo: https://github.com/acme/web.git
GitCommit: 0123456789012345678901234567890123456789

Tags: 1.2.3, 1.2, 1, latest
Directory: 1.2

Tags: 1.2.3-alpine, 1.2-alpine, alpine
Directory: 1.2/alpine

Tags: 1.2.3-tiny, tiny
Directory: tiny

Tags: 1.1.9, 1.1
Directory: 1.1

Tags: 1.2.3-windows
Architectures: windows-amd64
Directory: 1.2/windows

Tags: 1.2.3-more, more
Directory: more
"""


def _repository(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for words in (("init", "-q"), ("add", "-A"), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")):
        subprocess.run(["git", *words], cwd=folder, check=True)


def test_rows_state_what_the_dockerfiles_do(tmp_path: Path) -> None:
    _repository(tmp_path / "official", {"library/web": WEB})
    _repository(
        tmp_path / "sources" / "acme" / "web",
        {
            "1.2/Dockerfile": "ARG R=13\nFROM debian:$R AS base\nEXPOSE 80/tcp\nFROM scratch AS no\nUSER no\n"
            'FROM base\nENTRYPOINT ["/run"]\nCMD ["serve"]\nUSER web\n',
            "1.2/alpine/Dockerfile": 'FROM web:1.2\nENTRYPOINT ["/other"]\n',
            "tiny/Dockerfile": "FROM web:1.2.0-alpine\nUSER root\n",
            "1.2/windows/Dockerfile": "FROM windows\nUSER ContainerUser\n",
            "more/Dockerfile": "FROM acme/elsewhere\nUSER x\n",
        },
    )
    sources = SCRIPT["Sources"](str(tmp_path / "official"), str(tmp_path / "sources"))
    made: dict[str, Any] = yaml.safe_load(SCRIPT["text_of_all"](sources, ["library/web"]))
    assert set(made) == {"web"}
    plain, alpine, tiny = made["web"]
    assert plain == {
        "tags": ["1", "1.2", "1.2[._]*", "latest"],
        "family": "debian",
        "manager": "apt-get",
        "shell": True,
        "user": "web",
        "entrypoint": ["/run"],
        "cmd": ["serve"],
        "ports": ["80"],
    }
    assert alpine["tags"] == ["1.2*-alpine", "alpine"]
    assert (alpine["user"], alpine["entrypoint"], alpine["cmd"]) == ("web", ["/other"], [])
    assert tiny == {**alpine, "tags": ["1.2*-tiny", "tiny"], "user": "root", "uid": 0}, "on an earlier version"
