"""PromQL as a test looks at it: which metrics an expression reads, and which labels it takes them to have."""

from collections.abc import Iterator
from typing import Any

import promql_parser

GRAFANA = {"$session": ".*", "$run": ".*"}
"""The board's variables, and what stands for them."""


def parse(expression: str) -> Any:
    """The tree of an expression; what is no PromQL is a ``ValueError``."""
    for variable, value in GRAFANA.items():
        expression = expression.replace(variable, value)
    return promql_parser.parse(expression)


def below(node: Any) -> list[Any]:
    """The expressions that one is made of."""
    args = list(getattr(node, "args", None) or [])
    parts = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector")]
    return [each for each in (*args, *parts) if each is not None and not isinstance(each, str)]


def walk(node: Any) -> Iterator[Any]:
    """A tree from its top."""
    yield node
    for each in below(node):
        yield from walk(each)


def metrics(node: Any) -> set[str]:
    """The metrics that an expression reads."""
    return {each.name for each in walk(node) if isinstance(each, promql_parser.VectorSelector)}


def matchers(node: Any) -> Iterator[tuple[str, str, str, str]]:
    """Metric, label, operator and value of every condition."""
    for each in walk(node):
        if isinstance(each, promql_parser.VectorSelector):
            for one in each.matchers.matchers:
                yield each.name, one.name, OPERATORS[str(one.op)], one.value


OPERATORS = {
    f"MatchOp.{name}": sign for name, sign in (("Equal", "="), ("NotEqual", "!="), ("Re", "=~"), ("NotRe", "!~"))
}


def wanted_labels(node: Any) -> set[tuple[str, str]]:
    """Metric and label, wherever a metric has to have a label for the expression to mean something."""
    wanted = {(metric, label) for metric, label, _, _ in matchers(node)}
    for each in walk(node):
        labels: list[str] = []
        if isinstance(each, promql_parser.AggregateExpr) and each.modifier is not None:
            labels = each.modifier.labels
        elif isinstance(each, promql_parser.BinaryExpr) and each.modifier is not None and each.modifier.matching:
            labels = each.modifier.matching.labels
        wanted |= {(metric, label) for metric in metrics(each) for label in labels}
    return wanted


def result_labels(node: Any, labels_of: dict[str, set[str]]) -> set[str]:
    """The labels that the result of an expression has, for those of its metrics."""
    if isinstance(node, promql_parser.VectorSelector):
        return labels_of[node.name]
    if isinstance(node, promql_parser.AggregateExpr):
        return set(node.modifier.labels) if node.modifier else set()
    if isinstance(node, promql_parser.Call) and node.func.name in {"vector", "time", "absent_over_time", "absent"}:
        return set()
    if isinstance(node, promql_parser.BinaryExpr):
        sides = [result_labels(side, labels_of) for side in (node.lhs, node.rhs) if metrics(side)]
        first = sides[0] if sides else set()
        is_paired = node.modifier is not None and node.modifier.matching and "OneToOne" in str(node.modifier.card)
        return first & set(node.modifier.matching.labels) if is_paired else first
    found = [result_labels(each, labels_of) for each in below(node) if metrics(each)]
    return found[0] if found else set()
