"""Ways of doing the same thing that take turns, so that what else the machine does falls on all of them alike."""

import io
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from matplotlib.figure import Figure

Name = TypeVar("Name")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What several ways took, round by round."""

    title: str
    peer: str
    """The way that the others are compared with."""
    took_s: Mapping[str, list[float]]
    """Seconds in each round, by way."""
    unit: str = "CPU s"
    """What kind of seconds: CPU time of this process unless it says otherwise."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else was measured."""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """Plots as PNG, by what they show."""

    def times_as_fast(self, way: str) -> list[float]:
        """The peer's time over a way's, round by round."""
        return [theirs / ours for theirs, ours in zip(self.took_s[self.peer], self.took_s[way], strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """All of it and the ratios, for JSON."""
        figures = {name: value for name, value in asdict(self).items() if name != "pictures"}
        return figures | {"times_as_fast": {way: self.times_as_fast(way) for way in self.took_s}}

    def metrics(self) -> dict[str, float]:
        """The median of each ratio, for MLflow."""
        return {_name(way): statistics.median(self.times_as_fast(way)) for way in self.took_s}

    def markdown(self) -> str:
        """A table of all ways, and the facts below it."""
        lines = [
            f"### {self.title}",
            "",
            f"| way | {self.unit} | times as fast as {self.peer} | least to most |",
            "|---|---|---|---|",
        ]
        for way, took_s in self.took_s.items():
            ratios = self.times_as_fast(way)
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            lines.append(f"| {way} | {statistics.median(took_s):.3f} | {statistics.median(ratios):.2f} | {spread} |")
        facts = [f"- {name}: {value}" for name, value in self.facts.items()]
        return "\n".join([*lines, *([""] if facts else []), *facts])

    def files(self, name: str) -> dict[str, bytes]:
        """JSON, markdown and plots, by file name."""
        texts = {"json": json.dumps(self.to_dict(), indent=1, default=str), "md": self.markdown()}
        files = {f"{name}.{suffix}": f"{text}\n".encode() for suffix, text in texts.items()}
        return files | {f"{name}-{what}.png": content for what, content in self.pictures.items()}


def picture(draw: Callable[[Any], None]) -> bytes:
    """A plot as PNG.

    Args:
        draw: Given the axes.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    draw(axes)
    axes.legend()
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()


def take_turns(ways: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Run every way once to warm up, then all of them in each round, every other round backwards.

    Returns:
        CPU seconds of this process in each round, by way.
    """
    for way in ways.values():
        way()
    took_s: dict[str, list[float]] = {name: [] for name in ways}
    for name in turns(ways, rounds=rounds):
        before_s = time.process_time()
        ways[name]()
        took_s[name].append(time.process_time() - before_s)
    return took_s


def turns(names: Iterable[Name], *, rounds: int) -> Iterator[Name]:
    """Each name once a round, every other round backwards."""
    ordered = list(names)
    for number in range(rounds):
        yield from ordered[:: -1 if number % 2 else 1]


def _name(way: str) -> str:
    return "times_as_fast/" + "".join(letter if letter.isalnum() else "_" for letter in way)
