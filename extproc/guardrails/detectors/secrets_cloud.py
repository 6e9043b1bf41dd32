"""Rows of the secrets table: clouds, hosting, infrastructure, databases as a service.

Each row: name, label, shape (or name and shape), and the page its format is from.
"""

from __future__ import annotations

from extproc.guardrails.detectors.secrets_checks import ends_in_crc32, random_key, two_cases
from extproc.guardrails.detectors.secrets_shape import ALONE, UNENCODED, behind, named, token

AMAZON = (
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    token("aws-access-key-id", "AWS_ACCESS_KEY_ID", "AKIA{U16}"),
    token("aws-temporary-key-id", "AWS_ACCESS_KEY_ID", "ASIA{U16}"),
    token("aws-other-id", "AWS_ACCESS_KEY_ID", "A{BIA|CCA|GPA|IDA|ROA|IPA|NPA|NVA}{U16}"),
    named("aws-secret-key", "AWS_SECRET_KEY", rb"secret_?(?:access)?_?key|aws[ _]secret",
          "{b40}", two_cases, full=True),
    # docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html ("origin_" in base64)
    token("aws-session-token", "AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2{b100-2000}{e0-2}"),
    token("aws-old-session-token", "AWS_SESSION_TOKEN",
          "F{woGZX|QoGZX|woDYX|QoDYX}{b100-2000}{e0-2}"),
    named("aws-session-token-named", "AWS_SESSION_TOKEN", rb"session_?token", "{b100-2000}{e0-2}",
          full=True),
    # docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
    token("aws-bedrock-key", "AWS_BEDROCK_KEY", "ABSK{b100-300}{e0-2}", left=UNENCODED),
    token("aws-bedrock-short-key", "AWS_BEDROCK_KEY", "bedrock-api-key-{b100-3000}{e0-2}"),
    token("amazon-mws-token", "AWS_MWS_TOKEN", "amzn.mws.{u}"),  # docs.developer.amazonservices.com
    # docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
    token("aws-appsync-key", "AWS_APPSYNC_KEY", "da2-{l26}", left=ALONE),
)  # fmt: skip

MICROSOFT = (
    # learn.microsoft.com/azure/storage/common/storage-configure-connection-string
    behind("azure-account-key", "AZURE_STORAGE_KEY", rb"(?i)AccountKey=", "{b86}=="),
    behind("azure-shared-key", "AZURE_STORAGE_KEY", rb"(?i)SharedAccess(?:Signature)?Key=",
           "{b43}="),
    # learn.microsoft.com/rest/api/storageservices/create-service-sas (sig: HMAC-SHA256, encoded)
    behind("azure-sas", "AZURE_SAS", rb"[?&]sig=", "{%43-80}{e0-1}", two_cases),
    # github.com/microsoft/security-utilities: identifiable keys, a signature at a fixed place
    token("azure-storage-identifiable", "AZURE_STORAGE_KEY", "{b76}+ASt{b5}{A|Q|g|w}=="),
    token("azure-cosmos-key", "AZURE_COSMOS_KEY", "{b76}ACDb{b5}{A|Q|g|w}=="),
    token("azure-batch-key", "AZURE_BATCH_KEY", "{b76}+ABa{b5}{A|Q|g|w}=="),
    token("azure-ml-key", "AZURE_ML_KEY", "{b76}+AMC{b5}{A|Q|g|w}=="),
    token("azure-api-management-key", "AZURE_API_MANAGEMENT_KEY", "{b76}APIM{b5}{A|Q|g|w}=="),
    token("azure-service-bus-key", "AZURE_SERVICE_BUS_KEY", "{b33}+ASb{b6}="),
    token("azure-event-hub-key", "AZURE_EVENT_HUB_KEY", "{b33}+AEh{b6}="),
    token("azure-relay-key", "AZURE_RELAY_KEY", "{b33}+ARm{b6}="),
    token("azure-iot-key", "AZURE_IOT_KEY", "{b33}AIoT{b6}="),
    token("azure-redis-key", "AZURE_REDIS_KEY", "{a33}AzCa{a6}="),
    token("azure-search-key", "AZURE_SEARCH_KEY", "{a42}AzSe{a6}"),
    token("azure-registry-key", "AZURE_CONTAINER_REGISTRY_KEY", "{b42}+ACR{b6}"),
    token("azure-function-key", "AZURE_FUNCTION_KEY", "{w44}AzFu{w5}{A|Q|g|w}=="),
    token("azure-devops-pat", "AZURE_DEVOPS_TOKEN", "{a76}AZDO{a4}"),
    named("azure-devops-old-pat", "AZURE_DEVOPS_TOKEN", rb"azure[ _]?devops|\bado\b|vsts",
          "{l52}"),
    token("azure-common-key", "AZURE_AI_KEY", "{a52}JQQJ99{a26}"),
    named("azure-openai-key", "AZURE_AI_KEY", rb"azure[ _]?(?:openai|ai)|cognitive", "{x32}"),
    # learn.microsoft.com/purview/sit-defn-azure-ad-client-secret
    token("azure-ad-client-secret", "AZURE_AD_CLIENT_SECRET", "{p3}{7|8}Q~{p31-34}"),
    behind("azure-app-configuration", "AZURE_APP_CONFIGURATION_KEY",
           rb"(?i)azconfig\.io;Id=[A-Za-z0-9+/=:.\-]{4,36};Secret=", "{b43-90}{e0-2}"),
    # learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors
    behind("teams-webhook", "MICROSOFT_TEAMS_WEBHOOK", rb"webhook\.office\.com/webhookb2/",
           "{u}@{u}/IncomingWebhook/{l32}/{u}"),
)  # fmt: skip

