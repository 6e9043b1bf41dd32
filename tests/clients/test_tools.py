"""Coding agents that cannot run here: the very HTTP that each sends, as its documentation and
source say, through a real gateway; and the answer that it waits for.

Claude Code: code.claude.com/docs/en/llm-gateway. Codex CLI: developers.openai.com/codex/config and
openai/codex, `codex-rs/core/src/client.rs`. Gemini CLI: google-gemini/gemini-cli,
`packages/core/src/core/contentGenerator.ts` (the SDK @google/genai). Qwen Code, Cursor, Continue,
Cline: OpenAI's chat completions, streamed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.stand_in import TARGETS, AllProviders
from tests.e2e.harness import GatewayUnderTest

pytestmark = pytest.mark.e2e

Json = dict[str, Any]
PROMPT = '[[tool: shell {"command": "ls"}]] [[chars: 99]]'
PARAMETERS = {"type": "object", "properties": {"command": {"type": "string"}},
              "required": ["command"], "additionalProperties": False}  # fmt: skip
CACHED = {"type": "ephemeral"}


def claude_code(model: str) -> Json:
    """System prompt in blocks with cache breaks, thinking, metadata, a beta's field."""
    return {
        "model": model, "max_tokens": 32000, "stream": True,
        "system": [{"type": "text", "text": "You are Claude Code.", "cache_control": CACHED}],
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "<system-reminder>be brief</system-reminder>"},
            {"type": "text", "text": PROMPT, "cache_control": CACHED}]}],
        "tools": [{"name": "shell", "description": "Run it.", "input_schema": PARAMETERS}],
        "thinking": {"type": "enabled", "budget_tokens": 31999},
        "metadata": {"user_id": "user_0a_account__session_1b"},
    }  # fmt: skip


def codex(model: str) -> Json:
    """Responses without storage; sealed reasoning comes back in the next turn."""
    return {
        "model": model, "instructions": "You are Codex.", "stream": True, "store": False,
        "input": [{"type": "message", "role": "developer", "content": [
            {"type": "input_text", "text": "sandboxed"}]},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": PROMPT}]}],
        "tools": [{"type": "function", "name": "shell", "description": "Run it.", "strict": False,
                   "parameters": PARAMETERS}],
        "tool_choice": "auto", "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "0a-1b-2c",
    }  # fmt: skip


def gemini_cli(model: str) -> Json:
    return {
        "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
        "systemInstruction": {"role": "user", "parts": [{"text": "You are Gemini CLI."}]},
        "tools": [{"functionDeclarations": [
            {"name": "shell", "description": "Run it.", "parametersJsonSchema": PARAMETERS}]}],
        "generationConfig": {"temperature": 1, "topP": 0.95, "topK": 64,
                             "thinkingConfig": {"includeThoughts": True}},
    }  # fmt: skip


def chat_agent(model: str) -> Json:
    """Qwen Code, Cursor, Continue, Cline: one as the other."""
    return {
        "model": model, "stream": True, "stream_options": {"include_usage": True},
        "messages": [{"role": "system", "content": "You are an agent."},
                     {"role": "user", "content": [{"type": "text", "text": PROMPT}]}],
        "tools": [{"type": "function", "function": {
            "name": "shell", "description": "Run it.", "parameters": PARAMETERS}}],
        "temperature": 0, "max_tokens": 8000,
    }  # fmt: skip


CLAUDE_HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
    "user-agent": "claude-cli/2.1.0 (external, cli)",
    "x-app": "cli",
    "x-claude-code-session-id": "0a1b",
}
CODEX_HEADERS = {
    "originator": "codex_cli_rs",
    "session-id": "0a1b",
    "thread-id": "0a1b",
    "x-client-request-id": "0a1b",
    "accept": "text/event-stream",
    "user-agent": "codex_cli_rs/0.160.0",
}
AGENTS: dict[str, tuple[Any, str, str, dict[str, str], list[str]]] = {
    "claude-code": (claude_code, "/v1/messages?beta=true", "authorization", CLAUDE_HEADERS,
                    ["message_start", "content_block_start", "message_stop"]),
    "claude-code-key": (claude_code, "/v1/messages?beta=true", "x-api-key", CLAUDE_HEADERS,
                        ["message_start", "message_stop"]),
    "codex": (codex, "/v1/responses", "authorization", CODEX_HEADERS,
              ["response.created", "response.output_item.done", "response.completed"]),
    "gemini-cli": (gemini_cli, "/v1beta/models/{model}:streamGenerateContent?alt=sse",
                   "x-goog-api-key", {"user-agent": "GeminiCLI/0.30.0"}, ["finishReason"]),
    "chat-agent": (chat_agent, "/v1/chat/completions", "authorization", {}, ["usage", "[DONE]"]),
}  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("target", ["openai", "anthropic", "gemini", "bedrock", "compatible"])
async def test_a_coding_agent_gets_its_tool_call(
    gateway: GatewayUnderTest, provider: AllProviders, agent: str, target: str
) -> None:
    """Contract 3: what coding agents send reaches any model, and its tool calls come back."""
    make, path, key_header, headers, wanted = AGENTS[agent]
    model = TARGETS[target]
    key = gateway.key("all-bot")
    proof = f"Bearer {key}" if key_header == "authorization" else key
    async with gateway.http() as http:
        answer = await http.post(path.format(model=model), json=make(model),
                                 headers={key_header: proof, **headers})  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert all(word in answer.text for word in wanted)
    assert "shell" in answer.text and "command" in answer.text
    (understood,) = await provider.understood()
    assert understood["tools"] == ["shell"]


async def test_a_beta_of_anthropics_reaches_anthropic(
    gateway: GatewayUnderTest, provider: AllProviders
) -> None:
    """Contract 3: `anthropic-beta` and the fields it stands for pass (Claude Code's gateway
    requirements, "Must forward request headers")."""
    body = claude_code(TARGETS["anthropic"]) | {"context_management": {"edits": []}}
    headers = {"authorization": f"Bearer {gateway.key('all-bot')}", **CLAUDE_HEADERS}
    async with gateway.http() as http:
        answer = await http.post("/v1/messages?beta=true", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert (await provider.request()).headers["anthropic-beta"] == CLAUDE_HEADERS["anthropic-beta"]


async def test_claude_code_counts_tokens(gateway: GatewayUnderTest) -> None:
    """Contract 3: `/v1/messages/count_tokens`, which Claude Code asks before it compacts."""
    body = {"model": TARGETS["anthropic"], "messages": [{"role": "user", "content": "one two"}]}
    headers = {"authorization": f"Bearer {gateway.key('all-bot')}", **CLAUDE_HEADERS}
    async with gateway.http() as http:
        answer = await http.post("/v1/messages/count_tokens?beta=true", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.text)["input_tokens"] == 2
