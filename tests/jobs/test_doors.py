"""Jobs at both doors: pages and API."""

from __future__ import annotations

import pytest

from deployhub.jobs import services
from deployhub.jobs.models import Job, JobLogLine, JobPhase

pytestmark = pytest.mark.django_db


def claim(job):
    return services.job_claim(job_id=job.pk, worker_name="north")


def test_a_running_job_is_asked_for_again_and_an_ended_one_is_not(enqueue, browser, viewer):
    job = claim(enqueue())
    JobPhase.objects.create(job=job, attempt=1, name="Exporting to ONNX", done=2, total=3, unit="files")
    live = browser(viewer).get(f"/jobs/{job.pk}/live/").content.decode()
    assert 'hx-trigger="every 1s"' in live
    assert "2 of 3 files" in live
    services.job_succeed(job=job, result={}, commit=lambda: None)
    ended = browser(viewer).get(f"/jobs/{job.pk}/live/").content.decode()
    assert "hx-trigger" not in ended
    assert "Succeeded" in ended


def test_the_log_grows_by_its_cursor_until_the_job_has_ended(enqueue, browser, viewer):
    job = claim(enqueue())
    first = JobLogLine.objects.create(job=job, attempt=1, text="first <b>line</b>")
    page = browser(viewer).get(f"/jobs/{job.pk}/").content.decode()
    assert "first &lt;b&gt;line" in page
    assert f"?after={first.pk}" in page
    JobLogLine.objects.create(job=job, attempt=1, text="second line")
    more = browser(viewer).get(f"/jobs/{job.pk}/log/?after={first.pk}").content.decode()
    assert "second line" in more
    assert "first" not in more
    services.job_succeed(job=job, result={}, commit=lambda: None)
    assert "hx-get" not in browser(viewer).get(f"/jobs/{job.pk}/log/?after={first.pk}").content.decode()


def test_a_failed_job_shows_its_cause_and_what_to_do(enqueue, browser, viewer):
    job = claim(enqueue())
    services.job_fail(
        job=job, code="limit_memory", detail="It needed too much memory.", hint="Choose a smaller size."
    )
    page = browser(viewer).get(f"/jobs/{job.pk}/").content.decode()
    assert "It needed too much memory." in page
    assert "Choose a smaller size." in page


def test_only_who_may_is_offered_to_cancel(enqueue, browser, viewer, engineer):
    job = enqueue()
    assert 'data-dialog-open="cancel-job"' in browser(engineer).get(f"/jobs/{job.pk}/").content.decode()
    assert 'data-dialog-open="cancel-job"' not in browser(viewer).get(f"/jobs/{job.pk}/").content.decode()
    assert browser(viewer).post(f"/jobs/{job.pk}/cancel/").status_code == 403
    assert browser(engineer).post(f"/jobs/{job.pk}/cancel/").status_code == 302
    assert Job.objects.get().state == "cancelled"
    assert browser(engineer).post(f"/jobs/{job.pk}/retry/").status_code == 302
    assert Job.objects.get().state == "queued"


def test_a_cancel_that_comes_too_late_says_so_and_breaks_nothing(enqueue, browser, engineer):
    job = claim(enqueue())
    services.job_succeed(job=job, result={}, commit=lambda: None)
    answer = browser(engineer).post(f"/jobs/{job.pk}/cancel/", follow=True)
    assert "already succeeded" in answer.content.decode()


def test_promise_14_for_a_stranger_a_job_does_not_exist_at_any_address(enqueue, browser, api, stranger):
    job = enqueue()
    missing = "01890000-0000-7000-8000-000000000000"
    for path in ("", "live/", "log/", "log.txt"):
        real = browser(stranger).get(f"/jobs/{job.pk}/{path}")
        assert real.status_code == 404
    for path in ("", "log/"):
        real = api(stranger).get(f"/api/v1/jobs/{job.pk}/{path}", headers={"X-Request-Id": "same-request"})
        none = api(stranger).get(f"/api/v1/jobs/{missing}/{path}", headers={"X-Request-Id": "same-request"})
        assert (real.status_code, real.content) == (404, none.content)
    for move in ("cancel", "retry"):
        assert browser(stranger).post(f"/jobs/{job.pk}/{move}/").status_code == 404
        assert api(stranger).post(f"/api/v1/jobs/{job.pk}/{move}/").status_code == 404
    assert api(stranger).get("/api/v1/jobs/").json()["results"] == []
    assert "Count to three" not in browser(stranger).get("/jobs/").content.decode()


