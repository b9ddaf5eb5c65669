"""Project, RegisteredModel, ModelVersion, Artifact, Dataset, Upload and Blob.

Every row carries its project: the policy decides by it, and a list is one indexed scan.
"""

from deployhub.registry.models.artifacts import Artifact, ArtifactFile
from deployhub.registry.models.certificates import (
    Certificate,
    CertificateBudget,
    CertificateImage,
    CertificateOverride,
)
from deployhub.registry.models.datasets import Dataset, DatasetVersion
from deployhub.registry.models.files import Blob, Upload
from deployhub.registry.models.projects import SLUG, OfProject, Project
from deployhub.registry.models.registered import AliasRequest, ModelAlias, RegisteredModel
from deployhub.registry.models.versions import ModelVersion

__all__ = [
    "SLUG",
    "AliasRequest",
    "Artifact",
    "ArtifactFile",
    "Blob",
    "Certificate",
    "CertificateBudget",
    "CertificateImage",
    "CertificateOverride",
    "Dataset",
    "DatasetVersion",
    "ModelAlias",
    "ModelVersion",
    "OfProject",
    "Project",
    "RegisteredModel",
    "Upload",
]
