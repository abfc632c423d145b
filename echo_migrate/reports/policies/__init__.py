"""The gate as a policy of another program: BuildKit, Conftest, Kyverno.

All of them match references by the regular expression that the rule ``unapproved-registry`` uses.
"""

import json
from collections.abc import Callable, Iterable

from echo_migrate.files.spelling import few
from echo_migrate.images.approval import Approval, Exemption, pattern

_FRONTENDS = ("docker.io/docker/dockerfile", "docker.io/docker/dockerfile-upstream", "docker.io/docker/buildkit-")
"""Images that BuildKit itself runs: its frontends (``# syntax=``) and its scanners of attestations."""

_HEAD = """\
# Written by echo-migrate policy {kind} on {today}: images are to be from {names}.
# Change the configuration of echo-migrate (approved, exceptions), and write it again.
"""

_BUILDKIT = """\
package docker

import rego.v1

default allow := false

# sources that are no images: the build context, git, http
allow if not input.image

allow if regex.match(`{approved}`, input.image.fullRepo)

# what BuildKit runs itself
allow if regex.match(`{frontends}`, input.image.fullRepo)
{exceptions}
decision := {{"allow": allow}}
"""

_BUILDKIT_EXCEPTION = """
# {reason}
allow if {{
	regex.match(`{pattern}`, input.image.fullRepo)
	time.now_ns() < time.parse_rfc3339_ns("{end}")
}}
"""

_CONFTEST = """\
package main

import rego.v1

approved := `{approved}`

deny contains message if {{
	some image in images
	not regex.match(approved, image)
	not excepted(image)
	message := sprintf("%s is from no approved registry (%s)", [image, {names}])
}}
{exceptions}
default excepted(_) := false

# every value of a key `image`: Compose, Kubernetes and what is like them
images contains image if {{
	walk(input, [path, image])
	path[count(path) - 1] == "image"
	is_string(image)
	image != ""
}}

# Dockerfiles, as Conftest reads them: a list of instructions
images contains image if {{
	some at, instruction in input
	instruction.Cmd == "from"
	image := with_arguments(instruction.Value[0])
	image != "scratch"
	not stage(image, at)
}}

images contains image if {{
	some at, instruction in input
	instruction.Cmd in {{"copy", "add", "run"}}
	some flag in instruction.Flags
	found := regex.find_all_string_submatch_n(`^--(?:mount=(?:.*,)?)?from=([^,]+)`, flag, 1)
	image := with_arguments(found[0][1])
	not regex.match(`^[0-9]+$`, image)
	not stage(image, at)
}}

# a stage has its name from there on
stage(name, at) if {{
	some before, instruction in input
	before < at
	instruction.Cmd == "from"
	lower(instruction.Value[1]) == "as"
	lower(instruction.Value[2]) == lower(name)
}}

# FROM has the arguments before the first stage; the last default of a name counts
defaults := [[parts[0], value] |
	some at, instruction in input
	instruction.Cmd == "arg"
	count([before | some before, one in input; before < at; one.Cmd == "from"]) == 0
	some word in instruction.Value
	parts := split(word, "=")
	count(parts) > 1
	value := trim(concat("=", array.slice(parts, 1, count(parts))), "\\"'")
]

arguments[name] := value if {{
	some pair in defaults
	name := pair[0]
	values := [one[1] | some one in defaults; one[0] == name]
	value := values[count(values) - 1]
}}

with_arguments(text) := strings.replace_n(spellings, text)

spellings[spelt] := value if {{
	some name, value in arguments
	some spelt in [concat("", ["${{", name, "}}"]), concat("", ["$", name])]
}}
"""

_CONFTEST_EXCEPTION = """
# {reason}
excepted(image) if {{
	regex.match(`{pattern}`, image)
	time.now_ns() < time.parse_rfc3339_ns("{end}")
}}
"""

_KYVERNO = """\
# Kubernetes has no clock for such expressions: an exception that ended goes when this is written again.
apiVersion: policies.kyverno.io/v1alpha1
kind: ValidatingPolicy
metadata:
  name: approved-registries
spec:
  validationActions: [Deny]
  matchConstraints:
    resourceRules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [CREATE, UPDATE]
        resources: [pods]
  variables:
    - name: images
      expression: >-
        object.spec.containers.map(c, c.image)
        + (has(object.spec.initContainers) ? object.spec.initContainers.map(c, c.image) : [])
        + (has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers.map(c, c.image) : [])
  validations:
    - expression: {expression}
      message: {message}
"""


def buildkit(approval: Approval, today: str) -> str:
    """Return a policy for BuildKit, which reads it beside a Dockerfile (docs.docker.com/build/policies)."""
    return _HEAD.format(kind="buildkit", today=today, names=few(approval.names)) + _BUILDKIT.format(
        approved=pattern(approval.names),
        frontends=pattern(_FRONTENDS),
        exceptions=_rego(_BUILDKIT_EXCEPTION, approval.valid(today)),
    )


def conftest(approval: Approval, today: str) -> str:
    """Return a policy for Conftest, over Dockerfiles, Compose files and manifests of Kubernetes (conftest.dev)."""
    return _HEAD.format(kind="conftest", today=today, names=few(approval.names)) + _CONFTEST.format(
        approved=pattern(approval.names),
        names=json.dumps(few(approval.names)),
        exceptions=_rego(_CONFTEST_EXCEPTION, approval.valid(today)),
    )


def kyverno(approval: Approval, today: str) -> str:
    """Return a ValidatingPolicy of Kyverno, whose expressions are those of Kubernetes (CEL)."""
    exemptions = approval.valid(today)
    names = [*approval.names, *(one.image for one in exemptions)]
    head = _HEAD.format(kind="kyverno", today=today, names=few(approval.names))
    head += "".join(f"# until {one.until}: {one.image} ({one.reason})\n" for one in exemptions)
    return head + _KYVERNO.format(
        expression=json.dumps(f"variables.images.all(image, image.matches('{pattern(names)}'))"),
        message=json.dumps(f"images must be from an approved registry ({few(approval.names)})"),
    )


def _rego(template: str, exemptions: Iterable[Exemption]) -> str:
    return "".join(
        template.format(reason=f"until {one.until}: {one.reason}", pattern=pattern([one.image]), end=_end(one.until))
        for one in exemptions
    )


def _end(until: str) -> str:
    """Return the moment at which a day is over, everywhere: that of the following day, UTC."""
    from datetime import date, timedelta

    return f"{(date.fromisoformat(until) + timedelta(days=1)).isoformat()}T00:00:00Z"


KINDS: dict[str, Callable[[Approval, str], str]] = {"buildkit": buildkit, "conftest": conftest, "kyverno": kyverno}
