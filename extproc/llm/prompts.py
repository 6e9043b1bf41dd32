"""A kept prompt and its variables as the messages of a Chat Completions request.

Promises: what a caller puts into a variable stays inside its message and is not read as a template
again; a variable that is missing or unknown is refused by name. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extproc.config.prompt_model import VARIABLE, Prompt
from extproc.errors import Code, Refusal
from extproc.llm.call import Json

VERSION, VARIABLES = "prompt_version_fqn", "prompt_variables"
_KIND = "chat_prompt:"


def called(name: Any) -> str | None:
    """The name to look up: with or without the kind in front, as `<name>:<version>`."""
    if type(name) is not str or ":" not in name:
        return None
    return name.removeprefix(_KIND)


def rendered(prompt: Prompt, given: Any) -> list[Json] | Refusal:
    """The prompt's messages. `given`: the caller's variables, or None."""
    if given is None:
        given = {}
    if type(given) is not dict or not all(type(value) is str for value in given.values()):
        return _refuse("must be an object of strings")
    unknown = sorted(given.keys() - prompt.names)
    missing = sorted(prompt.names - given.keys() - prompt.variables.keys())
    if unknown:
        return _refuse(f"has '{unknown[0]}', which the prompt does not know")
    if missing:
        return _refuse(f"lacks '{missing[0]}'")
    values = {**prompt.variables, **given}
    return [
        {"role": message.role, "content": _filled(message.content, values)}
        for message in prompt.messages
    ]


def filled_in(body: Json, prompt: Prompt, messages: list[Json]) -> Json:
    """The request with the prompt before its own messages; what the caller says itself wins."""
    own = {key: value for key, value in body.items() if key not in (VERSION, VARIABLES)}
    settings: Json = {**prompt.model_configuration.parameters}
    if prompt.model_configuration.model is not None:
        settings["model"] = prompt.model_configuration.model
    if prompt.response_format is not None:
        settings["response_format"] = dict(prompt.response_format)
    listed = body.get("messages")
    more = listed if type(listed) is list else []
    return {**settings, **own, "messages": [*messages, *more]}


def _filled(text: str, values: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda found: values[found[1]], text)


def _refuse(what: str) -> Refusal:
    return Refusal(Code.INVALID_REQUEST, f"'{VARIABLES}' {what}.", param=VARIABLES)
