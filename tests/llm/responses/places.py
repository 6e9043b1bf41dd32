"""Responses bodies with a word of its own in every place that can hold text.

Source: platform.openai.com, "Responses": the input and output items, tools, the response object.
"""

from __future__ import annotations

from extproc.llm.call import Json
from tests.llm.canaries import Canaries


def shared_items(c: Canaries, at: str, first: int) -> list[Json]:
    """Items that stand in a request's input and in an answer's output alike."""

    def where(offset: int, rest: str = "") -> str:
        return f"{at}[{first + offset}]{rest}"

    return [
        {"type": "reasoning", "id": "rs_1", "summary": [
            {"type": "summary_text", "text": c("reasoning")}],
         "content": [{"type": "reasoning_text", "text": c("reasoning")}],
         "encrypted_content": c.unread(where(0, ".encrypted_content"))},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed",
         "name": c("tool_arguments"), "arguments": f'{{"{c("tool_arguments")}": 1}}',
         "namespace": c("tool_arguments"), "later": {"w": [c("tool_arguments")]}},
        {"type": "custom_tool_call", "call_id": "call_2", "name": c("tool_arguments"),
         "input": c("tool_arguments")},
        {"type": "local_shell_call", "id": "l", "call_id": "c", "status": "completed", "action": {
            "type": "exec", "command": [c("tool_arguments")], "env": {"A": c("tool_arguments")},
            "user": c("tool_arguments"), "working_directory": c("tool_arguments")}},
        {"type": "shell_call", "call_id": "c", "action": {"commands": [c("tool_arguments")]}},
        {"type": "shell_call_output", "call_id": "c", "output": [
            {"stdout": c("tool"), "stderr": c("tool"), "outcome": {"type": "exit",
                                                                   "exit_code": 0}}]},
        {"type": "apply_patch_call", "call_id": "c", "status": "completed", "operation": {
            "type": "update_file", "path": c("tool_arguments"), "diff": c("tool_arguments")}},
        {"type": "apply_patch_call_output", "call_id": "c", "status": "failed",
         "output": c("tool")},
        {"type": "computer_call", "id": "cu", "call_id": "c", "status": "completed", "action": {
            "type": "type", "text": c("tool_arguments")}, "pending_safety_checks": [
                {"id": "s", "code": "c", "message": c("tool_arguments")}]},
        {"type": "computer_call_output", "call_id": "c", "output": {
            "type": "computer_screenshot",
            "image_url": "data:image/png;base64," + c.unread(where(9))},
         "acknowledged_safety_checks": [{"id": "s", "message": c("tool")}]},
        {"type": "web_search_call", "id": "ws", "status": "completed", "action": {
            "type": "search", "query": c("tool_arguments"), "sources": [
                {"type": "url", "url": "https://w/?q=" + c("tool_arguments")}]}},
        {"type": "file_search_call", "id": "fs", "status": "completed",
         "queries": [c("tool_arguments")], "results": [
             {"file_id": "file-1" if c.unread(where(11, ".results[0].file_id")) else "",
              "filename": c("tool"), "text": c("tool"), "attributes": {"k": c("tool")}}]},
        {"type": "code_interpreter_call", "id": "ci", "status": "completed",
         "container_id": "cntr_1" if c.unread(where(12, ".container_id")) else "",
         "code": c("tool_arguments"), "outputs": [
             {"type": "logs", "logs": c("tool")}, {"type": "image", "url": "https://i/?" + c(
                 "tool")}]},
        {"type": "mcp_call", "id": "m", "server_label": "s", "name": c("tool_arguments"),
         "arguments": f'{{"a": "{c("tool_arguments")}"}}', "output": c("tool"),
         "error": {"type": "mcp_tool_execution_error", "content": [c("tool")]}},
        {"type": "mcp_list_tools", "id": "ml", "server_label": "s", "tools": [
            {"name": c("tool_definition"), "description": c("tool_definition"),
             "input_schema": c.schema()}], "error": c("tool")},
        {"type": "mcp_approval_request", "id": "ma", "server_label": "s",
         "name": c("tool_arguments"), "arguments": c("tool_arguments")},
        {"type": "image_generation_call", "id": "ig", "status": "completed",
         "result": c.unread(where(16)), "revised_prompt": c("tool_arguments")},
        {"type": "tool_search_call", "call_id": "c", "arguments": {c("tool_arguments"): [1]}},
        {"type": "tool_search_output", "call_id": "c", "tools": [
            {"type": "function", "name": c("tool_definition"), "parameters": c.schema()}]},
        {"type": "program", "id": "p", "call_id": "c", "code": c("tool_arguments"),
         "fingerprint": "f"},
        {"type": "program_output", "id": "p", "call_id": "c", "result": c("tool"),
         "status": "completed"},
        {"type": "compaction", "id": "cp",
         "encrypted_content": c.unread(where(21, ".encrypted_content"))},
    ]  # fmt: skip


