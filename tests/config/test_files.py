"""What a configuration points to."""

import pytest

from extproc.config.files import check_rego, check_secrets, referenced_files
from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.sources import read_sources

TEXT = """type: gateway-config
name: gateway
policy:
  rego: [policies, one.rego]
  shadow: [stricter.rego]
---
type: provider-account
name: by-env
provider: openai
base_url: https://api.openai.com/v1
auth: {api_key: {env: THE_KEY}}
models: [{id: m}]
---
type: provider-account
name: by-file
provider: openai
base_url: https://api.openai.com/v1
auth: {api_key: {file: secrets/key}}
models: [{id: m}]
"""


@pytest.fixture
def config(tmp_path) -> Config:
    (tmp_path / "gateway.yaml").write_text(TEXT)
    found = load(read_sources(tmp_path))
    assert isinstance(found, Config)
    return found


def test_secrets_that_are_there_are_fine(config, tmp_path):
    """Contract, section 2: `{env: NAME}` and `{file: PATH}`, from the document's folder."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_text("sk-1\n")
    assert check_secrets(config, {"THE_KEY": "sk-2"}) == []


def test_missing_and_empty_secrets_are_mistakes(config, tmp_path):
    """P7: a secret that cannot be had is told before traffic is, at its line."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_text(" \n")
    found = check_secrets(config, {"THE_KEY": ""})
    assert [(mistake.line, mistake.message) for mistake in found] == [
        (11, "secret of 'by-env': environment variable THE_KEY is not set, or empty"),
        (18, f"secret of 'by-file': file {tmp_path}/secrets/key is empty"),
    ]


def test_a_secret_file_that_is_not_text_is_not_shown(config, tmp_path):
    """P4: a secret's bytes never reach a message."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_bytes(b"hunter2\xff")
    (mistake,) = check_secrets(config, {"THE_KEY": "sk"})
    assert mistake.message.endswith("is not text")


def test_policies_must_exist(config, tmp_path):
    """P7: policy files and folders are looked for at load, shadow ones too."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "one.rego").write_text("package a\n")
    found = check_rego(config)
    assert [(mistake.line, mistake.message) for mistake in found] == [
        (3, f"`policy.rego`: folder {tmp_path}/policies holds no *.rego"),
        (3, f"`policy.shadow`: {tmp_path}/stricter.rego does not exist"),
    ]
    (tmp_path / "policies/p.rego").write_text("package a\n")
    (tmp_path / "stricter.rego").write_text("package a\n")
    assert check_rego(config) == []


CHANNELS = """type: provider-account
name: a
provider: openai
base_url: https://api.openai.com/v1
models: [{id: m}]
---
type: notification-channel
name: siem
kind: webhook
url: {env: SIEM_URL}
hmac_secret: {file: secrets/hmac}
---
type: notification-channel
name: mail
kind: email
smtp: {host: h, username: u, password: {file: secrets/smtp}, from_email: a@b.example}
"""


def test_secrets_of_channels_are_looked_for_too(tmp_path):
    """P7: an alert that could not be sent is told before it is needed, at its channel's line."""
    (tmp_path / "gateway.yaml").write_text(CHANNELS)
    config = load(read_sources(tmp_path))
    assert isinstance(config, Config)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/hmac").write_text("k")
    found = check_secrets(config, {})
    assert [(mistake.line, mistake.message) for mistake in found] == [
        (7, "`url` of channel 'siem': environment variable SIEM_URL is not set, or empty"),
        (13, f"`smtp.password` of channel 'mail': file {tmp_path}/secrets/smtp cannot be read: "
             "no such file or directory"),
    ]  # fmt: skip
    (tmp_path / "secrets/smtp").write_text("p")
    assert check_secrets(config, {"SIEM_URL": "https://siem.example"}) == []
    assert set(referenced_files(config)) == {tmp_path / "secrets/hmac", tmp_path / "secrets/smtp"}
