"""What AWS wants of a request: credentials and a signature (SigV4), both by botocore.

Promises: credentials of the settings are read at each use; those of AWS's own chain are looked for
in a thread (the chain may ask STS or a container's agent) and renewed by botocore itself. The
instance's metadata service is asked only when the settings say so: off EC2 it is a network that
does not answer. Refuses (`unauthorized`): no credentials, or ones that cannot be renewed.
"""

from __future__ import annotations

import asyncio

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from extproc.config.bedrock_guardrails_settings import AwsCredentials, BedrockGuardrailsSettings
from extproc.guardrails.services.credentials import secret_text
from extproc.guardrails.values import GuardrailFault

_METADATA_SERVICE = "iam-role"
"""botocore's name of the provider that asks it."""


class AwsAccess:
    """Credentials of one guardrail."""

    def __init__(self, settings: BedrockGuardrailsSettings) -> None:
        self._settings = settings
        self._chained: Credentials | None = None

    async def credentials(self) -> ReadOnlyCredentials:
        """Raises GuardrailFault `unauthorized`."""
        given = self._settings.credentials
        if given is not None:
            return _named(given)
        try:
            return await asyncio.to_thread(self._from_chain)
        except (BotoCoreError, ClientError):
            raise GuardrailFault("unauthorized") from None

    def _from_chain(self) -> ReadOnlyCredentials:
        if self._chained is None:
            self._chained = self._look()
        if self._chained is None:
            raise GuardrailFault("unauthorized")
        return self._chained.get_frozen_credentials()

    def _look(self) -> Credentials | None:
        session = Session()
        session.set_config_variable("region", self._settings.region)
        chain = session.get_component("credential_provider")
        if not self._settings.instance_metadata:
            chain.remove(_METADATA_SERVICE)
        found: Credentials | None = chain.load_credentials()
        return found


def signed_headers(
    url: str, body: bytes, credentials: ReadOnlyCredentials, region: str, service: str
) -> dict[str, str]:
    """Headers of a signed POST of JSON; the same bytes and path must leave."""
    request = AWSRequest("POST", url, {"content-type": "application/json"}, body)
    SigV4Auth(credentials, service, region).add_auth(request)
    return {name.lower(): str(value) for name, value in request.headers.items()}


def _named(given: AwsCredentials) -> ReadOnlyCredentials:
    token = given.session_token
    return ReadOnlyCredentials(
        secret_text(given.access_key_id),
        secret_text(given.secret_access_key),
        None if token is None else secret_text(token),
    )
