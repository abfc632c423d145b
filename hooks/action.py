"""The GitHub Action: installs the program beside the checkout, runs a check, and tells what it found.

Inputs come as INPUT_… in the environment, the rest as a runner gives it. The working folder is a checkout that may be
anybody's: Python runs isolated (-I) throughout, so that no module of it is imported, and the token is given to the one
command that needs it. Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile

OLDEST = (3, 11)
VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,63}")
# What pip is told of where packages come from, and of the way there: all else is its lock's, and this script's, to say.
REACH = ("INDEX_URL", "EXTRA_INDEX_URL", "TRUSTED_HOST", "CERT", "CLIENT_CERT", "PROXY", "DEFAULT_TIMEOUT", "RETRIES")


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
            return _tell(program, os.path.abspath(_input("REPORT")), ["--distrust"], token)
        return _check(program, folder, token)
    except Misuse as error:
        return _misuse(str(error))


class Misuse(Exception):
    """An input that is none, or a step that failed; the message says which."""


def _check(program: list[str], folder: str, token: str) -> int:
    """Check, list, tell; the exit code is the check's.

    All of it in the top folder of the repository, from where GitHub names files, whichever folder it is checked out to.
    """
    results = os.path.join(folder, "results")
    os.mkdir(results)
    whose = [*program, "echo_migrate.cli.github.trusted", os.path.join(folder, "base"), _input("CONFIG"), *_paths()]
    trusted = json.loads(_said(whose))
    if "misuse" in trusted:
        raise Misuse(trusted["misuse"])
    start = os.getcwd()
    os.chdir(trusted["top"])
    options = [*trusted["options"], *_given("PROVIDER", "--provider")]
    if _input("ONLINE").lower() == "true":
        if trusted["fork"]:  # a stranger's files would decide what is asked, with the login of this job
            trusted["notes"].append("The registry was not asked: the pull request comes from a fork.")
        else:
            options.append("--online")
    paths = ["--", *trusted["paths"]]
    report, sarif = os.path.join(results, "report.json"), os.path.join(folder, "echo-migrate.sarif")
    check = [*program, "echo_migrate", "check", *options, *_given("FAIL_ON", "--fail-on"), "--output", f"json:{report}"]
    check += ["--output", f"sarif:{sarif}"] if _input("SARIF_FILE") else []
    marked = _input("ANNOTATIONS").lower() != "false"
    code, annotations = _run([*check, "--output-format", "github" if marked else "concise", *paths], keep=marked)
    sys.stdout.buffer.write(annotations)
    sys.stdout.flush()
    if code not in (0, 1):
        return code
    inventory = [*program, "echo_migrate", "inventory", *options, "--quiet", "--output-format", "json", *paths]
    with open(os.path.join(results, "inventory.json"), "w", encoding="utf-8") as file:
        file.write(_said(inventory))
    _counted(results)
    more = [f"--note={note}" for note in trusted["notes"]]
    more += [f"--proofs={os.path.join(start, _input('PROOFS'))}"] if _input("PROOFS") else []
    told = _tell(program, results, more, token)
    if _input("SARIF_FILE"):
        _placed(sarif, _input("SARIF_FILE"), start)
        _output({"sarif-file": _input("SARIF_FILE")})
    return told or code


def _tell(program: list[str], results: str, more: list[str], token: str) -> int:
    words = [*program, "echo_migrate", "github", "--report", os.path.join(results, "report.json")]
    words += ["--inventory", os.path.join(results, "inventory.json"), *more]
    words += [*_given("COMMENT", "--comment"), *_given("SUGGESTIONS", "--suggestions")]
    words += [f"--name={' '.join([_input('PROVIDER'), _input('CONFIG'), *_paths()]).strip()}"]
    code, said = _run(words, keep=True, env={**os.environ, "GITHUB_TOKEN": token})
    sys.stdout.buffer.write(said)
    sys.stdout.flush()
    return code


def _paths() -> list[str]:
    return [*filter(None, map(str.strip, _input("PATHS").splitlines()))]


def _installed(venv: str) -> list[str]:
    """The words that run a module of the program, once it is installed into an environment of its own.

    What it depends on is what the lock says, to the byte, and nothing is built but the program itself.
    """
    version = _input("VERSION")
    if version and not VERSION.fullmatch(version):
        raise Misuse(f"version: {version!r} is none")
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    python = os.path.join(venv, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    pip = [python, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    install = [*pip, "install", "--quiet", "--no-cache-dir", "--no-compile"]  # most of it is never imported
    wheels = "--only-binary=:all:"
    names = ["requirements.txt", "requirements-github.txt"]
    names += ["requirements-registry.txt"] if _input("ONLINE").lower() == "true" else []
    locks = [os.path.join(here, "hooks", name) for name in names]
    commands = [
        [sys.executable, "-I", "-m", "venv", venv],
        [*install, wheels, "--require-hashes", *(word for lock in locks for word in ("-r", lock))],
    ]
    if version:  # which may need another lock than this one
        commands += [[*install, wheels, "--no-deps", f"echo-migrate=={version}"], [*pip, "check"]]
    else:
        commands += [[*install, "--no-deps", "--no-build-isolation", here]]
    for words in commands:
        if _run(words, env=_environment(), cwd=os.path.dirname(venv))[0]:
            raise Misuse("the program could not be installed: see the log above")
    return [python, "-I", "-m"]


def _environment() -> dict[str, str]:
    """The environment without what can lead Python or pip to files of the checkout: a workflow may name some there.

    A cache is one of them: a wheel that lies in it passes for one that was built here.
    """
    reach = {f"PIP_{name}" for name in REACH}
    leads = ("PIP_", "PYTHON", "XDG_")
    return {name: value for name, value in os.environ.items() if name in reach or not name.startswith(leads)}


def _run(
    words: list[str], keep: bool = False, env: dict[str, str] | None = None, cwd: str | None = None
) -> tuple[int, bytes]:
    """Run with its output in the log, where GitHub takes no word of it for a command; what it prints, if to be kept.

    Errors go where the marks go: a runner reads the two streams in no order.
    """
    mark = secrets.token_hex(16)
    print(f"::stop-commands::{mark}", flush=True)
    aside = sys.stdout if keep else subprocess.STDOUT
    done = subprocess.run(words, stdout=subprocess.PIPE if keep else None, stderr=aside, env=env, cwd=cwd, check=False)
    print(f"::{mark}::", flush=True)
    return done.returncode, done.stdout or b""


def _said(words: list[str]) -> str:
    """What a command prints; it must succeed."""
    code, said = _run(words, keep=True)
    if code:
        raise Misuse("a step of the action failed: see the log above")
    return said.decode("utf-8")


def _counted(results: str) -> None:
    """Counts and the folder, for the steps that follow."""
    with open(os.path.join(results, "report.json"), encoding="utf-8") as file:
        report = json.load(file)
    fixes = [found["fix"] for found in report["findings"] if found["fix"] and not found["refused"]]
    _output(
        {
            "findings": len(report["findings"]),
            "fixable": sum(fix["safe"] for fix in fixes),
            "migrated": report["summary"]["migrated"],
            "report": results,
        }
    )


def _output(values: dict[str, object]) -> None:
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())


def _placed(made: str, wanted: str, start: str) -> None:
    """Put a file where it is wanted, in the checkout's folder ``start`` or the runner's: no link there is followed."""
    target = os.path.abspath(os.path.join(start, wanted))
    folder, tops = os.path.realpath(os.path.dirname(target)), (start, os.environ.get("RUNNER_TEMP") or start)
    inside = any(f"{folder}{os.sep}".startswith(f"{os.path.realpath(top)}{os.sep}") for top in tops)
    if not inside or "\n" in wanted or not os.path.isdir(folder):
        raise Misuse("sarif-file: must lie in a folder of the checkout, or of the runner")
    place = os.path.join(folder, os.path.basename(target))
    new = f"{place}.{secrets.token_hex(4)}"
    try:
        with open(made, "rb") as source, open(new, "xb") as file:
            file.write(source.read())
        os.replace(new, place)
    except OSError as error:
        raise Misuse(f"sarif-file: cannot be written: {(error.strerror or str(error)).lower()}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(new)


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
