"""Patronus' `POST /v1/evaluate`. An evaluator fails an output that holds its name in brackets.

`[error]` in the output makes the judge fail to evaluate, `[unsure]` evaluate without a verdict.
"""

from __future__ import annotations

from typing import Any

from tests.guardrails.services.standins.loopback import Answer, Asked, StandIn

KEY = "patronus-stand-in"
_FAMILIES = {"judge": "judge-large-2024-08-08", "lynx": "lynx-large-2024-07-23"}


class PatronusStandIn(StandIn):
    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("x-api-key") != KEY:
            return 401, self.refusal(401)
        question = asked.json
        if asked.path != "/v1/evaluate" or not question.get("evaluators"):
            return 422, {"detail": [{"loc": ["body", "evaluators"], "msg": "no", "type": "x"}]}
        if len(question.get("evaluated_model_retrieved_context", ())) > 50:
            return 422, {"detail": [{"loc": ["body"], "msg": "too many", "type": "x"}]}
        output = question.get("evaluated_model_output")
        if not output:
            return 400, {"error_message": "evaluated_model_output is required"}
        return 200, {"results": [_result(one, output) for one in question["evaluators"]]}

    def refusal(self, status: int) -> Any:
        return {"message": "Unauthorized" if status == 401 else "no"}


def _result(evaluator: dict[str, Any], output: str) -> dict[str, Any]:
    name, criteria = evaluator["evaluator"], evaluator.get("criteria")
    head = {"evaluator_id": _FAMILIES.get(name, name), "criteria": criteria}
    if name == "judge" and "[error]" in output:
        return {**head, "status": "error", "error_message": "boom", "evaluation_result": None}
    passed: bool | None = f"[{name}]" not in output
    if name == "judge" and "[unsure]" in output:
        passed = None
    return {
        **head,
        "status": "success",
        "error_message": None,
        "evaluation_result": {"pass": passed, "score_raw": float(bool(passed)), "explanation": None,
                              "evaluated_model_output": output, "external": False},
    }  # fmt: skip
