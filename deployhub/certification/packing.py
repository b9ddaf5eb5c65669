"""What a download of a certificate sends: its signed bundle, as it was signed."""

from __future__ import annotations

import hashlib
import io

from deployhub.registry.downloads import Download
from deployhub.registry.models import Certificate


def bundle_download(certificate: Certificate) -> Download:
    content = certificate.bundle.encode()
    return Download(
        subject=certificate,
        file_name=f"{certificate.artifact.file_name}.intoto.jsonl",
        size_bytes=len(content),
        etag=hashlib.sha256(content).hexdigest(),
        open_at=lambda offset: io.BytesIO(content[offset:]),
    )