GOOGLE = (
    token("google-api-key", "GOOGLE_API_KEY", "AIza{w35}"),  # cloud.google.com/docs/authentication
    token("google-oauth-secret", "GOOGLE_OAUTH_SECRET", "GOCSPX-{w28}"),
    token("google-access-token", "GOOGLE_OAUTH_TOKEN", "ya29.{w40-1024}"),
    token("google-refresh-token", "GOOGLE_OAUTH_TOKEN", "1//0{w40-120}", random_key),
    # cloud.google.com/iam/docs/keys-create-delete: the key itself is a PRIVATE_KEY
    named("google-service-account-key-id", "GOOGLE_SERVICE_ACCOUNT", rb"private_key_id", "{x40}",
          full=True),
    # cloud.google.com/storage/docs/authentication/hmackeys
    token("google-hmac-id", "GOOGLE_HMAC_KEY", "GOOG1E{U55}"),
    token("google-hmac-user-id", "GOOGLE_HMAC_KEY", "GOOG{U20}"),
    behind("google-chat-webhook", "GOOGLE_CHAT_WEBHOOK",
           rb"chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_\-]{6,16}/messages\?", "{k60-260}"),
)  # fmt: skip

CLOUDS = (
    # docs.oracle.com/iaas/Content/Identity/Tasks/managingcredentials.htm
    named("oci-customer-secret", "ORACLE_CLOUD_SECRET", rb"\boci|oracle", "{b43}="),
    # alibabacloud.com/help/ram
    named("alibaba-secret", "ALIBABA_SECRET", rb"alibaba|aliyun|\boss", "{a30}"),
    # alibabacloud.com/help
    token("alibaba-key-id", "ALIBABA_KEY_ID", "LTAI{a12-20}", random_key, UNENCODED),
    # cloud.tencent.com/document
    token("tencent-secret-id", "TENCENT_SECRET_ID", "AKID{a32}", left=UNENCODED),
    named("tencent-secret-key", "TENCENT_SECRET_KEY", rb"tencent(?:cloud)?|qcloud", "{a32}"),
    # docs.digitalocean.com/reference/api/create-personal-access-token
    token("digitalocean-pat", "DIGITALOCEAN_TOKEN", "dop_v1_{x64}"),
    token("digitalocean-oauth", "DIGITALOCEAN_TOKEN", "doo_v1_{x64}"),
    token("digitalocean-refresh", "DIGITALOCEAN_TOKEN", "dor_v1_{x64}"),
    token("digitalocean-spaces-key", "DIGITALOCEAN_SPACES_KEY", "DO00{U16}", random_key),
    named("linode-token", "LINODE_TOKEN", rb"linode", "{x64}"),  # techdocs.akamai.com/linode-api
    named("hetzner-token", "HETZNER_TOKEN", rb"hcloud|hetzner", "{a64}"),  # docs.hetzner.cloud
    # developers.cloudflare.com/fundamentals/api/get-started/token-formats
    token("cloudflare-global-key", "CLOUDFLARE_TOKEN", "cfk_{w46-50}"),
    token("cloudflare-user-token", "CLOUDFLARE_TOKEN", "cfut_{w46-50}"),
    token("cloudflare-account-token", "CLOUDFLARE_TOKEN", "cfat_{w46-50}"),
    named("cloudflare-old-token", "CLOUDFLARE_TOKEN", rb"cloudflare|\bcf(?:_|api)", "{w40}"),
    named("cloudflare-old-key", "CLOUDFLARE_TOKEN", rb"cloudflare|\bcf(?:_|api)", "{x37}"),
    token("cloudflare-origin-ca", "CLOUDFLARE_ORIGIN_CA_KEY", "v1.0-{x24}-{x146}"),
    token("heroku-key", "HEROKU_KEY", "HRKU-{w36-64}"),  # devcenter.heroku.com/articles/oauth
    named("heroku-old-key", "HEROKU_KEY", rb"heroku", "{u}"),
    # vercel.com/changelog/new-token-formats-and-secret-scanning
    token("vercel-token", "VERCEL_TOKEN", "vcp_{w24-80}", ends_in_crc32),
    token("vercel-integration-token", "VERCEL_TOKEN", "vci_{w24-80}", ends_in_crc32),
    token("vercel-app-token", "VERCEL_TOKEN", "vca_{w24-80}", ends_in_crc32),
    token("vercel-refresh-token", "VERCEL_TOKEN", "vcr_{w24-80}", ends_in_crc32),
    token("vercel-api-key", "VERCEL_TOKEN", "vck_{w24-80}", ends_in_crc32),
    named("vercel-old-token", "VERCEL_TOKEN", rb"vercel", "{a24}", two_cases),
    token("netlify-token", "NETLIFY_TOKEN", "nfp_{a36-40}"),  # docs.netlify.com/api/get-started
    token("netlify-oauth-token", "NETLIFY_TOKEN", "nfo_{a36-40}"),
    named("netlify-old-token", "NETLIFY_TOKEN", rb"netlify", "{w43-46}", two_cases),
    token("fly-token", "FLY_TOKEN", "fm2_{b100-1500}{e0-3}"),  # fly.io/docs/security/tokens
    token("fly-old-macaroon", "FLY_TOKEN", "fm1{a|r}_{b100-1500}{e0-3}"),
    token("fly-access-token", "FLY_TOKEN", "fo1_{w43}"),
    token("render-key", "RENDER_KEY", "rnd_{a24-40}", random_key),  # render.com/docs/api
    named("railway-token", "RAILWAY_TOKEN", rb"railway", "{u}"),  # docs.railway.com
    token("scaleway-access-key", "SCALEWAY_KEY", "SCW{U17}", random_key),  # scaleway.com/docs/iam
    named("scaleway-secret-key", "SCALEWAY_KEY", rb"\bscw|scaleway", "{u}"),
    named("vultr-key", "VULTR_KEY", rb"vultr", "{U36}"),  # vultr.com/api
    named("ovh-secret", "OVH_KEY", rb"\bovh", "{a32}"),  # help.ovhcloud.com
    # cloud.ibm.com/docs/account
    named("ibm-cloud-key", "IBM_CLOUD_KEY", rb"ibm(?:[ _]?cloud)?|bluemix", "{w44}"),
    # yandex.cloud/docs/iam/concepts/authorization
    token("yandex-api-key", "YANDEX_KEY", "AQVN{w35-38}"),
    token("yandex-iam-token", "YANDEX_KEY", "t1.{w20-400}{e0-2}.{w86}"),
    token("upcloud-token", "UPCLOUD_TOKEN", "ucat_{U26}"),  # developers.upcloud.com
    token("exoscale-key", "EXOSCALE_KEY", "EXO{x24}", left=UNENCODED),  # community.exoscale.com
    # backblaze.com/docs/cloud-storage-application-keys
    named("backblaze-key", "BACKBLAZE_KEY", rb"backblaze|\bb2", "K00{d1}{b27}"),
    token("deno-deploy-token", "DENO_DEPLOY_TOKEN", "ddp_{a36}"),  # docs.deno.com/deploy
    token("deno-org-token", "DENO_DEPLOY_TOKEN", "ddo_{a36}"),
    token("scalingo-token", "SCALINGO_TOKEN", "tk-us-{w48}", left=ALONE),  # doc.scalingo.com
    named("fastly-token", "FASTLY_TOKEN", rb"fastly", "{w32}"),  # fastly.com/documentation
)  # fmt: skip

