"""A credential in the image: in ENV or ARG, in a command, or as a file."""

import os
import re
from collections.abc import Iterator
from itertools import islice

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.named import inside
from echo_migrate.files.source import Traced, Unreadable, contents
from echo_migrate.files.tree import absolute, at_or_above
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command
from echo_migrate.shell.credentials import in_command, in_text, may_be_in, options_of

_MOST_SETTINGS = 20
_LARGEST_SETTINGS = 20_000
_REMEDY = "set it at run time, or use RUN --mount=type=secret"
_BREAKS = lazy_regex(r"(?<=[a-z])(?=[A-Z])|[_.-]")
_STRONG = frozenset(
    ("apikey", "credential", "credentials", "passphrase", "passwd", "password", "pwd", "pword", "secret", "token")
)
_WEAK = frozenset(("auth", "key"))
"""Words that often have another meaning, so that the value must look like a credential too."""
_KINDS_OF_KEY = frozenset(("access", "api", "encryption", "master", "private", "secret", "signing"))
_SPEAKS = lazy_regex(
    r"(?i)auth|credential|key|pass|pwd|pword|secret|token",
    needs=("auth", "credential", "key", "pass", "pwd", "pword", "secret", "token"),
    of_files=True,
)
"""Every name of a credential matches this."""
_TAILS = frozenset(("b64", "base", "base64", "default", "dev", "development", "prod", "production", "value"))
"""Words that may follow the name of a credential. After other words (``TOKEN_URL``, ``KEY_FILE``), the value is about
the credential, not the credential itself."""
_HARMLESS = frozenset(("apt", "gpg", "pgp", "pub", "public", "publishable", "site"))
_NO_VALUES = frozenset(
    ("any", "build", "disabled", "empty", "enabled", "false", "foo", "foobar", "key", "nil", "no", "none", "null")
    + ("off", "on", "optional", "pass", "password", "required", "secret", "token", "true", "undefined", "unset", "yes")
)
_PLACEHOLDER = lazy_regex(
    r"change|dummy|example|fake|insecure|insert|notasecret|notused|placeholder|redacted|replace|sample|test|todo|unused"
    r"|xxx|your|\*\*\*|\.\.\.|^[<\[{%@]"
)
_OPAQUE = lazy_regex(r"(?=.*\d)(?=.*[A-Za-z])[\w+/=.:~-]{16,}")
_FINGERPRINT = lazy_regex(r"[0-9A-Fa-f]{40}")
_NUMBER = lazy_regex(r"\d{1,5}")
_FILE_NAME = lazy_regex(r"[\w-]{1,80}\.(?:conf|crt|env|jks|json|key|p12|pem|properties|py|sh|txt|xml|ya?ml)")

