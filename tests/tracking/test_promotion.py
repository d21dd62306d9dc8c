"""Who becomes the champion, by what both tests found."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.tracking.promotion import (
    DATA_DIGEST,
    TEST_AUC,
    TEST_AUC_HIGH,
    TEST_AUC_LOW,
    Contestant,
    contestant_of,
    judge_challenger,
)

SHARES = st.floats(0, 1)


def version(number, auc, *, low=None, high=None, digest="a" * 64):
    low = auc - 0.05 if low is None and auc is not None else low
    return Contestant(reference=f"gsg/{number}", data_digest=digest, auc=auc, auc_low=low, auc_high=high)


@pytest.mark.parametrize(
    ("challenger", "champion", "is_promoted", "reason"),
    [
        (version(2, 0.9), None, True, "there was no champion; test AUC 0.900"),
        (version(2, 0.9), version(1, 0.8), True, "test AUC 0.900, that of models:/gsg/1 0.800 (from 0.750)"),
        (version(2, 0.88), version(1, 0.9, high=0.95), True, "models:/gsg/1 0.900 (from 0.850 to 0.950)"),
        (version(2, 0.85), version(1, 0.9, low=0.85), True, "test AUC 0.850, that of models:/gsg/1 0.900 (from 0.850)"),
        (
            version(2, 0.84),
            version(1, 0.9),
            False,
            "it is worse than the champion beyond the interval: test AUC 0.840, that of models:/gsg/1 0.900",
        ),
        (version(2, None), None, False, "models:/gsg/2 has no test result"),
        (version(2, None), version(1, 0.5), False, "models:/gsg/2 has no test result"),
        (version(2, 0.9), version(1, None), False, "the champion models:/gsg/1 has no test result with an interval"),
        (version(2, 0.9), replace(version(1, 0.5), auc_low=None), False, "models:/gsg/1 has no test result with an"),
        (
            version(2, 0.9),
            version(1, 0.5, digest="b" * 64),
            False,
            "it was tested on clips of the digest aaaaaaaaaaaa, the champion models:/gsg/1 on clips of bbbbbbbbbbbb",
        ),
        (
            version(2, 0.9, digest=None),
            version(1, 0.5, digest=None),
            False,
            "clips of the digest unknown, the champion",
        ),
    ],
)
def test_a_challenger_is_promoted_unless_it_is_worse_beyond_the_interval(challenger, champion, is_promoted, reason):
    verdict = judge_challenger(challenger, champion)
    assert verdict.is_promoted is is_promoted
    assert reason in verdict.reason
    forced = judge_challenger(challenger, champion, is_forced=True)
    assert forced.is_promoted
    assert forced.reason == (verdict.reason if is_promoted else f"forced, although {verdict.reason}")


def test_who_is_the_champion_stays_it_whatever_its_test_says():
    for champion in (version(1, 0.9), version(1, None)):
        assert judge_challenger(champion, champion).reason == "it is already"
        assert judge_challenger(champion, champion, is_forced=True).is_promoted


@given(challenger=SHARES, champion=SHARES, low=SHARES)
def test_only_the_low_end_of_the_champions_interval_decides(challenger, champion, low):
    verdict = judge_challenger(version(2, challenger), version(1, champion, low=low))
    assert verdict.is_promoted == (challenger >= low)


@given(better=SHARES, worse=SHARES, low=SHARES)
def test_a_better_test_never_costs_the_place(better, worse, low):
    champion = version(1, 0.9, low=low)
    better, worse = max(better, worse), min(better, worse)
    if judge_challenger(version(2, worse), champion).is_promoted:
        assert judge_challenger(version(2, better), champion).is_promoted


@given(auc=SHARES, low=SHARES, high=SHARES)
def test_a_versions_tags_say_what_its_test_found(auc, low, high):
    tags = {DATA_DIGEST: "d" * 64, TEST_AUC: str(auc), TEST_AUC_LOW: str(low), TEST_AUC_HIGH: str(high)}
    assert contestant_of("gsg/3", tags) == Contestant(
        reference="gsg/3", data_digest="d" * 64, auc=auc, auc_low=low, auc_high=high
    )


@pytest.mark.parametrize("text", ["", "nan", "inf", "-inf", "1.5", "-0.1", "good", "None"])
def test_a_tag_that_is_no_share_of_one_says_nothing(text):
    found = contestant_of("gsg/3", {TEST_AUC: text, TEST_AUC_LOW: text, TEST_AUC_HIGH: text, DATA_DIGEST: ""})
    assert found == Contestant(reference="gsg/3", data_digest=None, auc=None, auc_low=None, auc_high=None)
    assert not judge_challenger(found, None).is_promoted


def test_deciding_needs_no_mlflow():
    code = "import sys, gsgmodel.tracking.promotion; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
