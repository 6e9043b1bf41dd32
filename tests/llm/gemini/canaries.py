"""Gemini bodies with a word of its own in every place that can hold text, as Google documents them.

Schemas: ai.google.dev, "Generating content", "Caching" (Content, Part, Tool, ToolConfig).
"""

from __future__ import annotations

from extproc.llm.call import Json
from tests.llm.canaries import PNG, Canaries


def request(c: Canaries) -> Json:
    """Both spellings, as Google's SDK mixes them."""
    return {
        "systemInstruction": {"role": "user", "parts": [{"text": c("system")}]},
        "contents": [
            {"role": "user", "later": c("user"), "parts": [
                {"text": c("user")},
                {"text": c("user"), "later": {"w": c("user")}},
                {"inlineData": {"mimeType": "image/png", "displayName": c("user"), "data": c.unread(
                    "contents[0].parts[2].inlineData")}},
                {"inline_data": {"mime_type": "text/csv", "data": c.file("user")}},
                {"inlineData": {"mimeType": "application/pdf", "data": c.unread(
                    "contents[0].parts[4].inlineData")}},
                {"file_data": {"mime_type": "video/mp4", "file_uri": "https://x/y?" + c("user")},
                 "videoMetadata": {"startOffset": "4s", "later": c("user")}},
                {"partMetadata": {"k": c("user"), c("user"): 1}, "text": c("user")},
                {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH", "x": c("user")}, "text": ""},
                {"holdingForLater": {"caption": c("user"), c("user") + " key": [c("user")]}},
            ]},
            {"role": "model", "parts": [
                {"text": c("reasoning"), "thought": True},
                {"text": c("assistant"), "thoughtSignature": c.unread(
                    "contents[1].parts[1].thoughtSignature")},
                {"functionCall": {"id": "c-1", "name": c("tool_arguments"), "args": {
                    "id": c("tool_arguments"), c("tool_arguments"): [c("tool_arguments")]}},
                 "thought_signature": c.unread("contents[1].parts[2].thought_signature")},
                {"executableCode": {"language": "PYTHON", "code": c("tool_arguments")}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": c("tool")}},
                {"toolCall": {"toolType": "URL_CONTEXT", "args": {
                    c("tool_arguments"): c("tool_arguments")}}},
                {"toolResponse": {"toolType": "URL_CONTEXT", "response": {c("tool"): c("tool")}}},
            ]},
            {"role": "user", "parts": [{"functionResponse": {
                "id": "c-1", "name": c("tool"), "response": {"output": c("tool"), c("tool"): 1},
                "parts": [{"inlineData": {"mimeType": "image/png", "data": c.unread(
                    "contents[2].parts[0].functionResponse.parts[0].inlineData")}}]}}]},
        ],
        "tools": [
            {"functionDeclarations": [
                {"name": c("tool_definition"), "description": c("tool_definition"),
                 "parametersJsonSchema": c.schema(), "response": c.schema()}]},
            {"googleSearch": {"excludeDomains": [c("tool_definition")]}},
        ],
        "toolConfig": {"functionCallingConfig": {
            "mode": "ANY", "allowedFunctionNames": [c("input")]}},
        "generation_config": {
            "responseMimeType": "application/json", "response_json_schema": c.schema(),
            "stopSequences": [c("input")], "responseModalities": ["TEXT"], "temperature": 0.5,
            "thinkingConfig": {"thinkingLevel": "LOW", "include_thoughts": True},
            "speechConfig": {"languageCode": c.unread("generation_config.speechConfig")
                             and c("input")},
            "later": c("input"),
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "cachedContent": c.unread("cachedContent") and "cachedContents/abc",
        "labels": {c("input"): c("input")},
        "serviceTier": "standard",
        "later": {"deep": [c("input")]},
    }  # fmt: skip


def candidate(c: Canaries, path: str = "content.parts") -> Json:
    at = f"candidates[0].{path}"
    return {
        "content": {"role": "model", "later": c("assistant"), "parts": [
            {"text": c("reasoning"), "thought": True},
            {"text": c("assistant"), "thoughtSignature": PNG},
            {"functionCall": {"name": c("tool_arguments"), "args": {
                c("tool_arguments"): {"deep": [c("tool_arguments")]}}}},
            {"executableCode": {"language": "PYTHON", "code": c("tool_arguments")}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": c("tool")}},
            {"inlineData": {"mimeType": "image/png", "data": c.unread(f"{at}[5].inlineData")}},
            {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": c.unread(
                f"{at}[6].inlineData")}},
            {"inlineData": {"mimeType": "text/plain", "data": c.file("assistant")}},
            {"somethingNew": {"words": c("assistant")}},
        ]},
        "finishReason": "STOP", "finishMessage": c("assistant"), "tokenCount": 12345678,
        "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW",
                           "later": c("assistant")}],
        "citationMetadata": {"citationSources": [{"uri": c("tool"), "license": c("tool")}]},
        "groundingMetadata": {
            "webSearchQueries": [c("tool")],
            "searchEntryPoint": {"renderedContent": f"<b>{c('tool')}</b>"},
            "groundingChunks": [{"web": {"uri": c("tool"), "title": c("tool")}}],
            "groundingSupports": [{"segment": {"text": c("tool")}, "groundingChunkIndices": [0]}]},
        "urlContextMetadata": {"urlMetadata": [{"retrievedUrl": c("tool")}]},
        "logprobsResult": {"chosenCandidates": [{"token": c("assistant"), "logProbability": -1}],
                           "topCandidates": c.unread("candidates[0].logprobsResult.topCandidates")
                           and [{"candidates": [{"token": "x"}]}]},
        "later": {c("assistant") + " key": c("assistant")},
    }  # fmt: skip


def answer(c: Canaries) -> Json:
    return {
        "candidates": [candidate(c)], "modelVersion": "gemini-3-pro", "responseId": "r-1",
        "usageMetadata": {"promptTokenCount": 12345678, "trafficType": "ON_DEMAND"},
        "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": c("assistant")},
        "modelStatus": {"message": c("assistant")},
    }  # fmt: skip
