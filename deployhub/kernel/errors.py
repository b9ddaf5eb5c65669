"""Errors that a user may see. Each says what happened, and what to do about it.

Both doors render them: a page (templates/errors) and problem+json (RFC 9457).
"""

from __future__ import annotations


class DeployHubError(Exception):
    """Base of all errors with a sentence for the user."""

    status = 400
    code = "error"
    title = "This did not work"

    def __init__(
        self,
        detail: str = "",
        *,
        hint: str = "",
        code: str | None = None,
        errors: dict[str, list[str]] | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.hint = hint
        self.code = code or self.code
        self.errors = errors or {}
        self.extra = extra or {}


class InvalidInput(DeployHubError):
    """The request cannot be carried out as written. `errors` maps a field to its sentences."""

    status = 400
    code = "invalid"
    title = "Some of the input is not valid"


class NotAuthenticated(DeployHubError):
    status = 401
    code = "not_authenticated"
    title = "Sign in first"


class Forbidden(DeployHubError):
    """The actor can see the object, but may not do this to it."""

    status = 403
    code = "forbidden"
    title = "Your role does not allow this"


class StepUpRequired(Forbidden):
    """The actor may do this, and has to show first that it is still them."""

    code = "step_up_required"
    title = "Confirm that it is you"


class MfaRequired(Forbidden):
    """The security policy demands a second factor of this person, who has none yet."""

    code = "mfa_required"
    title = "Set up a second factor first"


class NotFound(DeployHubError):
    """There is no such object, or the actor may not know that there is one."""

    status = 404
    code = "not_found"
    title = "There is nothing here"


class Conflict(DeployHubError):
    status = 409
    code = "conflict"
    title = "This does not fit the present state"


class TooLarge(DeployHubError):
    status = 413
    code = "too_large"
    title = "This is larger than what is accepted"


class RateLimited(DeployHubError):
    status = 429
    code = "rate_limited"
    title = "Too many requests"


class Unavailable(DeployHubError):
    """Something that DeployHub stands on does not answer; nothing was changed."""

    status = 503
    code = "unavailable"
    title = "DeployHub cannot do this at the moment"


class AuditUnavailable(Unavailable):
    """The audit log could not be written, so the request was not served."""

    code = "audit_unavailable"
    title = "The audit log cannot be written, so nothing was done"


class StorageFull(DeployHubError):
    status = 507
    code = "storage_full"
    title = "The disk is full"
