"""A legacy completion's request, read: its prompt is one message of a user.

Refused by name is what only a model that continues a text can do: several prompts, token arrays,
`suffix`, `echo`, `best_of`, `logit_bias`. A caller that states no maximum asks for 16 tokens
(platform.openai.com, "Completions (legacy)", `max_tokens`).
"""

from __future__ import annotations

from typing import Any

from extproc.llm.call import Json
from extproc.llm.translate.conversation import ChatRequest, Text, Turn
from extproc.llm.translate.not_carried import NotCarried, need, only

MAX_TOKENS_UNSTATED = 16
_READ = frozenset(
    ("model", "prompt", "stream", "stream_options", "max_tokens", "temperature", "top_p", "seed",
     "frequency_penalty", "presence_penalty", "stop", "n", "logprobs", "user", "best_of")
)  # fmt: skip
_NUMBERS = ("temperature", "top_p", "frequency_penalty", "presence_penalty")


def read_request(body: Json) -> ChatRequest:
    """A body that `OpenAICompletions.read_call` has accepted. Raises NotCarried."""
    request = ChatRequest(paths={"choices": "n", "max_output_tokens": "max_tokens",
                                 "top_logprobs": "logprobs", "turns": "prompt"})  # fmt: skip
    for key, value in body.items():
        if key not in _READ and not (value is None or value is False or value in ("", [], {})):
            raise NotCarried(key)
    if (body.get("best_of") or 1) > (body.get("n") or 1):
        raise NotCarried("best_of")
    if body.get("stream_options"):
        options = {k: v for k, v in body["stream_options"].items() if v is not False}
        only(options, "stream_options", "include_usage")
    prompt, path = _prompt(body["prompt"])
    request.turns.append(Turn("user", [Text(path, None, prompt)], path))
    request.max_output_tokens = body.get("max_tokens") or MAX_TOKENS_UNSTATED
    request.choices = body.get("n") or 1
    _sampling(body, request)
    return request


def _prompt(prompt: Any) -> tuple[str, str]:
    if type(prompt) is str:
        return prompt, "prompt"
    if len(prompt) == 1 and type(prompt[0]) is str:
        return prompt[0], "prompt[0]"
    raise NotCarried("prompt", "must be one text for this provider")


def _sampling(body: Json, request: ChatRequest) -> None:
    for key in _NUMBERS:
        if body.get(key) is not None:
            if type(body[key]) not in (int, float):
                raise NotCarried(key, "must be a number")
            setattr(request, key, body[key])
    if body.get("seed") is not None:
        request.seed = need(body, "seed", int, "")
    if body.get("logprobs") is not None:
        request.top_logprobs = need(body, "logprobs", int, "")
        request.logprobs = True
    if body.get("user"):
        request.user = need(body, "user", str, "")
    stop = body.get("stop")
    if stop:
        listed = [stop] if type(stop) is str else stop
        if type(listed) is not list or not all(type(one) is str for one in listed):
            raise NotCarried("stop", "must be a string or a list of strings")
        request.stop = listed
