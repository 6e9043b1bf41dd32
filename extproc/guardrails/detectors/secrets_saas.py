"""Rows of the secrets table: messaging, payments, mail, monitoring, work tools and social sites.

Each row: name, label, shape (or name and shape), and the page its format is from.
"""

from __future__ import annotations

from extproc.guardrails.detectors.secrets_checks import (
    is_discord_token,
    is_encoded,
    random_key,
    two_cases,
)
from extproc.guardrails.detectors.secrets_shape import ALONE, UNENCODED, behind, named, token

MESSAGING = (
    # api.slack.com/concepts/token-types
    token("slack-bot-token", "SLACK_TOKEN", "xoxb-{w10-250}"),
    token("slack-user-token", "SLACK_TOKEN", "xoxp-{w10-250}"),
    token("slack-workspace-token", "SLACK_TOKEN", "xoxa-{w10-250}"),
    token("slack-refresh-token", "SLACK_TOKEN", "xoxr-{w10-250}"),
    token("slack-legacy-token", "SLACK_TOKEN", "xox{o|s}-{w10-250}"),
    token("slack-export-token", "SLACK_TOKEN", "xoxe-{w10-250}"),
    token("slack-rotated-token", "SLACK_TOKEN", "xoxe.xox{b|p}-{w10-250}"),
    token("slack-client-token", "SLACK_TOKEN", "xoxc-{w10-250}"),
    token("slack-cookie", "SLACK_TOKEN", "xoxd-{%10-250}"),
    token("slack-app-token", "SLACK_TOKEN", "xapp-{w10-250}"),
    token("slack-workflow-token", "SLACK_TOKEN", "xwfp-{w10-250}"),
    behind("slack-webhook", "SLACK_TOKEN", rb"(?i)hooks\.slack\.com/services/",
           "T{U8-14}/B{U8-14}/{a16-32}"),
    behind("slack-workflow-webhook", "SLACK_TOKEN", rb"hooks\.slack\.com/workflows/",
           "T{U8-14}/A{U8-14}/{d10-24}/{a16-32}"),
    # discord.com/developers/docs/reference#authentication; /resources/webhook
    token("discord-bot-token", "DISCORD_TOKEN", "{w24-28}.{w6}.{w27-38}", is_discord_token),
    behind("discord-webhook", "DISCORD_WEBHOOK", rb"discord(?:app)?\.com/api/webhooks/",
           "{d17-20}/{w60-80}"),
    named("discord-client-secret", "DISCORD_SECRET", rb"discord", "{w32}", two_cases),
    # core.telegram.org/bots/api#authorizing-your-bot
    token("telegram-bot-token", "TELEGRAM_TOKEN", "{d8-10}:AA{w33}"),
    # twilio.com/docs/iam/api-keys
    token("twilio-key", "TWILIO_KEY", "SK{x32}", left=UNENCODED),
    token("twilio-account-sid", "TWILIO_KEY", "AC{x32}", left=UNENCODED),
    named("twilio-auth-token", "TWILIO_AUTH_TOKEN", rb"twilio", "{x32}"),
    named("vonage-secret", "VONAGE_SECRET", rb"vonage|nexmo", "{a16}"),  # developer.vonage.com
    # developers.messagebird.com
    named("messagebird-key", "MESSAGEBIRD_KEY", rb"message[ _-]?bird", "{a25}"),
    # developers.mattermost.com
    named("mattermost-token", "MATTERMOST_TOKEN", rb"mattermost", "{l26}"),
    # help.zapier.com
    behind("zapier-webhook", "ZAPIER_WEBHOOK", rb"hooks\.zapier\.com/hooks/catch/",
           "{d5-10}/{l6-12}"),
)  # fmt: skip

