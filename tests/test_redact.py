"""Credentials do not get through, and everything else does."""

import logging
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.redact import HIDDEN, RedactingFilter, hide_credentials, redact

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://s/a?X-Amz-Signature=0f3b&part=1", f"https://s/a?X-Amz-Signature={HIDDEN}&part=1"),
        ("https://s/a?x-amz-security-token=IQoJ%2F&b", f"https://s/a?x-amz-security-token={HIDDEN}&b"),
        ("?AWSAccessKeyId=me&Signature=ab%3D", f"?AWSAccessKeyId={HIDDEN}&Signature={HIDDEN}"),
        (f"aws_secret_access_key = {SECRET}", f"aws_secret_access_key = {HIDDEN}"),
        (f'{{"secret_key": "{SECRET}", "a": 1}}', f'{{"secret_key": "{HIDDEN}", "a": 1}}'),
        ("password=hunter2; next", f"password={HIDDEN}; next"),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {HIDDEN}"),
        ("'authorization': 'Basic bWU6eA=='", f"'authorization': 'Basic {HIDDEN}'"),
        ("http://me:secret@mlflow:5000/a", f"http://{HIDDEN}@mlflow:5000/a"),
        ("s3://key:secret@bucket/a", f"s3://{HIDDEN}@bucket/a"),
        ("postgresql+psycopg2://u:p@db/x", f"postgresql+psycopg2://{HIDDEN}@db/x"),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/2026/s3, Signature=0f3b",
            f"Authorization: AWS4-HMAC-SHA256 Credential={HIDDEN}, Signature={HIDDEN}",
        ),
        ("user AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE.", f"user {HIDDEN} and {HIDDEN}."),
    ],
)
def test_credentials_are_told_by_their_form(text, expected):
    assert redact(text) == expected
    assert redact(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/a@b/c.mp4",
        "https://store/a@2x.png?part=1",
        "me@example.org",
        "signature of the function",
        "AKIA is a prefix",
        "the password is wrong",
        "authorization failed",
        "input 's3://bucket/2026//a%41 #1.mp4': Access Denied (AccessDenied)",
    ],
)
def test_everything_else_stays(text):
    assert redact(text) == text


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "Z")), max_size=60))
def test_plain_words_stay(text):
    if not any(word in text for word in ("AKIA", "ASIA")):
        assert redact(text) == text


def test_what_the_environment_holds_is_hidden_wherever_it_stands(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "demo")
    assert redact(f"odd text<{SECRET}>demo") == f"odd text<{HIDDEN}>demo"


def test_log_records_lose_their_credentials_tracebacks_included(caplog):
    logger = logging.getLogger("redacted")
    logger.addFilter(RedactingFilter())
    try:
        logger.error("asking %s", "http://me:secret@store", exc_info=ValueError("http://me:secret@store"))
    finally:
        logger.filters.clear()
    assert f"asking http://{HIDDEN}@store" in caplog.text
    assert f"ValueError: http://{HIDDEN}@store" in caplog.text
    assert "secret" not in caplog.text


def test_a_process_that_hides_credentials_logs_and_dies_without_them():
    code = """
import logging, sys, threading
from gsgmodel.redact import hide_credentials
before = logging.getLogger("library made before")
hide_credentials()
hide_credentials()
for logger in (before, logging.getLogger("library made later")):
    logger.warning("to %s", "http://me:secret@store")
def fail():
    raise RuntimeError("in a thread, password=secret")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
raise RuntimeError("password=secret")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count(f"to http://{HIDDEN}@store") == 2
    assert f"RuntimeError: in a thread, password={HIDDEN}" in done.stderr
    assert f"RuntimeError: password={HIDDEN}" in done.stderr
    assert "me:secret" not in done.stderr
    assert "password=secret" not in done.stderr


def test_credentials_are_hidden_once_however_often_it_is_asked(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    make = logging.getLogRecordFactory()
    try:
        hide_credentials()
        once = logging.getLogRecordFactory()
        hide_credentials()
        assert logging.getLogRecordFactory() is once
    finally:
        logging.setLogRecordFactory(make)
