"""The guided tour as data: the four questions of governance, each answered by calls.

Who may call, is it allowed, is it safe, what does it cost; then what happens when a provider fails,
and whether it can all be reconstructed. `EVIDENCE` is taken after the gateway has stopped.
"""

from __future__ import annotations

from extproc.demo.tour_ask import ASSISTANT, MINI, SONNET, Ask, caller_read, provider_read
from extproc.demo.tour_evidence import digit_altered, log_intact
from extproc.demo.tour_keys import created, revoked
from extproc.demo.tour_spending import aborted, until_limited
from extproc.demo.tour_stage import NOBODY
from extproc.demo.tour_step import Chapter, Step

CUSTOMER = {"data_class": "customer_pii"}
SERVED = f"200 from {MINI}, charged"
SERVED_IN_EU = f"200 from {SONNET}, charged"
DENIED = "403 permission_denied, nothing sent"
OUTAGE = {"model": "gpt-4o-mini", "count": 2, "status": 500}
FELL_BACK = f"200 from {SONNET} after 2 failures, charged"

PERSONAL = "Write to ada@example.com about card 4111 1111 1111 1111"
SECRET = "AKIA" + "Q7ZLX2M4KW3R6TPV"  # in two parts, so that no scanner takes it for a real one
LEAK = {"model": "gpt-4o-mini", "count": 1, "reply": f"Use {SECRET} to sign in.", "chars": 3}
TWICE = b'{"model": "%s", "model": "%s", "messages": []}' % (MINI.encode(), SONNET.encode())

IDENTITY = Chapter("Identity: who is calling", (
    Step("support-bot chats with gpt-4o-mini", SERVED, Ask("support-bot")),
    Step("dev-bot, whose key is pinned to development", DENIED, Ask("dev-bot")),
    Step("untagged-bot, which belongs to no team",
         "400 metadata_contract_violation, nothing sent", Ask("untagged-bot")),
    Step("a key that nobody issued", "401 invalid_api_key, nothing sent", Ask(NOBODY)),
    Step("a key fresh from `envelope key create`", SERVED, created),
    Step("the same key, revoked", "401 invalid_api_key, nothing sent, within 5 s", revoked),
    Step("a body that names its model twice", "400 invalid_request, nothing sent",
         Ask("support-bot", raw=TWICE)),
))  # fmt: skip

POLICY = Chapter("Policy: is this call allowed", (
    Step("customer data to a model in the US", DENIED, Ask("support-bot", metadata=CUSTOMER)),
    Step("customer data to a model in the EU", SERVED_IN_EU,
         Ask("support-bot", SONNET, metadata=CUSTOMER)),
    Step("customer data to the assistant, whose first choice is in the US", SERVED_IN_EU,
         Ask("support-bot", ASSISTANT, metadata=CUSTOMER)),
))  # fmt: skip

SAFETY = Chapter("Safety: what crosses the line", (
    Step("a prompt with an address and a card number",
         "the provider read: Write to [EMAIL] about card [CARD]",
         Ask("support-bot", prompt=PERSONAL, tell=provider_read)),
    Step("a secret in a streamed reply, cut into frames of 3 characters",
         "the caller read: Use [REDACTED] to sign in.",
         Ask("support-bot", stream=True, fault=LEAK, tell=caller_read)),
))  # fmt: skip

SPENDING = Chapter("Spending: what does it cost", (
    Step("busy-bot calls four times a minute; three are allowed",
         "200, 200, 200, then 429 rate_limit_exceeded with retry-after, nothing sent",
         until_limited),
    Step("broke-bot, whose budget cannot hold the longest answer",
         "429 budget_exceeded with retry-after, nothing sent", Ask("broke-bot")),
    Step("a stream that the caller leaves midway", "aborted, charged, nothing left reserved",
         aborted),
))  # fmt: skip

ROUTING = Chapter("Routing: when a provider fails", (
    Step("the assistant while OpenAI answers 500", FELL_BACK,
         Ask("support-bot", ASSISTANT, fault=OUTAGE)),
    Step("the same, streamed", FELL_BACK,
         Ask("support-bot", ASSISTANT, stream=True, fault=OUTAGE)),
))  # fmt: skip

EVIDENCE = Chapter("Evidence: can it be reconstructed", (
    Step("the audit log, verified offline", "intact, one entry for each call", log_intact),
    Step("a copy in which one digit of a cost was altered", "tampered, at the altered entry",
         digit_altered),
))  # fmt: skip

CALLS = (IDENTITY, POLICY, SAFETY, SPENDING, ROUTING)
STEPS = sum(len(chapter.steps) for chapter in (*CALLS, EVIDENCE))
