"""Which obligations a pack helps to satisfy, what in it shows it, and what stays with the customer.

Words are chosen with care: a log supports a control, it does not make anybody compliant. Pure data;
`markdown` and `as_json` are the two forms that go into a pack.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

HELPS = (
    "Each row says what a record of this gateway helps to satisfy, and what remains to be done by "
    "the organisation. This is not legal advice, and nothing here states that anybody complies "
    "with anything: whether an obligation applies and is met is for the organisation and its "
    "auditor to judge."
)


@dataclass(frozen=True, slots=True)
class Control:
    """`evidence`: files of the pack, and commands. `remains`: the customer's own duty."""

    framework: str
    reference: str
    asks: str
    helps: str
    evidence: tuple[str, ...]
    remains: str


_RECORDS = ("records.jsonl", "proof.json", "checkpoint")
_CHANGES = ("reports/changes/changes.csv", "reports.html")
_DATA = ("reports/customer-data/customer-data.csv", "reports/customer-data/detail.csv")
_GUARDS = ("reports/guardrails/guardrails.csv", "reports/guardrails/not-scanned.csv")
_ACT, _SOC, _HIPAA = "EU AI Act (Regulation (EU) 2024/1689)", "SOC 2 (TSC 2017)", "HIPAA"
_GDPR, _ISO27, _ISO42 = (
    "GDPR (Regulation (EU) 2016/679)",
    "ISO/IEC 27001:2022",
    "ISO/IEC 42001:2023",
)

