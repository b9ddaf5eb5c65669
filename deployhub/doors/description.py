"""What the API's description says of every operation alike: how it refuses."""

from __future__ import annotations

from typing import Any

PROBLEM = {
    "type": "object",
    "description": "What happened and what to do (RFC 9457). All codes are explained at /docs/errors/.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Address of the explanation."},
        "title": {"type": "string", "description": "The kind of problem, in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What happened, one sentence."},
        "code": {"type": "string", "description": "The kind of problem, for programs; it stays."},
        "hint": {"type": "string", "description": "What to do."},
        "errors": {
            "type": "object",
            "description": "Sentences by field, where the input is at fault.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "request_id": {"type": "string", "description": "Quote it when you report the problem."},
    },
}
REFUSALS = {
    "4XX": "Refused; nothing was changed.",
    "503": "Something that DeployHub stands on does not answer; nothing was changed. Wait as long as Retry-After says.",
    "507": "The disk is full; nothing half-written was kept.",
}


def problems_describe(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's last step: give every operation its problem answers."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                for status, description in REFUSALS.items():
                    operation["responses"].setdefault(
                        status, {"description": description, "content": content}
                    )
    return result