def request(c: Canaries) -> Json:
    items: list[Json] = [
        {"role": "system", "content": c("system")},
        {"type": "message", "role": "developer", "content": [
            {"type": "input_text", "text": c("system")}]},
        {"role": "user", "later": {"w": c("user")}, "content": [
            {"type": "input_text", "text": c("user"), "later": c("user")},
            {"type": "input_image", "detail": "low",
             "image_url": "data:image/png;base64," + c.unread("input[2].content[1]")},
            {"type": "input_image", "file_id": "file-1"
             if c.unread("input[2].content[2]") else "", "alt": c("user")},
            {"type": "input_file", "filename": c("user") + "txt", "file_data": c.url("user")},
            {"type": "input_file", "filename": c("user") + "pdf", "file_data":
                "data:application/pdf;base64," + c.unread("input[2].content[4]")},
            {"type": "input_file", "file_url": "https://f/?q=" + c("user")
             if c.unread("input[2].content[5]") else ""},
            {"type": "input_audio", "input_audio": {
                "format": "wav", "data": c.unread("input[2].content[6]")}},
            {"type": "later", "caption": c("user"), c("user") + " key": 1}]},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [
            {"type": "output_text", "text": c("assistant"), "annotations": [
                {"type": "url_citation", "title": c("tool"), "url": "https://w/?q=" + c("tool"),
                 "start_index": 0, "end_index": 3}], "logprobs": [
                    {"token": c("assistant"), "logprob": -1.0}]},
            {"type": "refusal", "refusal": c("refusal")}]},
        {"type": "function_call_output", "call_id": "call_1", "output": c("tool")},
        {"type": "function_call_output", "call_id": "call_1", "output": [
            {"type": "input_text", "text": c("tool")},
            {"type": "input_image", "detail": "auto",
             "image_url": "https://i/?q=" + c("tool")}]},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": c("tool")},
        {"type": "local_shell_call_output", "id": "l", "output": c("tool")},
        {"type": "mcp_approval_response", "approval_request_id": "ma", "approve": False,
         "reason": c("user")},
        {"type": "additional_tools", "role": "developer", "tools": [
            {"type": "function", "name": c("tool_definition"), "parameters": c.schema()}]},
        {"type": "item_reference", "id": "msg_9" if c.unread("input[10]") else ""},
        {"id": "msg_10" if c.unread("input[11]") else ""},
        {"type": "later", "words": {c("user"): [c("user")]}, "id": "x " + c("user")},
    ]  # fmt: skip
    c.paths += ["input[2].content[7]", "input[5].output[1]"]
    return {
        "model": "m", "instructions": c("system"), "user": c("input"),
        "input": items + shared_items(c, "input", len(items)), "metadata": {"k": c("input")},
        "previous_response_id": "resp_1" if c.unread("previous_response_id") else "",
        "conversation": {"id": "conv_1" if c.unread("conversation") else ""},
        "prompt": {"id": "pmpt_1" if c.unread("prompt") else "", "variables": {
            "a": c("input"), "b": {"type": "input_text", "text": c("input")}}},
        "text": {"verbosity": "low", "format": {
            "type": "json_schema", "name": c("tool_definition"), "schema": c.schema()}},
        "tools": [
            {"type": "function", "name": c("tool_definition"), "description": c("tool_definition"),
             "parameters": c.schema(), "strict": True, "later": c("tool_definition")},
            {"type": "custom", "name": c("tool_definition"), "format": {
                "type": "grammar", "syntax": "lark", "definition": c("tool_definition")}},
            {"type": "namespace", "name": "n", "description": c("tool_definition"), "tools": [
                {"type": "function", "name": c("tool_definition"), "parameters": c.schema()}]},
            {"type": "file_search", "vector_store_ids": [
                c.unread("tools[3].vector_store_ids") and "vs_1"]},
            {"type": "mcp", "server_label": "s", "server_description": c("tool_definition"),
             "server_url": "https://m" if c.unread("tools[4].server_url") else ""},
        ],
        "tool_choice": {"type": "function", "name": c("input")},
        "service_tier": "auto " + c("input"), "stream": True, "store": True,
        "reasoning": {"effort": "low", "summary": "auto", "later": c("input")},
        "safety_identifier": c("input"), "prompt_cache_key": c("input"),
        "later": {"deep": [{"words": c("input")}]},
    }  # fmt: skip


def answer(c: Canaries) -> Json:
    said = {"type": "output_text", "text": c("assistant"), "annotations": [
        {"type": "file_citation", "file_id": "file-1"
         if c.unread("output[0].content[0].annotations[0].file_id") else "",
         "filename": c("tool"), "index": 3}],
        "logprobs": [{"token": c("assistant"), "logprob": -1.0, "top_logprobs": [
            {"token": c.unread("output[0].content[0].logprobs.top_logprobs"), "logprob": -2.0}]}],
    }  # fmt: skip
    items: list[Json] = [
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "phase": "final_answer", "content": [
             said, {"type": "refusal", "refusal": c("refusal")},
             {"type": "later", "words": c("assistant")}]},
        {"type": "later", "words": {c("assistant"): [c("assistant")]}},
    ]  # fmt: skip
    c.paths.append("output[0].content[2]")
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "failed", "model": "m-2",
        "error": {"code": "server_error", "message": c("assistant")},
        "output": items + shared_items(c, "output", len(items)), "later": c("assistant"),
        "instructions": "the caller's own", "tools": [{"type": "web_search"}], "metadata": {
            "k": "the caller's own"}, "usage": {"input_tokens": 123456789, "output_tokens": 1},
    }  # fmt: skip
