"""Bodies with a word of its own in every place that can hold text, as the vendors document them.

Schemas: OpenAI's API reference (chat completions, embeddings), Anthropic's (messages, streaming,
server tools, citations), and what compatible servers add (reasoning, images, citations).
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field

from extproc.llm.call import Json

PNG = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2).decode()


@dataclass
class Canaries:
    """`words` must be in a slot, `paths` under `unscanned`, and nothing else may be there."""

    words: dict[str, str] = field(default_factory=dict)
    """word -> the role it must be read under."""
    paths: list[str] = field(default_factory=list)

    def __call__(self, role: str) -> str:
        word = f"T-{len(self.words)}-{role}."
        self.words[word] = role
        return word

    def file(self, role: str) -> str:
        return b64encode(f"Ünïcode {self(role)}\n".encode()).decode()

    def url(self, role: str, media: str = "text/plain") -> str:
        return f"data:{media};base64,{self.file(role)}"

    def unread(self, path: str) -> str:
        self.paths.append(path)
        return PNG

    def schema(self, role: str = "tool_definition") -> Json:
        """A JSON Schema: words in keys, numbers, and every string."""
        return {
            "type": "object", "title": self(role), "description": self(role),
            "properties": {self(role): {"type": "string", "enum": [self(role)], "const": self(role),
                                        "pattern": self(role), "examples": [self(role)]}},
            "required": [self(role)], "$defs": {self(role): {"default": {self(role): None}}},
            self(role): {"deep": [[{"er": self(role)}]]},
        }  # fmt: skip


def openai_request(c: Canaries) -> Json:
    text = {"type": "text", "text": c("user"), "later": c("user")}
    return {
        "model": "m", "user": c("input"), "stop": [c("input"), c("input")], "safety_identifier":
        c("input"), "metadata": {"k": c("input"), c("input"): c("input")}, "store": True,
        "prediction": {"type": "content", "content": [{"type": "text", "text": c("input")}]},
        "response_format": {"type": "json_schema", "json_schema": {
            "name": c("tool_definition"), "description": c("tool_definition"),
            "schema": c.schema(), "strict": True}},
        "tool_choice": {"type": "function", "function": {"name": c("input")}},
        "service_tier": "auto " + c("input"), "modalities": ["text", "audio"],
        "audio": {"voice": c("input"), "format": c.unread("audio") and "wav"},
        "web_search_options": {"user_location": {"type": "approximate",
                                                 "approximate": {"city": c("input")}}},
        "tools": [
            {"type": "function", "function": {
                "name": c("tool_definition"), "description": c("tool_definition"),
                "parameters": c.schema(), "strict": True, "later": c("tool_definition")}},
            {"type": "custom", "custom": {"name": c("tool_definition"), "format": {
                "type": "grammar", "grammar": {"definition": c("tool_definition")}}}},
            {"type": "later", "words": {c("tool_definition"): [c("tool_definition")]}},
        ],
        "functions": [{"name": c("tool_definition"), "description": c("tool_definition"),
                       "parameters": c.schema()}],
        "later": {"deep": [{"words": c("input"), c("input") + " key": 1}], "id": c("input")},
        "messages": [
            {"role": "system", "content": c("system"), "name": c("system")},
            {"role": "developer", "content": [{"type": "text", "text": c("system")}]},
            {"role": "user", "content": c("user")},
            {"role": "user", "name": c("user"), "later": {"w": [c("user")]}, "content": [
                text,
                {"type": "image_url", "image_url": {"url": "data:image/png;base64," + c.unread(
                    "messages[3].content[1]"), "detail": "low", "alt": c("user")}},
                {"type": "input_audio", "input_audio": {"format": "wav", "data": c.unread(
                    "messages[3].content[2]")}},
                {"type": "file", "file": {"filename": c("user") + "txt",
                                          "file_data": c.url("user")}},
                {"type": "file", "file": {"filename": "a.csv", "file_data": c.file("user")}},
                {"type": "file", "file": {"filename": c("user") + "pdf", "file_data":
                    "data:application/pdf;base64," + c.unread("messages[3].content[5]")}},
                {"type": "file", "file": {"file_id": "file-1"
                                          if c.unread("messages[3].content[6]") else ""}},
                {"type": "video_url", "video_url": {"url": "https://v/?q=" + c("user")}, "x": [
                    c.unread("messages[3].content[7]")]},
                {"type": "later", "caption": c("user"), "sheet": {
                    "media_type": "text/csv", "data": c.file("user")}, c("user") + " key": 1},
            ]},
            {"role": "assistant", "content": None, "refusal": c("refusal"),
             "audio": {"id": c.unread("messages[4].audio") and "audio_1"},
             "reasoning_content": c("reasoning"), "reasoning": c("reasoning"),
             "reasoning_details": [{"type": "reasoning.text", "text": c("reasoning")},
                                   {"type": "reasoning.encrypted", "data": c.unread(
                                       "messages[4].reasoning_details[1].data")}],
             "tool_calls": [
                 {"id": "c1", "type": "function", "later": {"w": c("tool_arguments")},
                  "function": {"name": c("tool_arguments"), "arguments":
                               f'{{"{c("tool_arguments")}": 1}}'}},
                 {"id": "c2", "type": "custom", "custom": {"name": c("tool_arguments"),
                                                           "input": c("tool_arguments")}}]},
            {"role": "tool", "tool_call_id": "c1", "content": c("tool")},
            {"role": "tool", "tool_call_id": "c2 " + c("tool"), "content": [
                {"type": "text", "text": c("tool")},
                {"type": "image_url", "image_url": {"url": "https://i/?q=" + c("tool")}},
                {"type": "later", "b64": "data:application/json;base64," + c.file("tool")}]},
            {"role": "assistant", "content": [{"type": "text", "text": c("assistant")},
                                              {"type": "refusal", "refusal": c("refusal")}],
             "function_call": {"name": c("tool_arguments"), "arguments": c("tool_arguments")}},
            {"role": "function", "name": c("tool"), "content": c("tool")},
        ] if c.unread("messages[6].content[1]") and c.unread("messages[6].content[2]")
        and c.unread("messages[3].content[8]") else [],
    }  # fmt: skip


def openai_answer(c: Canaries) -> Json:
    c.paths += ["choices[0].message.audio", "choices[0].logprobs.top_logprobs"]
    return {
        "id": "x", "object": "chat.completion", "created": 1700000000, "model": "m",
        "system_fingerprint": "fp", "usage": {"prompt_tokens": 12345678},
        "citations": [c("tool")], "later": {"w": [c("assistant")], c("assistant") + " key": 1},
        "choices": [
            {"index": 0, "finish_reason": "stop", "later": {"w": c("assistant")},
             "logprobs": {"content": [{"token": c("assistant"), "logprob": -1, "bytes": [1],
                                       "top_logprobs": [{"token": "x", "logprob": -2}]}],
                          "refusal": None},
             "message": {
                "role": "assistant", "content": c("assistant"), "refusal": c("refusal"),
                "reasoning_content": c("reasoning"), "later": {"w": c("assistant")},
                "audio": {"id": "a", "expires_at": 1700000000, "data": PNG,
                          "transcript": c("assistant")},
                "annotations": [{"type": "url_citation", "url_citation": {
                    "url": "https://" + c("tool"), "title": c("tool"), "start_index": 1}}],
                "images": [{"type": "image_url", "image_url": {
                    "url": "data:image/png;base64," + c.unread(
                        "choices[0].message.images[0].image_url.url")}}]}},
            {"index": 1, "finish_reason": "tool_calls", "logprobs": None, "message": {
                "role": "assistant", "content": [{"type": "text", "text": c("assistant")}],
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {
                        "name": c("tool_arguments"), "arguments": c("tool_arguments")}},
                    {"id": "2", "type": "function", "function": {
                        "name": "f", "arguments": {c("tool_arguments"): [c("tool_arguments")]}}},
                    {"id": "3", "type": "custom", "custom": {
                        "name": c("tool_arguments"), "input": c("tool_arguments")}}]}},
            c("assistant"),
        ],
    }  # fmt: skip


def openai_chunk(c: Canaries) -> Json:
    c.paths += ["choices[0].audio", "choices[1].logprobs.top_logprobs"]
    return {
        "id": "x", "object": "chat.completion.chunk", "created": 1700000000, "model": "m",
        "usage": None, "obfuscation": "Xy1", "later": [c("assistant")],
        "choices": [
            {"index": 0, "finish_reason": None, "delta": {
                "role": "assistant", "content": c("assistant"), "refusal": c("refusal"),
                "reasoning": c("reasoning"), "later": {"w": c("assistant")},
                "audio": {"data": PNG, "transcript": c("assistant"), "expires_at": 1700000000},
                "annotations": [{"url_citation": {"title": c("tool")}}],
                "encrypted_content": c.unread("choices[0].encrypted_content"),
                "tool_calls": [{"index": 0, "id": "c", "function": {
                    "name": c("tool_arguments"), "arguments": c("tool_arguments")}},
                    {"index": 1, "function": {"arguments": {c("tool_arguments"): 1}}},
                    {"index": 2, "custom": {"input": c("tool_arguments")}}]}},
            {"index": 1, "delta": {"content": [{"type": "text", "text": c("assistant")}]},
             "logprobs": {"content": [{"token": c("assistant"), "top_logprobs": [{}]}]}},
        ],
    }  # fmt: skip


def anthropic_request(c: Canaries) -> Json:
    base64 = {"type": "base64", "media_type": "image/png"}
    c.paths += ["container", "messages[1].content[4]", "messages[2].content[4]",
                "messages[2].content[5]", "messages[2].content[7]", "messages[2].content[8]",
                "messages[2].content[10]"]  # fmt: skip
    return {
        "model": "m", "max_tokens": 9, "stop_sequences": [c("input")],
        "metadata": {"user_id": c("input"), c("input"): 1}, "service_tier": "auto",
        "container": {"id": "container_1", "skills": [{"skill_id": c("input")}]},
        "thinking": {"type": "enabled", "budget_tokens": 12345678}, "later": {"w": c("input")},
        "mcp_servers": [{"type": "url", "url": "https://" + c("input"), "name": c("input")}],
        "tool_choice": {"type": "tool", "name": c("input")},
        "output_config": {"format": {"type": "json_schema", "schema": c.schema()}},
        "system": [{"type": "text", "text": c("system"), "cache_control": {"type": "ephemeral",
                                                                           "ttl": "1h"}},
                   {"type": "text", "text": c("system"), "later": c("system")}],
        "tools": [{"name": c("tool_definition"), "description": c("tool_definition"),
                   "input_schema": c.schema(), "cache_control": {"type": "ephemeral"}},
                  {"type": "web_search_20250305", "name": "w", "allowed_domains":
                   [c("tool_definition")], "user_location": {"city": c("tool_definition")}}],
        "messages": [
            {"role": "user", "content": c("user"), "later": {"w": c("user")}},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": c("reasoning"), "signature": PNG},
                {"type": "text", "text": c("assistant"), "citations": [
                    {"type": "web_search_result_location", "cited_text": c("tool"),
                     "title": c("tool"), "url": c("tool"), "encrypted_index": PNG}]},
                {"type": "tool_use", "id": "t1", "name": c("assistant"), "input": {
                    "id": c("tool_arguments"), c("tool_arguments"): [c("tool_arguments")]}},
                {"type": "server_tool_use", "id": "s1", "name": "web_search",
                 "input": {"query": c("tool_arguments")}},
                {"type": "redacted_thinking", "data": PNG},
                {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [
                    {"type": "web_search_result", "url": c("tool"), "title": c("tool"),
                     "page_age": c("tool"), "encrypted_content": c.unread(
                         "messages[1].content[5].content[0].encrypted_content")}]},
                {"type": "mcp_tool_use", "id": "m1", "name": c("assistant"),
                 "server_name": c("assistant"), "input": {c("tool_arguments"): True}},
                {"type": "code_execution_tool_result", "tool_use_id": "s2", "content": {
                    "type": "code_execution_result", "stdout": c("tool"), "stderr": c("tool"),
                    "return_code": 0, "content": [{"type": "code_execution_output", "file_id":
                        c.unread("messages[1].content[7].content.content[0].file_id")
                        and "file_1"}]}},
                {"type": "web_fetch_tool_result", "tool_use_id": "s3", "content": {
                    "type": "web_fetch_result", "url": c("tool"), "retrieved_at": c("tool"),
                    "content": {"type": "document", "title": c("tool"), "source": {
                        "type": "text", "media_type": "text/plain", "data": c("tool")}}}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [
                    {"type": "text", "text": c("tool")},
                    {"type": "image", "source": {**base64, "data": c.unread(
                        "messages[2].content[0].content[1]")}},
                    {"type": "document", "source": {"type": "base64", "media_type": "text/plain",
                                                    "data": c.file("tool")}}]},
                {"type": "tool_result", "tool_use_id": "t2", "content": c("tool")},
                {"type": "document", "title": c("user"), "context": c("user"), "source": {
                    "type": "text", "media_type": "text/plain", "data": c("user")}},
                {"type": "document", "source": {"type": "content", "later": c("user"), "content": [
                    {"type": "text", "text": c("user")},
                    {"type": "image", "source": {**base64, "data": c.unread(
                        "messages[2].content[3].source.content[1]")}}]}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf",
                                                "data": PNG}, "title": c("user")},
                {"type": "document", "source": {"type": "url", "url": "https://" + c("user")}},
                {"type": "document", "source": {"type": "base64", "media_type": "text/csv",
                                                "data": c.file("user")}},
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
                {"type": "container_upload", "file_id": "file_1"},
                {"type": "search_result", "source": c("user"), "title": c("user"),
                 "content": [{"type": "text", "text": c("user")}]},
                {"type": "later", "caption": c("user"), c("user") + " key": [c("user")]},
            ]},
            {"role": "system", "content": c("system")},
        ],
    }  # fmt: skip


def anthropic_answer(c: Canaries) -> Json:
    c.paths += ["content[3]", "content[5]"]
    return {
        "id": "m", "type": "message", "role": "assistant", "model": "c", "usage": {"x": 12345678},
        "stop_reason": "end_turn", "stop_sequence": c("assistant"),
        "container": {"id": "c_1", "expires_at": "2026-01-01T00:00:00Z"},
        "stop_details": {"explanation": c("assistant")}, "later": {c("assistant") + " key": 1},
        "content": [
            {"type": "thinking", "thinking": c("reasoning"), "signature": PNG},
            {"type": "text", "text": c("assistant"), "citations": [
                {"type": "char_location", "cited_text": c("tool"), "document_title": c("tool"),
                 "encrypted_index": PNG, "start_char_index": 1}]},
            {"type": "tool_use", "id": "t", "name": c("assistant"), "input": {
                c("tool_arguments"): {"deep": [c("tool_arguments")]}}},
            {"type": "redacted_thinking", "data": PNG},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": [
                {"type": "web_search_result", "title": c("tool"), "url": c("tool"),
                 "encrypted_content": c.unread("content[4].content[0].encrypted_content")}]},
            {"type": "later", "inner": {"words": c("assistant")}},
            c("assistant"),
        ],
    }  # fmt: skip


def anthropic_events(c: Canaries) -> list[Json]:
    def delta(kind: str, **fields: object) -> Json:
        return {"type": "content_block_delta", "index": 1, "delta": {"type": kind, **fields}}

    c.paths += ["content[2]", "content[3].content[0].encrypted_content"]
    return [
        {"type": "message_start", "message": {"id": "m", "content": [
            {"type": "text", "text": c("assistant")}], "later": c("assistant")}},
        delta("text_delta", text=c("assistant")),
        delta("input_json_delta", partial_json=c("tool_arguments")),
        delta("thinking_delta", thinking=c("reasoning")),
        delta("signature_delta", signature=PNG),
        delta("citations_delta", citation={"cited_text": c("tool"), "encrypted_index": PNG}),
        delta("later_delta", words=c("assistant"), more={"w": c("assistant")}),
        {"type": "content_block_start", "index": 2,
         "content_block": {"type": "redacted_thinking", "data": PNG}},
        {"type": "content_block_start", "index": 3, "content_block": {
            "type": "web_search_tool_result", "content": [{"type": "web_search_result",
                "title": c("tool"), "encrypted_content": PNG}]}},
        {"type": "content_block_start", "index": 4, "content_block": {
            "type": "tool_use", "id": "t", "name": c("assistant"),
            "input": {c("tool_arguments"): 1}}},
        {"type": "message_delta", "usage": {}, "delta": {
            "stop_reason": "refusal", "stop_sequence": c("assistant"),
            "stop_details": {"explanation": c("assistant")}}},
        {"type": "error", "error": {"type": "x", "message": c("assistant")}},
        {"type": "later", "words": c("assistant")},
    ]  # fmt: skip
