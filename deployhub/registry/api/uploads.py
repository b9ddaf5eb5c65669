"""Resumable uploads: a tus 1.0 server (https://tus.io/protocols/resumable-upload) with creation, termination and
checksum (sha256). A GET gives the same upload as JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.kernel.errors import DeployHubError, InvalidInput
from deployhub.registry import selectors
from deployhub.registry.filters import UploadFilter
from deployhub.registry.models import Project, Upload
from deployhub.registry.serializers import UploadSerializer
from deployhub.registry.services import uploads as services
from deployhub.registry.vocab import UPLOAD_MAX_BYTES, UploadState

TUS_VERSION = "1.0.0"
TUS_EXTENSIONS = "creation,termination,checksum"
PIECE_TYPE = "application/offset+octet-stream"
METADATA_MAX_CHARACTERS = 4_000
_TUS_HEADER = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, description="Always 1.0.0.")
_OFFSET_HEADER = OpenApiParameter(
    "Upload-Offset",
    int,
    OpenApiParameter.HEADER,
    required=True,
    description="Byte at which this piece begins.",
)
_CREATE_HEADERS = [
    _TUS_HEADER,
    OpenApiParameter(
        "Upload-Length", int, OpenApiParameter.HEADER, required=True, description="Size of the file, bytes."
    ),
    OpenApiParameter(
        "Upload-Metadata",
        str,
        OpenApiParameter.HEADER,
        required=True,
        description="`filename <base64>,project <base64>`: the file's name, and short name or id of the project.",
    ),
]


class TusVersionRefused(DeployHubError):
    status = 412
    code = "tus_version"
    title = "This version of the tus protocol is not spoken here"


class PieceTypeRefused(DeployHubError):
    status = 415
    code = "unsupported_media_type"
    title = "A piece of a file must be sent as application/offset+octet-stream"


class _AnyBody(BaseParser):
    """The body is read by the view, piece by piece; DRF must not touch it."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> dict[str, Any]:
        return {}


class _AlwaysJson(BaseContentNegotiation):
    """tus clients send all kinds of Accept headers and read none of the bodies."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return JSONRenderer(), JSONRenderer.media_type


@extend_schema(tags=["uploads"])
class UploadViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "upload.view",
        "create": "upload.create",
        "retrieve": "upload.view",
        "offset": "upload.view",
        "append": "upload.append",
        "destroy": "upload.abandon",
        "metadata": "upload.create",
    }
    serializer_class = UploadSerializer
    filterset_class = UploadFilter
    queryset = Upload.objects.none()
    parser_classes = [_AnyBody]
    content_negotiation_class = _AlwaysJson

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        spoken = request.headers.get("Tus-Resumable")
        if spoken != TUS_VERSION and (spoken is not None or self.action in ("create", "offset", "append")):
            raise TusVersionRefused(
                f"This server speaks tus {TUS_VERSION}.", hint="Send the header Tus-Resumable: 1.0.0."
            )
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Tus-Resumable"] = TUS_VERSION
        response.headers["Cache-Control"] = "no-store"
        if response.status_code == 412:
            response.headers["Tus-Version"] = TUS_VERSION
        return response

    @extend_schema(exclude=True)
    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(
            status=204,
            headers={
                "Tus-Version": TUS_VERSION,
                "Tus-Extension": TUS_EXTENSIONS,
                "Tus-Max-Size": str(UPLOAD_MAX_BYTES),
                "Tus-Checksum-Algorithm": "sha256",
            },
        )

    @extend_schema(
        summary="Begin an upload", request=None, parameters=_CREATE_HEADERS, responses={201: UploadSerializer}
    )
    def create(self, request: Request) -> Response:
        facts = _metadata(request.headers.get("Upload-Metadata", ""))
        upload = services.upload_create(
            actor=self.actor,
            project=self._project(facts.get("project", "")),
            file_name=facts.get("filename") or facts.get("name", ""),
            size_bytes=_number(request, "Upload-Length"),
        )
        return Response(
            self.get_serializer(upload).data,
            status=201,
            headers={"Location": reverse("upload-detail", args=[upload.pk]), "Upload-Offset": "0"},
        )

    @extend_schema(summary="One's own uploads under way")
    def list(self, request: Request) -> Response:
        own = selectors.uploads_visible(self.actor).filter(state__in=[UploadState.OPEN, UploadState.COMPLETE])
        return self.listed(own)

    @extend_schema(summary="An upload")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        upload = services.upload_settle(actor=self.actor, upload=selectors.upload_get(self.actor, pk))
        return Response(self.get_serializer(upload).data)

    @extend_schema(exclude=True)
    def offset(self, request: Request, pk: UUID) -> Response:
        """tus: how much has arrived."""
        upload = services.upload_settle(actor=self.actor, upload=selectors.upload_get(self.actor, pk))
        return Response(
            headers={"Upload-Offset": str(upload.offset_bytes), "Upload-Length": str(upload.size_bytes)}
        )

    @extend_schema(
        summary="Append a piece",
        parameters=[
            _TUS_HEADER,
            _OFFSET_HEADER,
            OpenApiParameter(
                "Upload-Checksum", str, OpenApiParameter.HEADER, description="`sha256 <base64>` of the piece."
            ),
        ],
        request={PIECE_TYPE: OpenApiTypes.BINARY},
        responses={204: OpenApiResponse(description="Stored; Upload-Offset tells how much has arrived.")},
    )
    def append(self, request: Request, pk: UUID) -> Response:
        if (request.content_type or "").split(";")[0] != PIECE_TYPE:
            raise PieceTypeRefused(PieceTypeRefused.title + ".", hint=f"Send Content-Type: {PIECE_TYPE}.")
        upload = services.upload_continue(
            actor=self.actor,
            upload=selectors.upload_get(self.actor, pk),
            offset_bytes=_number(request, "Upload-Offset"),
            source=request._request,
            checksum=request.headers.get("Upload-Checksum", ""),
        )
        return Response(status=204, headers={"Upload-Offset": str(upload.offset_bytes)})

    @extend_schema(summary="Give an upload up", request=None, responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        services.upload_abandon(actor=self.actor, upload=selectors.upload_get(self.actor, pk))
        return Response(status=204)

    def _project(self, key: str) -> Project:
        if key:
            return selectors.project_get(self.actor, key)
        choices = list(selectors.projects_for(self.actor, "upload.create")[:2])
        if len(choices) != 1:
            raise InvalidInput(
                "The upload does not say to which project it belongs.",
                hint="Send the project's short name as `project` in Upload-Metadata.",
                errors={"project": ["A project is needed."]},
            )
        return choices[0]


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidInput(
            f"The header {header} must be a whole number.", errors={header: ["A whole number is needed."]}
        )
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """`filename d29ybGQ=,project c2hhcGVz` as a dictionary."""
    found: dict[str, str] = {}
    if len(header) > METADATA_MAX_CHARACTERS:
        raise InvalidInput("The upload's metadata is too long.", errors={"Upload-Metadata": ["Too long."]})
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidInput(
                "The upload's metadata is not base64 text.",
                errors={"Upload-Metadata": [f"{key} is not base64 text."]},
            ) from error
    return found