def test_the_list_filters_alike_at_both_doors(enqueue, browser, api, engineer, owner):
    enqueue(title="Export circles", kind="export")
    services.job_cancel(
        actor=services.system_actor("test"), job=enqueue(title="Inspect squares", kind="inspect")
    )
    enqueue(title="Export triangles", kind="export", by=owner)
    for query, titles in {
        "": {"Export circles", "Inspect squares", "Export triangles"},
        "?state=cancelled": {"Inspect squares"},
        "?kind=export": {"Export circles", "Export triangles"},
        "?q=export+tri": {"Export triangles"},
        "?mine=true": {"Export circles", "Inspect squares"},
        "?project=elsewhere": set(),
        "?sort=title": {"Export circles", "Inspect squares", "Export triangles"},
    }.items():
        told = {job["title"] for job in api(engineer).get(f"/api/v1/jobs/{query}").json()["results"]}
        page = browser(engineer).get(f"/jobs/{query}").content.decode()
        shown = {
            title for title in ("Export circles", "Inspect squares", "Export triangles") if title in page
        }
        assert told == titles == shown, query


def test_a_list_with_a_live_job_refreshes_itself_and_rests_afterwards(
    enqueue, browser, viewer, engineer, acting
):
    job = enqueue()
    assert 'hx-trigger="every 2s"' in browser(viewer).get("/jobs/").content.decode()
    services.job_cancel(actor=acting(engineer), job=job)
    assert 'hx-trigger="every 2s"' not in browser(viewer).get("/jobs/").content.decode()


def test_the_log_stops_saying_live_when_the_job_has_ended(enqueue, browser, viewer, engineer, acting):
    job = enqueue()
    end = '<span id="job-log-live" hx-swap-oob="delete">'
    asked = {"HX-Request": "true"}
    assert 'id="job-log-live"' in browser(viewer).get(f"/jobs/{job.pk}/").content.decode()
    assert end not in browser(viewer).get(f"/jobs/{job.pk}/live/", headers=asked).content.decode()
    services.job_cancel(actor=acting(engineer), job=job)
    assert end in browser(viewer).get(f"/jobs/{job.pk}/live/", headers=asked).content.decode()
    assert "job-log-live" not in browser(viewer).get(f"/jobs/{job.pk}/").content.decode()


def test_the_api_tells_progress_cause_and_log(enqueue, api, engineer):
    job = claim(enqueue())
    JobPhase.objects.create(job=job, attempt=1, name="Counting", done=1, total=3, unit="steps")
    line = JobLogLine.objects.create(job=job, attempt=1, text="one")
    client = api(engineer)
    body = client.get(f"/api/v1/jobs/{job.pk}/").json()
    assert (body["state"], body["phases"][0]["done"], body["error"]) == ("running", 1, None)
    log = client.get(f"/api/v1/jobs/{job.pk}/log/?after=0").json()
    assert (log["lines"][0]["text"], log["after"], log["ended"]) == ("one", line.pk, False)
    assert client.get(f"/api/v1/jobs/{job.pk}/log/?after=x").status_code == 400
    services.job_fail(job=job, code="broken", detail="It broke.", hint="Mend it.")
    body = client.get(f"/api/v1/jobs/{job.pk}/").json()
    assert body["error"] == {"code": "broken", "detail": "It broke.", "hint": "Mend it."}
    again = client.post(f"/api/v1/jobs/{job.pk}/retry/")
    assert (again.status_code, again["Location"]) == (202, f"/api/v1/jobs/{job.pk}/")
    assert client.post(f"/api/v1/jobs/{job.pk}/retry/").status_code == 409
    assert client.post(f"/api/v1/jobs/{job.pk}/cancel/").json()["state"] == "cancelled"
    assert client.get(f"/api/v1/jobs/{job.pk}/log/?after={log['after']}").json()["ended"]


def test_a_token_that_may_only_read_cannot_cancel(enqueue, api, engineer):
    job = enqueue()
    assert api(engineer, scopes=["read"]).get(f"/api/v1/jobs/{job.pk}/").status_code == 200
    assert api(engineer, scopes=["read"]).post(f"/api/v1/jobs/{job.pk}/cancel/").status_code == 403
    assert Job.objects.get().state == "queued"
