"""How Sphinx builds the site. It reads what `stage` has written."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Any

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "Chatroom"
version = release = version_of("chatroom")
copyright = "the Chatroom authors, Apache-2.0"  # noqa: A001 - Sphinx's own name for it
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"Chatroom {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
highlight_language = "text"
default_role = "code"
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
add_module_names = False
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]  # names in the middle of a page
suppress_warnings = [
    "misc.highlighting_failure",  # an excerpt with … is no JSON
]

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; font-src 'self'; connect-src 'self'; form-action 'self'"
)
"""No page can ask another host for anything, whatever a theme may bring one day."""


def _confined(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    context["metatags"] = policy + context.get("metatags", "")


def _as_markdown(
    _app: Sphinx, _what: str, _name: str, _thing: object, _options: object, lines: list[str]
) -> None:
    """Code in a docstring is what is indented by four; in reStructuredText it begins with `::`."""
    made: list[str] = []
    for number, line in enumerate(lines):
        begins = line.startswith("    ") and number > 0 and not lines[number - 1].strip()
        if begins and not (made and made[-1].startswith("    ")):
            made += ["::", ""]
        made.append(line)
    lines[:] = made


def _skipped(
    _app: Sphinx, _what: str, _name: str, thing: object, skip: bool, _options: object
) -> bool:
    """Of a named tuple's fields Python says no more than their number; the class tells of them."""
    return skip or (getattr(thing, "__doc__", None) or "").startswith("Alias for field number")


def setup(app: Sphinx) -> None:
    """What the settings cannot say."""
    app.add_lexer("haproxy", TextLexer)
    app.connect("html-page-context", _confined)
    app.connect("autodoc-process-docstring", _as_markdown)
    app.connect("autodoc-skip-member", _skipped)
