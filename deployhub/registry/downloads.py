"""Downloads: authorised and written to the audit log before the first byte, then streamed in pieces.

Range requests (RFC 9110 §14) let a broken download go on where it stopped. The ETag is the content's SHA-256, so
`If-Range` never mixes two files.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from deployhub.access import policy
from deployhub.audit.scope import Auditable, event_record
from deployhub.doors.pages import Page
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import DeployHubError, NotFound
from deployhub.registry.models import Blob, DatasetVersion
from deployhub.registry.storage import CHUNK_BYTES, blob_open

_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")
_UNSAFE_IN_NAMES = re.compile(r"[^\w.()+ -]+")


class RangeRefused(DeployHubError):
    status = 416
    code = "range_not_satisfiable"
    title = "The file ends before this range begins"


@dataclass(frozen=True, slots=True)
class Download:
    """What to send: `subject` is what the permission is asked for and the log names.

    `open_at(offset)` returns the bytes from that offset on. etag: a digest of the whole content.
    """

    subject: Any
    file_name: str
    size_bytes: int
    etag: str
    open_at: Callable[[int], BinaryIO]
    content_type: str = "application/octet-stream"

    @classmethod
    def of_blob(cls, subject: Auditable, blob: Blob, file_name: str) -> Download:
        return cls(subject, file_name, blob.size_bytes, blob.sha256, lambda offset: blob_open(blob, offset))


def safe_file_name(name: str) -> str:
    """A name that no file system and no shell is surprised by."""
    return _UNSAFE_IN_NAMES.sub("_", name).strip(" .")[:150] or "download"


class StreamedFile(StreamingHttpResponse):
    """A file in pieces. Under ASGI each piece is read in a thread, so the event loop is never held up."""

    def __init__(self, file: BinaryIO, size_bytes: int, **kwargs: Any) -> None:
        self._file = file
        self._left_bytes = size_bytes
        super().__init__(self._pieces(), **kwargs)

    def _piece(self) -> bytes:
        piece = self._file.read(min(CHUNK_BYTES, self._left_bytes)) if self._left_bytes else b""
        self._left_bytes -= len(piece)
        return piece

    def _pieces(self) -> Iterator[bytes]:
        with contextlib.closing(self._file):
            while piece := self._piece():
                yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = sync_to_async(self._piece, thread_sensitive=False)
        try:
            while piece := await read():
                yield piece
        finally:
            self._file.close()

    def close(self) -> None:
        self._file.close()
        super().close()


def download_respond(
    request: HttpRequest, *, actor: Actor, permission: str, download: Download
) -> HttpResponseBase:
    """Answer GET or HEAD with the file, or the one range of it that was asked for.

    The order is the promise: policy, then the bytes are found, then the event is committed, then the first byte
    leaves. Raises NotFound, Forbidden, RangeRefused, AuditUnavailable; in each case no byte is sent.
    """
    policy.require(actor, permission, download.subject)
    etag = f'"{download.etag}"'
    first, last = _range_of(request, download, etag)
    partial = (first, last) != (0, download.size_bytes - 1)
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Length": str(last - first + 1),
        "Content-Disposition": content_disposition_header(True, safe_file_name(download.file_name))
        or "attachment",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if partial:
        headers["Content-Range"] = f"bytes {first}-{last}/{download.size_bytes}"
    facts = {"sha256": download.etag, "method": request.method, "bytes": [first, last]}
    if request.method == "HEAD":
        event_record(actor, permission, download.subject, facts=facts)
        return HttpResponse(
            status=206 if partial else 200, headers=headers, content_type=download.content_type
        )
    file = download.open_at(first)
    try:
        event_record(actor, permission, download.subject, facts=facts)
    except BaseException:
        file.close()
        raise
    return StreamedFile(
        file,
        last - first + 1,
        status=206 if partial else 200,
        headers=headers,
        content_type=download.content_type,
    )


def _range_of(request: HttpRequest, download: Download, etag: str) -> tuple[int, int]:
    """First and last byte, inclusive. A range in a form that we don't serve is ignored, as RFC 9110 allows."""
    size = download.size_bytes
    whole = (0, size - 1)
    text = request.headers.get("Range", "")
    condition = request.headers.get("If-Range", "")
    match = _RANGE.match(text.replace(" ", ""))
    if match is None or (condition and condition != etag):
        return whole
    start, end = match.groups()
    if start:
        first, last = int(start), min(int(end), size - 1) if end else size - 1
        if end and int(end) < int(start):
            return whole
    elif end:
        first, last = max(size - int(end), 0), size - 1
        if int(end) == 0:
            raise _range_refused(size)
    else:
        return whole
    if first >= size:
        raise _range_refused(size)
    return first, last


def _range_refused(size_bytes: int) -> RangeRefused:
    return RangeRefused(
        f"The file has {size_bytes} bytes, fewer than the range asked for.",
        hint="Ask for the file without a range.",
        extra={"size_bytes": size_bytes},
    )


class RangeDownload(Page):
    """A page address that sends a file: name the `permission` and say what to send in `download`."""

    permission: ClassVar[str] = ""

    def download(self, **kwargs: Any) -> Download:
        """Find it with a selector, so that what is foreign is not found."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return download_respond(
            request, actor=self.actor, permission=self.permission, download=self.download(**kwargs)
        )

    def head(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return self.get(request, *args, **kwargs)


def picture_respond(version: DatasetVersion, number: int) -> HttpResponse:
    """A thumbnail of a dataset's version, counted from 0. It was re-encoded in the sandbox; no event for each of 48."""
    if version.pictures is None or not 0 <= number < len(version.thumbnails):
        raise NotFound("There is no such picture.", hint="The version's page lists those that there are.")
    row = version.thumbnails[number]
    with contextlib.closing(blob_open(version.pictures, row["offset"])) as file:
        content = file.read(row["size_bytes"])
    return HttpResponse(
        content,
        content_type="image/jpeg",
        headers={
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