PAYMENTS = (
    # docs.stripe.com/keys; /webhooks#verify-official-libraries
    token("stripe-live-key", "STRIPE_KEY", "sk_live_{a16-247}"),
    token("stripe-test-key", "STRIPE_KEY", "sk_test_{a16-247}"),
    token("stripe-restricted-live-key", "STRIPE_KEY", "rk_live_{a16-247}"),
    token("stripe-restricted-test-key", "STRIPE_KEY", "rk_test_{a16-247}"),
    token("stripe-webhook-secret", "STRIPE_KEY", "whsec_{b24-100}{e0-2}"),
    # developer.squareup.com/docs/build-basics/access-tokens
    token("square-access-token", "SQUARE_TOKEN", "sq0atp-{w22}"),
    token("square-oauth-secret", "SQUARE_TOKEN", "sq0csp-{w43}"),
    token("square-personal-token", "SQUARE_TOKEN", "EAAA{w60}", two_cases, UNENCODED),
    # developer.paypal.com/api/rest; /braintree/docs
    named("paypal-secret", "PAYPAL_SECRET", rb"paypal", "{w80}", two_cases),
    # developer.paypal.com/braintree/docs
    token("braintree-token", "BRAINTREE_TOKEN", "access_token${sandbox|production}${l16}${x32}"),
    # shopify.dev/docs/apps/build/authentication-authorization
    token("shopify-access-token", "SHOPIFY_TOKEN", "shpat_{X32}"),
    token("shopify-custom-token", "SHOPIFY_TOKEN", "shpca_{X32}"),
    token("shopify-private-token", "SHOPIFY_TOKEN", "shppa_{X32}"),
    token("shopify-shared-secret", "SHOPIFY_TOKEN", "shpss_{X32}"),
    named("adyen-key", "ADYEN_KEY", rb"adyen", "AQE{%80-300}{e0-2}"),  # docs.adyen.com
    # plaid.com/docs/api
    token("plaid-access-token", "PLAID_TOKEN",
          "access-{sandbox|production|development}-{u}", left=ALONE),
    named("plaid-secret", "PLAID_SECRET", rb"plaid", "{x30}"),
    token("razorpay-key", "RAZORPAY_KEY", "rzp_{live|test}_{a14}"),  # razorpay.com/docs
    token("flutterwave-secret", "FLUTTERWAVE_KEY", "FLWSECK-{l32}-X"),  # developer.flutterwave.com
    token("flutterwave-test-secret", "FLUTTERWAVE_KEY", "FLWSECK_TEST-{l12-32}"),
    named("mollie-key", "MOLLIE_KEY", rb"mollie", "{live|test}_{a30}"),  # docs.mollie.com
    # developer.paddle.com/api-reference/about/api-keys
    token("paddle-key", "PADDLE_KEY", "pdl_{live|sdbx}_apikey_{l26}_{a22}_{a3}"),
    # docs.cdp.coinbase.com
    named("coinbase-secret", "COINBASE_SECRET", rb"coinbase", "{w64}", two_cases),
    # developers.binance.com
    named("binance-secret", "BINANCE_SECRET", rb"binance", "{a64}", two_cases),
    token("lob-key", "LOB_KEY", "{live|test}_{x35}", random_key),  # docs.lob.com
    token("duffel-token", "DUFFEL_TOKEN", "duffel_{live|test}_{w43}"),  # duffel.com/docs
    # docs.easypost.com; docs.goshippo.com
    token("easypost-key", "EASYPOST_KEY", "EZAK{a54}"),
    token("easypost-test-key", "EASYPOST_KEY", "EZTK{a54}"),
    token("shippo-token", "SHIPPO_TOKEN", "shippo_{live|test}_{X40}"),  # docs.goshippo.com
)  # fmt: skip

