"""The GitHub Action: installs the program beside the checkout, runs a check, and tells what it found.

Inputs come as INPUT_… in the environment, the rest as a runner gives it. The working folder is a checkout that may be
anybody's: Python runs isolated (-I) throughout, so that no module of it is imported, and the token is given to the one
command that needs it. Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from typing import TextIO

OLDEST = (3, 11)
VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,63}")


def main() -> int:
    """Run the action. Returns the exit code: that of the check, or 2 on misuse."""
    if sys.version_info < OLDEST:
        return _misuse("Python 3.11 or newer is needed: set it up before, with actions/setup-python")
    token = os.environ.pop("INPUT_TOKEN", "")
    os.environ.pop("GITHUB_TOKEN", None)
    folder = tempfile.mkdtemp(prefix="echo-migrate-", dir=os.environ.get("RUNNER_TEMP"))
    try:
        program = _installed(os.path.join(folder, "venv"))
        if _input("REPORT"):
            return _tell(program, os.path.abspath(_input("REPORT")), [], token)
        return _check(program, folder, token)
    except Misuse as error:
        return _misuse(str(error))


class Misuse(Exception):
    """An input that is none, or a step that failed; the message says which."""


def _check(program: list[str], folder: str, token: str) -> int:
    """Check, list, tell; the exit code is the check's."""
    results = os.path.join(folder, "results")
    os.mkdir(results)
    trusted = json.loads(
        _said([*program, "echo_migrate.github.trusted", os.path.join(folder, "base"), _input("CONFIG")])
    )
    options = [*trusted["options"], *_given("PROVIDER", "--provider")]
    paths = ["--", *filter(None, map(str.strip, _input("PATHS").splitlines()))]
    report, sarif = os.path.join(results, "report.json"), os.path.join(folder, "echo-migrate.sarif")
    check = [*program, "echo_migrate", "check", *options, *_given("FAIL_ON", "--fail-on"), "--output", f"json:{report}"]
    check += ["--output", f"sarif:{sarif}"] if _input("SARIF_FILE") else []
    marked = _input("ANNOTATIONS").lower() != "false"
    code = _shown([*check, "--output-format", "github" if marked else "concise", *paths], commands=marked)
    if code not in (0, 1):
        return code
    inventory = [*program, "echo_migrate", "inventory", *options, "--quiet", "--output-format", "json", *paths]
    with open(os.path.join(results, "inventory.json"), "w", encoding="utf-8") as file:
        file.write(_said(inventory))
    _outputs(results, _placed(sarif, _input("SARIF_FILE")) if _input("SARIF_FILE") else "")
    told = _tell(program, results, [f"--note={note}" for note in trusted["notes"]], token)
    return told or code


def _tell(program: list[str], results: str, notes: list[str], token: str) -> int:
    words = [*program, "echo_migrate", "github", "--report", os.path.join(results, "report.json")]
    words += ["--inventory", os.path.join(results, "inventory.json"), *notes]
    words += [*_given("COMMENT", "--comment"), *_given("SUGGESTIONS", "--suggestions")]
    return subprocess.run(words, env={**os.environ, "GITHUB_TOKEN": token}, check=False).returncode


def _installed(venv: str) -> list[str]:
    """The words that run a module of the program, once it is installed into an environment of its own."""
    version = _input("VERSION")
    if version and not VERSION.fullmatch(version):
        raise Misuse(f"version: {version!r} is none")
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    wanted = f"echo-migrate[github]=={version}" if version else f"{here}[github]"
    python = os.path.join(venv, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    pip = [python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", wanted]
    for words in ([sys.executable, "-I", "-m", "venv", venv], pip):
        if _shown(words, commands=False, output=sys.stderr):
            raise Misuse("the program could not be installed: see the log above")
    return [python, "-I", "-m"]


def _shown(words: list[str], commands: bool, output: TextIO | None = None) -> int:
    """Run with its output in the log, which GitHub does not read for commands unless they are wanted."""
    mark = secrets.token_hex(16)
    if not commands:
        print(f"::stop-commands::{mark}", flush=True)
    code = subprocess.run(words, stdout=output, check=False).returncode
    if not commands:
        print(f"::{mark}::", flush=True)
    return code


def _said(words: list[str]) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise Misuse("a step of the action failed: see the log above")
    return done.stdout.decode("utf-8")


def _outputs(results: str, sarif: str) -> None:
    """Counts and files, for the steps that follow."""
    with open(os.path.join(results, "report.json"), encoding="utf-8") as file:
        report = json.load(file)
    fixes = [found["fix"] for found in report["findings"] if found["fix"] and not found["refused"]]
    values = {
        "findings": len(report["findings"]),
        "fixable": sum(fix["safe"] for fix in fixes),
        "migrated": report["summary"]["migrated"],
        "report": results,
        "sarif-file": sarif,
    }
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())


def _placed(made: str, wanted: str) -> str:
    """Put a file where it is wanted, in the checkout or the runner's folder: a link of the checkout is not followed."""
    target = os.path.abspath(wanted)
    folder, tops = (
        os.path.realpath(os.path.dirname(target)),
        (os.getcwd(), os.environ.get("RUNNER_TEMP") or os.getcwd()),
    )
    inside = any(f"{folder}{os.sep}".startswith(f"{os.path.realpath(top)}{os.sep}") for top in tops)
    if not inside or "\n" in wanted or not os.path.isdir(folder):
        raise Misuse("sarif-file: must lie in a folder of the checkout, or of the runner")
    place = os.path.join(folder, os.path.basename(target))
    new = f"{place}.{secrets.token_hex(4)}"
    with open(made, "rb") as source, open(new, "xb") as file:
        file.write(source.read())
    os.replace(new, place)
    return wanted


def _input(name: str) -> str:
    return os.environ.get(f"INPUT_{name}", "").strip()


def _given(name: str, option: str) -> list[str]:
    return [f"{option}={_input(name)}"] if _input(name) else []


def _misuse(message: str) -> int:
    plain = "".join(ch if ch.isprintable() else "?" for ch in message)
    print(f"::error title=echo-migrate::{plain.replace('%', '%25')}", flush=True)
    return 2


if __name__ == "__main__":
    sys.exit(main())
