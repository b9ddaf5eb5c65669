"""The documentation in place: the Markdown of docs/, shown without internet."""

from __future__ import annotations

import re
from functools import lru_cache

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from deployhub.kernel.errors import NotFound
from deployhub.portal.vocab import DOCUMENTS

_HEADING = re.compile(r"<h([1-4])>(.*?)</h\1>")
_TAG = re.compile(r"<[^>]+>")
_LINK = re.compile(r'href="([a-z-]+)\.md(#[^"]*)?"')


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", _TAG.sub("", text).lower()).strip("-")


def document_html(name: str) -> SafeString:
    """The page as HTML, with anchors at its headings. Raises NotFound for a name that is not on the list."""
    path = settings.BASE_DIR / "docs" / f"{name}.md"
    if name not in DOCUMENTS or not path.is_file():
        raise NotFound("There is no such page in the documentation.")
    return _rendered(str(path), path.stat().st_mtime)


@lru_cache(maxsize=64)
def _rendered(path: str, changed_at: float) -> SafeString:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    with open(path, encoding="utf-8") as file:
        html = markdown.render(file.read())
    html = _HEADING.sub(lambda m: f'<h{m[1]} id="{escape(_slug(m[2]))}">{m[2]}</h{m[1]}>', html)
    html = _LINK.sub(lambda m: f'href="/docs/{m[1]}/{m[2] or ""}"', html)
    return mark_safe(html)  # noqa: S308 - our own Markdown, rendered with raw HTML switched off
