"""What is installed, against what was tested."""

from pathlib import Path

import pytest

from gsgmodel.doctor.software import PACKAGES, check_packages, check_python, check_software, pins_of

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"


def test_this_environment_is_the_one_that_is_pinned():
    python, packages = check_software(REQUIREMENTS)
    assert (python.verdict, packages.verdict) == ("ok", "ok"), packages.text
    assert all(name in packages.text for name in PACKAGES)


def test_without_the_file_of_pins_that_is_said(tmp_path):
    _, packages = check_software(tmp_path / "requirements.txt")
    assert (packages.verdict, "not here to compare with" in packages.text) == ("warning", True)


@pytest.mark.parametrize(
    ("found", "verdict"), [((3, 10), "failed"), ((3, 11), "ok"), ((3, 14), "ok"), ((3, 15), "failed")]
)
def test_a_python_that_is_not_tested_is_refused(found, verdict):
    finding = check_python(found)
    assert finding.verdict == verdict
    assert bool(finding.fix) is (verdict == "failed")


def test_pins_are_those_of_this_python_and_machine():
    text = """# comment
av==18.1.0 ; python_full_version < '3.12'
    # via gsgmodel
av==19.0.2 ; python_full_version >= '3.12'
ray[data,train]==2.60.0 --hash=sha256:00
Facenet_Pytorch==2.5.3 \\
    --hash=sha256:00
colorama==0.4.6 ; sys_platform == 'win32'
"""
    pins = pins_of(text)
    assert pins.keys() == {"av", "ray", "facenet-pytorch"}
    assert pins["av"] in {"18.1.0", "19.0.2"}
    assert pins["facenet-pytorch"] == "2.5.3"


def test_another_version_is_a_warning_that_names_both():
    finding = check_packages({"av": "18.2.0", "torch": "2.14.1+cpu"}, {"av": "18.1.0", "torch": "2.14.1"})
    assert finding.verdict == "warning"
    assert finding.text == "not what was tested: av 18.2.0 (pinned 18.1.0)"
    assert finding.fix


def test_a_package_that_is_missing_is_a_failure():
    finding = check_packages({"av": None, "ray": "2.60.0"}, {})
    assert (finding.verdict, finding.text) == ("failed", "missing: av")


def test_a_package_that_is_not_pinned_is_not_compared():
    assert check_packages({"av": "18.1.0"}, {"ray": "1"}).verdict == "ok"