INFRASTRUCTURE = (
    token("pulumi-token", "PULUMI_TOKEN", "pul-{x40}"),  # pulumi.com/docs/administration
    # developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens
    token("terraform-cloud-token", "TERRAFORM_CLOUD_TOKEN", "{a14}.atlasv1.{w60-70}"),
    # developer.hashicorp.com/vault/docs/concepts/tokens
    token("vault-service-token", "VAULT_TOKEN", "hvs.{w24-200}"),
    token("vault-batch-token", "VAULT_TOKEN", "hvb.{w100-400}"),
    token("vault-recovery-token", "VAULT_TOKEN", "hvr.{w24-200}"),
    named("vault-old-token", "VAULT_TOKEN", rb"vault", "s.{a24}", two_cases),
    # developer.hashicorp.com/consul/docs/security/acl
    named("consul-token", "CONSUL_TOKEN", rb"consul", "{u}"),
    # docs.doppler.com/reference/auth-token-formats
    token("doppler-personal", "DOPPLER_TOKEN", "dp.pt.{a40-44}"),
    token("doppler-cli", "DOPPLER_TOKEN", "dp.ct.{a40-44}"),
    token("doppler-service-account", "DOPPLER_TOKEN", "dp.sa.{a40-44}"),
    token("doppler-service", "DOPPLER_TOKEN", "dp.st.{a40-44}"),
    token("doppler-scim", "DOPPLER_TOKEN", "dp.scim.{a40-44}"),
    token("doppler-audit", "DOPPLER_TOKEN", "dp.audit.{a40-44}"),
    token("infracost-key", "INFRACOST_KEY", "ico-{a32}"),  # infracost.io/docs
    # developer.1password.com/docs/service-accounts; support.1password.com/secret-key
    token("onepassword-service-account", "ONEPASSWORD_TOKEN", "ops_eyJ{b250-1500}{e0-3}"),
    token("onepassword-secret-key", "ONEPASSWORD_SECRET_KEY",
          "A3-{U6}-{U11}-{U5}-{U5}-{U5}"),
    token("onepassword-secret-key-2", "ONEPASSWORD_SECRET_KEY",
          "A3-{U6}-{U6}-{U5}-{U5}-{U5}-{U5}"),
    # bitwarden.com/help/access-tokens
    token("bitwarden-access-token", "BITWARDEN_TOKEN", "0.{u}.{a30}:{b22}=="),
    token("infisical-token", "INFISICAL_TOKEN", "st.{x24}.{x32}.{x32}"),  # infisical.com/docs
    # tailscale.com/kb/1085/auth-keys
    token("tailscale-auth-key", "TAILSCALE_KEY", "tskey-auth-{a8-24}-{a24-48}"),
    token("tailscale-api-key", "TAILSCALE_KEY", "tskey-api-{a8-24}-{a24-48}"),
    token("tailscale-client-key", "TAILSCALE_KEY", "tskey-client-{a8-24}-{a24-48}"),
    named("ngrok-token", "NGROK_TOKEN", rb"ngrok", "{a20-30}_{a20-30}"),  # ngrok.com/docs
    # docs.docker.com/engine/swarm/join-nodes
    token("docker-swarm-token", "DOCKER_SWARM_TOKEN", "SWMTKN-1-{l50}-{l25}"),
    # kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens
    named("kubernetes-bootstrap", "KUBERNETES_TOKEN", rb"kubeadm|bootstrap", "{l6}.{l16}"),
    token("openshift-token", "OPENSHIFT_TOKEN", "sha256~{w43}"),  # docs.openshift.com
    # octopus.com/docs
    token("octopus-deploy-key", "OCTOPUS_DEPLOY_KEY", "API-{U26}", random_key, ALONE),
    token("prefect-user-key", "PREFECT_KEY", "pnu_{a36}"),  # docs.prefect.io
    token("prefect-bot-key", "PREFECT_KEY", "pnb_{a36}"),
    # launchdarkly.com/docs/sdk/concepts/client-side-server-side
    token("launchdarkly-sdk-key", "LAUNCHDARKLY_KEY", "sdk-{u}", left=ALONE),
    token("launchdarkly-api-key", "LAUNCHDARKLY_KEY", "api-{u}", left=ALONE),
    # docs.defined.net
    token("defined-networking-key", "DEFINED_NETWORKING_KEY", "dnkey-{U26}-{U52}"),
)  # fmt: skip

