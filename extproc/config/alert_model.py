"""Whom to tell about a budget, and how what is told gets there.

One table says which fields a channel of each kind has: a field too few or too many is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from extproc.config.base import Document, SecretRef
from extproc.config.fields import Fault, HttpUrl, Name, complain, is_loopback
from extproc.config.limit_fields import Email, Emails, Host, Thresholds

ChannelKind = Literal["webhook", "slack-webhook", "ms-teams-webhook", "pagerduty", "email"]
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"

# Kind -> the fields it needs. A webhook is signed, or its receiver could not tell who calls.
CHANNEL_FIELDS: Mapping[ChannelKind, tuple[str, ...]] = {
    "webhook": ("url", "hmac_secret"),
    "slack-webhook": ("url",),
    "ms-teams-webhook": ("url",),
    "pagerduty": ("integration_key",),
    "email": ("smtp",),
}
SECRET_FIELDS = ("url", "hmac_secret", "integration_key")


class NotificationTarget(Document):
    """One place an alert goes to. `notification_channel` names a channel of the kind `type`."""

    type: ChannelKind
    notification_channel: str
    to_emails: Emails = ()

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if self.type == "email" and not self.to_emails:
            complain([("is missing: an e-mail needs somebody to go to", "to_emails")])
        if self.type != "email" and self.to_emails:
            complain([(f"is for type 'email', not for '{self.type}'", "to_emails")])
        return self


class Alerts(Document):
    """`thresholds`: percent of the limit. `forecast`: also tell when it will be used up.

    Without a target alerts show in the log and in metrics alone.
    """

    thresholds: Thresholds = (75, 90, 95, 100)
    notification_target: tuple[NotificationTarget, ...] = ()
    forecast: bool = True


class Smtp(Document):
    """`security`: `tls` from the first byte (465), `starttls` (587), or `none` (loopback only)."""

    host: Host
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "starttls"
    username: str | None = None
    password: SecretRef | None = None
    from_email: Email

    @model_validator(mode="after")
    def _private(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if self.security == "none" and not is_loopback(self.host):
            yield "'none' is for loopback hosts alone: mail would travel unencrypted", "security"
        if self.username is not None and self.password is None:
            yield "is missing: `username` needs one", "password"
        if self.password is not None and self.username is None:
            yield "is missing: `password` needs one", "username"


class NotificationChannel(Document):
    """How alerts of one kind are delivered. Its secrets are read when an alert is sent.

    webhook, slack-webhook, ms-teams-webhook: `url` (a secret: whoever has it can post), webhook
    also `hmac_secret`. pagerduty: `integration_key`, `integration_url`. email: `smtp`.
    """

    type: Literal["notification-channel"]
    name: Name
    kind: ChannelKind
    url: SecretRef | None = None
    hmac_secret: SecretRef | None = None
    integration_key: SecretRef | None = None
    integration_url: HttpUrl = PAGERDUTY_URL
    smtp: Smtp | None = None

    def secrets(self) -> Iterator[tuple[str, SecretRef]]:
        """Every secret it refers to, with the field's dotted path."""
        for field in SECRET_FIELDS:
            secret = getattr(self, field)
            if secret is not None:
                yield field, secret
        if self.smtp is not None and self.smtp.password is not None:
            yield "smtp.password", self.smtp.password

    @model_validator(mode="after")
    def _fields_of_its_kind(self) -> Self:
        complain(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        needed = CHANNEL_FIELDS[self.kind]
        for field in (*SECRET_FIELDS, "smtp"):
            given = getattr(self, field) is not None
            if field in needed and not given:
                yield f"is missing: kind '{self.kind}' needs it", field
            elif given and field not in needed:
                yield f"is not for kind '{self.kind}'", field
        if self.kind != "pagerduty" and self.integration_url != PAGERDUTY_URL:
            yield f"is not for kind '{self.kind}'", "integration_url"
