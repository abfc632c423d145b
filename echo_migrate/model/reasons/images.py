"""The reasons why a reference does not move, or not safely, that lie in the image and its target: a row each."""

from typing import Literal, NamedTuple

Lift = Literal["online", "proof", "login", "edit", ""]
"""What can take a reason away: a look into the registry, a build with both images, a login that is set up, an edit by
hand; nothing where it states a fact."""


class Row(NamedTuple):
    """The sentence, what to do, the sentence in a few words, and what it shares with others of its kind, counted
    together; words in braces are parameters."""

    message: str
    remedy: str
    lift: Lift
    brief: str = ""
    kind: str = ""


_REVIEW = "see echo-migrate fix --unsafe-fixes --diff"
_TAG = "confirm with --online"
_PULL = "list what you can pull (catalog pull)"
_RUN = "run it once on the new image"
_NO_LOGIN = "no registry login"
_NO_VERSIONS = "the provider's list has no versions of it"

OF_IMAGES: dict[str, Row] = {
    # the reference
    "no-value": Row(
        "no value for {names} in this file",
        "set a default with a version",
        "edit",
        kind="no value for a variable in this file",
    ),
    "argument": Row("an argument of a function", "change it where the function is called", "edit"),
    "set-elsewhere": Row("set in another file, to {value}", "change it there", "edit"),
    "not-a-reference": Row("not an image reference", "write NAME:TAG", "edit"),
    "set-by-variable": Row(
        "set by variable {name} on line {line}", "change it there", "edit", kind="set by a variable of the file"
    ),
    "matrix": Row("set by {names}", "check each value of the matrix", "edit"),
    "choices-differ": Row("the values of its variable need different new tags", "write each image out", "edit"),
    "template": Row("a placeholder, filled in elsewhere", "change what fills it in", "edit"),
    "unknown-image": Row(
        "not in the list of known images", "if it is a copy of a public image, add a row to a mapping file", "edit"
    ),
    "first-party": Row("private, or built in this repository", "move the images that it is built from", ""),
    "of-the-owner": Row("an image of this repository's owner", "move the images that it is built from", ""),
    "not-offered": Row("{provider} is not known to offer {name}", "try: echo-migrate match {name} --provider all", ""),
    "variant-not-offered": Row(
        "{provider} is not known to offer a -{word} variant of {name}",
        "try: echo-migrate match {name} --provider all",
        "",
    ),
    "hardened": Row("already at {vendor}", "", ""),
    "at-upstream": Row("an upstream image", "", ""),
    "no-origin": Row("what this image of {vendor} replaces is not known", "add a row to a mapping file", "edit"),
    "no-home": Row("where upstream publishes {name} is not known", "edit it by hand", "edit"),
    "several-origins": Row("{vendor} has one image for {names}", "use the one that fits", "proof", "several variants"),
    "version-unstated": Row("the vendor does not state which version it has", "compare both versions", "online"),
    "gone": Row("{vendor} turned its registry off on {since}", "build it once on the new image", "proof", "gone"),
    "guess": Row("{guess}", "check that the upstream image fits, or name another in a mapping file", "edit", "a guess"),
    "deprecated": Row("{name} is deprecated", "use {successor}", "edit"),
    "architecture": Row("{prefix}/ asks for one architecture", "use the plain name with --platform", "edit"),
    "architecture-tag": Row("tag word {word} asks for one architecture", "use --platform", "edit"),
    # the target
    "ended": Row("{line} reached end of life{date}", "upgrade to {follower} first{how}", "online", "end of life"),
    "ended-there": Row(
        "{provider} ends {line} on {date}, and lists no newer line",
        "confirm with --online that it is still built",
        "online",
        "end of life there",
        kind="the provider's list has no line past its end",
    ),
    "unpublished": Row(
        "upstream last published {version} before {since}, so the provider may lack it",
        "use a newer version",
        "online",
        "old version",
    ),
    "version-unknown": Row(
        "{version} is not in the data of {date}, so the provider may lack it",
        "check that it exists",
        "online",
        "version not in the data",
    ),
    "pre-release": Row("{version} is a pre-release", "use a release", "online", "pre-release"),
    "offered": Row("no public evidence of this image", "check that it exists", "online", "image not verified"),
    "inferred": Row(
        "the new name is inferred, not verified", "check that the image exists", "online", "new name not verified"
    ),
    "digest": Row(
        "drops the digest, which pins the old image",
        "use fix --online, which writes the new one",
        "online",
        "drops digest",
    ),
    "digest-alone": Row("pinned by digest alone, without a tag", "add the tag in front of the digest", "edit"),
    "no-version": Row("tag {tag} names no {name} version", "use a tag with one", "edit"),
    "version-in-name": Row("version {version} is in its name, not in its tag", "use a tag of {name} with it", "edit"),
    "drops-words": Row("drops {words}: no such {provider} tag is known", _TAG, "online", "drops {words}"),
    "no-such-word": Row("no {provider} tag with -{words} is known", _TAG, "online", "no -{words} tag"),
    "drops-version": Row(
        "{image} has line {line}; {version} is not known",
        "check that any {line} release will do",
        "proof",
        "{line} for {version}",
    ),
    "fips-unlisted": Row(
        "no FIPS variant of {image} is in the list: it would be {form}",
        "list what your account has (catalog pull), or use --online",
        "online",
        "no FIPS variant listed",
        kind="no FIPS variant is in the list",
    ),
    "no-fips": Row(
        "{provider} is not known to have a FIPS variant of {image}",
        "see what others have: echo-migrate compare --fips",
        "online",
        "no FIPS variant known",
        kind="{provider} is not known to have a FIPS variant",
    ),
    "tags-unknown": Row("the tags of {image} are not known", _TAG, "online", "tags unknown"),
    "image-unlisted": Row("{image} is not in the list of {date}", _PULL, "online", "image not listed"),
    "tag-unlisted": Row(
        "{image} has no such tag in the list of {date} (nearest: {nearest})",
        "use a version that it has",
        "online",
        "no such tag",
        kind="the provider's list has no such tag",
    ),
    "versions-unlisted": Row(
        "no {image} tag in the {provider} list of {date} has a version", _PULL, "online", kind=_NO_VERSIONS
    ),
    "word-unlisted": Row(
        "no {image} tag in the {provider} list of {date} has -{words}", "use another variant or provider", "online"
    ),
    "tag-unknown": Row("{image} has no known tag {tag}", _TAG, "online", "tag unknown"),
    "no-such-image": Row("{registry} has no image {image}", "check the name there, or use another provider", "edit"),
    "no-such-tag": Row(
        "{image} has no tag {tag}{nearest}",
        "use a version that it has",
        "edit",
        "no such tag",
        kind="the registry has no such tag",
    ),
    "not-locked": Row("{target} is not in the lock file", "run echo-migrate lock", "edit", "not in the lock file"),
    "not-entitled": Row("your account may not pull {image}", "{remedy}", "login", "not entitled"),
    "not-rebuilt": Row("{target} was last built on {date}", "use a tag that is rebuilt", "edit", "not rebuilt"),
    "older-version": Row("the image there has {after}, older than {before}", "use another tag", "edit", "older there"),
    "other-version": Row(
        "{before} becomes {after}", "check that this version will do", "proof", "another patch version"
    ),
    "other-platforms": Row("{target} is not there for {platform}", "use another image there", "edit", "platform"),
    "pin-elsewhere": Row("there is no place for its digest here", "write name and tag here, or pin it by hand", "edit"),
    "floating": Row("{tag} leaves the version open; this sets {target}", "check that this version will do", "proof"),
    "one-variant": Row("{image} has this only as a -dev image", _REVIEW, "proof", "-dev image"),
    "dev-variant": Row(
        "line {line} needs what only the -dev image has ({rule})", _REVIEW, "proof", "-dev in the final image"
    ),
    "no-variant": Row(
        "{provider} has no {before} variant: this switches to {after}{libc}",
        _REVIEW,
        "proof",
        "{before} to {after}",
        "{provider} has no {before} variant: switches to {after}{libc}",
    ),
    "behind": Row(
        "still at {version}, behind other tags of that line (list of {date})", _TAG, "online", "an older release"
    ),
    "release": Row(
        "{target} is built on another release than {before}", _REVIEW, "proof", "another release than {before}"
    ),
    "family": Row("switches from {before} to {after}{libc}", _REVIEW, "proof", "{before} to {after}"),
    "family-unknown": Row(
        "the distribution of upstream's {name} image is unknown",
        "compare /etc/os-release of both",
        "proof",
        "distribution unknown",
    ),
    "platform": Row(
        "platform {platform} may not be available",
        "check the platforms of the new image",
        "online",
        "platform {platform}",
    ),
    "shadowed": Row("{target} may be the name of a build context here", "rename the context", "edit"),
    # state and logins
    "volume": Row(
        "a volume {keeps} its data in {path}{owners}",
        "test the move with a copy of the data",
        "proof",
        "data in a volume",
        kind="a volume keeps its data",
    ),
    "volume-left": Row(
        "{since} keeps no data in {path}, and its server does not start with a volume there",
        "mount it at {kept}",
        "edit",
        "volume where no data is",
    ),
    "login-step": Row(
        "no login to {registry} before it", "add a login step before it (fix --add-logins)", "login", _NO_LOGIN
    ),
    "login-root": Row(
        "sudo pulls it with root's logins, and none is to {registry}",
        "add sudo docker login before it, or pull without sudo",
        "login",
        _NO_LOGIN,
    ),
    "login-unsure": Row(
        "whose logins pull it is not certain, so none to {registry} is",
        "pull without sudo -E, -u and another HOME or DOCKER_CONFIG, after a login",
        "login",
        _NO_LOGIN,
    ),
    "login-credentials": Row(
        "no credentials for {registry}, and pulled before any step", "add credentials", "login", _NO_LOGIN
    ),
    "login-other": Row(
        "its credentials may be for another registry than {registry}",
        "add credentials for {registry}",
        "login",
        "login of another registry",
    ),
    "login-secrets": Row(
        "its pull secrets may be for another registry than {registry}",
        "add one for {registry}",
        "login",
        "login of another registry",
    ),
    "login-beside": Row("no credentials for {registry} beside it", "add them to the same entry", "login", _NO_LOGIN),
    "login-pod": Row(
        "no pull secret for {registry}",
        "add one (fix --add-logins), or set logins in the configuration",
        "login",
        _NO_LOGIN,
    ),
    "login-runner": Row(
        "the runner needs a login for {registry}",
        "set one up (fix --add-logins), or set logins in the configuration",
        "login",
        _NO_LOGIN,
    ),
    "login-ci": Row(
        "jobs use this file: they need a login for {registry}",
        "add one to them, or set logins in the configuration",
        "login",
        _NO_LOGIN,
    ),
    "login-machine": Row(
        "Terraform runs this file on a machine that needs a login for {registry}",
        "add one to what sets it up, or set logins in the configuration",
        "login",
        _NO_LOGIN,
    ),
    "login-service": Row(
        "the service that pulls it needs a login for {registry}", "set one up for the service", "login", _NO_LOGIN
    ),
    "other-host": Row("another host pulls it, over ssh", "log in to the registry there", "edit"),
    "pulled-first": Row("GitHub pulls it before any step can log in", "use docker run in a step after a login", "edit"),
    "cloud-run": Row(
        "Cloud Run pulls only from Google's registries and Docker Hub", "use a mirror there (--registry)", "edit"
    ),
    # what would break
    "fails": Row(
        "line {line} would fail: {what}",
        "see echo-migrate explain {rule}",
        "edit",
        "line {line} would fail ({rule})",
        kind="blocked by {rule}",
    ),
    "blocked": Row(
        "blocked by {rule} (line {line})", "see echo-migrate explain {rule}", "edit", kind="blocked by {rule}"
    ),
    "blocked-elsewhere": Row(
        "blocked by {rule} ({path}:{line})",
        "see echo-migrate explain {rule}",
        "edit",
        "blocked by {rule}",
        kind="blocked by {rule}",
    ),
    "user": Row("runs as {user} instead of {before}", "check who owns the paths it writes", "proof", "runs as {user}"),
    "user-unknown": Row(
        "runs as {user}; the user until now is unknown", "check who owns the paths it writes", "proof", "runs as {user}"
    ),
    "variables": Row(
        "{names}: read by upstream's start script, and perhaps not by the new image",
        "check its documentation for how to set them",
        "proof",
        "variables of the start script",
        kind="variables that upstream's start script reads",
    ),
    "variables-unread": Row(
        "has variables from elsewhere, which the new image may ignore",
        "check its documentation for how to set them",
        "proof",
        "variables from elsewhere",
    ),
    "unset": Row("uses {names}, which the new image may not set", "set them with ENV", "edit", "may not set {names}"),
    "port": Row("listens on {after}, not on {port}", "publish {after} instead", "edit", "not on port {port}"),
    "entrypoint-unknown": Row("its entrypoint is not known, which may not run {word}", _RUN, "proof", "untested start"),
    "start-unread": Row("what it starts could not be read", _RUN, "proof", "untested start"),
    "pipeline-unread": Row("its pipeline was not read whole", _RUN, "proof", "untested jobs"),
    "base-unread": Row(
        "what it needs of its base could not be read", "build it once on the new image", "proof", "untested build"
    ),
    "layout": Row(
        "{path} is copied from it, and may be elsewhere in the new image",
        "check the path there",
        "proof",
        "copied paths",
        kind="a path is copied from it, and may be elsewhere in the new image",
    ),
    "copied-paths": Row(
        "{instruction}: the paths taken from it may be elsewhere",
        "check the paths in the new image",
        "proof",
        "copied paths",
    ),
    "run-unknown": Row(
        "its RUN may need what the new image lacks", "build it once on the new image", "proof", "untested RUN"
    ),
    "provisioners": Row(
        "its provisioners may need what the new image lacks",
        "build the template once on the new image",
        "edit",
        "untested provisioners",
    ),
    "sources-edited": Row(
        "needs {path}, which may be missing in the new image",
        "guard it: [ ! -f {path} ] || …",
        "proof",
        "edited package sources",
    ),
    "pinned-there": Row(
        "{package} is pinned on line {line}: the new image's sources may not have that version",
        "pin the version that they have, or none",
        "edit",
        "{package} pinned",
        kind="a package of the distribution is pinned to a version",
    ),
    "of-one-release": Row(
        "{package} on line {line} is in {where}: the new image's release is unknown",
        "build it once on the new image",
        "proof",
        "{package} in {where}",
        kind="a package is in one release of Debian alone",
    ),
    "suite-of-one-release": Row(
        "{suite} on line {line} is for {release}: the new image's release is unknown",
        "build it once on the new image",
        "proof",
        "packages for {release}",
        kind="packages are taken from the sources of one release of Debian",
    ),
    "script-reads": Row(
        "{script} may run a step that {how}: the new image has other values",
        "build it once on the new image",
        "proof",
        "a script for upstream's release",
    ),
    "user-absent": Row(
        "the new image may have no user {user}", "create it, or use a number", "proof", "may lack user {user}"
    ),
    "user-number": Row(
        "uid {uid} is {name} in upstream's image, and not in the new one",
        "use the number that it has there",
        "edit",
        "uid {uid} of upstream",
    ),
    "library": Row(
        "{path} may need {library}, which the new image may not have",
        "link it statically, or run it once on the new image",
        "proof",
        "may lack {library}",
        kind="may lack {library}",
    ),
    "path-elsewhere": Row(
        "{path} may be elsewhere in the new image", "start it by its name alone", "proof", "may lack {path}"
    ),
    "script-unknown": Row("{path} may be a script, which needs a shell", _RUN, "proof", "may need a shell"),
    "shell-unknown": Row("the new image may have no shell", _RUN, "proof", "may lack a shell"),
    "worked-in": Row("people work in it: the new image may lack their tools", _RUN, "proof", "tools of people"),
    "wrapper": Row(
        "the new image may start {word} itself, not {program} {word}",
        "begin the command with {program}",
        "edit",
        "needs {program} in its command",
    ),
    "program-unknown": Row("the new image may have no {program}", _RUN, "proof", "may lack {program}"),
    "called-unseen": Row(
        "{caller} calls {program}, which the new image may not have",
        "install it before, or build it once on the new image",
        "proof",
        "may lack {program}",
    ),
}