MAIL = (
    token("sendgrid-key", "SENDGRID_KEY", "SG.{w16-32}.{w16-64}"),  # docs.sendgrid.com
    # documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt
    token("mailgun-key", "MAILGUN_KEY", "key-{x32}", random_key, ALONE),
    named("mailgun-new-key", "MAILGUN_KEY", rb"mailgun", "{x32}-{x8}-{x8}"),
    token("mailchimp-key", "MAILCHIMP_KEY", "{x32}-us{d1-2}"),  # mailchimp.com/developer
    # mailchimp.com/developer/transactional
    token("mandrill-key", "MAILCHIMP_KEY", "md-{w22}", random_key, ALONE),
    named("postmark-token", "POSTMARK_TOKEN", rb"postmark", "{u}"),  # postmarkapp.com/developer
    token("brevo-key", "BREVO_KEY", "xkeysib-{x64}-{a16}"),  # developers.brevo.com
    token("brevo-smtp-key", "BREVO_KEY", "xsmtpsib-{x64}-{a16}"),
    token("resend-key", "RESEND_KEY", "re_{a8}_{a24}"),  # resend.com/docs
    named("mailjet-secret", "MAILJET_SECRET", rb"mailjet", "{x32}"),  # dev.mailjet.com
    token("klaviyo-key", "KLAVIYO_KEY", "pk_{x34}"),  # developers.klaviyo.com
    token("mailersend-token", "MAILERSEND_TOKEN", "mlsn.{x64}"),  # developers.mailersend.com
)  # fmt: skip

MONITORING = (
    # docs.datadoghq.com
    named("datadog-key", "DATADOG_KEY", rb"datadog|\bdd(?:_|api|app)", "{x32}"),
    named("datadog-app-key", "DATADOG_KEY", rb"datadog|\bdd(?:_|api|app)", "{x40}"),
    # docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys
    token("new-relic-user-key", "NEW_RELIC_KEY", "NRAK-{U27}"),
    token("new-relic-insert-key", "NEW_RELIC_KEY", "NRII-{w32}"),
    token("new-relic-rest-key", "NEW_RELIC_KEY", "NRRA-{x42}"),
    token("new-relic-browser-key", "NEW_RELIC_KEY", "NRJS-{x19}"),
    token("new-relic-license-key", "NEW_RELIC_KEY", "{x36}NRAL"),
    # docs.sentry.io/account/auth-tokens; /concepts/key-terms/dsn-explainer
    token("sentry-org-token", "SENTRY_TOKEN", "sntrys_eyJ{b40-400}{e0-2}_{b43}"),
    token("sentry-user-token", "SENTRY_TOKEN", "sntryu_{x64}"),
    token("sentry-app-token", "SENTRY_TOKEN", "sntrya_{x64}"),
    named("sentry-old-token", "SENTRY_TOKEN", rb"sentry", "{x64}"),
    behind("sentry-dsn", "SENTRY_DSN", rb"https://", "{x32}@{p4-80}/{d1-20}"),
    # grafana.com/docs/grafana/latest/administration/service-accounts
    token("grafana-service-account", "GRAFANA_TOKEN", "glsa_{a32}_{x8}"),
    token("grafana-cloud-token", "GRAFANA_TOKEN", "glc_{b32-400}{e0-2}"),
    token("grafana-old-key", "GRAFANA_TOKEN", "eyJrIjoi{b70-400}{e0-2}"),
    # support.pagerduty.com
    named("pagerduty-key", "PAGERDUTY_KEY", rb"pager[ _]?duty|\bpd_", "{w20}"),
    named("pagerduty-routing-key", "PAGERDUTY_KEY", rb"pager[ _]?duty|routing", "{x32}"),
    named("opsgenie-key", "OPSGENIE_KEY", rb"opsgenie|genie", "{u}"),  # docs.opsgenie.com
    token("honeycomb-ingest-key", "HONEYCOMB_KEY", "hc{a|b|c|x|r}ik_{l58}"),  # docs.honeycomb.io
    # help.sumologic.com
    named("sumologic-key", "SUMOLOGIC_KEY", rb"sumo(?:logic)?", "{a64}", two_cases),
    named("splunk-token", "SPLUNK_TOKEN", rb"splunk|\bhec", "{u}"),  # help.splunk.com
    named("rollbar-token", "ROLLBAR_TOKEN", rb"rollbar", "{x32}"),  # docs.rollbar.com
    # docs.dynatrace.com/docs/manage/access-control: the last part is the secret, all of it is found
    token("dynatrace-token", "DYNATRACE_TOKEN", "dt0{c|s}{d2}.{U8-24}.{U64}"),
    token("axiom-token", "AXIOM_TOKEN", "xaat-{u}"),  # axiom.co/docs
    token("axiom-personal-token", "AXIOM_TOKEN", "xapt-{u}"),
    token("checkly-key", "CHECKLY_KEY", "cu_{x32}"),  # checklyhq.com/docs
    # posthog.com/docs/api: phx_ is personal, phc_ is public
    token("posthog-key", "POSTHOG_KEY", "phx_{a40-50}"),
    token("segment-token", "SEGMENT_TOKEN", "sgp_{a64}", two_cases),  # segment.com/docs
    named("amplitude-key", "AMPLITUDE_KEY", rb"amplitude", "{x32}"),  # amplitude.com/docs
    named("mixpanel-secret", "MIXPANEL_SECRET", rb"mixpanel", "{x32}"),  # developer.mixpanel.com
    # docs.virustotal.com
    named("virustotal-key", "VIRUSTOTAL_KEY", rb"virus[ _]?total|\bvt_", "{x64}"),
    named("shodan-key", "SHODAN_KEY", rb"shodan", "{a32}"),  # developer.shodan.io
)  # fmt: skip

