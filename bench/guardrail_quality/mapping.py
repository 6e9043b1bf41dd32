"""What the rivals call a kind, in our labels. What stands here is what they are scored on.

A rival's type that none of ours corresponds to (company numbers, number plates, URLs, UUIDs, dates
of any kind) is left out: its findings count neither for nor against it.
"""

from __future__ import annotations

from collections.abc import Mapping

PRESIDIO: Mapping[str, str] = {
    "AU_MEDICARE": "AU_MEDICARE",
    "AU_TFN": "AU_TFN",
    "CA_SIN": "CA_SIN",
    "CREDIT_CARD": "CARD",
    "CRYPTO": "CRYPTO_WALLET",
    "DE_FUEHRERSCHEIN": "DRIVING_LICENCE",
    "DE_ID_CARD": "DE_ID_CARD",
    "DE_HEALTH_INSURANCE": "DE_KVNR",
    "DE_PASSPORT": "PASSPORT",
    "DE_SOCIAL_SECURITY": "DE_SOCIAL_SECURITY",
    "DE_TAX_ID": "DE_TAX_ID",
    "EMAIL_ADDRESS": "EMAIL",
    "ES_NIE": "ES_NIE",
    "ES_NIF": "ES_DNI",
    "ES_PASSPORT": "PASSPORT",
    "FI_PERSONAL_IDENTITY_CODE": "FI_HETU",
    "IBAN_CODE": "IBAN",
    "IN_AADHAAR": "IN_AADHAAR",
    "IN_PAN": "IN_PAN",
    "IN_PASSPORT": "PASSPORT",
    "IP_ADDRESS": "IP_ADDRESS",
    "IT_DRIVER_LICENSE": "DRIVING_LICENCE",
    "IT_FISCAL_CODE": "IT_CODICE_FISCALE",
    "IT_PASSPORT": "PASSPORT",
    "IT_VAT_CODE": "IT_PARTITA_IVA",
    "KR_PASSPORT": "PASSPORT",
    "KR_RRN": "KR_RRN",
    "MAC_ADDRESS": "MAC_ADDRESS",
    "MEDICAL_LICENSE": "US_DEA",
    "PHONE_NUMBER": "PHONE",
    "PH_PASSPORT": "PASSPORT",
    "PL_PESEL": "PL_PESEL",
    "SE_PERSONNUMMER": "SE_PERSONNUMMER",
    "SG_NRIC_FIN": "SG_NRIC",
    "TH_TNIN": "TH_ID",
    "TR_NATIONAL_ID": "TR_KIMLIK",
    "UK_DRIVING_LICENCE": "UK_DRIVING_LICENCE",
    "UK_NHS": "UK_NHS",
    "UK_NINO": "UK_NINO",
    "UK_PASSPORT": "PASSPORT",
    "UK_POSTCODE": "POSTAL_CODE",
    "CA_POSTAL_CODE": "POSTAL_CODE",
    "DE_PLZ": "POSTAL_CODE",
    "US_BANK_NUMBER": "BANK_ACCOUNT",
    "US_DRIVER_LICENSE": "DRIVING_LICENCE",
    "US_HEALTH_INSURANCE_MEMBER_ID": "HEALTH_INSURANCE",
    "US_ITIN": "US_ITIN",
    "US_MBI": "US_MBI",
    "US_NPI": "US_NPI",
    "US_PASSPORT": "PASSPORT",
    "US_SSN": "US_SSN",
    "ZA_ID_NUMBER": "ZA_ID",
    "ZA_MOBILE_NUMBER": "PHONE",
    "ZA_PASSPORT": "PASSPORT",
    "ZA_TELEPHONE_NUMBER": "PHONE",
}
"""Presidio's entity -> our label."""

DETECT_SECRETS: Mapping[str, str] = {
    "AWS Access Key": "AWS_ACCESS_KEY_ID AWS_SECRET_KEY",
    "Azure Storage Account access key": "AZURE_STORAGE_KEY",
    "Basic Auth Credentials": "BASIC_AUTH_URL POSTGRES_URL MYSQL_URL MONGODB_URL"
    " REDIS_URL AMQP_URL FTP_URL",
    "Discord Bot Token": "DISCORD_TOKEN",
    "GitHub Token": "GITHUB_TOKEN",
    "GitLab Token": "GITLAB_TOKEN",
    "JSON Web Token": "JWT",
    "Mailchimp Access Key": "MAILCHIMP_KEY",
    "NPM tokens": "NPM_TOKEN",
    "OpenAI Token": "OPENAI_KEY",
    "Private Key": "PRIVATE_KEY",
    "PyPI Token": "PYPI_TOKEN",
    "SendGrid API Key": "SENDGRID_KEY",
    "Slack Token": "SLACK_TOKEN",
    "Square OAuth Secret": "SQUARE_TOKEN",
    "Stripe Access Key": "STRIPE_KEY",
    "Telegram Bot Token": "TELEGRAM_TOKEN",
    "Twilio API Key": "TWILIO_KEY",
    "Secret Keyword": "PASSWORD TOKEN",
    "Base64 High Entropy String": "HIGH_ENTROPY",
    "Hex High Entropy String": "HIGH_ENTROPY",
    "Artifactory Credentials": "ARTIFACTORY_KEY",
    "Cloudant Credentials": "CLOUDANT",
    "IBM Cloud IAM Key": "IBM_CLOUD_KEY",
    "IBM COS HMAC Credentials": "IBM_COS",
    "SoftLayer Credentials": "SOFTLAYER",
}
"""detect-secrets' type -> our labels, with spaces between. Public IPs are no credential."""

SHARED_PERSONAL = frozenset(PRESIDIO.values())
SHARED_SECRETS = frozenset(
    label for labels in DETECT_SECRETS.values() for label in labels.split()
) - {"HIGH_ENTROPY"}  # fmt: skip
"""Kinds that detect-secrets names, and passwords and tokens beside a keyword."""
