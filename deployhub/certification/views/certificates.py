"""Pages of certificates: the list, one, its pictures, its file; asking for one; budgets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from deployhub.access import policy
from deployhub.certification import selectors
from deployhub.certification.filters import CertificateFilter
from deployhub.certification.forms import BudgetForm, CertifyForm
from deployhub.certification.packing import bundle_download
from deployhub.certification.services.certificates import budget_set, certificate_request
from deployhub.doors.pages import FormPage, Page
from deployhub.kernel.ids import parse_id
from deployhub.registry import selectors as registry
from deployhub.registry.downloads import Download, RangeDownload, download_respond
from deployhub.registry.services.gate import clearance_of
from deployhub.registry.views.base import RegistryList
from deployhub.registry.vocab import CertificateOutcome

CHECKS = {
    "tensors": ("Outputs, number by number", "The same input bytes went through both; every output was compared."),
    "detections": ("Detections", "What both see after the same suppression of overlaps, matched with each other."),
    "task_metric": ("Task metric", "Measured on the evaluation set, for source and artifact; the interval is of the difference."),
    "file": ("File and graph", "What the file itself says."),
    "speed": ("Speed", "Told, not judged, unless the budget limits it."),
}  # fmt: skip


class CertificateList(RegistryList):
    permission = "certificate.view"
    template_name = "certification/certificates.html"
    filterset_class = CertificateFilter

    def queryset(self) -> QuerySet:
        return selectors.certificates_listed(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {**extra, "outcomes": CertificateOutcome.choices}


class CertificatePage(Page):
    permission = "certificate.view"
    template_name = "certification/certificate.html"

    def get(self, request: HttpRequest, certificate_id: UUID) -> HttpResponse:
        certificate = selectors.certificate_read(self.actor, certificate_id)
        clearance = clearance_of(certificate.artifact)
        return self.page(
            certificate=certificate,
            artifact=certificate.artifact,
            groups=line_groups(certificate.lines),
            clearance=clearance,
            is_latest=clearance.certificate is not None and clearance.certificate.pk == certificate.pk,
            pictures=len(certificate.viewed),
        )


def line_groups(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines under the heading of their check, in the order in which they prove something."""
    known = [*CHECKS, *(line["check"] for line in lines if line["check"] not in CHECKS)]
    groups = []
    for check in dict.fromkeys(known):
        rows = [line for line in lines if line["check"] == check]
        if rows:
            title, sub = CHECKS.get(check, (check, ""))
            groups.append({"title": title, "sub": sub, "lines": rows})
    return groups


class CertificatePictures(Page):
    """Source and artifact over the same pictures, those first in which they differ most."""

    permission = "certificate.view"
    template_name = "certification/pictures.html"

    def get(self, request: HttpRequest, certificate_id: UUID) -> HttpResponse:
        certificate = selectors.certificate_read(self.actor, certificate_id)
        names = certificate.artifact.version.class_names
        return self.page(
            certificate=certificate,
            artifact=certificate.artifact,
            pictures=[
                picture_shown(row, names, position=position)
                for position, row in enumerate(certificate.viewed)
            ],
        )


def picture_shown(row: dict[str, Any], names: list[str], *, position: int) -> dict[str, Any]:
    """A picture with its boxes as the page draws them; what only one side sees is marked."""
    sides = {side: [_box(values, names) for values in row[side]] for side in ("source", "artifact")}
    for side, other in (("source", "artifact"), ("artifact", "source")):
        for box in sides[side]:
            box["alone"] = not any(_same(box, one) for one in sides[other])
    return {
        **row,
        "sides": [("Source", sides["source"]), ("Artifact", sides["artifact"])],
        "position": position,
        "badness_percent": round(row["badness"] * 100),
        "alone": sum(box["alone"] for side in sides.values() for box in side),
    }


def _box(values: list[float], names: list[str]) -> dict[str, Any]:
    score, number = values[-2], int(values[-1])
    name = names[number] if 0 <= number < len(names) else f"class {number}"
    box: dict[str, Any] = {
        "name": name,
        "number": number,
        "score": score,
        "score_percent": round(score * 100),
    }
    if len(values) >= 6:
        left, top, right, bottom = values[:4]
        box |= {
            "x": round(left, 1), "y": round(top, 1),
            "width": round(max(right - left, 0.0), 1), "height": round(max(bottom - top, 0.0), 1),
            "corners": (left, top, right, bottom),
        }  # fmt: skip
    return box