WORK = (
    token("asana-token", "ASANA_TOKEN", "{d1}/{d15-17}:{x32}"),  # developers.asana.com/docs
    token("asana-new-token", "ASANA_TOKEN", "{d1}/{d15-17}/{d15-17}:{x32}"),
    token("linear-key", "LINEAR_KEY", "lin_api_{a40}"),  # linear.app/developers
    token("linear-oauth-token", "LINEAR_KEY", "lin_oauth_{x64}"),
    token("notion-token", "NOTION_TOKEN", "ntn_{a46}"),  # developers.notion.com
    token("notion-old-token", "NOTION_TOKEN", "secret_{a43}", two_cases),
    token("figma-token", "FIGMA_TOKEN", "figd_{w40}"),  # figma.com/developers/api
    token("figma-oauth-token", "FIGMA_TOKEN", "figo_{w40}"),
    token("airtable-token", "AIRTABLE_TOKEN", "pat{a14}.{x64}"),  # airtable.com/developers
    named("airtable-old-key", "AIRTABLE_TOKEN", rb"airtable", "key{a14}"),
    # developers.hubspot.com/docs/guides/apps/private-apps
    token("hubspot-token", "HUBSPOT_TOKEN", "pat-{na|eu|ap}{d1}-{u}", left=ALONE),
    named("hubspot-old-key", "HUBSPOT_TOKEN", rb"hubspot|hapi", "{u}"),
    # "tok:" in base64
    token("intercom-token", "INTERCOM_TOKEN", "dG9rO{b50-80}{e0-2}", left=UNENCODED),
    # developer.zendesk.com
    named("zendesk-token", "ZENDESK_TOKEN", rb"zendesk", "{a40}", two_cases),
    # developers.freshdesk.com
    named("freshdesk-key", "FRESHDESK_KEY", rb"fresh(?:desk|service)", "{a20}"),
    named("okta-token", "OKTA_TOKEN", rb"okta|ssws", "00{w40}"),  # developer.okta.com/docs
    behind("okta-ssws", "OKTA_TOKEN",
           rb"(?i)ssws[\"'`*\]]{0,3}[ \t]{0,2}[=:|\-]?[ \t]{0,2}[\"'`]?", "00{w40}"),
    named("auth0-secret", "AUTH0_SECRET", rb"auth0", "{w64}", two_cases),  # auth0.com/docs
    named("dropbox-secret", "DROPBOX_TOKEN", rb"dropbox", "{l15}"),  # dropbox.com/developers
    token("dropbox-token", "DROPBOX_TOKEN", "sl.{w120-1400}", left=ALONE),  # dropbox.com/developers
    token("dropbox-user-token", "DROPBOX_TOKEN", "sl.u.{w120-1400}", left=ALONE),
    named("algolia-key", "ALGOLIA_KEY", rb"algolia", "{x32}"),  # algolia.com/doc
    # docs.mapbox.com/accounts
    token("mapbox-secret-token", "MAPBOX_TOKEN", "sk.eyJ{w20-400}.{w20-60}", left=ALONE),
    token("trello-token", "TRELLO_TOKEN", "ATTA{X64}{X8}"),  # developer.atlassian.com/cloud/trello
    named("trello-key", "TRELLO_TOKEN", rb"trello", "{x32}"),
    named("todoist-token", "TODOIST_TOKEN", rb"todoist", "{x40}"),  # developer.todoist.com
    token("clickup-token", "CLICKUP_TOKEN", "pk_{d6-10}_{U32}"),  # developer.clickup.com
    token("typeform-token", "TYPEFORM_TOKEN", "tfp_{q44-64}"),  # typeform.com/developers
    token("contentful-token", "CONTENTFUL_TOKEN", "CFPAT-{w43}"),  # contentful.com/developers
    named("contentful-delivery-token", "CONTENTFUL_TOKEN", rb"contentful", "{w43}", two_cases),
    # developer.salesforce.com: session id and refresh token
    token("salesforce-session", "SALESFORCE_TOKEN", "00D{a12}!{q80-160}"),
    token("salesforce-long-session", "SALESFORCE_TOKEN", "00D{a15}!{q80-160}"),
    token("salesforce-refresh-token", "SALESFORCE_TOKEN", "5Aep861{q60-120}"),
    token("adobe-secret", "ADOBE_SECRET", "p8e-{w32}", left=ALONE),  # developer.adobe.com
    token("frameio-token", "FRAMEIO_TOKEN", "fio-u-{w64}", left=ALONE),  # developer.frame.io
    token("maxmind-key", "MAXMIND_KEY", "{a6}_{a29}_mmk"),  # support.maxmind.com
    token("ghost-admin-key", "GHOST_ADMIN_KEY", "{x24}:{x64}"),  # ghost.org/docs/admin-api
)  # fmt: skip

