"""Vectors of model vendors and what agents use beside them."""

import pytest

from tests.guardrails.builders import SECRETS
from tests.guardrails.test_secrets_table import UUID, Rows, a, check_row, low, u, vectors, w, x

ROWS: Rows = {
    "anthropic-api-key": ("sk-ant-" + "api03-" + w(93) + "AA", "sk-ant-" + "api03-" + w(12)),
    "anthropic-admin-key": ("sk-ant-" + "admin01-" + w(93) + "AA", "sk-ant-" + "admin-" + w(93)),
    "anthropic-oauth-token": ("sk-ant-" + "oat01-" + w(93) + "AA", "sk-ant-" + "oat01-" + "0" * 93),
    "anthropic-session-key": ("sk-ant-" + "sid01-" + w(86), "sk-ant-" + "sid1-" + w(86)),
    "anthropic-other-key": ("sk-ant-" + w(60), "sk-ants-" + w(60)),
    "openrouter-key": ("sk-or-" + "v1-" + x(64), "sk-or-" + "v1-" + x(63)),
    "langfuse-key": ("sk-lf-" + UUID, "pk-lf-" + UUID),
    "helicone-key": ("sk-helicone-" + low(7) + "-" + low(7) + "-" + low(7) + "-" + low(7),
                     "sk-helicone-" + low(7)),
    "deepseek-key": (f"DEEPSEEK_API_KEY=«sk-{x(32)}»", "DEEPSEEK_API_KEY=sk-" + x(31)),
    "moonshot-key": (f"MOONSHOT_API_KEY=«sk-{a(48)}»", "MOONSHOT_API_KEY=sk-" + a(47)),
    "dashscope-key": (f"DASHSCOPE_API_KEY=«sk-{x(32)}»", "DASHSCOPE_BASE=sk-" + x(32)),
    "stability-key": (f"STABILITY_API_KEY=«sk-{a(48)}»", "STABILITY_API_KEY=sk_" + a(48)),
    "openai-project-key": ("sk-proj-" + w(74) + "T3BlbkFJ" + w(74), "sk-proj-management-planning"),
    "openai-service-key": ("sk-svcacct-" + w(74) + "T3BlbkFJ" + w(74), "ask-svcacct-" + w(74)),
    "openai-admin-key": ("sk-admin-" + w(58) + "T3BlbkFJ" + w(58), "sk-admin-templates-for-sites"),
    "openai-user-key": ("sk-" + a(20) + "T3BlbkFJ" + a(20), "sk-" + a(20) + "T3BlbkFJ" + a(19)),
    "openai-like-key": ("sk-" + a(40), "sk-learn-contrib-some-long-package-name"),
    "openai-session": ("sess-" + a(40), "sess-" + a(39)),
    "google-ai-key": ("AQ." + "Ab8RN6" + w(44), "AQ." + "Ab8RN6" + w(12)),
    "mistral-key": (f"my mistral api key is «{a(32)}»", "the mistral model is " + a(32)),
    "cohere-key": (f"cohere_api_key = '«{a(40)}»'", "cohere_api_key = '" + a(39) + "'"),
    "cohere-env-key": (f"CO_API_KEY=«{a(40)}»", "CO_API_KEYS_FILE=" + a(40)),
    "groq-key": ("gsk_" + a(52), "gsk_" + a(51)),
    "xai-key": ("xai-" + a(80), "xai-" + a(79)),
    "perplexity-key": ("pplx-" + a(48), "pplx-" + a(49)),
    "hugging-face-token": ("hf_" + a(34), "hf_" + "transformers_cache_directory_setup"),
    "hugging-face-org-token": ("api_org_" + a(34), "api_org_" + a(33)),
    "replicate-token": ("r8_" + a(37), "r8_" + a(36)),
    "together-key": ("tgp_v1_" + w(43), "tgp_v2_" + w(43)),
    "together-old-key": (f"TOGETHER_API_KEY=«{x(64)}»", "together with sha256:" + x(64)),
    "fireworks-key": ("fw_" + a(24), "fw_" + "configurationoverridekey"),
    "cerebras-key": ("csk-" + low(48), "csk-" + low(47)),
    "nvidia-key": ("nvapi-" + w(64), "nvapi-" + w(40)),
    "langsmith-personal-key": ("lsv2_pt_" + x(32) + "_" + x(10), "lsv2_pt_" + x(32)),
    "langsmith-service-key": ("lsv2_sk_" + x(32) + "_" + x(10), "lsv2_sk_" + x(31) + "_" + x(10)),
    "langsmith-old-key": ("ls__" + x(32), "ls_" + x(32)),
    "pinecone-key": ("pcsk_" + a(6) + "_" + a(63), "pcsk_" + a(6) + "_" + a(40)),
    "pinecone-old-key": (f"pinecone.init(api_key='«{UUID}»')".replace("init(", "").replace(")", ""),
                         f"pinecone.index = '{UUID}'"),
    "wandb-key": ("wandb_v1_" + w(70), "wandb_v1_" + w(50)),
    "wandb-old-key": (f"WANDB_API_KEY=«{x(40)}»", "WANDB_RUN=" + x(40)),
    "comet-key": (f"COMET_API_KEY=«{a(25)}»", "COMET_API_KEY=" + a(26)),
    "elevenlabs-key": ("sk_" + x(48), "sk_" + x(47)),
    "assemblyai-key": (f"ASSEMBLYAI_API_KEY=«{x(32)}»", "assemblyai transcript: " + x(32)),
    "deepgram-key": (f"DEEPGRAM_API_KEY=«{x(40)}»", "DEEPGRAM_API_KEY=" + x(41)),
    "voyage-key": ("pa-" + w(43), "pa-" + "configuration-of-the-panel-in-the-settings"),
    "jina-key": ("jina_" + x(32) + w(28), "jina_" + x(32) + w(20)),
    "runpod-key": ("rpa_" + u(44), "rpa_" + u(30)),
    "modal-token-id": ("ak-" + a(22), "ak-" + "breakingnewsofthemarke"),
    "modal-token-secret": ("as-" + a(22), "was-" + a(22)),
    "anyscale-key": ("esecret_" + a(26), "secret_" + a(26)),
    "ai21-key": (f"AI21_API_KEY=«{a(32)}»", "AI21_MODEL=" + a(32)),
    "tavily-key": ("tvly-" + "dev-" + a(32), "tvly-" + "search-results-for-the-agents"),
    "serpapi-key": (f"SERPAPI_API_KEY=«{x(64)}»", "SERPAPI_API_KEY=" + x(60)),
    "firecrawl-key": ("fc-" + x(32), "ufc-" + x(32)),
    "llamacloud-key": ("llx-" + a(48), "llx-" + a(40)),
    "e2b-key": ("e2b_" + x(40), "e2b_" + x(39)),
    "clarifai-key": (f"CLARIFAI_PAT=«{x(32)}»", "CLARIFAI_APP=" + x(32)),
    "cursor-key": ("key_" + x(64), "key_" + x(63)),
    "cursor-new-key": ("crsr_" + x(64), "crsr_" + x(65)),
    "zhipu-key": (f"ZHIPUAI_API_KEY=«{x(32)}.{a(16)}»", "ZHIPUAI_API_KEY=" + x(32) + "." + a(15)),
    "apify-token": ("apify_api_" + a(36), "apify_api_" + a(35)),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "near"), vectors(ROWS))
def test_row(name: str, text: str, near: str) -> None:
    """P4: the vendor's format is found whole, its near miss is not."""
    check_row(name, text, near)


def test_models_are_not_keys() -> None:
    """Contract (secrets): names of models and of deployments beside a vendor's name stay."""
    text = "mistral key model: mistral-large-2411, cohere: command-r-plus-08-2024, groq is fast"
    assert not SECRETS.find(text)
