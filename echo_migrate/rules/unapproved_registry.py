"""An image that is from no approved registry."""

from collections.abc import Iterator

from echo_migrate.files.spelling import few
from echo_migrate.images.reference import is_open, parsed
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="error")
def unapproved_registry(image: Image, context: Context) -> Iterator[Finding]:
    approval = context.settings.approval
    used = image.settled
    value = used.ref.value
    reference = parsed(value)
    if approval is None or not approval.names or image.local or reference is None or approval.approves(value):
        return
    if is_open(reference.name):
        message = f"{used.shown} cannot be checked: no value for its registry or name in this file"
        yield Finding(image.start, image.end, message, level="note")
        return
    exemption = approval.exempted(value)
    if exemption and exemption.holds(context.settings.today):
        return
    if exemption:
        message = f"{used.shown}: its exception ended on {exemption.until} ({exemption.reason})"
        yield Finding(image.start, image.end, message)
        return
    yield Finding(image.start, image.end, f"{used.shown} is from no approved registry ({few(approval.names)})")
