"""Rego evaluated in this process.

Promises: a bundle that OPA would not compile does not load (`bundle.judge`); an evaluation error
denies, with a fault; an engine that panics is thrown away and the request gets no decision
(`PolicyUnavailable`, never allow). Refuses to interrupt: an evaluation runs to its end in the
calling thread, so builtins that can run long, or leave the process, are not admitted.
One engine per thread, because the engine is bound to the thread that made it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import regorus

from extproc.config.mistake import Mistake
from extproc.policy.bundle import ENTRY, Bundle, BundleRefused, judge, read
from extproc.policy.decision import (
    BAD_INPUT,
    FAILED,
    NOT_WHOLE,
    UNDEFINED,
    encode,
    read_decision,
)
from extproc.policy.rego.literals import WHOLE_MAX
from extproc.policy.rego.replaced import install
from extproc.policy.values import Decision, PolicyUnavailable

_RULE: Final = f"data.{ENTRY}.answer"
_ENTRY: Final = f"package {ENTRY}\n\nanswer := data.envelope.authz\n"
_UNDEFINED: Final = '"<undefined>"'
_LATE_COMPILER_ERRORS: Final = ("used before definition", "could not find function", "unsafe",
                                "undefined variable", "recursion")  # fmt: skip


def load(paths: Sequence[str | Path]) -> EmbeddedEngine:
    """Read, judge and prepare a bundle. Raises BundleRefused with every mistake (P7)."""
    return engine_of(read(paths))


def engine_of(bundle: Bundle) -> EmbeddedEngine:
    """Judge and prepare what was read. Raises BundleRefused with every mistake (P7)."""
    admission = judge(bundle)
    if admission.mistakes:
        raise BundleRefused(admission.mistakes)
    return EmbeddedEngine(bundle, admission.whole_only)


def mistakes(paths: Sequence[str | Path]) -> list[Mistake]:
    """Why the bundle would not load, for `envelope check`; empty when it would."""
    try:
        load(paths)
    except BundleRefused as refused:
        return list(refused.mistakes)
    return []


class EmbeddedEngine:
    """A `PolicyEngine` over an admitted bundle."""

    def __init__(self, bundle: Bundle, whole_only: bool) -> None:
        """Raises BundleRefused when the engine does not take what admission let through."""
        self.bundle_digest = bundle.digest
        self.bundle = self._bundle = bundle
        self._data = orjson.dumps(bundle.data).decode()
        self._whole_only = whole_only
        self._local = threading.local()
        self._try_out()

    async def decide(self, inputs: Sequence[Mapping[str, Any]]) -> list[Decision]:
        """One decision per input, in order. Raises PolicyUnavailable."""
        return [self.decide_one(document) for document in inputs]

    async def start(self) -> None:
        """Nothing runs beside it."""

    async def close(self) -> None:
        self._local = threading.local()

    def decide_one(self, document: Mapping[str, Any]) -> Decision:
        """Decide in the calling thread. Raises PolicyUnavailable."""
        encoded = encode(document)
        if encoded is None:
            return BAD_INPUT
        if self._whole_only and not _whole(document):
            return NOT_WHOLE
        try:
            answer = self._evaluate(encoded.decode())
        except (KeyboardInterrupt, SystemExit):
            raise
        except Exception:
            return FAILED
        except BaseException as panic:  # pyo3's PanicException is no Exception
            self._local.engine = None
            raise PolicyUnavailable("the policy engine panicked") from panic
        return UNDEFINED if answer == _UNDEFINED else read_decision(orjson.loads(answer))

    def _evaluate(self, encoded: str) -> str:
        engine = getattr(self._local, "engine", None)
        if engine is None:
            engine = self._local.engine = self._build()
        engine.set_input_json(encoded)
        answer: str = engine.eval_rule_as_json(_RULE)
        return answer

    def _build(self) -> regorus.Engine:
        engine = regorus.Engine()
        install(engine, self._whole_only)
        for name, text in self._bundle.files.items():
            engine.add_policy(name, text)
        engine.add_policy(ENTRY, _ENTRY)
        engine.add_data_json(self._data)
        return engine

    def _try_out(self) -> None:
        """The engine finds some mistakes only when it first evaluates; find them now."""
        try:
            self._evaluate("{}")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            text = str(error).split("Stack backtrace")[0]
            if not isinstance(error, Exception) or any(x in text for x in _LATE_COMPILER_ERRORS):
                first = next(iter(self._bundle.files), "bundle")
                said = text.split("error:")[-1].strip()[:200]
                mistake = Mistake(first, 1, f"the embedded engine refuses this bundle: {said}")
                raise BundleRefused(self._bundle.placed([mistake])) from None


def _whole(value: Any) -> bool:
    """Whether all numbers are whole and exact in a double."""
    match value:
        case bool() | str() | None:
            return True
        case int():
            return abs(value) <= WHOLE_MAX
        case float():
            return False
        case Mapping():
            return all(_whole(part) for part in value.values())
        case list() | tuple():
            return all(_whole(part) for part in value)
    return False
