"""What a download of an artifact sends: its one file, one file of several, or all of them as a zip file."""

from __future__ import annotations

from deployhub.registry import selectors
from deployhub.registry.archives import archive_open, archive_size
from deployhub.registry.downloads import Download
from deployhub.registry.models import Artifact


def artifact_download(artifact: Artifact, *, path: str = "") -> Download:
    """Raises NotFound when the artifact has no file of this path."""
    if path:
        file = selectors.artifact_file_get(artifact, path)
        return Download.of_blob(artifact, file.blob, file.path.rpartition("/")[2])
    entries = [(file.path, file.blob) for file in selectors.artifact_files(artifact)]
    if len(entries) == 1 and not artifact.file_name.endswith(".zip"):
        return Download.of_blob(artifact, entries[0][1], artifact.file_name)
    return Download(
        subject=artifact,
        file_name=artifact.file_name,
        size_bytes=archive_size(entries),
        etag=artifact.manifest_sha256,
        open_at=lambda offset: archive_open(entries, offset),
        content_type="application/zip",
    )