_BEGINS = lazy_regex(
    r"AKIA|ASIA|gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|AIza|npm_|-----BEGIN|://[^\s/@]{1,300}@",
    needs=(
        *("akia", "asia", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "xoxa-", "xoxb-", "xoxp-"),
        *("xoxr-", "xoxs-", "aiza", "npm_", "-----begin", "@"),
    ),
    of_files=True,
)
"""Every text in which one of the patterns below has a match also matches this."""
_TOKENS = (
    ("an AWS access key", lazy_regex(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", needs=("akia", "asia"))),
    ("a GitHub token", lazy_regex(r"\b(?:gh[oprsu]_[A-Za-z0-9]{36}|github_pat_\w{60})", needs=("gh", "github_pat_"))),
    ("a GitLab token", lazy_regex(r"\bglpat-[\w-]{20}", needs=("glpat-",))),
    ("a Slack token", lazy_regex(r"\bxox[abprs]-\d[\w-]{20}", needs=("xox",))),
    ("a Google API key", lazy_regex(r"\bAIza[\w-]{35}(?![\w-])", needs=("aiza",))),
    ("an npm token", lazy_regex(r"\bnpm_[A-Za-z0-9]{36}\b", needs=("npm_",))),
    (
        "a private key",
        lazy_regex(
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----(?:\\r|\\n|[\s'\"\\]){0,20}[A-Za-z0-9+/=]{16}",
            needs=("-----begin",),
        ),
    ),
)
_IN_URL = lazy_regex(r"://([^\s/@:'\"$]{0,80}):([^\s/@:'\"$`<>{}%*]{1,200})@([\w.-]{0,80})", needs=("://",))
_NOWHERE = lazy_regex(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|host|hostname|example|)$|(?:.*\.)?example\.\w+$")
_FEWEST_CHARACTERS = 3
_SETTING = frozenset(("arg", "env"))
_STORED = frozenset(("arg", "cmd", "entrypoint", "env", "healthcheck", "label"))
_TESTS = frozenset((":", "[", "[[", "test"))

_FILES = frozenset(
    (
        ".aws",
        ".dockercfg",
        ".env",
        ".env*",
        ".env.local",
        ".git-credentials",
        ".my.cnf",
        ".netrc",
        ".npmrc",
        ".pgpass",
        ".pypirc",
        ".s3cfg",
        ".ssh",
        "_netrc",
        "kubeconfig",
        "pip.conf",
    )
)
_SETTINGS = frozenset((".npmrc", "pip.conf"))
"""Those that may have settings alone."""

_CREDENTIAL = lazy_regex(r"(?im)^[^#;\n]{0,500}(?:_auth|_password|token|username|//[^/\s:@]{1,200}:[^@\s]{1,200}@)")
_KEYS = lazy_regex(r"id_(?:rsa|dsa|ecdsa|ed25519)$", needs=("id_",))
_SURE = (".key", ".p12", ".pfx")
_BOXES = (*_SURE, ".jks", ".pem")
"""Suffixes of files with private keys; those not in ``_SURE`` may also have public content."""
_PRIVATE = lazy_regex(r"(?i)(?:^|[._-])(?:priv|private|key|privkey|privatekey|keystore)(?:[._-]|$)")
_OPEN = lazy_regex(r"(?i)trust|pub|gpg|pgp|keyring|(?:^|[/._-])(?:apt|archive|repo|rpm)")
_MADE_UP = lazy_regex(
    r"(?i)(?:^|[/._-])(?:dummy|examples?|fixtures?|insecure|samples?|snakeoil|tests?)(?:[/._-]|$)",
    needs=("dummy", "example", "fixture", "insecure", "sample", "snakeoil", "test"),
)

_TEST_FOLDER = lazy_regex(r"(?i)(?:^|/)(?:fixtures?|testdata|tests?)(?:/|$)", needs=("fixture", "test"))
_MADE_FOR_TESTS = (".key", ".pem")
"""Suffixes of keys that tests have for a TLS of their own. Other credentials are no less real beside tests."""


@rule(on=Stage, level="warning", also=("SecretsUsedInArgOrEnv",))
def secret_in_image(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships:
        return
    begins = _BEGINS.search(context.source.text, stage.start, stage.end)
    layers = stage.ships == "layers"
    for instruction in stage.instructions if layers or begins else ():
        # if a stage is copied from, its files reach the image, but not its variables
        named = list(_variables(instruction, stage)) if layers and instruction.verb in _SETTING else []
        yield from named
        kind = _token(instruction) if begins and not named else ""
        if kind:
            end = instruction.start + len(instruction.verb)
            message = f"{kind} in this {instruction.verb.upper()} is stored in the image: {_REMEDY}"
            yield Finding(instruction.start, end, message, private=True)
        if layers and not named and not kind and _has_password(instruction, stage):
            end = instruction.start + len(instruction.verb)
            message = f"a password in this {instruction.verb.upper()} is stored in the image: {_REMEDY}"
            yield Finding(instruction.start, end, message, private=True)
    for run in stage.runs:
        yield from _of_run(run, stage)
    for copy in stage.copies:
        name = _secret_file(copy, context)
        if name and not (name in _SETTINGS and _is_free_of_secrets(name, context.source.path)):
            message = f"{name} looks like a credentials file, and stays in the image: "
            message += "mount it at run time, or use RUN --mount=type=secret"
            yield Finding(copy.instruction.start, copy.instruction.end, message)


def _has_password(instruction: Instruction, stage: Stage) -> bool:
    """Return whether an instruction other than a RUN has a credential, in a connection string or in the arguments of
    what it starts."""
    if instruction.verb not in _STORED:
        return False
    starts = [one.script.commands for one in stage.start_commands if one.start == instruction.start]
    values = in_text(instruction.args.value) + [value for commands in starts for value in _given(commands)]
    return any(map(_could_be_one, values))


def _given(commands: tuple[Command, ...]) -> Iterator[str]:
    """Yield the credentials in the arguments of commands."""
    for before, command in zip((None, *commands), commands, strict=False):
        yield from (*in_command(command, before), *_set_by(command))


def _of_run(run: Run, stage: Stage) -> Iterator[Finding]:
    """Yield a finding for the first command of a RUN with a literal credential, and one for each secret it keeps."""
    if stage.ships == "layers" and not _token(run.instruction):
        for command, values in _in_words(run.commands):
            if any(map(_could_be_one, values)):
                message = f"a credential in the arguments of {command.name or 'a variable'} is stored in the image: "
                message += "use RUN --mount=type=secret"
                yield Finding(command.start, command.end, message, private=True)
                break
    if run.instruction.flags:
        from echo_migrate.dockerfile.secret_mounts import kept  # few RUNs mount a secret

        for secret, command, file in kept(run):
            message = (
                f"the secret {secret.name} is stored in the image, in {file}: mount it there (target=…), or remove the "
            )
            yield Finding(command.start, command.end, f"{message}file in the same RUN")


def _in_words(commands: tuple[Command, ...]) -> Iterator[tuple[Command, list[str]]]:
    """Yield commands with the values in their words that are written as credentials, or set by the name of one; most
    RUNs have no word for either."""
    words = [word.text.value for command in commands for word in command.words]
    whole = "\n".join([*words, *[name for command in commands for name, _ in command.assignments]])
    written, named = may_be_in(whole), _SPEAKS.search(whole)
    for before, command in zip((None, *commands), commands, strict=False):
        values = [*in_command(command, before), *(_written(command) if written else ())]
        yield command, [*values, *_set_by(command)] if named else values


def _written(command: Command) -> list[str]:
    return [value for text in command.arguments for value in in_text(text)]


def _set_by(command: Command) -> Iterator[str]:
    """Yield the values of options and variables with the name of a password or token; values of keys are often made
    up for a build."""
    for name, value in options_of(command):
        if _words_of(name)[-1:] not in ([], ["key"], ["secret"]) and _is_name(name):
            yield value


def _variables(instruction: Instruction, stage: Stage) -> Iterator[Finding]:
    """Yield a finding for each variable of an ENV or ARG whose value is a credential, without the value."""
    if not _SPEAKS.search(instruction.args.value):
        return
    for name, value in instruction.pairs():
        where, default = "this ENV", instruction.unquoted(value).value if value is not None else None
        if instruction.verb == "arg":
            where = "the default of this ARG" if value else "the global default of this ARG"
            default = stage.graph.arguments.get(name.value, "") if default is None else default
        if default and _is_secret(name.value, default):
            message = f"{name.value} is stored in the image by {where}: {_REMEDY}"
            yield Finding(name.start, name.end, message, private=True)
        elif not default and instruction.verb == "arg" and _is_name(name.value) and _is_used(name, stage):
            message = f"{name.value} is stored in the image by this ARG, which a RUN uses: use RUN --mount=type=secret"
            yield Finding(name.start, name.end, message)


def _is_used(argument: Traced, stage: Stage) -> bool:
    """Return whether a RUN in the scope of an ARG uses its value."""
    name = argument.value
    read = re.compile(r"\$(?:NAME(?!\w)|\{NAME(?!\w|:?\+))".replace("NAME", re.escape(name)))
    for one in [one for one in stage.graph.stages() if one.ships == "layers" and stage in one.lineage]:
        runs = [run for run in one.runs if one.number != stage.number or run.instruction.start > argument.start]
        if not _is_replaced(name, one) and any(_reads(run, name, read) for run in runs):
            return True
    return False


def _is_replaced(name: str, stage: Stage) -> bool:
    """Return whether an ENV gives a variable, also named by an ARG, a value of its own."""
    variables = [one for above in stage.lineage for one in above.instructions if one.verb == "env"]
    pairs = [pair for one in variables for pair in one.pairs()]
    return any(key.value == name and name not in (value.value if value else "") for key, value in pairs)


def _reads(run: Run, name: str, read: re.Pattern[str]) -> bool:
    """Return whether a RUN does more with a variable than to test it, and does not set it itself."""
    if any(flag.name == "mount" and name in flag.value.value for flag in run.instruction.flags):
        return False
    values = [pair for command in run.commands for pair in command.assignments]
    if any(key == name and not read.search(word.value) for key, word in values):
        return False
    commands = [command for command in run.commands if command.name not in _TESTS]
    words = [word.value for command in commands for word in command.words]
    words += [one.target.value for command in commands for one in command.redirects]
    words += [word.value for _, word in values]
    written = "" if run.instruction.args.value.startswith("<<") else "\n".join(_bodies(run.instruction))
    return any(map(read.search, (*words, written)))


def _is_name(name: str) -> bool:
    """Return whether a variable has the name of a credential, whatever its value."""
    words = _words_of(name)
    last = words[-1] if words else ""
    if last in _STRONG and words != ["pwd"]:
        return True
    return last.endswith(("password", "passwd")) or (last == "key" and not _KINDS_OF_KEY.isdisjoint(words))


def _words_of(name: str) -> list[str]:
    """Return the words of a variable's name up to one for a credential; none if another word makes it harmless."""
    words = [word for word in _BREAKS.sub("_", name).lower().split("_") if word]
    while words and (words[-1] in _TAILS or words[-1].isdigit()):
        words.pop()
    return words if _HARMLESS.isdisjoint(words) else []


def _is_secret(name: str, value: str) -> bool:
    """Return whether a variable has the name of a credential, and a value that can be one."""
    weak = not _WEAK.isdisjoint(_words_of(name)[-1:]) and _OPAQUE.fullmatch(value) and not _FINGERPRINT.fullmatch(value)
    return (_is_name(name) or bool(weak)) and _could_be_one(value)


def _could_be_one(value: str) -> bool:
    """Return whether a value can be a credential: it is no expression, path, address or placeholder."""
    small = value.lower()
    if not value or re.search(r"[$`\s]|://", value) or value.startswith(("/", "./", "../", "~")):
        return False
    if small in _NO_VALUES or _PLACEHOLDER.search(re.sub(r"[_-]", "", small)):
        return False
    if _NUMBER.fullmatch(value) or _FILE_NAME.fullmatch(value):
        return False
    return len(set(value)) >= _FEWEST_CHARACTERS


def _token(instruction: Instruction) -> str:
    """Return the kind of a credential in an instruction, recognised by its form, or ""."""
    texts = [part for part in (instruction.args.value, *_bodies(instruction)) if _BEGINS.search(part)]
    for kind, form in _TOKENS:
        for text in texts:
            if any("EXAMPLE" not in found and len(set(found[-16:])) > 4 for found in form.findall(text)):
                return kind
    for text in texts:
        for _, password, host in _IN_URL.findall(text):
            if not _NOWHERE.match(host.lower()) and _could_be_one(password):
                return "a password in a URL"
    return ""


def _bodies(instruction: Instruction) -> Iterator[str]:
    for step in (instruction, instruction.trigger):
        for body in step.heredocs if step else ():
            yield body.value


def _secret_file(copy: Copy, context: Context) -> str:
    """Return the name of the first copied file that has the name of a credential file, or ""."""
    if copy.origin:
        return ""
    for source in copy.sources:
        path = source.value.replace("\\", "/").rstrip("/")
        named = "://" not in path and _holds_secret(path, copy.target or copy.written.value)
        if named and not _MADE_UP.search(path) and not _is_beside_tests(path, context):
            return path.rpartition("/")[2]
    return ""


def _is_beside_tests(path: str, context: Context) -> bool:
    """Return whether a copied file is a key for TLS in the folder of its Dockerfile or one above it that is for tests,
    below those that the user named."""
    if not path.lower().endswith(_MADE_FOR_TESTS):
        return False
    at = os.path.dirname(absolute(context.source.path))
    folder = os.path.dirname(inside(absolute(context.source.path), context.settings.named))
    while ".." not in path.split("/") and _TEST_FOLDER.search(folder):
        if os.path.isfile(os.path.join(at, path.lstrip("/"))):
            return True
        at, folder = os.path.dirname(at), os.path.dirname(folder)
    return False


def _is_free_of_secrets(name: str, dockerfile: str) -> bool:
    """Return whether the tree has a file of settings for a build, and no such file in it has a credential."""
    found = list(islice(at_or_above(dockerfile, name), _MOST_SETTINGS))
    try:
        texts = [contents(path, _LARGEST_SETTINGS) for path in found if not os.path.islink(path)]
    except Unreadable:
        return False
    return 0 < len(found) == len(texts) and not any(_CREDENTIAL.search(text.decode("latin-1")) for text in texts)


def _holds_secret(path: str, target: str) -> bool:
    folder, _, name = path.rpartition("/")
    if name in _FILES or _KEYS.match(name):
        return True
    if (folder.rpartition("/")[2], name) in ((".aws", "credentials"), (".docker", "config.json"), (".kube", "config")):
        return True
    small = name.lower()
    if not small.endswith(_BOXES) or _OPEN.search(name) or _OPEN.search(target):
        return False
    return small.endswith(_SURE) or bool(_PRIVATE.search(small.rpartition(".")[0]))
