"""What makes a machine unfit."""

import pytest

from gsgmodel.doctor.findings import Finding, is_fit


@pytest.mark.parametrize(
    ("verdicts", "fit"),
    [
        ((), True),
        (("ok", "warning"), True),
        (("ok", "failed"), False),
        (("unsafe",), False),
        (("warning", "unsafe"), False),
    ],
)
def test_warnings_are_no_reason_and_all_else_is(verdicts, fit):
    assert is_fit([Finding(name="x", verdict=verdict, text="y") for verdict in verdicts]) is fit
