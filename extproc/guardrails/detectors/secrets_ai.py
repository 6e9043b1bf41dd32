"""Rows of the secrets table: model vendors, vector stores, tracing, speech and search for agents.

Each row: name, label, shape (or name and shape), and the page its format is from. Rows of the same
prefix stand from the narrow to the wide: the first that matches names the finding.
"""

from __future__ import annotations

from extproc.guardrails.detectors.secrets_checks import key_like, random_key, two_cases
from extproc.guardrails.detectors.secrets_shape import ALONE, named, token

KINDS = (
    # docs.anthropic.com/en/api/getting-started; /administration-api
    token("anthropic-api-key", "ANTHROPIC_KEY", "sk-ant-api{d2}-{w20-200}"),
    token("anthropic-admin-key", "ANTHROPIC_KEY", "sk-ant-admin{d2}-{w20-200}"),
    token("anthropic-oauth-token", "ANTHROPIC_KEY", "sk-ant-o{a2}{d2}-{w20-200}"),
    token("anthropic-session-key", "ANTHROPIC_KEY", "sk-ant-sid{d2}-{w20-200}"),
    token("anthropic-other-key", "ANTHROPIC_KEY", "sk-ant-{w20-200}"),
    token("openrouter-key", "OPENROUTER_KEY", "sk-or-v1-{x64}"),  # openrouter.ai/docs
    token("langfuse-key", "LANGFUSE_KEY", "sk-lf-{u}"),  # langfuse.com/docs
    token("helicone-key", "HELICONE_KEY", "sk-helicone-{w24-80}"),  # docs.helicone.ai
    named("deepseek-key", "DEEPSEEK_KEY", rb"deepseek", "sk-{x32}"),  # api-docs.deepseek.com
    named("moonshot-key", "MOONSHOT_KEY", rb"moonshot|kimi", "sk-{a48}"),  # platform.moonshot.ai
    named("dashscope-key", "DASHSCOPE_KEY", rb"dashscope|qwen", "sk-{x32}"),  # alibabacloud.com
    named("stability-key", "STABILITY_KEY", rb"stability", "sk-{a48}"),  # platform.stability.ai
    # platform.openai.com/docs/api-reference/authentication ("OpenAI" in base64 in the middle)
    token("openai-project-key", "OPENAI_KEY", "sk-proj-{w20-250}", key_like, ALONE),
    token("openai-service-key", "OPENAI_KEY", "sk-svcacct-{w20-250}", key_like, ALONE),
    token("openai-admin-key", "OPENAI_KEY", "sk-admin-{w20-250}", key_like, ALONE),
    token("openai-user-key", "OPENAI_KEY", "sk-{a20}T3BlbkFJ{a20}", left=ALONE),
    token("openai-like-key", "OPENAI_KEY", "sk-{w20-250}", key_like, ALONE),
    token("openai-session", "OPENAI_KEY", "sess-{a40}", random_key, ALONE),
    token("google-ai-key", "GOOGLE_AI_KEY", "AQ.Ab8{w40-120}"),  # ai.google.dev/gemini-api/docs
    named("mistral-key", "MISTRAL_KEY", rb"mistral", "{a32}"),  # docs.mistral.ai
    named("cohere-key", "COHERE_KEY", rb"cohere|\bco_?api", "{a40}", two_cases),  # docs.cohere.com
    named("cohere-env-key", "COHERE_KEY", rb"\bco_?api_?key", "{a40}", two_cases, full=True),
    token("groq-key", "GROQ_KEY", "gsk_{a52}"),  # console.groq.com/docs
    token("xai-key", "XAI_KEY", "xai-{a80}"),  # docs.x.ai
    token("perplexity-key", "PERPLEXITY_KEY", "pplx-{a48}"),  # docs.perplexity.ai
    # huggingface.co/docs/hub/security-tokens
    token("hugging-face-token", "HUGGING_FACE_TOKEN", "hf_{a34}"),
    token("hugging-face-org-token", "HUGGING_FACE_TOKEN", "api_org_{a34}"),
    token("replicate-token", "REPLICATE_TOKEN", "r8_{w37}"),  # replicate.com/docs
    token("together-key", "TOGETHER_KEY", "tgp_v1_{w43}"),  # docs.together.ai
    named("together-old-key", "TOGETHER_KEY", rb"together(?:[ _]?ai)?", "{x64}"),
    token("fireworks-key", "FIREWORKS_KEY", "fw_{a22-24}", random_key),  # docs.fireworks.ai
    token("cerebras-key", "CEREBRAS_KEY", "csk-{l48}"),  # inference-docs.cerebras.ai
    token("nvidia-key", "NVIDIA_KEY", "nvapi-{w60-70}"),  # docs.api.nvidia.com
    # docs.smith.langchain.com/administration
    token("langsmith-personal-key", "LANGSMITH_KEY", "lsv2_pt_{x32}_{x10}"),
    token("langsmith-service-key", "LANGSMITH_KEY", "lsv2_sk_{x32}_{x10}"),
    token("langsmith-old-key", "LANGSMITH_KEY", "ls__{x32}"),
    token("pinecone-key", "PINECONE_KEY", "pcsk_{a5-6}_{a60-66}"),  # docs.pinecone.io
    named("pinecone-old-key", "PINECONE_KEY", rb"pinecone", "{u}"),
    # docs.wandb.ai
    token("wandb-key", "WANDB_KEY", "wandb_v1_{w60-100}"),
    named("wandb-old-key", "WANDB_KEY", rb"wandb", "{x40}"),
    named("comet-key", "COMET_KEY", rb"comet(?:_?ml)?", "{a25}"),  # comet.com/docs
    token("elevenlabs-key", "ELEVENLABS_KEY", "sk_{x48}"),  # elevenlabs.io/docs
    named("assemblyai-key", "ASSEMBLYAI_KEY", rb"assembly[ _]?ai", "{x32}"),  # assemblyai.com/docs
    named("deepgram-key", "DEEPGRAM_KEY", rb"deepgram", "{x40}"),  # developers.deepgram.com
    token("voyage-key", "VOYAGE_KEY", "pa-{w43}", random_key, ALONE),  # docs.voyageai.com
    token("jina-key", "JINA_KEY", "jina_{x32}{w28}"),  # jina.ai
    token("runpod-key", "RUNPOD_KEY", "rpa_{U40-46}"),  # docs.runpod.io
    # modal.com/docs/reference/modal.config
    token("modal-token-id", "MODAL_TOKEN", "ak-{a22}", random_key, ALONE),
    token("modal-token-secret", "MODAL_TOKEN", "as-{a22}", random_key, ALONE),
    token("anyscale-key", "ANYSCALE_KEY", "esecret_{a26}"),  # docs.anyscale.com
    named("ai21-key", "AI21_KEY", rb"ai21", "{a32}"),  # docs.ai21.com
    token("tavily-key", "TAVILY_KEY", "tvly-{w24-60}", random_key),  # docs.tavily.com
    named("serpapi-key", "SERPAPI_KEY", rb"serp(?:_?api)?", "{x64}"),  # serpapi.com
    token("firecrawl-key", "FIRECRAWL_KEY", "fc-{x32}", left=ALONE),  # docs.firecrawl.dev
    token("llamacloud-key", "LLAMACLOUD_KEY", "llx-{a48}"),  # docs.cloud.llamaindex.ai
    token("e2b-key", "E2B_KEY", "e2b_{x40}"),  # e2b.dev/docs
    named("clarifai-key", "CLARIFAI_KEY", rb"clarifai", "{x32}"),  # docs.clarifai.com
    token("cursor-key", "CURSOR_KEY", "key_{x64}"),  # docs.cursor.com
    token("cursor-new-key", "CURSOR_KEY", "crsr_{x64}"),
    # docs.bigmodel.cn
    named("zhipu-key", "ZHIPU_KEY", rb"zhipu(?:ai)?|bigmodel|\bzai", "{x32}.{a16}"),
    token("apify-token", "APIFY_TOKEN", "apify_api_{a36}"),  # docs.apify.com
)  # fmt: skip
