"""No write without the log knowing (design §3)."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from deployhub.access.models import Membership
from deployhub.access.vocab import PERMISSIONS
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import AuditMissing, UnauditedWrite, system_scope
from deployhub.kernel.errors import AuditUnavailable, Forbidden, NotFound
from deployhub.registry.models import Project
from deployhub.usecase import USECASES, usecase

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "write",
    [
        lambda project: Project(name="a", slug="a").save(),
        lambda project: Project.objects.create(name="a", slug="a"),
        lambda project: Project.objects.get_or_create(slug="a", defaults={"name": "a"}),
        lambda project: Project.objects.update_or_create(slug="a", defaults={"name": "a"}),
        lambda project: Project.objects.update(name="b"),
        lambda project: Project.objects.filter(pk=project.pk).unaudited_update(name="b"),
        lambda project: Project.objects.filter(pk=project.pk).compare_and_set(name="b"),
        lambda project: Project.objects.bulk_create([Project(name="a", slug="a")]),
        lambda project: Project.objects.bulk_update([project], ["name"]),
        lambda project: project.delete(),
        lambda project: Project.objects.all().delete(),
        lambda project: Project._base_manager.update(name="b"),
        lambda project: project.members.add(1),
    ],
)
def test_no_way_of_writing_a_domain_row_works_outside_an_audit_scope(write, project):
    with pytest.raises((UnauditedWrite, ValueError)):
        write(project)


def test_a_change_is_recorded_with_before_and_after(project):
    with system_scope("rename"):
        row = Project.objects.get(pk=project.pk)
        row.name = "Forms"
        row.save()
    event = AuditEvent.objects.latest("id")
    assert event.changes == {"name": ["Shapes", "Forms"]}
    assert (event.operation, event.object_type, event.object_id) == ("update", "project", str(project.pk))
    assert event.project_id == project.pk


def test_a_cascade_tells_of_every_row_that_goes_with_it(project, viewer):
    AuditEvent_before = AuditEvent.objects.count()
    with system_scope("remove"):
        Project.objects.filter(pk=project.pk).delete()
    gone = AuditEvent.objects.order_by("id")[AuditEvent_before:]
    assert {(e.object_type, e.operation) for e in gone} == {("membership", "delete"), ("project", "delete")}
    assert not Membership.objects.exists()


def test_a_secret_is_masked_in_the_log(person):
    person("kim")
    created = AuditEvent.objects.filter(object_type="user").latest("id")
    assert created.changes["password"] == [None, "••••••"]


def test_queryset_update_records_each_row(project, foreign_project):
    with system_scope("describe all"):
        Project.objects.update(description="x")
    assert AuditEvent.objects.filter(changes={"description": ["", "x"]}).count() == 2


def test_the_database_refuses_to_change_or_remove_an_event(project):
    event = AuditEvent.objects.latest("id")
    statements = [
        ("UPDATE audit_auditevent SET actor_name = 'nobody' WHERE id = %s", [event.pk]),
        ("DELETE FROM audit_auditevent WHERE id = %s", [event.pk]),
    ]
    if connection.vendor == "sqlite":
        columns = ", ".join(f.column for f in AuditEvent._meta.concrete_fields)
        statements.append(
            (
                f"INSERT OR REPLACE INTO audit_auditevent ({columns}) SELECT {columns} FROM audit_auditevent WHERE id = %s",
                [event.pk],
            )
        )
    else:
        statements.append(("TRUNCATE audit_auditevent", []))
    for sql, parameters in statements:
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, parameters)
    assert AuditEvent.objects.get(pk=event.pk).actor_name == event.actor_name


@pytest.fixture
def rename():
    @usecase("project.update", on="project")
    def project_rename(*, actor, project, name):
        project.name = name
        project.save()
        return project

    yield project_rename
    USECASES["project.update"].pop()


@pytest.fixture
def forgetful():
    @usecase("project.archive", on="project")
    def project_forget(*, actor, project):
        return project

    yield project_forget
    USECASES["project.archive"].pop()


def test_a_use_case_writes_one_event_under_its_own_name(rename, owner, project, acting):
    rename(actor=acting(owner), project=project, name="Forms")
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.actor_name, event.changes) == (
        "project.update",
        "Owner",
        {"name": ["Shapes", "Forms"]},
    )


def test_a_use_case_that_records_nothing_is_a_defect(forgetful, owner, project, acting):
    with pytest.raises(AuditMissing):
        forgetful(actor=acting(owner), project=project)


def test_a_refusal_is_written_and_changes_nothing(rename, viewer, project, acting):
    with pytest.raises(Forbidden):
        rename(actor=acting(viewer), project=project, name="Mine")
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.outcome, event.actor_name) == ("project.update", "denied", "Viewer")
    assert Project.objects.get(pk=project.pk).name == "Shapes"


def test_a_stranger_is_told_that_there_is_no_such_project(rename, stranger, project, acting):
    with pytest.raises(NotFound):
        rename(actor=acting(stranger), project=project, name="Mine")


def test_promise_07_when_the_log_cannot_be_written_nothing_is_changed(rename, owner, project, acting):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent RENAME TO audit_gone")
    with pytest.raises(AuditUnavailable):
        rename(actor=acting(owner), project=project, name="Forms")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_gone RENAME TO audit_auditevent")
    assert Project.objects.get(pk=project.pk).name == "Shapes"


def test_every_use_case_bears_the_name_of_a_permission():
    assert set(USECASES) <= set(PERMISSIONS)
