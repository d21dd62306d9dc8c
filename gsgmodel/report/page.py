"""Pages of one file: no network, no way for what videos are called to become more than text."""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "script-src '{script}'"
)
TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, *, data: object = None, script: str | None = None, **values: Any) -> str:
    """Fill a template in; every value is escaped.

    The page may load nothing, run nothing but its own script, and send nothing anywhere, and says so to the browser.

    Args:
        template: Name of a file beside this one's templates.
        data: What the script reads, as JSON; compressed, so that it is neither markup nor large.
        script: Name of the file of the page's script; None for a page without.
        values: Of the template.
    """
    code = Markup((TEMPLATES / script).read_text()) if script else Markup()  # noqa: S704 - our own file
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = _POLICY.format(script=f"sha256-{digest}" if script else "none")
    style = Markup((TEMPLATES / "style.css").read_text())  # noqa: S704 - our own file
    packed = "" if data is None else packed_json(data)
    return _environment().get_template(template).render(policy=policy, style=style, script=code, data=packed, **values)


def packed_json(data: object) -> str:
    """JSON, compressed, in letters that mean nothing in HTML; lone surrogates become U+FFFD."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode()


def picture_uri(content: bytes, *, kind: str = "jpeg") -> Markup:
    """A picture as part of a page."""
    return Markup(f"data:image/{kind};base64,{base64.b64encode(content).decode()}")  # noqa: S704 - letters of base64


def counted(counts: Mapping[str, int]) -> str:
    """Counts in a phrase, the largest first."""
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda each: -each[1])) or "none"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = counted
    return environment
