"""The page: templates filled in, everything escaped, nothing fetched from elsewhere."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from glassbox.report import _format


def render(template: str = "page.html.j2", /, **content: Any) -> str:
    """An HTML page.

    Parameters
    ----------
    template : str
        By default the page of a report.
    **content
        What the templates name. A name that is missing is an error.
    """
    environment = Environment(
        loader=PackageLoader("glassbox.report"),
        # All templates make HTML, whatever their ending.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": _format.count,
        "estimate": _format.estimate,
        "fixed": _format.fixed,
        "number": _format.number,
    }
    return environment.get_template(template).render(**content)
