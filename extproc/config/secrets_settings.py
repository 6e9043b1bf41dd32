"""`config` of a `secrets` guardrail: which kinds of credential, and what replaces them.

Promises: `SECRET_KINDS` is the closed vocabulary of labels, by group; the detector's table has no
other and a test holds them equal. Refuses: kinds nobody knows, a choice that leaves none, and a
replacement that could break the JSON around it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from extproc.config.base import Document
from extproc.config.fields import complaint
from extproc.config.mistake import did_you_mean

SECRET_KINDS: Mapping[str, tuple[str, ...]] = {
    group: tuple(labels.split())
    for group, labels in {
        "keys": """
            AGE_KEY BITCOIN_KEY ENVELOPE_KEY ETHEREUM_KEY JWK_PRIVATE_KEY JWT MINISIGN_KEY NOSTR_KEY
            PRIVATE_KEY PUTTY_KEY SIGNIFY_KEY WIREGUARD_KEY
        """,
        "vcs": """
            ATLASSIAN_TOKEN BITBUCKET_TOKEN GITEA_TOKEN GITHUB_TOKEN GITLAB_TOKEN SOURCEGRAPH_TOKEN
        """,
        "registries": """
            ARTIFACTORY_KEY CLOJARS_TOKEN CRATES_IO_TOKEN DOCKER_HUB_TOKEN NPM_TOKEN NUGET_KEY
            PACKAGIST_TOKEN PYPI_TOKEN RUBYGEMS_KEY
        """,
        "ci": """
            BUILDKITE_TOKEN CIRCLECI_TOKEN CODECOV_TOKEN DRONE_TOKEN HARNESS_TOKEN JENKINS_TOKEN
            POSTMAN_KEY RAPIDAPI_KEY README_KEY SNYK_TOKEN SONARQUBE_TOKEN TEAMCITY_TOKEN
            TRAVIS_TOKEN
        """,
        "ai": """
            AI21_KEY ANTHROPIC_KEY ANYSCALE_KEY APIFY_TOKEN ASSEMBLYAI_KEY CEREBRAS_KEY CLARIFAI_KEY
            COHERE_KEY COMET_KEY CURSOR_KEY DASHSCOPE_KEY DEEPGRAM_KEY DEEPSEEK_KEY E2B_KEY
            ELEVENLABS_KEY FIRECRAWL_KEY FIREWORKS_KEY GOOGLE_AI_KEY GROQ_KEY HELICONE_KEY
            HUGGING_FACE_TOKEN JINA_KEY LANGFUSE_KEY LANGSMITH_KEY LLAMACLOUD_KEY MISTRAL_KEY
            MODAL_TOKEN MOONSHOT_KEY NVIDIA_KEY OPENAI_KEY OPENROUTER_KEY PERPLEXITY_KEY
            PINECONE_KEY REPLICATE_TOKEN RUNPOD_KEY SERPAPI_KEY STABILITY_KEY TAVILY_KEY
            TOGETHER_KEY VOYAGE_KEY WANDB_KEY XAI_KEY ZHIPU_KEY
        """,
        "cloud": """
            ALIBABA_KEY_ID ALIBABA_SECRET AWS_ACCESS_KEY_ID AWS_APPSYNC_KEY AWS_BEDROCK_KEY
            AWS_MWS_TOKEN AWS_SECRET_KEY AWS_SESSION_TOKEN AZURE_AD_CLIENT_SECRET AZURE_AI_KEY
            AZURE_API_MANAGEMENT_KEY AZURE_APP_CONFIGURATION_KEY AZURE_BATCH_KEY
            AZURE_CONTAINER_REGISTRY_KEY AZURE_COSMOS_KEY AZURE_DEVOPS_TOKEN AZURE_EVENT_HUB_KEY
            AZURE_FUNCTION_KEY AZURE_IOT_KEY AZURE_ML_KEY AZURE_REDIS_KEY AZURE_RELAY_KEY AZURE_SAS
            AZURE_SEARCH_KEY AZURE_SERVICE_BUS_KEY AZURE_STORAGE_KEY BACKBLAZE_KEY
            CLOUDFLARE_ORIGIN_CA_KEY CLOUDFLARE_TOKEN DENO_DEPLOY_TOKEN DIGITALOCEAN_SPACES_KEY
            DIGITALOCEAN_TOKEN EXOSCALE_KEY FASTLY_TOKEN FLY_TOKEN GOOGLE_API_KEY
            GOOGLE_CHAT_WEBHOOK GOOGLE_HMAC_KEY GOOGLE_OAUTH_SECRET GOOGLE_OAUTH_TOKEN
            GOOGLE_SERVICE_ACCOUNT HEROKU_KEY HETZNER_TOKEN IBM_CLOUD_KEY LINODE_TOKEN
            MICROSOFT_TEAMS_WEBHOOK NETLIFY_TOKEN ORACLE_CLOUD_SECRET OVH_KEY RAILWAY_TOKEN
            RENDER_KEY SCALEWAY_KEY SCALINGO_TOKEN TENCENT_SECRET_ID TENCENT_SECRET_KEY
            UPCLOUD_TOKEN VERCEL_TOKEN VULTR_KEY YANDEX_KEY
        """,
        "infrastructure": """
            BITWARDEN_TOKEN CONSUL_TOKEN DEFINED_NETWORKING_KEY DOCKER_SWARM_TOKEN DOPPLER_TOKEN
            INFISICAL_TOKEN INFRACOST_KEY KUBERNETES_TOKEN LAUNCHDARKLY_KEY NGROK_TOKEN
            OCTOPUS_DEPLOY_KEY ONEPASSWORD_SECRET_KEY ONEPASSWORD_TOKEN OPENSHIFT_TOKEN PREFECT_KEY
            PULUMI_TOKEN TAILSCALE_KEY TERRAFORM_CLOUD_TOKEN VAULT_TOKEN
        """,
        "databases": """
            AIVEN_KEY CLICKHOUSE_KEY CONFLUENT_SECRET DATABRICKS_TOKEN ELASTIC_KEY MONGODB_ATLAS_KEY
            NEON_KEY PLANETSCALE_KEY SUPABASE_KEY UPSTASH_TOKEN
        """,
        "messaging": """
            DISCORD_SECRET DISCORD_TOKEN DISCORD_WEBHOOK MATTERMOST_TOKEN MESSAGEBIRD_KEY
            SLACK_TOKEN TELEGRAM_TOKEN TWILIO_AUTH_TOKEN TWILIO_KEY VONAGE_SECRET ZAPIER_WEBHOOK
        """,
        "payments": """
            ADYEN_KEY BINANCE_SECRET BRAINTREE_TOKEN COINBASE_SECRET DUFFEL_TOKEN EASYPOST_KEY
            FLUTTERWAVE_KEY LOB_KEY MOLLIE_KEY PADDLE_KEY PAYPAL_SECRET PLAID_SECRET PLAID_TOKEN
            RAZORPAY_KEY SHIPPO_TOKEN SHOPIFY_TOKEN SQUARE_TOKEN STRIPE_KEY
        """,
        "mail": """
            BREVO_KEY KLAVIYO_KEY MAILCHIMP_KEY MAILERSEND_TOKEN MAILGUN_KEY MAILJET_SECRET
            POSTMARK_TOKEN RESEND_KEY SENDGRID_KEY
        """,
        "monitoring": """
            AMPLITUDE_KEY AXIOM_TOKEN CHECKLY_KEY DATADOG_KEY DYNATRACE_TOKEN GRAFANA_TOKEN
            HONEYCOMB_KEY MIXPANEL_SECRET NEW_RELIC_KEY OPSGENIE_KEY PAGERDUTY_KEY POSTHOG_KEY
            ROLLBAR_TOKEN SEGMENT_TOKEN SENTRY_DSN SENTRY_TOKEN SHODAN_KEY SPLUNK_TOKEN
            SUMOLOGIC_KEY VIRUSTOTAL_KEY
        """,
        "work": """
            ADOBE_SECRET AIRTABLE_TOKEN ALGOLIA_KEY ASANA_TOKEN AUTH0_SECRET CLICKUP_TOKEN
            CONTENTFUL_TOKEN DROPBOX_TOKEN FIGMA_TOKEN FRAMEIO_TOKEN FRESHDESK_KEY GHOST_ADMIN_KEY
            HUBSPOT_TOKEN INTERCOM_TOKEN LINEAR_KEY MAPBOX_TOKEN MAXMIND_KEY NOTION_TOKEN OKTA_TOKEN
            SALESFORCE_TOKEN TODOIST_TOKEN TRELLO_TOKEN TYPEFORM_TOKEN ZENDESK_TOKEN
        """,
        "social": """
            FACEBOOK_TOKEN INFURA_KEY INSTAGRAM_TOKEN LINKEDIN_SECRET PINTEREST_TOKEN RIOT_KEY
            SPOTIFY_SECRET TWITCH_TOKEN TWITTER_TOKEN VK_TOKEN
        """,
        "connections": """
            AMQP_URL BASIC_AUTH_URL CLICKHOUSE_URL CLOUDINARY_URL CONNECTION_STRING FTP_URL JDBC_URL
            LDAP_URL MONGODB_URL MQTT_URL MSSQL_URL MYSQL_URL NATS_URL NEO4J_URL ORACLE_URL
            POSTGRES_URL PROXY_URL REDIS_URL SMTP_URL SNOWFLAKE_URL URL_PASSWORD
        """,
        "passwords": "AUTHORIZATION BASIC_AUTH PASSWORD SESSION_COOKIE TOKEN",
        "entropy": "HIGH_ENTROPY",
    }.items()
}
"""Group -> labels."""

HIGH_ENTROPY = "HIGH_ENTROPY"
_LABELS = frozenset(label for labels in SECRET_KINDS.values() for label in labels)
_KNOWN = (*SECRET_KINDS, *sorted(_LABELS))


def _folded(value: Any) -> Any:
    """Labels are written in capitals and groups in small letters; either case is understood."""
    if not isinstance(value, str):
        return value
    return value.upper() if value.upper() in _LABELS else value.lower()


def _known(value: str) -> str:
    if value not in _KNOWN:
        near = did_you_mean(value, SECRET_KINDS) or did_you_mean(value.upper(), _LABELS)
        groups = ", ".join(SECRET_KINDS)
        raise complaint(f"must be the label of a kind, or a group of: {groups}{near}")
    return value


def _harmless(value: str) -> str:
    if any(char in "\"'\\" or not char.isprintable() for char in value):
        raise complaint("must not hold quotes, backslashes or control characters")
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _sha256(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise complaint("must be the 64 hex digits of a value's SHA-256, never the value itself")
    return value


SecretKind = Annotated[str, BeforeValidator(_folded), AfterValidator(_known)]
ValueHash = Annotated[str, BeforeValidator(_lower), AfterValidator(_sha256)]


class SecretsSettings(Document):
    """`config` of a `secrets` guardrail; no `kinds` means all of them.

    `allow`: SHA-256 of values (UTF-8) that are never reported, such as a documented example key.
    """

    redaction_text: Annotated[str, AfterValidator(_harmless)] = Field(
        default="[REDACTED]", max_length=64
    )
    kinds: tuple[SecretKind, ...] | None = Field(default=None, min_length=1)
    exclude_kinds: tuple[SecretKind, ...] = ()
    entropy: bool = True
    allow: tuple[ValueHash, ...] = Field(default=(), max_length=10_000)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that are looked for."""
        wanted = _LABELS if self.kinds is None else _spread(self.kinds)
        wanted -= _spread(self.exclude_kinds)
        return wanted if self.entropy else wanted - {HIGH_ENTROPY}

    @model_validator(mode="after")
    def _something_is_looked_for(self) -> Self:
        if not self.labels:
            raise complaint("leaves no kind of credential to look for", "exclude_kinds")
        return self


def _spread(kinds: tuple[str, ...]) -> frozenset[str]:
    """Labels of labels and groups."""
    return frozenset(label for kind in kinds for label in SECRET_KINDS.get(kind, (kind,)))
