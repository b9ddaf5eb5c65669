"""Resumable uploads by tus 1.0: what arrives is kept, what does not fit is refused, nothing is lost."""

from __future__ import annotations

import hashlib
import io

import pytest

from deployhub.registry.models import Blob, Upload
from deployhub.registry.upload_files import upload_path
from tests.registry.conftest import PIECE_TYPE, TUS, checkpoint_bytes, tus_metadata, tus_send

pytestmark = pytest.mark.django_db(transaction=True)


def begin(client, size_bytes: int, *, name: str = "best.pt", project: str = "shapes"):
    return client.post(
        "/api/v1/uploads/",
        HTTP_UPLOAD_LENGTH=str(size_bytes),
        HTTP_UPLOAD_METADATA=tus_metadata(filename=name, project=project),
        **TUS,
    )


def piece(client, address: str, content: bytes, offset: int):
    return client.generic("PATCH", address, content, PIECE_TYPE, HTTP_UPLOAD_OFFSET=str(offset), **TUS)


def test_an_upload_goes_on_where_it_broke_off(api, engineer, project):
    client, content = api(engineer), checkpoint_bytes("x" * 5_000)
    address = begin(client, len(content)).headers["Location"]
    assert piece(client, address, content[:2_000], 0).headers["Upload-Offset"] == "2000"
    assert client.head(address, **TUS).headers["Upload-Offset"] == "2000"
    assert piece(client, address, content[2_000:], 2_000).status_code == 204
    assert Blob.objects.get().sha256 == hashlib.sha256(content).hexdigest()
    assert Upload.objects.get().state == "complete"


def test_a_piece_at_the_wrong_place_changes_nothing(api, engineer, project):
    client, content = api(engineer), checkpoint_bytes("x" * 5_000)
    address = begin(client, len(content)).headers["Location"]
    piece(client, address, content[:100], 0)
    for offset in (0, 99, 101, 5_000):
        assert piece(client, address, b"y" * 50, offset).status_code == 409
    assert client.head(address, **TUS).headers["Upload-Offset"] == "100"


def test_more_bytes_than_were_announced_are_refused(api, engineer, project):
    client = api(engineer)
    address = begin(client, 10).headers["Location"]
    assert piece(client, address, b"x" * 11, 0).status_code in (400, 413)
    assert not Blob.objects.exists()


@pytest.mark.parametrize(
    ("size", "status"), [("3000000000", 413), ("0", 400), ("-1", 400), ("many", 400), ("", 400)]
)
def test_a_size_that_can_never_be_accepted_is_refused_at_the_start(api, engineer, project, size, status):
    assert begin(api(engineer), size).status_code == status  # type: ignore[arg-type]
    assert not Upload.objects.exists()


def test_bytes_that_are_on_disk_but_not_in_the_row_are_not_sent_again(api, engineer, project):
    """The web server was killed after the write and before the row said so: the file is the truth."""
    client, content = api(engineer), checkpoint_bytes("x" * 5_000)
    address = begin(client, len(content)).headers["Location"]
    upload = Upload.objects.get()
    upload_path(upload.pk).write_bytes(content[:3_000])
    assert client.head(address, **TUS).headers["Upload-Offset"] == "3000"
    assert piece(client, address, content[3_000:], 3_000).status_code == 204
    assert Blob.objects.get().sha256 == hashlib.sha256(content).hexdigest()


def test_an_upload_that_was_given_up_is_gone(api, engineer, project):
    client = api(engineer)
    address = begin(client, 100).headers["Location"]
    path = upload_path(Upload.objects.get().pk)
    assert client.delete(address, **TUS).status_code == 204
    assert client.head(address, **TUS).status_code in (404, 410)
    assert not path.exists()


def test_somebody_else_s_upload_does_not_exist(api, engineer, owner, project):
    address = begin(api(engineer), 100).headers["Location"]
    assert api(owner).head(address, **TUS).status_code == 404
    assert piece(api(owner), address, b"x", 0).status_code == 404


def test_a_viewer_cannot_upload(api, viewer, project):
    assert begin(api(viewer), 100).status_code == 403


def test_the_same_file_twice_is_stored_once_and_told(api, engineer, project):
    client, content = api(engineer), checkpoint_bytes()
    first = tus_send(client, content)
    made = client.post("/api/v1/versions/", {"upload": first.upload_id, "model_name": "Signs"}, format="json")
    second = tus_send(client, content)
    again = client.post(
        "/api/v1/versions/",
        {"upload": second.upload_id, "model": made.json()["version"]["model"]},
        format="json",
    )
    assert again.status_code == 409
    assert again.json()["code"] == "version_exists"
    assert made.json()["version"]["id"] in again.content.decode()
    assert Blob.objects.count() == 1


def test_the_client_library_of_the_protocol_uploads_here(live_server, token_of, engineer, project, settings):
    """tuspy is the protocol authors' own client: what it can do, the server speaks."""
    from tusclient.client import TusClient

    settings.ALLOWED_HOSTS = ["*"]
    content = checkpoint_bytes("x" * 300_000)
    client = TusClient(
        f"{live_server.url}/api/v1/uploads/", headers={"Authorization": f"Bearer {token_of(engineer)}"}
    )
    sending = client.uploader(
        file_stream=io.BytesIO(content),
        chunk_size=64_000,
        metadata={"filename": "best.pt", "project": "shapes"},
    )
    sending.upload_chunk()
    resumed = client.uploader(
        file_stream=io.BytesIO(content), chunk_size=64_000, url=sending.url, metadata={"filename": "best.pt"}
    )
    resumed.upload()
    assert Blob.objects.get().sha256 == hashlib.sha256(content).hexdigest()
