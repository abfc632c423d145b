"""The reasons why a reference does not move, or not safely, that lie in the place and the file where it stands: a row
each."""

from echo_migrate.model.reasons.images import Row

_BY_HAND = "edit it by hand"
_INCLUDE = "name the file, or include it (--include)"
_LITERAL = "write the image out where it is used"
_APART = "use a separate variable for this image"

OF_PLACES: dict[str, Row] = {
    # the place
    "cannot-edit": Row("written in a form that fix cannot edit", _BY_HAND, "edit"),
    "expression": Row("its expression cannot be expanded", "change it where its value is set", "edit"),
    "takes-no-variables": Row("{instruction} takes no variables", _LITERAL, "edit"),
    "onbuild-stage": Row(
        "may name a stage of the file that builds on this image", "add a tag if it is an image", "edit"
    ),
    "separate-arguments": Row(
        "made of separate build arguments", "change the arguments together", "edit", "separate arguments"
    ),
    "other-part": Row("its other part is in {path}", "change both files together", "edit"),
    "many-parts": Row("made of too many parts", _LITERAL, "edit"),
    "repeated": Row("one variable is in it more than once", _LITERAL, "edit"),
    "shared-differs": Row("set by the same text as {other}, which needs another value", _APART, "edit"),
    "shared-blocked": Row("set by the same text as {other}, which cannot move", _APART, "edit"),
    "shared-unsafe": Row(
        "set by the same text as {other}, which needs review", "review both together", "edit", "shared text"
    ),
    "shared-by-many": Row("more than {count} references share its text", _APART, "edit"),
    "argument-in-stage": Row("ARG {name} is also used inside a stage", "use a separate ARG for the image", "edit"),
    "variable-shared": Row("variable {name} may be used for more than this image", _APART, "edit"),
    "copied-into": Row(
        "the stage on line {line} has the same image, copies from it and needs review",
        "review both together",
        "edit",
        "copied into the same image",
    ),
    "copied-from": Row(
        "it copies {place} from the stage on line {line}, which has the same image and needs review",
        "review both together",
        "edit",
        "copies from the same image",
    ),
    "copied-onto": Row(
        "its libraries or interpreter are copied onto the image on line {line}, which stays",
        "review both together",
        "proof",
        "libraries copied onto another image",
    ),
    "other-python": Row(
        "Python is in {place} in the stage on line {line}, which shares files with it",
        "review both together",
        "proof",
        "Python elsewhere",
        kind="another stage that shares files with it has Python elsewhere",
    ),
    "variable-overridden": Row("variable {name} can be set elsewhere", "check who sets it", "edit"),
    "argument-given": Row("{place} sets ARG {name}", "check the tag there too", "edit", kind="a build sets its ARG"),
    "aliased": Row("its YAML alias is also used where no image is", _LITERAL, "edit"),
    "alias-target": Row("other targets get the same value", _LITERAL, "edit"),
    "no-key": Row("its keys cannot hold the new name", "write registry and repository in full", "edit"),
    "number": Row("its tag is written as a number", "quote the tag", "edit"),
    "other-keys": Row("other keys set parts of its name", "change the keys together", "edit"),
    "digest-key": Row(
        "its digest, in a key of its own, pins the old image", "remove the digest, then pin the new one", "edit"
    ),
    "in-template": Row("in a template, which is not rewritten", _BY_HAND, "edit"),
    "value-unread": Row("no template of the chart reads this value", "edit the template instead", "edit"),
    "report-only": Row("{language} files are only reported", _BY_HAND, "edit"),
    "inspected": Row("copied or inspected, not run", "", ""),
    "never-pulled": Row("never pulled (pull policy)", "load the new image where it runs", "edit"),
    "left-unread": Row("the file was left unread", "see the finding on the file", "edit"),
    "faulty-file": Row("this file {problem}", "fix the file, or edit it by hand", "edit"),
    # scripts and code
    "script-builds": Row("the script builds an image of that name", "", ""),
    "script-loads": Row("the script loads images itself", _BY_HAND, "edit"),
    "heredoc": Row("in a heredoc, which is not rewritten", _BY_HAND, "edit"),
    "script-unsure": Row("the script could not be read with certainty", _BY_HAND, "edit"),
    "word-unsure": Row("it is not certain which word is the image", _BY_HAND, "edit"),
    "same-name": Row(
        "the same name is also used where nothing is pulled", "change all uses together", "edit", "other uses"
    ),
    "build-argument": Row("how the build uses it is unknown", "check the Dockerfile", "edit"),
    "action-input": Row("what the action does with it is unknown", "check the action", "edit"),
    "template-input": Row("what the template does with it is unknown", "check the template", "edit"),
    "default": Row("a default, which the caller may replace", "check the callers", "edit"),
    "library-default": Row("a default of a published library", "check that its users can pull the new image", "edit"),
    "computed-part": Row("part of it is computed", _BY_HAND, "edit"),
    "separate-argument": Row("part of it is a separate argument", _BY_HAND, "edit"),
    "text-elsewhere": Row(
        "line {line} has the same text, which may be no image",
        "change both together",
        "edit",
        kind="the same text is also used elsewhere",
    ),
    "name-elsewhere": Row("{name} is also used where it may be no image", "check the other uses", "edit"),
    "used-elsewhere": Row(
        "pulled for {place}, which would still use the old name",
        "change both together",
        "edit",
        kind="pulled for a use that keeps the old name",
    ),
    "uses-unread": Row("what it is pulled for could not be searched for", "check what uses it", "edit"),
    "exported": Row("{name} is exported", "check who imports it", "edit"),
    # compose, bake, clusters and pipelines
    "compose-variables": Row("Compose fills in variables of this Dockerfile", _LITERAL, "edit"),
    "build-args-beside": Row("the build arguments beside it may change it", "change the arguments together", "edit"),
    "services-share": Row("several services share it", "change it for all of them", "edit"),
    "project-template": Row(
        "projects are made from this template", "check that all can pull the new image", "edit", "a project template"
    ),
    "catalog-entry": Row(
        "users install this application from a catalog",
        "check that all can pull the new image",
        "edit",
        "an application in a catalog",
    ),
    "build-result": Row("a build's result has the same name", "rename one of the two", "edit"),
    "builds-unread": Row("{path} takes too long to read, and may build it", "check what it builds", "edit"),
    "matrix-excluded": Row("the matrix excludes entries by this value", "change the exclude entries too", "edit"),
    "matrix-elsewhere": Row("the matrix value is also used elsewhere", "check the other uses", "edit"),
    "service-host": Row("GitLab derives the service's host name from the image", "add alias: {host}", "edit"),
    "service-alias": Row("also reachable as {host}, from the image's name", "add {host} to its alias", "edit"),
    "operator-image": Row("its operator may expect an image of its own", "check the operator's documentation", "edit"),
    "flux": Row("Flux writes it, by the image policy on its line", "change the image policy", "edit"),
    "kpt": Row("kpt writes it, by the setter on its line", "change the setter's values in the Kptfile", "edit"),
    "followed": Row("{program} finds it by its name, in {path}", "name the new image there too", "edit"),
    "renamed": Row("renamed by {path}", "set newName there", "edit"),
    "retagged": Row("its tag is set by {path}", "add newName with the new image there", "edit"),
    "image-stream": Row("an image stream of OpenShift sets it", "change the image stream", "edit"),
    "replaced": Row("a replacement of {path} sets it", "change the source of the replacement", "edit"),
    "match-key": Row("name is a match key", "add newName with the new image", "edit"),
    "matched-again": Row("{path} would match the new name too", "change both together", "edit"),
    "tag-in-manifests": Row("its tag is in the manifests", "check the tags there", "edit"),
    "registry-above": Row("values above put a registry in front of it", "change the registry there", "edit"),
    "chart-registry": Row("the chart may put a registry in front of it", "check the chart's templates", "edit"),
    "chart-tag": Row("the chart sets its tag", "set the tag in the values", "edit"),
    "values-set": Row("{path} sets part of it with --set", "change both files together", "edit"),
    "values-overlay": Row("another values file sets part of it", "change both files together", "edit"),
    # files that nobody edits
    "vendored": Row("in a vendored file", _INCLUDE, "edit"),
    "fixture": Row("in a test fixture or snapshot", _INCLUDE, "edit"),
    "generated": Row("in a generated file", "change what generates it", "edit"),
    "backup": Row("in a backup", _INCLUDE, "edit"),
    "foreign-workflow": Row("a workflow that no repository runs from here", _INCLUDE, "edit"),
    "embedded": Row("a program embeds this file", _INCLUDE, "edit"),
    "example": Row("documentation is generated from this file", "change both together", "edit"),
    "official": Row("the source of a Docker official image", _INCLUDE, ""),
    # the run
    "comment": Row("ignored by a comment", "remove the comment", "edit", kind="by a comment"),
    "not-selected": Row("{rule} is not selected", "add it with --select", "edit"),
    "not-requested": Row("not among the images of --image", "", ""),
    "unticked": Row("unticked in the pull request", "tick its box there", "edit"),
    "not-applied": Row("its fix could not be applied", _BY_HAND, "edit"),
    "refused": Row("its fix was refused: {problem}", _BY_HAND, "edit"),
}
