"""What a certificate says, as signed statements: the certificate, how the artifact was made (SLSA), what it is (CycloneDX)."""

from __future__ import annotations

from typing import Any

from deployhub import __version__
from deployhub.kernel.canonical import canonical_sha256
from deployhub.registry.models import Artifact, Certificate
from deployhub.witness.attestation import (
    BOM_TYPE,
    CERTIFICATE_TYPE,
    PROVENANCE_TYPE,
    bundle_write,
    envelope_sign,
    statement_make,
)

BUILD_TYPE = "urn:deployhub:export:v1"


def bundle_make(certificate: Certificate, *, key: Any, key_id: str, builder_id: str) -> str:
    """The bundle of a certificate whose rows are written: one signed envelope a line."""
    artifact = certificate.artifact
    subjects = dict(artifact.files.values_list("path", "blob__sha256"))
    predicates = {
        CERTIFICATE_TYPE: certificate_predicate(certificate),
        PROVENANCE_TYPE: provenance_predicate(artifact, builder_id=builder_id),
        BOM_TYPE: bom_predicate(artifact, certificate),
    }
    return bundle_write(
        envelope_sign(
            statement_make(subjects=subjects, predicate_type=kind, predicate=predicate),
            key=key,
            key_id=key_id,
        )
        for kind, predicate in predicates.items()
    )


def certificate_predicate(certificate: Certificate) -> dict[str, Any]:
    artifact = certificate.artifact
    version = artifact.version
    return {
        "certificate": {"id": str(certificate.pk), "number": certificate.number},
        "issuedAt": _at(certificate.created_at),
        "outcome": certificate.outcome,
        "reason": certificate.reason,
        "artifact": {
            "id": str(artifact.pk),
            "format": artifact.format_key,
            "precision": artifact.precision,
            "manifestSha256": artifact.manifest_sha256,
        },
        "source": {
            "model": version.model.name,
            "version": version.number,
            "id": str(version.pk),
            "sha256": version.blob.sha256,
            "weightsSha256": certificate.weights_sha256,
        },
        "evaluationSet": {"sha256": certificate.dataset_sha256, "images": certificate.images}
        if certificate.dataset_sha256
        else None,
        "inputsSha256": certificate.inputs_sha256,
        "budget": certificate.budget,
        "lines": certificate.lines,
        "metrics": certificate.metrics,
        "graph": certificate.graph,
        "runtime": certificate.runtime,
        "toolchain": certificate.toolchain,
        "machine": certificate.machine,
    }


def provenance_predicate(artifact: Artifact, *, builder_id: str) -> dict[str, Any]:
    """SLSA provenance 1.0: what was built from what, with what, where."""
    job = artifact.job
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"format": artifact.format_key, "options": artifact.options},
            "internalParameters": {"key": artifact.key},
            "resolvedDependencies": [
                {
                    "uri": f"urn:deployhub:version:{artifact.version_id}",
                    "digest": {"sha256": artifact.version.blob.sha256},
                    "name": artifact.version.file_name,
                },
                *(
                    {"uri": f"pkg:pypi/{name}@{version}", "name": name}
                    for name, version in sorted(artifact.toolchain.items())
                    if isinstance(version, str) and "/" not in name
                ),
            ],
        },
        "runDetails": {
            "builder": {"id": builder_id, "version": {"deployhub": __version__}},
            "metadata": {
                "invocationId": str(job.pk) if job else "",
                "startedOn": _at(job.started_at if job and job.started_at else artifact.created_at),
                "finishedOn": _at(artifact.created_at),
            },
            "byproducts": [{"name": "machine", "annotations": artifact.machine}],
        },
    }


def bom_predicate(artifact: Artifact, certificate: Certificate) -> dict[str, Any]:
    """A CycloneDX 1.6 bill of materials of a machine-learning model, with its model card."""
    version = artifact.version
    reference = f"artifact:{artifact.pk}"
    considered = {name: values for name, values in certificate.metrics.items() if isinstance(values, dict)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{certificate.pk}",
        "version": 1,
        "metadata": {
            "timestamp": _at(certificate.created_at),
            "tools": {"components": [{"type": "application", "name": "DeployHub", "version": __version__}]},
            "component": {
                "type": "machine-learning-model",
                "bom-ref": reference,
                "name": version.model.name,
                "version": str(version.number),
                "description": f"{artifact.format_label}, {artifact.precision}",
                "hashes": [{"alg": "SHA-256", "content": artifact.manifest_sha256}],
                "modelCard": {
                    "modelParameters": {
                        "task": version.get_task_display() or "unknown",
                        "architectureFamily": version.architecture or "unknown",
                        "modelArchitecture": version.architecture_label or "unknown",
                    },
                    "quantitativeAnalysis": {
                        "performanceMetrics": [
                            {
                                "type": f"{name} ({side})",
                                "value": f"{values[side]:.6g}",
                                **_interval(values, side),
                            }
                            for name, values in sorted(considered.items())
                            for side in ("source", "artifact", "difference")
                            if isinstance(values.get(side), int | float)
                        ]
                    },
                },
            },
        },
        "components": [
            {
                "type": "machine-learning-model",
                "bom-ref": f"source:{version.pk}",
                "name": version.file_name,
                "version": str(version.number),
                "hashes": [{"alg": "SHA-256", "content": version.blob.sha256}],
            },
            *(
                {"type": "library", "bom-ref": f"pkg:{name}", "name": name, "version": str(number),
                 "purl": f"pkg:pypi/{name}@{number}"}
                for name, number in sorted(artifact.toolchain.items())
                if isinstance(number, str) and "/" not in name
            ),
        ],
        "dependencies": [
            {
                "ref": reference,
                "dependsOn": [
                    f"source:{version.pk}",
                    *(
                        f"pkg:{name}"
                        for name, number in sorted(artifact.toolchain.items())
                        if isinstance(number, str) and "/" not in name
                    ),
                ],
            }
        ],
    }  # fmt: skip


def builder_id() -> str:
    """Who built: this installation, by the digest of its address."""
    from django.conf import settings

    return f"urn:deployhub:installation:{canonical_sha256(settings.DEPLOYHUB_ORIGIN)[:16]}"


def _interval(values: dict[str, Any], side: str) -> dict[str, Any]:
    if side != "difference" or not all(isinstance(values.get(end), int | float) for end in ("low", "high")):
        return {}
    return {
        "confidenceInterval": {
            "lowerBound": f"{values['low']:.6g}",
            "upperBound": f"{values['high']:.6g}",
        }
    }


def _at(moment: Any) -> str:
    return str(moment.isoformat().replace("+00:00", "Z"))