DATABASES = (
    # planetscale.com/docs/concepts/password-format
    token("planetscale-password", "PLANETSCALE_KEY", "pscale_pw_{q32-64}"),
    token("planetscale-token", "PLANETSCALE_KEY", "pscale_tkn_{q32-64}"),
    token("planetscale-oauth", "PLANETSCALE_KEY", "pscale_oauth_{q32-64}"),
    # supabase.com/docs/guides/api/api-keys
    token("supabase-access-token", "SUPABASE_KEY", "sbp_{x40}"),
    token("supabase-secret-key", "SUPABASE_KEY", "sb_secret_{w31-44}"),
    token("neon-key", "NEON_KEY", "napi_{l48-72}"),  # neon.com/docs/manage/api-keys
    # upstash.com/docs
    named("upstash-token", "UPSTASH_TOKEN", rb"upstash", "{a40-120}{e0-2}", two_cases),
    token("mongodb-atlas-secret", "MONGODB_ATLAS_KEY", "mdb_sa_sk_{w40}"),  # mongodb.com/docs/atlas
    named("mongodb-atlas-private-key", "MONGODB_ATLAS_KEY", rb"atlas", "{u}"),
    # docs.databricks.com/dev-tools/auth/pat
    token("databricks-token", "DATABRICKS_TOKEN", "dapi{x32}"),
    token("databricks-oauth-secret", "DATABRICKS_TOKEN", "dose{x32}"),
    token("databricks-refresh-token", "DATABRICKS_TOKEN", "doau{x32}"),
    # docs.confluent.io/cloud/current/security/authenticate
    token("confluent-secret", "CONFLUENT_SECRET", "cflt{b60}", random_key),
    named("confluent-old-secret", "CONFLUENT_SECRET", rb"confluent|ccloud", "{b64}", two_cases),
    # elastic.co/docs/deploy-manage/api-keys
    token("elastic-cloud-key", "ELASTIC_KEY", "essu_{b40-120}{e0-2}"),
    # clickhouse.com/docs/cloud
    token("clickhouse-cloud-key", "CLICKHOUSE_KEY", "4b1d{a38}", left=UNENCODED),
    token("aiven-password", "AIVEN_KEY", "AVNS_{w19}"),  # aiven.io/docs
    named("aiven-token", "AIVEN_KEY", rb"aiven", "{b200-400}{e0-2}"),
)  # fmt: skip

KINDS = (*AMAZON, *MICROSOFT, *GOOGLE, *CLOUDS, *INFRASTRUCTURE, *DATABASES)
