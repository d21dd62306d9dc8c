"""Whether strangers are let in, as a finding."""

import pytest

from gsgmodel.doctor.cluster import check_cluster
from gsgmodel.scan.authentication import Answer

JOINED = {"RAY_ADDRESS": "10.0.0.1:6379"}


def found(environment, *, stranger=None, mine=None):
    asked = []

    def ask(address, *, as_stranger, **_):
        asked.append((address, as_stranger))
        return stranger if as_stranger else mine

    (finding,) = check_cluster(environment, ask=ask)
    return finding, asked


@pytest.mark.parametrize("environment", [{}, {"RAY_ADDRESS": "local"}, {"RAY_AUTH_MODE": "TOKEN"}])
def test_a_ray_of_our_own_has_a_token_and_where_it_listens_is_told(environment):
    finding, asked = found(environment)
    assert (finding.verdict, asked) == ("ok", [])
    assert "without a dashboard" in finding.text
    assert "on loopback" in finding.text


def test_a_token_that_is_switched_off_is_unsafe():
    finding, _ = found({"RAY_AUTH_MODE": "disabled"})
    assert (finding.verdict, finding.fix) == ("unsafe", "unset RAY_AUTH_MODE")


def test_a_cluster_that_answers_strangers_is_unsafe():
    finding, asked = found(JOINED, stranger=Answer.ANSWERS)
    assert finding.verdict == "unsafe"
    assert "10.0.0.1:6379 answers without a token" in finding.text
    assert "RAY_AUTH_MODE=token" in finding.fix
    assert asked == [("10.0.0.1:6379", True)]


def test_a_cluster_that_only_takes_our_token_is_ok():
    finding, asked = found(JOINED, stranger=Answer.REFUSES, mine=Answer.ANSWERS)
    assert finding.verdict == "ok"
    assert "its ports are open to all and rely on it" in finding.text
    assert asked == [("10.0.0.1:6379", True), ("10.0.0.1:6379", False)]


@pytest.mark.parametrize(
    ("stranger", "mine", "said"),
    [
        (Answer.SILENT, None, "does not answer"),
        (Answer.REFUSES, Answer.REFUSES, "does not take this environment's token"),
        (Answer.REFUSES, Answer.SILENT, "does not take this environment's token"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_a_failure(stranger, mine, said):
    finding, _ = found(JOINED, stranger=stranger, mine=mine)
    assert (finding.verdict, said in finding.text, bool(finding.fix)) == ("failed", True, True)


def test_a_proxy_cannot_be_asked():
    finding, asked = found({"RAY_ADDRESS": "ray://user:hunter2@head:10001"})
    assert (finding.verdict, asked) == ("warning", [])
    assert "hunter2" not in finding.text