CONTROLS = (
    Control(
        _ACT, "Art. 12(1), 12(2)", "automatic recording of events over the system's lifetime",
        "one tamper-evident entry for every call through the gateway, refusals included",
        _RECORDS,
        "events inside the AI system that do not pass the gateway; deciding whether a system is "
        "high-risk; logging of biometric systems under Art. 12(3)",
    ),
    Control(
        _ACT, "Art. 19(1)", "providers keep automatically generated logs for at least six months",
        "entries are kept for as long as retention says; what was removed leaves a tombstone",
        ("manifest.json", *_CHANGES),
        "setting retention to the period that applies, and backing the log up",
    ),
    Control(
        _ACT, "Art. 26(6)", "deployers keep logs under their control for at least six months",
        "the log is on the deployer's own machines; packs can be kept elsewhere",
        _RECORDS,
        "setting retention; storing packs and checkpoints away from the gateway",
    ),
    Control(
        _ACT, "Art. 26(5)", "deployers monitor operation",
        "refusals, guardrail outcomes and shadow findings by team and day",
        ("reports/refusals/refusals.csv", *_GUARDS, "reports/shadow/shadow.csv"),
        "reviewing them, informing providers and authorities, human oversight (Art. 14, 26(2))",
    ),
    Control(
        _SOC, "CC6.1", "logical access to information assets is restricted",
        "every call names its caller, team, key and the policy decision that let it through",
        ("records.jsonl", "reports/calls/calls.csv", "texts/policy/"),
        "defining who should have access, reviewing it, and protecting the gateway's hosts",
    ),
    Control(
        _SOC, "CC6.2, CC6.3", "access is granted, changed and removed under control",
        "creation, rotation and revocation of keys are entries that name who did it",
        _CHANGES,
        "the approval behind each change; joiners, movers and leavers",
    ),
    Control(
        _SOC, "CC7.2", "anomalies are monitored and analysed",
        "refusals, limits, guardrail findings and what would have been refused",
        ("reports/refusals/refusals.csv", "reports/shadow/shadow.csv", *_GUARDS),
        "alerting, triage and follow-up by people",
    ),
    Control(
        _SOC, "CC7.3, CC7.4", "incidents are evaluated and answered",
        "a call can be found by its decision id and proven to be what was recorded",
        _RECORDS, "the incident process itself",
    ),
    Control(
        _SOC, "CC8.1", "changes are authorised and recorded",
        "each entry names the digest of the configuration, policy and prices in force",
        (*_CHANGES, "reports/changes/in-force.csv", "texts/"),
        "reviewing and approving changes before they are loaded",
    ),
    Control(
        _SOC, "C1.1", "confidential information is identified and protected",
        "declared data classes and personal data found, by team, provider and region; whether it "
        "was redacted before sending",
        _DATA, "classifying data; contracts with providers; data that was not scanned",
    ),
    Control(
        _HIPAA, "45 CFR 164.312(b)", "audit controls: record and examine activity",
        "every call is recorded with caller, time, provider and outcome; reports examine it",
        (*_RECORDS, "reports/calls/calls.csv"),
        "activity in other systems with ePHI; regular review (164.308(a)(1)(ii)(D))",
    ),
    Control(
        _HIPAA, "45 CFR 164.312(c)(1)", "integrity: protect from improper alteration",
        "alteration of a record is detected (Merkle tree, signed checkpoints)",
        ("proof.json", "checkpoint", "verify.py"),
        "integrity of the ePHI itself; keeping checkpoints where the gateway's operators cannot "
        "reach them",
    ),
    Control(
        _HIPAA, "45 CFR 164.316(b)(2)(i)", "documentation is kept for six years",
        "packs are self-contained and can be checked without the gateway",
        ("manifest.json", "verify.py"), "keeping them; whether the records fall under the rule",
    ),
    Control(
        _GDPR, "Art. 5(2)", "accountability: be able to demonstrate compliance",
        "who sent which class of data to which processor, with proof",
        (*_DATA, *_RECORDS), "purposes, legal bases, and everything outside the gateway",
    ),
    Control(
        _GDPR, "Art. 30(1)(d), (e)", "records of processing: recipients, transfers",
        "providers and regions that received calls with personal data",
        _DATA, "the record of processing itself; what providers do with the data; transfer tools",
    ),
    Control(
        _GDPR, "Art. 28, 44", "processors and transfers to third countries",
        "the region of the account that each call was sent to; refusals by residency policy",
        (*_DATA, "texts/policy/"),
        "contracts, adequacy, and whether a provider really processes in that region",
    ),
    Control(
        _GDPR, "Art. 32(1)(b), (d)", "security of processing; testing its effectiveness",
        "outcomes of guardrails, and what was not scanned",
        _GUARDS, "choosing measures for the risk, and testing them",
    ),
    Control(
        _GDPR, "Art. 15, 17", "access and erasure",
        "entries hold no prompts; kept content is erased by destroying its key, and that is an "
        "entry",
        _CHANGES, "identifying the person's calls, answering in time, erasure at providers",
    ),
    Control(
        _ISO27, "A.5.28", "collection of evidence",
        "a pack that a third party checks with a public key",
        ("verify.py", *_RECORDS), "chain of custody of the pack; identification of incidents",
    ),
    Control(
        _ISO27, "A.5.33", "protection of records",
        "removal and alteration are detected; retention is recorded",
        ("proof.json", "checkpoint", "manifest.json"), "backups; protecting the signing key",
    ),
    Control(
        _ISO27, "A.8.15", "logging",
        "activities, exceptions and administrative actions are logged and protected",
        (*_RECORDS, *_CHANGES), "logs of hosts and networks; clock synchronisation (A.8.17)",
    ),
    Control(
        _ISO27, "A.8.16", "monitoring activities",
        "refusals, findings and limits by day", ("reports/refusals/refusals.csv", *_GUARDS),
        "watching them and acting",
    ),
    Control(
        _ISO27, "A.5.23, A.8.12", "cloud services; data leakage prevention",
        "which providers are used by whom, and what guardrails redacted or refused",
        ("reports/calls/calls.csv", *_DATA, *_GUARDS), "use of providers that bypasses the gateway",
    ),
    Control(
        _ISO42, "A.6.2.6", "AI system operation and monitoring",
        "calls, outcomes, guardrails and cost by team and model",
        ("reports/calls/calls.csv", "reports/spend/spend.csv", *_GUARDS),
        "monitoring of the system's quality and impact",
    ),
    Control(
        _ISO42, "A.6.2.8", "recording of event logs of AI systems",
        "event logs of every call and change, kept and protected",
        _RECORDS, "deciding at which phases of the life cycle logs are needed",
    ),
    Control(
        _ISO42, "A.9.2, A.9.4", "responsible and intended use of AI systems",
        "policies in force by digest, and what they refused",
        ("texts/policy/", "reports/refusals/refusals.csv"), "defining intended use",
    ),
    Control(
        _ISO42, "A.10.3", "suppliers",
        "which suppliers were called, by whom, with which classes of data",
        (*_DATA, "reports/calls/calls.csv"), "assessing the suppliers",
    ),
)  # fmt: skip


def markdown() -> str:
    """As a page for people."""
    return "\n".join(_lines()) + "\n"


def as_json() -> dict[str, Any]:
    """As data."""
    return {"note": HELPS, "controls": [asdict(control) for control in CONTROLS]}


def _lines() -> Iterator[str]:
    yield "# What this pack helps to satisfy"
    yield f"\n{HELPS}"
    for framework in dict.fromkeys(control.framework for control in CONTROLS):
        yield f"\n## {framework}\n"
        yield "| reference | asks for | helps to satisfy it | see | remains with you |"
        yield "|---|---|---|---|---|"
        for one in CONTROLS:
            if one.framework == framework:
                see = ", ".join(f"`{name}`" for name in one.evidence)
                yield f"| {one.reference} | {one.asks} | {one.helps} | {see} | {one.remains} |"
