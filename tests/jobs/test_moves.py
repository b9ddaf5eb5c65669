"""Every move of a job: who may make it, and what happens to those who come second."""

from __future__ import annotations

import time

import pytest
from django.db import OperationalError

from deployhub.audit.models import AuditEvent
from deployhub.jobs import services
from deployhub.jobs.kinds import Finished, Refused
from deployhub.jobs.models import Job, JobLogLine, JobPhase
from deployhub.jobs.runner import job_run
from deployhub.kernel.errors import Conflict, DeployHubError, Forbidden, NotFound
from deployhub.registry.models import Blob

pytestmark = pytest.mark.django_db


def count_to_three(context):
    with context.phase("Counting", total=3, unit="steps") as phase:
        for step in (1, 2, 3):
            phase.advance(step)
    context.log("three")
    return Finished(result={"counted": 3})


def run(job, worker="north"):
    return job_run(job_id=job.pk, worker_name=worker)


def now(job):
    return Job.objects.get(pk=job.pk)


def test_a_job_runs_once_and_tells_what_it_did(enqueue, work):
    work["count"] = count_to_three
    job = enqueue()
    assert run(job) == "succeeded"
    job = now(job)
    assert (job.state, job.result, job.attempt, job.worker_name) == ("succeeded", {"counted": 3}, 1, "north")
    assert [(p.name, p.state, p.done, p.total) for p in job.phases.all()] == [("Counting", "done", 3, 3)]
    assert [line.text for line in job.log_lines.all()] == ["three"]
    assert run(job) == "skipped"


def test_of_two_workers_that_hear_the_same_message_one_claims_the_job(enqueue):
    job = enqueue()
    assert services.job_claim(job_id=job.pk, worker_name="north") is not None
    assert services.job_claim(job_id=job.pk, worker_name="south") is None
    assert now(job).worker_name == "north"


def test_promise_23_a_worker_that_lost_its_fence_cannot_write_a_result(enqueue, time_passes):
    job = enqueue()
    first = services.job_claim(job_id=job.pk, worker_name="north")
    time_passes(job, lease_expires_at=1)
    second = services.job_claim(job_id=job.pk, worker_name="south")
    assert second.fence == first.fence + 1
    written = []
    assert not services.job_succeed(job=first, result={"by": "north"}, commit=lambda: written.append(1))
    assert not services.job_fail(job=first, code="late", detail="Late.")
    assert not services.job_heartbeat(job_id=job.pk, fence=first.fence)
    assert services.job_should_stop(job_id=job.pk, fence=first.fence)
    assert written == []
    assert services.job_succeed(job=second, result={"by": "south"}, commit=lambda: None)
    assert now(job).result == {"by": "south"}


def test_promise_23_ten_deliveries_of_one_message_take_effect_once(enqueue, work):
    runs = []

    def handler(context):
        runs.append(context.job.attempt)
        return Finished(commit=lambda: Blob.objects.create(sha256="a" * 64, size_bytes=1) and {})

    work["count"] = handler
    job = enqueue()
    assert [run(job) for _ in range(10)] == ["succeeded"] + ["skipped"] * 9
    assert runs == [1]
    assert Blob.objects.count() == 1
    assert AuditEvent.objects.filter(action="job.succeed", object_type="job").count() == 1


def test_what_a_handler_commits_and_the_move_to_succeeded_happen_both_or_neither(enqueue, work):
    def handler(context):
        def commit():
            Blob.objects.create(sha256="b" * 64, size_bytes=1)
            raise DeployHubError("The second row did not fit.")

        return Finished(commit=commit)

    work["count"] = handler
    job = enqueue()
    assert run(job) == "failed"
    assert not Blob.objects.exists()
    assert now(job).error_detail == "The second row did not fit."
    assert not AuditEvent.objects.filter(action="job.succeed").exists()


