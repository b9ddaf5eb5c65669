"""Base classes of the REST API: the same policy, problem+json, keyset pages, idempotent creation."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError, transaction
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback
from rest_framework.viewsets import GenericViewSet

from deployhub.access import policy
from deployhub.doors.faces import _headers, error_translate, problem_body
from deployhub.doors.keyset import NEWEST_FIRST, KeysetPagination
from deployhub.doors.models import IdempotencyRecord
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import (
    Conflict,
    DeployHubError,
    Forbidden,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    RateLimited,
)

REQUEST_LOST_AFTER = timedelta(minutes=5)
"""No request takes this long: one that has not been answered by then was cut off."""


class _Replay(Exception):
    def __init__(self, response: Response) -> None:
        self.response = response


class ApiViewSet(GenericViewSet):
    """A noun of the API. `permissions` maps each action to the permission that it needs; none may be left out."""

    permissions: ClassVar[dict[str, str]] = {}
    public: ClassVar[bool] = False
    """Anybody may ask; such an address stands on the list in tests/matrix/routes.py."""
    idempotent_actions: ClassVar[frozenset[str]] = frozenset({"create"})
    pagination_class = KeysetPagination
    sorts: ClassVar[tuple[str, ...]] = ()
    newest_first: ClassVar[tuple[str, ...]] = NEWEST_FIRST
    lookup_value_converter = "uuid"

    @property
    def actor(self) -> Actor:
        return self.request._request.actor  # type: ignore[attr-defined]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action is None:
            return  # no such method here: DRF answers 405, or describes the resource to OPTIONS
        if not self.public:
            policy.require(self.actor, self.permissions.get(self.action, "unlisted"))
        self._idempotency_begin(request)

    def filtered(self, queryset: Any) -> Any:
        """The queryset after the FilterSet; raises InvalidInput when a filter's value is not valid."""
        filterset = self.filterset_class(self.request.query_params, queryset=queryset, request=self.request)  # type: ignore[attr-defined]
        if not filterset.is_valid():
            raise InvalidInput(
                "A filter is not valid.", errors={k: [str(e) for e in v] for k, v in filterset.errors.items()}
            )
        return filterset.qs

    def listed(self, queryset: Any) -> Response:
        """One keyset page of `queryset`, filtered."""
        page = self.paginate_queryset(self.filtered(queryset))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def body(self, serializer_class: type | None = None) -> dict[str, Any]:
        """The validated body of the request."""
        serializer = (serializer_class or self.get_serializer_class())(
            data=self.request.data, context=self.get_serializer_context()
        )
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    # Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same key gives the same answer.

    _idempotency: IdempotencyRecord | None = None

    def _idempotency_begin(self, request: Request) -> None:
        key = request.headers.get("Idempotency-Key", "")
        user_id = self.actor.user_id
        if (
            not key
            or request.method != "POST"
            or self.action not in self.idempotent_actions
            or user_id is None
        ):
            return
        if len(key) > 128 or not key.isprintable():
            raise InvalidInput("The Idempotency-Key must be printable text of at most 128 characters.")
        raw = request._request.body if not request.content_type.startswith("multipart/") else b""
        digest = hashlib.sha256(f"{request.method} {request.path}\n".encode() + raw).hexdigest()
        try:
            with transaction.atomic():
                self._idempotency = IdempotencyRecord.objects.create(
                    user_id=user_id, key=key, request_sha256=digest
                )
            return
        except IntegrityError:
            record = IdempotencyRecord.objects.filter(user_id=user_id, key=key).first()
        if record is not None and record.request_sha256 != digest:
            raise InvalidInput("This Idempotency-Key was used for another request.", hint="Use a new key.")
        if record is None or record.status is None:
            if record is not None and self._idempotency_take_over(record):
                return
            raise Conflict(
                "A request with this Idempotency-Key is being worked on.",
                hint="Wait, then ask again.",
                code="idempotency_in_progress",
            )
        headers = {"Idempotent-Replayed": "true"}
        if record.location:
            headers["Location"] = record.location
        raise _Replay(Response(record.body, status=record.status, headers=headers))

    def _idempotency_take_over(self, record: IdempotencyRecord) -> bool:
        """Go on where a request died without an answer: its server was killed. Of two that try, one wins."""
        forgotten = utc_now() - REQUEST_LOST_AFTER
        mine = IdempotencyRecord.objects.filter(pk=record.pk, status=None, created_at__lt=forgotten)
        if mine.update(created_at=utc_now()) == 0:
            return False
        self._idempotency = record
        return True

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        record, self._idempotency = self._idempotency, None
        if record is not None:
            if response.status_code < 400:
                response.render()
                IdempotencyRecord.objects.filter(pk=record.pk).update(
                    status=response.status_code,
                    body=response.data,
                    location=response.headers.get("Location", ""),
                )
            else:
                record.delete()
        return response

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _Replay):
            return exc.response
        return super().handle_exception(exc)


def _flat(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """DRF's nested error detail as field → sentences."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for name, value in detail.items():
            found.update(_flat(value, f"{prefix}.{name}" if prefix else str(name)))
        return found
    if isinstance(detail, list):
        if any(isinstance(item, dict | list) for item in detail):
            found = {}
            for index, item in enumerate(detail):
                found.update(_flat(item, f"{prefix}.{index}" if prefix else str(index)))
            return found
        return {prefix or "non_field_errors": [str(item) for item in detail]}
    return {prefix or "non_field_errors": [str(detail)]}


def _drf_translate(error: exceptions.APIException) -> DeployHubError:
    if isinstance(error, exceptions.ValidationError):
        return InvalidInput("Some of the input is not valid.", errors=_flat(error.detail))
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return NotAuthenticated(str(error.detail))
    if isinstance(error, exceptions.PermissionDenied):
        return Forbidden(str(error.detail))
    if isinstance(error, exceptions.NotFound):
        return NotFound("There is nothing here, or you have no access to it.")
    if isinstance(error, exceptions.Throttled):
        wait = int(error.wait or 1)  # type: ignore[attr-defined]
        return RateLimited(
            "Too many requests.", hint=f"Wait {wait} s, then go on.", extra={"retry_after_s": wait}
        )
    known = DeployHubError(str(error.detail), code=str(error.default_code))
    known.status = error.status_code
    known.title = str(error.default_detail)
    return known


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error of the API is problem+json."""
    request = context["request"]._request
    known = error_translate(error)
    if known is None and isinstance(error, exceptions.APIException):
        known = _drf_translate(error)
    if known is None and isinstance(error, DjangoValidationError):
        errors = error.message_dict if hasattr(error, "error_dict") else {"non_field_errors": error.messages}
        known = InvalidInput("Some of the input is not valid.", errors=errors)
    if known is None:
        return None
    set_rollback()
    return Response(
        problem_body(request, known),
        status=known.status,
        headers=_headers(known),
        content_type="application/problem+json",
    )
