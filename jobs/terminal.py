"""What the jobs share of the command line: exit codes for what went wrong, and how things are printed."""

import json
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import cyclopts
from cyclopts import App

from gsgmodel.errors import BusyError, ConfigError, DecoderError, DriftError, OutputError, TrainingError
from gsgmodel.redact import hide_credentials, redact

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from gsgmodel.evaluation.held_out import Judged
    from gsgmodel.results.table import VideoTable
    from gsgmodel.scan.plan import Plan

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def run_app(app: App, tokens: Sequence[str] | None = None) -> int:
    """Parse the command line with ``--config`` and the environment, run the job, and return the exit code.

    Flags win over ``GSG_...`` variables, and those over the TOML file that ``--config`` names. What a user can mend is
    one sentence; what is our bug keeps its traceback.
    """
    hide_credentials()
    tokens = list(sys.argv[1:] if tokens is None else tokens)
    name = app.name[0]
    try:
        tokens, config = _take_config(tokens)
        app.config = (cyclopts.config.Env("GSG_", command=False), *config)
        app.suppress_keyboard_interrupt = False
        show_examples(app)
        code = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except (ConfigError, cyclopts.CycloptsError) as error:
        return _fail(name, error, USAGE)
    except (OutputError, DecoderError, DriftError, TrainingError) as error:
        return _fail(name, error, FAILED)
    except BusyError as error:
        return _fail(name, error, OK)
    except KeyboardInterrupt:
        return _fail(name, "interrupted before work began", INTERRUPTED)
    return code if isinstance(code, int) else 0


def show_examples(app: App) -> None:
    """Let ``--help`` of an app and its commands end with the examples of their docstrings, which it leaves out."""
    for part in (app, *(app[name] for name in app if not name.startswith("-"))):
        text = examples_of(part.default_command.__doc__ or "") if part.default_command else ""
        # Empty, not None: a command without examples would have those of its app.
        part.help_epilogue = f"Examples:\n\n```text\n{text}\n```" if text else ""


def examples_of(docstring: str) -> str:
    r"""Return the lines of a docstring's examples, each command on its own.

    >>> examples_of("Do.\n\n    Examples:\n        gsg a\n\n        gsg b --c\n\n    Args:\n        d: E.\n")
    'gsg a\ngsg b --c'
    """
    found: list[str] = []
    is_inside = False
    for line in docstring.splitlines():
        if line.strip() in {"Examples:", "Example:"}:
            is_inside = True
        elif is_inside and line.strip().endswith(":") and not line.strip().startswith("gsg"):
            break
        elif is_inside and line.strip():
            found.append(line.strip())
    return "\n".join(found)


def shown_path(uri: str) -> str:
    """Return a file's path as a person reads it; characters that would move the cursor are escaped."""
    parts = urlsplit(uri)
    path = unquote(parts.path) if parts.scheme == "file" else uri
    return printable(path)


def verdict_printer(threshold: float | None) -> Callable[[dict[str, Any]], None]:
    """Return what prints one finished video a line: score, verdict where there is a threshold, faces, path."""

    def show(row: dict[str, Any]) -> None:
        if row["score"] is None:
            text = f"{row['status']:<15}"
        else:
            verdict = "" if threshold is None else ("FAKE " if row["score"] >= threshold else "real ")
            faces = "1 face" if row["num_faces"] == 1 else f"{row['num_faces']} faces"
            text = f"{row['score']:.4f} {verdict}{faces:<8}"
        reason = f"  ({printable(row['error_text'])})" if row["error_text"] else ""
        print(f"{text} {shown_path(row['uri'])}{reason}", flush=True)

    return show


def print_plan(plan: "Plan", *, as_json: bool, verb: str = "score") -> None:
    """Print what a dry run found: what would be done, what is left out and why, with bytes.

    Args:
        plan: The plan, whole; the first of its videos are named.
        as_json: End with the counts as one line of JSON.
        verb: What would be done with the videos.
    """
    from gsgmodel.scan.parts import planned_refs

    first = planned_refs(plan.path, most=20)
    print(f"dry run: nothing is {verb}d")
    for row in first:
        print(f"  {verb:<9} {bytes_text(row['size_bytes']):>9}  {shown_path(row['uri'])}")
    if plan.num_videos > len(first):
        print(f"  {verb:<9} and {plan.num_videos - len(first)} more")
    for item in plan.examples:
        print(f"  leave out {bytes_text(item.size_bytes):>9}  {shown_path(item.uri)}  ({item.reason})")
    print(f"would {verb} {plan.num_videos} videos, {bytes_text(plan.num_bytes)}")
    for reason, count in plan.left_out.most_common():
        print(f"would leave out {count}: {reason}, {bytes_text(plan.left_out_bytes[reason])}")
    if as_json:
        counts = {"planned": plan.num_videos, "planned_bytes": plan.num_bytes, "left_out": dict(plan.left_out)}
        print(json.dumps(counts | {"left_out_suffixes": dict(plan.suffixes)}), flush=True)