def test_promise_07_no_result_is_kept_when_the_audit_log_does_not_take_it(enqueue, work, monkeypatch):
    from deployhub.audit import scope
    from deployhub.kernel.errors import AuditUnavailable

    work["count"] = lambda context: Finished(
        commit=lambda: Blob.objects.create(sha256="c" * 64, size_bytes=1) and {}
    )
    job = enqueue()
    claimed = services.job_claim(job_id=job.pk, worker_name="north")

    def broken(events):
        raise AuditUnavailable

    monkeypatch.setattr(scope, "events_write", broken)
    with pytest.raises(AuditUnavailable):
        services.job_succeed(job=claimed, result={}, commit=work["count"](None).commit)
    assert now(job).state == "running"
    assert not Blob.objects.exists()


def test_promise_22_a_job_whose_message_was_lost_is_announced_again(enqueue, messages, time_passes):
    job = enqueue()
    time_passes(job, announced_at=services.WAKE_AGAIN_SECONDS + 1)
    assert services.jobs_reconcile()["announced"] == 1
    assert messages == [(str(job.pk), "cpu")]
    assert services.jobs_reconcile()["announced"] == 0


def test_promise_22_a_job_whose_worker_fell_silent_is_given_to_another(enqueue, work, messages, time_passes):
    work["count"] = count_to_three
    job = enqueue()
    services.job_claim(job_id=job.pk, worker_name="north")
    JobPhase.objects.create(job=job, attempt=1, name="Counting")
    assert services.jobs_reconcile()["requeued"] == 0
    time_passes(job, lease_expires_at=1)
    assert services.jobs_reconcile()["requeued"] == 1
    assert (str(job.pk), "cpu") in messages
    assert now(job).state == "queued"
    assert "Retrying (2/3)" in JobLogLine.objects.get(job=job).text
    assert JobPhase.objects.get(job=job).state == "failed"
    assert run(job, "south") == "succeeded"
    assert (now(job).attempt, now(job).worker_name) == (2, "south")


def test_a_worker_that_renews_its_lease_keeps_its_job(enqueue, messages, time_passes):
    job = enqueue()
    claimed = services.job_claim(job_id=job.pk, worker_name="north")
    time_passes(job, lease_expires_at=1)
    assert services.job_heartbeat(job_id=job.pk, fence=claimed.fence)
    assert services.jobs_reconcile()["requeued"] == 0
    assert not services.job_requeue(job=claimed, reason="Too eager.", by=services.system_actor("reconciler"))
    assert now(job).state == "running"


def test_promise_24_a_job_that_kills_its_worker_fails_after_three_attempts(enqueue, messages, time_passes):
    poison, neighbour = enqueue(), enqueue()
    for attempt in (1, 2, 3):
        assert services.job_claim(job_id=poison.pk, worker_name=f"victim {attempt}").attempt == attempt
        time_passes(poison, lease_expires_at=1)
        services.jobs_reconcile()
    poison = now(poison)
    assert (poison.state, poison.error_code, poison.attempt) == ("failed", "worker_lost", 3)
    assert "3 times" in poison.error_detail
    assert services.job_claim(job_id=poison.pk, worker_name="victim 4") is None
    assert now(neighbour).state == "queued"


def test_promise_24_a_duplicate_message_does_not_run_a_poison_job_a_fourth_time(enqueue, time_passes):
    job = enqueue()
    for attempt in (1, 2, 3):
        services.job_claim(job_id=job.pk, worker_name=f"victim {attempt}")
        time_passes(job, lease_expires_at=1)
    assert services.job_claim(job_id=job.pk, worker_name="victim 4") is None


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(enqueue, work, engineer, acting):
    work["count"] = count_to_three
    job = enqueue()
    assert services.job_cancel(actor=acting(engineer), job=job).state == "cancelled"
    assert run(job) == "skipped"


def test_a_running_job_stops_when_it_is_cancelled(enqueue, work, engineer, acting):
    def handler(context):
        services.job_cancel(actor=acting(engineer), job=context.job)
        started = time.monotonic()
        while time.monotonic() - started < 5:
            context.stop_check()
            time.sleep(0.05)
        pytest.fail("the handler was not told to stop")

    work["count"] = handler
    job = enqueue()
    started = time.monotonic()
    assert run(job) == "cancelled"
    assert time.monotonic() - started < 2
    assert now(job).state == "cancelled"


