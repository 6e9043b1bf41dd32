"""One table moves an exchange from state to state; what is not in it is refused.

The ext_proc stream may end with OK only from DONE: Envoy reads any other clean end as "go on
without the processor" (design, fact 2; P1).
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    START = auto()
    AWAITING_BODY = auto()
    """Request headers came first; the body is on its way."""
    GOVERNING = auto()
    SENT = auto()
    """Allowed: the request may be with a provider."""
    ANSWERING = auto()
    """The answer's head is judged; its whole body follows."""
    STREAMING = auto()
    """The answer's head is judged; its body comes in pieces."""
    DONE = auto()
    ABORTED = auto()


class Event(Enum):
    REQUEST_HEADERS = auto()
    REQUEST_COMPLETE = auto()
    """The body, or headers with no body to follow."""
    ALLOW = auto()
    STOP = auto()
    """A refusal, or an answer of the gateway itself."""
    HEAD = auto()
    HEAD_OF_STREAM = auto()
    HEAD_ONLY = auto()
    BODY = auto()
    PIECE = auto()
    LAST_PIECE = auto()
    LOST = auto()
    """The stream ended, was cancelled or broke."""


_S, _E = State, Event

TABLE: dict[tuple[State, Event], State] = {
    (_S.START, _E.REQUEST_HEADERS): _S.AWAITING_BODY,
    (_S.START, _E.REQUEST_COMPLETE): _S.GOVERNING,
    (_S.AWAITING_BODY, _E.REQUEST_COMPLETE): _S.GOVERNING,
    (_S.AWAITING_BODY, _E.STOP): _S.DONE,
    # Envoy refused by itself before the request was whole (e.g. 413): nothing was or will be sent.
    (_S.START, _E.HEAD): _S.ANSWERING,
    (_S.START, _E.HEAD_ONLY): _S.DONE,
    (_S.AWAITING_BODY, _E.HEAD): _S.ANSWERING,
    (_S.AWAITING_BODY, _E.HEAD_ONLY): _S.DONE,
    (_S.GOVERNING, _E.ALLOW): _S.SENT,
    (_S.GOVERNING, _E.STOP): _S.DONE,
    (_S.SENT, _E.STOP): _S.DONE,
    (_S.SENT, _E.HEAD): _S.ANSWERING,
    (_S.SENT, _E.HEAD_OF_STREAM): _S.STREAMING,
    (_S.SENT, _E.HEAD_ONLY): _S.DONE,
    (_S.ANSWERING, _E.BODY): _S.DONE,
    (_S.STREAMING, _E.PIECE): _S.STREAMING,
    (_S.STREAMING, _E.LAST_PIECE): _S.DONE,
    (_S.START, _E.LOST): _S.ABORTED,
    (_S.AWAITING_BODY, _E.LOST): _S.ABORTED,
    (_S.GOVERNING, _E.LOST): _S.ABORTED,
    (_S.SENT, _E.LOST): _S.ABORTED,
    (_S.ANSWERING, _E.LOST): _S.ABORTED,
    (_S.STREAMING, _E.LOST): _S.ABORTED,
    (_S.DONE, _E.LOST): _S.DONE,
}


class OutOfOrder(Exception):
    """An event that the table does not know in this state."""


def advance(state: State, event: Event) -> State:
    """The next state. Raises OutOfOrder."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise OutOfOrder(f"{event.name} in state {state.name}") from None