def print_head(table: "VideoTable", *, num_rows: int) -> None:
    """Print the rows of a table that were scored last."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table("video", "status", "score", "faces", "clips", "seconds", "model", title="the table's head")
    for row in table.head(num_rows).to_pylist():
        score = "" if row["score"] is None else f"{row['score']:.4f}"
        name = shown_path(row["uri"]).rsplit("/", 1)[-1]
        facts = (row["num_faces"], row["num_clips"], f"{row['duration_s'] or 0:.1f}", row["model_version"])
        shown.add_row(*(Text(str(value)) for value in (name, row["status"], score, *facts)))
    Console().print(shown)


def print_judged(videos: "Sequence[Judged]", *, threshold: float) -> None:
    """Print labelled videos with their scores and verdicts."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table("video", "label", "score", "verdict", title="held-out videos")
    for video in videos:
        verdict = "FAKE" if video.score >= threshold else "real"
        is_right = (verdict == "FAKE") == bool(video.label)
        label = "fake" if video.label else "real"
        name = shown_path(video.uri).rsplit("/", 1)[-1]
        shown.add_row(
            *(Text(value) for value in (name, label, f"{video.score:.4f}", verdict + ("" if is_right else "  (wrong)")))
        )
    Console().print(shown)


def plan_text(plan: "Plan", *, verb: str = "score") -> str:
    """Return in a sentence what a run is about to do."""
    some = "" if plan.is_listed else " so far"
    text = f"{plan.num_videos} videos to {verb}{some}, {bytes_text(plan.num_bytes)}"
    return f"{text}; {plan.num_done} are {verb}d already" if plan.num_done else text


def say(lines: Sequence[str]) -> None:
    """Print sentences for a person, apart from results."""
    if lines:
        print("\n".join(lines), file=sys.stderr, flush=True)


def say_end(lines: Sequence[str], summary: "DataclassInstance", *, as_json: bool) -> None:
    """Print how a run ended: in sentences, and as JSON where that was asked for.

    To be called before Ray is let go of. A driver whose parent is gone, as that of a stopped job is, may be ended by
    Ray's own code within ``ray.shutdown``, without a word (Ray 2.60, seen under load in one stop of ten).
    """
    say(lines)
    if as_json:
        print(json.dumps(asdict(summary)), flush=True)


def bytes_text(size_bytes: int) -> str:
    """Return a number of bytes as a person says it.

    Example:
        >>> bytes_text(17), bytes_text(31_457_280)
        ('17 B', '31.5 MB')
    """
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - SI units
            return f"{size:.1f} {unit}" if unit != "B" else f"{size_bytes} B"
        size /= 1000
    return f"{size:.1f} TB"


def printable(text: str) -> str:
    """Return a text without what would move the cursor: such characters are escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _take_config(tokens: list[str]) -> tuple[list[str], list[cyclopts.config.Toml]]:
    end = tokens.index("--") if "--" in tokens else len(tokens)
    for index, token in enumerate(tokens[:end]):
        flag, is_joined, value = token.partition("=")
        if flag != "--config":
            continue
        if not is_joined and index + 1 >= end:
            raise ConfigError("--config has no value; accepted: a TOML file")
        value = value if is_joined else tokens[index + 1]
        _check_toml(value)
        toml = cyclopts.config.Toml(value, must_exist=True, use_commands_as_keys=False)
        return tokens[:index] + tokens[index + (1 if is_joined else 2) :], [toml]
    return tokens, []


def _check_toml(path: str) -> None:
    if not Path(path).is_file():
        raise ConfigError(f"--config is {path!r}, which is no file; accepted: a TOML file")
    try:
        tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--config {path!r} cannot be read as TOML: {error}") from error


def _fail(name: str, error: object, code: int) -> int:
    print(redact(f"{name}: {' '.join(str(error).split())}"), file=sys.stderr)
    print(f"exit code {code}", file=sys.stderr, flush=True)
    return code
