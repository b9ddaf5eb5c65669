"""The log stays append-only, and so do the leaves, checkpoints and keys over it. Two things pass, each only for an
event that a permit names: emptying its personal parts, and removing it once it has a leaf.

Events from before the seal get their salts, digests and codes here.
"""

from uuid import UUID

from django.db import migrations

from deployhub.audit.sealing.form import event_mark

FIXED = (
    "id", "at", "action", "operation", "outcome", "actor_kind", "actor_id", "door", "auth_method", "acting_as", "token_id",
    "request_id", "job_id", "project_id", "object_type", "object_id", "reason", "schema_version", "subject_id",
    "subject_fields", "personal_digest", "subject_digest", "mac",
)
ACTOR = ("actor_name", "address", "user_agent", "session_id", "personal_salt")
SUBJECT = ("object_label", "subject_salt")
FROZEN = ("audit_auditleaf", "audit_auditsubtree", "audit_auditcheckpoint", "audit_auditkey")


def _same(names, word):
    return " AND ".join(f"OLD.{name} {word} NEW.{name}" for name in names)


def _empty(names):
    return " AND ".join(f"NEW.{name} = ''" for name in names)


def _erasure(word):
    actor = f"(({_same(ACTOR, word)}) OR ({_empty(ACTOR)}))"
    subject = f"(({_same((*SUBJECT, 'changes'), word)}) OR (OLD.subject_id IS NOT NULL AND {_empty(SUBJECT)}))"
    permit = "EXISTS (SELECT 1 FROM audit_auditpermit p WHERE p.event_id = OLD.id AND p.kind = 'erase')"
    return f"{permit} AND {_same(FIXED, word)} AND {actor} AND {subject}"


PRUNING = (
    "EXISTS (SELECT 1 FROM audit_auditpermit p WHERE p.event_id = OLD.id AND p.kind = 'prune')"
    " AND EXISTS (SELECT 1 FROM audit_auditleaf l WHERE l.event_id = OLD.id)"
)
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
SQLITE = [
    f"CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_auditevent WHEN NOT ({_erasure('IS')}) {_REFUSE}",
    f"CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_auditevent WHEN NOT ({PRUNING}) {_REFUSE}",
    *(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {_REFUSE}"
        for table in FROZEN
        for verb in ("UPDATE", "DELETE")
    ),
]
_same_in_postgresql = "IS NOT DISTINCT FROM"
POSTGRESQL = [
    f"""CREATE FUNCTION audit_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'DELETE' THEN
            IF {PRUNING} THEN RETURN OLD; END IF;
        ELSIF {_erasure(_same_in_postgresql)} THEN RETURN NEW;
        END IF;
        RAISE EXCEPTION 'the audit log is append-only';
    END $$""",
    """CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
    """CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE ON audit_auditevent
       FOR EACH ROW EXECUTE FUNCTION audit_event_guard()""",
    "ALTER TABLE audit_auditevent ENABLE ALWAYS TRIGGER audit_event_no_change",
]
for _table in ("audit_auditevent", *FROZEN):
    POSTGRESQL += [
        f"CREATE TRIGGER {_table}_no_truncate BEFORE TRUNCATE ON {_table} FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()",
        f"ALTER TABLE {_table} ENABLE ALWAYS TRIGGER {_table}_no_truncate",
    ]
for _table in FROZEN:
    POSTGRESQL += [
        f"CREATE TRIGGER {_table}_no_change BEFORE UPDATE OR DELETE ON {_table} FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()",
        f"ALTER TABLE {_table} ENABLE ALWAYS TRIGGER {_table}_no_change",
    ]
UNDO = {
    "sqlite": [
        "DROP TRIGGER audit_event_no_update",
        "DROP TRIGGER audit_event_no_delete",
        *(f"DROP TRIGGER {table}_no_{verb}" for table in FROZEN for verb in ("update", "delete")),
    ],
    "postgresql": [
        "DROP TRIGGER audit_event_no_change ON audit_auditevent",
        "DROP TRIGGER audit_auditevent_no_truncate ON audit_auditevent",
        *(f"DROP TRIGGER {table}_no_{what} ON {table}" for table in FROZEN for what in ("truncate", "change")),
        "DROP FUNCTION audit_event_guard()",
        "DROP FUNCTION audit_event_refuse()",
    ],
}


def triggers_create(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def triggers_drop(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


MARKS = ["personal_salt", "personal_digest", "subject_salt", "subject_digest", "subject_fields", "subject_id", "mac", "changes"]


def events_mark(apps, schema_editor):
    events = apps.get_model("audit", "AuditEvent").objects
    last = 0
    while rows := list(events.filter(id__gt=last).order_by("id")[:2000]):
        for event in rows:
            if event.object_type == "user" and event.object_id:
                event.subject_id = UUID(event.object_id)
            event_mark(event)
        events.bulk_update(rows, MARKS, batch_size=200)
        last = rows[-1].id


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_seal")]
    operations = [
        migrations.RunPython(events_mark, migrations.RunPython.noop),
        migrations.RunPython(triggers_create, triggers_drop),
    ]