def test_what_fails_because_it_was_cancelled_counts_as_cancelled(enqueue, work, engineer, acting):
    def handler(context):
        services.job_cancel(actor=acting(engineer), job=context.job)
        raise DeployHubError("The engine was killed.")

    work["count"] = handler
    job = enqueue()
    assert run(job) == "cancelled"
    assert now(job).error_detail == ""


def test_a_cancel_that_comes_with_the_last_step_wins_over_the_result(enqueue, work, engineer, acting):
    def handler(context):
        context.stop_check()
        services.job_cancel(actor=acting(engineer), job=context.job)
        return Finished(commit=lambda: Blob.objects.create(sha256="d" * 64, size_bytes=1) and {})

    work["count"] = handler
    job = enqueue()
    assert run(job) == "cancelled"
    assert not Blob.objects.exists()


def test_a_cancelled_job_of_a_dead_worker_ends_cancelled(enqueue, messages, time_passes, engineer, acting):
    job = enqueue()
    services.job_claim(job_id=job.pk, worker_name="north")
    services.job_cancel(actor=acting(engineer), job=now(job))
    time_passes(job, lease_expires_at=1)
    assert services.jobs_reconcile()["cancelled"] == 1
    assert now(job).state == "cancelled"


def test_a_job_that_has_ended_cannot_be_cancelled(enqueue, work, engineer, acting):
    work["count"] = count_to_three
    job = enqueue()
    run(job)
    with pytest.raises(Conflict, match="already succeeded"):
        services.job_cancel(actor=acting(engineer), job=now(job))


def test_a_failed_job_that_is_retried_has_three_fresh_attempts(enqueue, work, engineer, acting, time_passes):
    def broken(context):
        context.log("oh")
        raise DeployHubError("It broke.", hint="Mend it.", code="broken")

    work["count"] = broken
    job = enqueue()
    assert run(job) == "failed"
    assert (now(job).error_code, now(job).error_hint) == ("broken", "Mend it.")
    work["count"] = count_to_three
    again = services.job_retry(actor=acting(engineer), job=now(job))
    assert (again.state, again.attempt, again.error_detail, again.max_attempts) == ("queued", 0, "", 3)
    assert not JobLogLine.objects.filter(job=job).exists()
    assert run(job) == "succeeded"
    with pytest.raises(Conflict):
        services.job_retry(actor=acting(engineer), job=now(job))


def test_a_viewer_cannot_cancel_or_retry_and_for_a_stranger_there_is_no_job(
    enqueue, viewer, stranger, acting
):
    job = enqueue()
    for move in (services.job_cancel, services.job_retry):
        with pytest.raises(Forbidden):
            move(actor=acting(viewer), job=job)
        with pytest.raises(NotFound):
            move(actor=acting(stranger), job=job)
    assert now(job).state == "queued"


def test_a_broker_that_is_down_does_not_fail_the_request(enqueue, django_capture_on_commit_callbacks):
    # The test settings name a port where nothing listens.
    started = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue()
    assert time.monotonic() - started < 5
    assert now(job).state == "queued"
    assert now(job).announced_at is None


def test_a_broker_that_is_down_is_asked_once_and_not_for_each_job(enqueue, monkeypatch):
    asked = []
    monkeypatch.setattr(services, "job_announce", lambda **job: asked.append(job) or False)
    for _ in range(3):
        enqueue()
    assert services.jobs_reconcile()["announced"] == 0
    assert len(asked) == 1


def test_a_worker_that_is_told_to_leave_gives_its_job_back_without_counting_the_attempt(
    enqueue, work, messages
):
    from deployhub.jobs import runner

    def handler(context):
        runner.leaving.set()
        context.stop_check()

    work["count"] = handler
    job = enqueue()
    assert run(job) == "handed back"
    assert (now(job).state, now(job).attempt, now(job).max_attempts) == ("queued", 1, 4)
    assert messages == [(str(job.pk), "cpu")]


def test_a_defect_in_a_handler_ends_its_job_with_a_cause_and_not_the_worker(enqueue, work):
    work["count"] = lambda context: 1 / 0
    job = enqueue()
    assert run(job) == "failed"
    assert now(job).error_code == "defect"
    assert "ZeroDivisionError" in JobLogLine.objects.get(job=job).text


