"""The reports: each a few SELECTs over the view `entries`, and what they mean in words.

`REPORTS[name](questions, scope)` makes one; all of them read only, see `database.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from extproc.audit.questions.database import Questions
from extproc.audit.questions.report import Report
from extproc.audit.questions.reports.changes import changes
from extproc.audit.questions.reports.customer_data import customer_data
from extproc.audit.questions.reports.protection import guardrails, refusals, shadow
from extproc.audit.questions.reports.scope import Scope
from extproc.audit.questions.reports.usage import calls, spend

REPORTS: Mapping[str, Callable[[Questions, Scope], Report]] = {
    "calls": calls,
    "customer-data": customer_data,
    "spend": spend,
    "guardrails": guardrails,
    "shadow": shadow,
    "refusals": refusals,
    "changes": changes,
}