def _same(box: dict[str, Any], other: dict[str, Any]) -> bool:
    """The same class, and half of both boxes in common."""
    if box["number"] != other["number"]:
        return False
    if "corners" not in box or "corners" not in other:
        return "corners" not in box and "corners" not in other
    (ax, ay, bx, by), (cx, cy, dx, dy) = box["corners"], other["corners"]
    width, height = min(bx, dx) - max(ax, cx), min(by, dy) - max(ay, cy)
    if width <= 0 or height <= 0:
        return False
    shared = width * height
    union = (bx - ax) * (by - ay) + (dx - cx) * (dy - cy) - shared
    return bool(union > 0 and shared / union >= 0.5)


class CertificatePicture(Page):
    permission = "certificate.view"

    def get(self, request: HttpRequest, certificate_id: UUID, position: int) -> HttpResponseBase:
        found = selectors.certificate_picture(self.actor, certificate_id, position)
        response = download_respond(
            request,
            actor=self.actor,
            permission=self.permission,
            download=Download.of_blob(found.certificate, found.blob, f"{position}.jpg"),
        )
        response["Content-Type"] = "image/jpeg"
        response["Content-Disposition"] = "inline"
        return response


class CertificateBundle(RangeDownload):
    permission = "certificate.view"

    def download(self, **kwargs: Any) -> Download:
        return bundle_download(selectors.certificate_get(self.actor, kwargs["certificate_id"]))


class Certify(FormPage):
    """Choose the evaluation set; the job does the rest."""

    permission = "certificate.create"
    template_name = "certification/certify.html"
    form_class = CertifyForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        policy.require(self.actor, self.permission)
        self.artifact = registry.artifact_get(self.actor, kwargs["artifact_id"])
        policy.require(self.actor, self.permission, self.artifact)
        return super().dispatch(request, *args, **kwargs)

    def form(self, **kwargs: Any) -> Any:
        return CertifyForm(datasets=selectors.datasets_fitting(self.artifact.version), **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        budgets = selectors.budgets_of(self.artifact.project)
        return {
            **extra,
            "artifact": self.artifact,
            "has_sets": len(extra["form"].fields["dataset"].choices) > 1,
            "limits": next(
                (row["limits"] for row in budgets if row["precision"] == self.artifact.precision), []
            ),
        }

    def act(self, form: Any) -> str:
        chosen = parse_id(form.cleaned_data["dataset"])
        fitting = {one.pk: one for one in selectors.datasets_fitting(self.artifact.version)}
        asked = certificate_request(
            actor=self.actor,
            artifact=self.artifact,
            dataset=fitting.get(chosen) if chosen else None,
            without_dataset=chosen is None,
        )
        if asked.is_joined:
            messages.info(self.request, "This very certificate is being made already; here is its job.")
        return reverse("jobs:job", args=[asked.job.pk])


class BudgetsPage(FormPage):
    """What artifacts of this project may lose, by precision."""

    permission = "certificate.view"
    template_name = "certification/budgets.html"
    form_class = BudgetForm
    done_message = "Saved. Certificates from now on are judged by it."

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        policy.require(self.actor, self.permission)
        self.project = registry.project_get(self.actor, kwargs["slug"])
        return super().dispatch(request, *args, **kwargs)

    def budgets(self) -> list[dict[str, Any]]:
        return selectors.budgets_of(self.project)

    def form(self, **kwargs: Any) -> Any:
        asked = self.request.POST.get("precision") or ""
        limits: list[dict[str, Any]] = next(
            (row["limits"] for row in self.budgets() if row["precision"] == asked), []
        )
        return BudgetForm(limits=limits, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        sent = extra["form"] if extra["form"].is_bound else None
        forms = []
        for row in self.budgets():
            is_sent = sent is not None and sent.data.get("precision") == row["precision"]
            form = (
                sent
                if is_sent
                else BudgetForm(
                    limits=row["limits"],
                    initial={"precision": row["precision"]},
                    auto_id=f"id_{row['precision']}_%s",
                )
            )
            forms.append({"precision": row["precision"], "form": form})
        return {**extra, "project": self.project, "tab": "budgets", "budgets": forms}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        registry.project_read(self.actor, kwargs["slug"])
        return super().get(request, *args, **kwargs)

    def act(self, form: Any) -> str:
        budget_set(
            actor=self.actor,
            project=self.project,
            precision=form.cleaned_data["precision"],
            values=form.values(),
        )
        return reverse("certification:budgets", args=[self.project.slug])
