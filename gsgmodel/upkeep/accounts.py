"""Proof that runs left no video out: what each says at its end of the videos that it planned."""

from collections.abc import Iterator, Mapping
from typing import Any

from gsgmodel.results.places import Place
from gsgmodel.upkeep.checks import SHOWN, Check, judged
from gsgmodel.upkeep.past_runs import SUMMARY, PastRuns

_ENDS = ("committed", "unfinished", "left", "lost")
"""What becomes of a planned video."""


def check_runs(output: Place) -> Iterator[Check]:
    """Hold the summaries of an output's runs against the rule that every planned video is somewhere.

    Args:
        output: Holds the folder of runs. What cannot be listed or read is a ``ConfigError``.

    Yields:
        That finished runs keep to it; which ended by an error before they could say; which have no summary.
    """
    runs = PastRuns.of(output)
    summaries = {name: runs.summary(name) for name in runs.finished}
    wrong: list[str] = []
    failed: list[str] = []
    for name, summary in summaries.items():
        if summary and "planned" not in summary and summary.get("exit_code"):
            failed.append(f"{name}: {summary.get('reason', 'no reason given')}")
        else:
            wrong += [f"{name}: {fault}" for fault in faults(summary)]
    yield judged(
        "runs",
        wrong,
        ok=f"{len(runs.finished) - len(failed)} account for every video that they planned, none of which was lost",
        fault="do not account for the videos that they planned",
    )
    if failed:
        text = f"{len(failed)} ended by an error before their account"
        yield Check(name="runs", verdict="note", text=text, examples=tuple(failed[:SHOWN]))
    if open_ := sorted(set(runs.names) - set(runs.finished)):
        text = f"{len(open_)} unfinished: killed, or still at work"
        yield Check(name="runs", verdict="note", text=text, examples=tuple(open_[-SHOWN:]))


def faults(summary: Mapping[str, Any]) -> list[str]:
    """What is wrong with the account of a run."""
    missing = [name for name in ("planned", *_ENDS) if not isinstance(summary.get(name), int)]
    if missing:
        return [f"{SUMMARY} has no {', '.join(missing)}"]
    found = []
    ends = " + ".join(f"{summary[name]} {name}" for name in _ENDS)
    if summary["planned"] != sum(summary[name] for name in _ENDS):
        found.append(f"{summary['planned']} planned, but {ends}")
    if summary["lost"]:
        found.append(f"{summary['lost']} of {summary['planned']} lost")
    return found
