"""The components render what they promise, and no template breaks the laws of the look."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from django_cotton.compiler_regex import CottonCompiler

from deployhub.portal.templatetags import look

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "deployhub/portal/static/portal"
COMPONENTS = {path.stem: path.read_text() for path in sorted((TEMPLATES / "components").glob("*.html"))}
SOURCES = {str(path.relative_to(TEMPLATES)): path.read_text() for path in sorted(TEMPLATES.rglob("*.html"))}
ICONS = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
COMPONENT_TAG = re.compile(r"<c-([a-z][\w.-]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.DOTALL)
NOT_SPECIMENS = {
    "field_errors",
    "specimen",
    "brand",
    "palette",
    "shortcuts",
    "theme_switch",
    "section_header",
    "segmented",
    "form_errors",
    "copy",
    "sparkline",
}
"""Parts of another component, or of the frame around every page."""


def without_comments(text: str) -> str:
    return re.sub(r"\{#.*?#\}|\{% comment .*?endcomment %\}", "", text, flags=re.DOTALL)


def draw(source: str, path: str = "/", **context: Any) -> str:
    template = engines["django"].from_string(CottonCompiler().process(source))
    return template.render({"theme": "system", **context}, RequestFactory().get(path))


@pytest.mark.parametrize("name", SOURCES)
def test_a_template_obeys_the_content_security_policy(name: str) -> None:
    text = without_comments(SOURCES[name])
    assert not re.search(r"\sstyle=", text), "style attributes are refused by the policy: use a class"
    assert not re.search(r"\son[a-z]+=|\shx-on|javascript:", text), (
        "inline handlers are refused by the policy"
    )
    assert not re.search(r"hx-vals=.js:|hx-vars=", text), "htmx must not evaluate text"
    for attributes in re.findall(r"<script\b([^>]*)>", text):
        assert "src=" in attributes or 'type="application/json"' in attributes, (
            "inline scripts are refused by the policy"
        )
    assert not re.search(r"<style\b", text)


@pytest.mark.parametrize("name", SOURCES)
def test_a_button_says_its_type(name: str) -> None:
    for attributes in re.findall(
        r"<button\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", without_comments(SOURCES[name])
    ):
        assert "type=" in attributes, attributes


@pytest.mark.parametrize("name", SOURCES)
def test_a_template_names_only_components_and_icons_that_exist(name: str) -> None:
    text = without_comments(SOURCES[name])
    for component, attributes in COMPONENT_TAG.findall(text):
        if component in {"vars", "slot"}:
            continue
        assert component.replace("-", "_") in COMPONENTS, f"<c-{component}>"
        wanted = re.findall(r'(?<![\w:-])icon(?:_end)?="([\w-]+)"', attributes)
        if component == "icon":
            wanted += re.findall(r'(?<![\w:-])name="([\w-]+)"', attributes)
        assert set(wanted) <= ICONS, "add it to frontend/icons.txt and rebuild"


@pytest.mark.parametrize("name", SOURCES)
def test_an_object_reaches_only_attributes_a_component_declares(name: str) -> None:
    """`:x="value"` on an undeclared x would be printed unescaped among the other attributes of the element."""
    for component, attributes in COMPONENT_TAG.findall(without_comments(SOURCES[name])):
        if component in {"vars", "slot"}:
            continue
        head = re.search(r"<c-vars(.*?)/>", COMPONENTS[component.replace("-", "_")], re.DOTALL)
        declared = set(re.findall(r"[\s:]([\w-]+)=", head.group(1))) if head else set()
        used = set(re.findall(r"(?<![\w\"':]):([\w-]+)=", re.sub(r'="[^"]*"', '=""', attributes)))
        assert used <= declared, f"<c-{component}>: {used - declared}"


def test_every_component_is_drawn_on_the_style_page() -> None:
    page = "".join(text for name, text in SOURCES.items() if name.startswith("style/"))
    drawn = {component.replace("-", "_") for component, _ in COMPONENT_TAG.findall(page)}
    assert set(COMPONENTS) - drawn - NOT_SPECIMENS == set()


def test_the_navigation_and_the_palette_name_icons_that_exist() -> None:
    named = {
        hit
        for path in (ROOT / "deployhub").rglob("*.py")
        for hit in re.findall(r'(?:"icon": |icon=)"([\w-]+)"', path.read_text())
    }
    assert named <= ICONS


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_the_style_page_renders_in_each_theme(theme: str) -> None:
    person = SimpleNamespace(
        is_authenticated=True,
        email="ada@site.org",
        get_full_name=lambda: "Ada Lovelace",
        get_username=lambda: "ada",
    )
    nav = [{"label": "Models", "url": "/models/", "icon": "brain", "active": True, "badge": 2}]
    page = engines["django"].get_template("style/page.html").template
    html = draw(
        "{% include page %}",
        "/style/",
        page=page,
        theme=theme,
        user=person,
        nav=nav,
        projects=[],
        current_project=None,
        messages=[],
    )
    assert f'data-theme="{theme}"' in html
    assert html.count("<h1>") == 1
    assert "12 minutes ago" in html
    assert re.search(r'href="/models/" aria-current="page"', html)
    assert "<c-" not in html
    assert "{{" not in re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize("code", [400, 403, 404, 409, 429, 500, 503])
def test_an_error_page_renders_with_nothing_around_it(code: int) -> None:
    html = render_to_string(f"errors/{code}.html")
    assert f"Error {code}" in html
    assert 'href="/"' in html


def test_a_stranger_gets_a_page_without_navigation() -> None:
    html = draw(
        '{% extends "base.html" %}{% block content %}<p>hello</p>{% endblock %}',
        user=AnonymousUser(),
        nav=[],
        projects=[],
    )
    assert "<p>hello</p>" in html
    assert 'id="sidebar"' not in html
    assert 'href="/sign-in/"' in html
    assert 'id="palette"' not in html


def test_text_from_people_stays_text_in_every_attribute_and_slot() -> None:
    nasty = '" onfocus=alert(1) x="\'><script>alert(1)</script>'
    html = draw(
        '<c-button title="{{ t }}" label="{{ t }}" /><c-card title="{{ t }}" data-x="{{ t }}">{{ t }}</c-card><c-digest value="{{ t }}" />'
        '<c-confirm id="x" title="{{ t }}" action="/" typed="{{ t }}">{{ t }}</c-confirm><c-diff-row name="{{ t }}" before="{{ t }}" /><c-kv-row label="{{ t }}" value="{{ t }}" />'
        '<c-stat label="{{ t }}" value="{{ t }}" /><c-event action="{{ t }}" object="{{ t }}" /><c-drop-zone help="{{ t }}" /><c-recovery-codes :codes="codes" />',
        t=nasty, codes=[nasty],
    )  # fmt: skip
    assert "<script" not in html
    for tag in re.findall(r"<[a-z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>", html):
        assert "onfocus" not in re.sub(r"\"[^\"]*\"|'[^']*'", "", tag)


def test_a_button_with_an_address_is_a_link_and_else_a_button_that_never_submits_by_accident() -> None:
    assert draw('<c-button href="/models/">Models</c-button>').strip().startswith('<a href="/models/"')
    assert '<button type="button"' in draw("<c-button>Go</c-button>")
    assert " disabled" in draw('<c-button :disabled="no">Go</c-button>', no=True)
    assert 'aria-label="Refresh"' in draw('<c-button icon="refresh-cw" label="Refresh" />')


@pytest.mark.parametrize(("state", "words", "tone"), [("queued", "Queued", "neutral"), ("running", "Running", "accent"), ("succeeded", "Succeeded", "success"), ("failed", "Failed", "danger"), ("cancelled", "Cancelled", "neutral"), ("exported", "Exported", "neutral"), ("loadable", "Loadable", "info"), ("verified", "Verified", "success"), ("not_verified", "Not verified here", "warning")])  # fmt: skip
def test_a_state_has_its_word_and_its_tone(state: str, words: str, tone: str) -> None:
    html = draw(f'<c-state-badge state="{state}" />')
    assert words in html
    assert f"tone-{tone}" in html


class SizeForm(forms.Form):
    image_size_px = forms.IntegerField(label="Image size", help_text="Multiples of 32.", max_value=4096)
    note = forms.CharField(required=False)
    nms = forms.BooleanField(label="NMS in the graph", required=False)


def test_a_field_ties_its_help_and_its_errors_to_the_control() -> None:
    form = SizeForm({"image_size_px": "9999"})
    html = draw(
        '<c-form-errors :form="form" /><c-field :field="form.image_size_px" unit="px" /><c-field :field="form.note" /><c-field :field="form.nms" />',
        form=form,
    )
    described = re.search(r'<input type="number"[^>]*aria-describedby="([^"]+)"', html)
    assert described
    assert 'aria-invalid="true"' in html
    for identity in described.group(1).split():
        assert f'id="{identity}"' in html
    assert '<span class="suffix">px</span>' in html
    assert html.count(">optional<") == 1, "a checkbox is not called optional"
    assert 'href="#id_image_size_px"' in html


def test_a_column_sorts_the_other_way_round_and_keeps_the_filters_but_not_the_page() -> None:
    source = '<table><tr><c-th sort="name" current="{{ request.GET.sort }}">Name</c-th></tr></table>'
    assert 'href="?task=detect&amp;sort=name"' in draw(source, "/models/?task=detect&cursor=abc")
    html = draw(source, "/models/?sort=name&task=detect")
    assert 'aria-sort="ascending"' in html
    assert "sort=-name" in html
    assert 'aria-sort="descending"' in draw(source, "/models/?sort=-name")


def test_a_bar_without_a_value_is_indeterminate_and_still_has_words() -> None:
    assert "<progress" in draw('<c-progress label="Waiting for a worker" />')
    assert "value=" not in draw('<c-progress label="Waiting for a worker" />')
    assert 'value="0" max="10"' in draw('<c-progress label="Comparing" value="0" max="10" />')


def test_times_are_relative_with_the_utc_time_at_hand() -> None:
    at = datetime.now(tz=UTC) - timedelta(hours=3)
    html = draw('<c-time :at="at" />', at=at)
    assert "3 hours ago" in html
    assert f'title="{at:%Y-%m-%d %H:%M:%S} UTC"' in html
    assert "never" in draw('<c-time :at="nothing" />', nothing=None)
    assert look.ago(datetime.now(tz=UTC) + timedelta(days=2, minutes=1)) == "in 2 days"


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Lovelace", "AL"), ("ada@site.org", "AD"), ("", "?"), (None, "?"), ("Ada B. Lovelace", "AL")],
)
def test_initials(name: str | None, letters: str) -> None:
    assert look.initials(name) == letters


def test_a_sparkline_survives_flat_short_and_empty_series() -> None:
    assert look.sparkline_points("1,2") == "0.0,22.0 100.0,2.0"
    assert look.sparkline_points([5, 5, 5]).split()[0].endswith("12.0")
    assert len(look.sparkline_points("").split()) == 2


def test_the_typed_confirmation_accepts_its_text_only() -> None:
    html = draw('<c-confirm id="x" title="Delete?" action="/" typed="a.b (1)">Gone.</c-confirm>')
    pattern = re.search(r'pattern="([^"]+)"', html)
    assert pattern
    assert re.fullmatch(pattern.group(1), "a.b (1)")
    assert not re.fullmatch(pattern.group(1), "aXb (1)")


def test_the_look_asks_nothing_of_the_internet() -> None:
    css = (STATIC / "app.css").read_text()
    addresses = re.findall(r"url\(([^)]*)\)", css)
    assert addresses
    assert all(address.strip("\"'").startswith(("fonts/", "data:")) for address in addresses)
    for name in re.findall(r"url\(\"?(fonts/[\w.-]+)", css):
        assert (STATIC / name).is_file()
    assert not re.search(r"""(?:import|fetch)\s*\(?\s*["']https?:""", (STATIC / "app.js").read_text())


def test_every_vendored_library_carries_its_licence() -> None:
    texts = (STATIC / "vendor/LICENSES.md").read_text()
    for library in (
        "htmx.org",
        "idiomorph",
        "uplot",
        "tus-js-client",
        "inter",
        "jetbrains-mono",
        "lucide-static",
        "tailwindcss",
    ):
        assert re.search(rf"^## .*{re.escape(library)} ", texts, re.MULTILINE), library
