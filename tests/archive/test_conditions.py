"""Globs and conditions told apart, and what conditions mean."""

import time
from decimal import Decimal
from operator import ge, gt, le, lt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.archive.conditions import Condition, Filters, parse_filters
from gsgmodel.errors import ConfigError

NOW_S = 1_800_000_000.0
FACTORS = {
    "size": {"": 1, "B": 1}
    | {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    | {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40},
    "age": {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400},
}
UNITS = [(field, unit) for field, units in FACTORS.items() for unit in units]
OPERATORS = {"<": lt, "<=": le, ">": gt, ">=": ge}


@given(
    unit=st.sampled_from(UNITS),
    operator=st.sampled_from(list(OPERATORS)),
    number=st.decimals(0, 10**6, places=3),
    space=st.sampled_from(["", " "]),
    value=st.floats(0, 1e15),
)
def test_a_condition_means_what_it_says(unit, operator, number, space, value):
    field, name = unit
    (condition,) = parse_filters([space.join((field, operator, str(number), name))]).conditions
    bound = float(Decimal(number) * FACTORS[field][name])
    assert condition == Condition(field=field, operator=operator, bound=bound)
    for given_value in (value, bound):
        assert condition.holds(given_value) == OPERATORS[operator](given_value, bound)


@pytest.mark.parametrize("text", ["size>=1MB", "SIZE >= 1mb", " size>=1000KB ", "size>=1000000", "Size>=0.001gb"])
def test_sizes_may_be_written_in_any_case(text):
    assert parse_filters([text]).conditions == (Condition(field="size", operator=">=", bound=1e6),)


@pytest.mark.parametrize(
    "text",
    [
        *("size>", "size>=", "size>MB", "size>-1", "size>1e6", "size>1XB", "size>1 M B", "size>=<1", "size><1"),
        *(
            "age<1",
            "age<1M",
            "age<1y",
            "age<1D",
            "age<d",
            "age<1d2h",
            "age>=yesterday",
            "size>1MB,age<1d",
            "age<\u0661d",
        ),
    ],
)
def test_what_begins_like_a_condition_and_is_none_is_one_sentence(text):
    with pytest.raises(ConfigError) as caught:
        parse_filters(["*.mp4", text])
    assert str(caught.value) == (
        f"--filter {text!r} is no condition; accepted: a glob, or a condition such as size>=1MB, size<2GiB, age<1d "
        "or age>=90m"
    )


def test_everything_else_is_a_glob_as_it_is():
    globs = ("*.mp4", "age=12/*", "size", "ages<1d", "x size>1", " *", "", "2026/size=large>1.mp4")
    assert parse_filters(globs, now_s=NOW_S) == Filters(globs=globs, conditions=(), now_s=NOW_S)


def test_globs_and_conditions_are_told_apart_in_any_order():
    parsed = parse_filters(["size>1", "*.mp4", "age<1d", "*.mov"], now_s=NOW_S)
    assert parsed.globs == ("*.mp4", "*.mov")
    assert [condition.field for condition in parsed.conditions] == ["size", "age"]
    assert parsed.now_s == NOW_S


def test_all_conditions_have_to_hold_and_the_first_that_does_not_is_named():
    filters = parse_filters(["size>=10", "size<20", "age<1h", "age>=1m"], now_s=NOW_S)
    cases = {(10, 60): "", (9, 60): "size", (20, 60): "size", (10, 3600): "age", (10, 59): "age", (9, 0): "size"}
    for (size_bytes, age_s), reason in cases.items():
        assert filters.unmet(size_bytes=size_bytes, last_modified_s=NOW_S - age_s) == reason


def test_what_will_be_modified_in_the_future_is_young():
    filters = parse_filters(["age<1s"], now_s=NOW_S)
    assert filters.unmet(size_bytes=0, last_modified_s=NOW_S + 1e6) == ""


def test_ages_are_counted_back_from_the_call():
    before = time.time()
    assert before <= parse_filters([]).now_s <= time.time()