SOCIAL = (
    # developers.facebook.com/docs/facebook-login/guides/access-tokens
    token("facebook-token", "FACEBOOK_TOKEN", "EAA{a100-400}", two_cases, UNENCODED),
    named("facebook-secret", "FACEBOOK_TOKEN", rb"facebook|\bfb_|\bmeta_", "{x32}"),
    named("facebook-app-token", "FACEBOOK_TOKEN", rb"facebook|\bfb_", "{d15-16}|{w27}"),
    # developers.facebook.com/docs/instagram-platform
    token("instagram-token", "INSTAGRAM_TOKEN", "IG{QV|QW|AA}{w100-300}", two_cases, UNENCODED),
    # docs.x.com/fundamentals/authentication
    token("twitter-bearer-token", "TWITTER_TOKEN", "AAAAAAAAAAAAAAAAAAAAA{%60-120}", is_encoded,
          UNENCODED),
    named("twitter-secret", "TWITTER_TOKEN", rb"twitter|\bx_api", "{a50}", two_cases),
    named("twitter-access-secret", "TWITTER_TOKEN", rb"twitter", "{a45}", two_cases),
    named("twitter-access-token", "TWITTER_TOKEN", rb"twitter", "{d15-20}-{a40}"),
    # learn.microsoft.com/linkedin/shared/authentication
    token("linkedin-new-secret", "LINKEDIN_SECRET", "WPL_AP{d1}.{a10-24}.{b4-12}{e0-2}"),
    named("linkedin-secret", "LINKEDIN_SECRET", rb"linked[ _-]?in", "{a16}"),
    named("twitch-token", "TWITCH_TOKEN", rb"twitch", "{l30}"),  # dev.twitch.tv/docs
    named("spotify-secret", "SPOTIFY_SECRET", rb"spotify", "{x32}"),  # developer.spotify.com
    token("pinterest-token", "PINTEREST_TOKEN", "pina_{U60-200}"),  # developers.pinterest.com
    token("riot-key", "RIOT_KEY", "RGAPI-{u}"),  # developer.riotgames.com
    token("vk-token", "VK_TOKEN", "vk1.a.{w80-250}"),  # dev.vk.com
    named("infura-key", "INFURA_KEY", rb"infura", "{x32}"),  # docs.metamask.io/services
)  # fmt: skip

KINDS = (*MESSAGING, *PAYMENTS, *MAIL, *MONITORING, *WORK, *SOCIAL)
