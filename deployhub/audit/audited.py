"""AuditedModel: a row that cannot be written without the audit log knowing.

Caught: save, create, get_or_create, update_or_create, update, bulk_create, bulk_update, delete, queryset and
cascade deletes, fixtures. Not caught, and therefore banned outside this floor: raw SQL and a bare QuerySet.
"""

# The querysets serve every audited model, while the stubs know them as querysets of Django's bare Model.
# mypy: disable-error-code="union-attr,attr-defined,arg-type,var-annotated"

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models.signals import pre_delete

from deployhub.audit.scope import require_scope
from deployhub.audit.vocab import MASK, PERSONAL_APPS, Operation
from deployhub.kernel.canonical import canonical_json
from deployhub.kernel.clock import utc_now
from deployhub.kernel.ids import new_id

LONGEST_VALUE_CHARACTERS = 2_000


def _logged(value: Any) -> Any:
    """A value as the log stores it: plain JSON, cut where it is very long."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = (
        value
        if isinstance(value, str)
        else canonical_json(value)
        if isinstance(value, dict | list)
        else str(value)
    )
    return text if len(text) <= LONGEST_VALUE_CHARACTERS else text[:LONGEST_VALUE_CHARACTERS] + "…"


class AuditedQuerySet(models.QuerySet):
    """Writes in bulk are recorded row by row; high-volume columns have a door of their own."""

    def update(self, **values: Any) -> int:
        scope = require_scope(f"{self.model.__name__}.update")
        fields = [self.model._meta.get_field(name).attname for name in values]
        before = {row.pk: row for row in self}
        count = super().update(**values)
        for row in self.model._base_manager.filter(pk__in=before):
            changes = row._audit_changes(before[row.pk]._audit_values(fields), fields)
            if changes:
                scope.record(row, Operation.UPDATE, changes)
        return count

    update.alters_data = True  # type: ignore[attr-defined]

    def unaudited_update(self, **values: Any) -> int:
        """Update columns that the model lists in UNAUDITED_FIELDS (progress, leases), and no others."""
        names = {self.model._meta.get_field(name).attname for name in values}
        refused = names - set(self.model.UNAUDITED_FIELDS)
        if refused:
            require_scope(f"{self.model.__name__}.unaudited_update({', '.join(sorted(refused))})")
            raise ValueError(f"{sorted(refused)} are audited columns")
        return super().update(**values)

    def compare_and_set(self, **values: Any) -> bool:
        """Update the one row that matches, if it still does, and record what changed. False when it does not.

        The queryset carries the expected state (`filter(pk=…, state="queued")`), so of two racers one wins.
        """
        scope = require_scope(f"{self.model.__name__}.compare_and_set")
        row = self.first()
        if row is None or super().update(**values) == 0:
            return False
        before = row._audit_values(None)
        row.refresh_from_db()
        changes = row._audit_changes(before, None)
        if changes:
            scope.record(row, Operation.UPDATE, changes)
        return True

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        scope = require_scope(f"{self.model.__name__}.bulk_create")
        rows = super().bulk_create(list(objs), *args, **kwargs)
        for row in rows:
            scope.record(row, Operation.CREATE, row._audit_changes({}, None))
        return rows

    def bulk_update(self, objs: Iterable[Any], fields: Sequence[str], batch_size: int | None = None) -> int:
        rows = list(objs)
        scope = require_scope(f"{self.model.__name__}.bulk_update")
        names = [self.model._meta.get_field(name).attname for name in fields]
        before = {row.pk: row._audit_loaded for row in rows}
        with_case = models.QuerySet(self.model, using=self.db)
        count = with_case.bulk_update(rows, fields, batch_size)
        for row in rows:
            scope.record(row, Operation.UPDATE, row._audit_changes(before[row.pk], names))
        return count


AuditedManager = models.Manager.from_queryset(AuditedQuerySet)


class AuditedModel(models.Model):
    """Base of every domain model: UUIDv7 key, time of creation, and no write outside an audit scope."""

    AUDIT_MASKED: ClassVar[tuple[str, ...]] = ()
    UNAUDITED_FIELDS: ClassVar[tuple[str, ...]] = ()

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(default=utc_now, editable=False)

    objects: ClassVar[Any] = AuditedManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    _audit_loaded: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._audit_loaded = {}

    @classmethod
    def from_db(cls, db: str | None, field_names: Iterable[str], values: Iterable[Any]) -> Self:
        names, loaded = list(field_names), list(values)
        row = super().from_db(db, names, loaded)
        row._audit_loaded = dict(zip(names, loaded, strict=False))
        return row

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self._audit_loaded = self._audit_values(None)

    # What the log shows of a row; models override these where the default does not fit.

    def audit_type(self) -> str:
        return self._meta.model_name or ""

    def audit_label(self) -> str:
        return str(self)

    def audit_project_id(self) -> UUID | None:
        return getattr(self, "project_id", None)

    def audit_subject_id(self) -> UUID | None:
        """The person whom this row is about, if any: what names them in the log can be erased."""
        return getattr(self, "user_id", None) if self._meta.app_label in PERSONAL_APPS else None

    def _audit_values(self, names: Iterable[str] | None) -> dict[str, Any]:
        wanted = None if names is None else set(names)
        return {
            field.attname: self.__dict__[field.attname]
            for field in self._meta.concrete_fields
            if field.attname in self.__dict__ and (wanted is None or field.attname in wanted)
        }

    def _audit_changes(self, before: dict[str, Any], names: Iterable[str] | None) -> dict[str, list[Any]]:
        changes: dict[str, list[Any]] = {}
        for name, after in self._audit_values(names).items():
            if name in self.UNAUDITED_FIELDS or name in ("id", "created_at"):
                continue
            earlier = before.get(name)
            if earlier == after or (not before and after in (None, "", [], {})):
                continue
            if name in self.AUDIT_MASKED:
                changes[name] = [MASK if earlier else None, MASK if after else None]
            else:
                changes[name] = [_logged(earlier), _logged(after)]
        return changes

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        scope = require_scope(type(self).__name__)
        creating = self._state.adding
        names = kwargs.get("update_fields")
        attnames = None if names is None else [self._meta.get_field(n).attname for n in names]
        changes = self._audit_changes({} if creating else self._audit_loaded, attnames)
        super().save_base(*args, **kwargs)
        self._audit_loaded = {**self._audit_loaded, **self._audit_values(attnames)}
        if creating or changes:
            scope.record(self, Operation.CREATE if creating else Operation.UPDATE, changes)


def _deletion_record(sender: type[models.Model], instance: models.Model, **kwargs: Any) -> None:
    if isinstance(instance, AuditedModel):
        gone = {n: [v[1], None] for n, v in instance._audit_changes({}, None).items()}
        require_scope(f"{sender.__name__}.delete").record(instance, Operation.DELETE, gone)


def deletion_watch() -> None:
    """Hear of every delete. A listener also turns off Django's fast deletes, so cascades are heard too."""
    pre_delete.connect(_deletion_record, dispatch_uid="deployhub.audit.deletion")