def test_a_job_of_an_unknown_kind_fails_with_a_sentence(enqueue, work):
    job = enqueue("teleport")
    assert run(job) == "failed"
    assert "teleport" in now(job).error_detail


def test_a_full_disk_of_the_worker_is_called_so(enqueue, work):
    def handler(context):
        raise OSError(28, "No space left on device")

    work["count"] = handler
    job = enqueue()
    assert run(job) == "failed"
    assert now(job).error_code == "storage_full"


def test_a_database_that_goes_away_loses_no_job(enqueue, work, time_passes, messages):
    def handler(context):
        raise OperationalError("the database went away")

    work["count"] = handler
    job = enqueue()
    assert run(job) == "lost"
    time_passes(job, lease_expires_at=1)
    services.jobs_reconcile()
    assert now(job).state == "queued"


def test_an_odd_text_of_a_hostile_engine_is_stored_harmlessly(enqueue, work):
    def handler(context):
        context.log("nul \0 byte" + "x" * 10_000)
        with context.phase("n" * 300, total=2**70, unit="u" * 90) as phase:
            phase.advance(2**69)
        return Finished()

    work["count"] = handler
    job = enqueue()
    assert run(job) == "succeeded"
    assert len(JobLogLine.objects.get(job=job).text) <= 4_000
    assert len(JobPhase.objects.get(job=job).name) == 60


def test_work_folders_of_dead_attempts_are_swept_and_living_ones_stay(enqueue, settings):
    from deployhub.jobs.node import work_root_sweep

    job = enqueue()
    claimed = services.job_claim(job_id=job.pk, worker_name="north")
    dead = settings.DEPLOYHUB_WORK_ROOT / f"{job.pk}-99"
    alive = settings.DEPLOYHUB_WORK_ROOT / f"{job.pk}-{claimed.fence}"
    beside = settings.DEPLOYHUB_WORK_ROOT / f"{alive.name}.smoke-x1"
    for folder in (dead, alive, beside):
        folder.mkdir(parents=True)
    work_root_sweep()
    assert alive.exists()
    assert beside.exists()
    assert not dead.exists()


def test_a_worker_leaves_only_after_it_has_itself_seen_a_job_wait_too_long(enqueue, monkeypatch, time_passes):
    from deployhub.jobs import node

    monkeypatch.setenv("DEPLOYHUB_WORKER_NAME", "north")
    hearing = node.Hearing(["cpu"])
    job = enqueue()
    time_passes(job, announced_at=86_400)
    assert not hearing.is_lost(now_s=1_000)
    assert not hearing.is_lost(now_s=1_050)
    assert hearing.is_lost(now_s=1_061)
    services.job_claim(job_id=job.pk, worker_name="north")
    assert not hearing.is_lost(now_s=1_070)


def test_the_log_of_a_job_is_bounded(enqueue, work, monkeypatch):
    from deployhub.jobs import context as context_module

    monkeypatch.setattr(context_module, "LOG_LINES_KEPT", 5)

    def handler(context):
        for number in range(20):
            context.log(f"line {number}")
        return Finished()

    work["count"] = handler
    job = enqueue()
    run(job)
    lines = [line.text for line in JobLogLine.objects.filter(job=job)]
    assert len(lines) == 5
    assert "ends here" in lines[-1]


def test_a_refusal_and_what_it_says_of_its_subject_happen_both_or_neither(enqueue, work):
    def handler(context):
        raise Refused(
            code="malicious_model",
            detail="The file tries to run a program.",
            commit=lambda: Blob.objects.create(sha256="e" * 64, size_bytes=1),
        )

    work["count"] = handler
    job = enqueue()
    assert run(job) == "failed"
    assert now(job).error_code == "malicious_model"
    assert Blob.objects.count() == 1
    late = services.job_claim(job_id=enqueue().pk, worker_name="north")
    late.fence -= 1
    assert not services.job_fail(
        job=late, code="x", detail="x", commit=lambda: pytest.fail("the fence was lost")
    )
