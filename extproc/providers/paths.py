"""Where a call goes at its provider: the path below the host, whatever the provider's fashion.

Pure. Sources: the pages named in `presets.yaml`.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from extproc.config.provider_model import ModelSpec, ProviderAccount
from extproc.llm.call import ProviderDialect

_VERSION = re.compile(r"/v\d\w*$")


def upstream_path(
    account: ProviderAccount, model: ModelSpec, dialect: ProviderDialect, *, stream: bool
) -> str:
    """Path and query of one call."""
    own = dialect.upstream_path(model.id, stream=stream)
    prefix = urlsplit(account.url).path.rstrip("/")
    match account.provider:
        case "azure-openai" if account.api_version:
            # The older API names the deployment in the path; the newer (`.../openai/v1`) does not.
            deployment = f"/openai/deployments/{quote(model.id, safe='')}"
            prefix = prefix.removesuffix("/openai")
            return f"{prefix}{deployment}{own}?api-version={quote(account.api_version)}"
        case "azure-openai" if "/openai" not in prefix and not _VERSION.search(prefix):
            prefix += "/openai/v1"
        case "google-gemini" if not _VERSION.search(prefix):
            prefix += "/v1beta"
        case "google-vertex":
            prefix += "" if _VERSION.search(prefix) else "/v1"
            place = f"/projects/{account.project}/locations/{account.region or 'global'}"
            if not account.project:  # express mode: the key names the project
                place = ""
            return f"{prefix}{place}/publishers/{model.published_by}{own}"
    # A base URL is given with and without the version that the dialect's own path begins with.
    version = own[1:].partition("/")[0]
    return prefix.removesuffix(f"/{version}") + own
