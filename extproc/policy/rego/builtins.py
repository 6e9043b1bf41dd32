"""The builtins that the embedded engine may use, with their kinds.

Only builtins whose answers were compared with OPA's stand here; any other is refused at admission
with the advice to use an OPA server. Left out on purpose: whatever reads the network, the clock,
randomness or the environment (P6: a decision must be reproducible from its input; the time is
`input.request.time`), prints (P4), or can run long in a process that nobody can interrupt.

Builtins in REPLACED are answered by `extproc.policy.rego.replaced`, because the engine's own
answer differs from OPA's.
"""

from __future__ import annotations

from typing import Final

from extproc.policy.rego.kinds import (
    ANY,
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    Arr,
    Func,
    Kind,
    Map,
    SetOf,
    Union,
)  # fmt: skip

_ARRAY: Final = Arr((), ANY)
_SET: Final = SetOf(ANY)
_OBJECT: Final = Map((), (ANY, ANY))
_STRINGS: Final = Arr((), STRING)


def _or(*kinds: Kind) -> Kind:
    return Union(frozenset(kinds))


_LIST = _or(_ARRAY, _SET)
_KEYS = _or(_ARRAY, _SET, _OBJECT)
_NUMBERS = _or(Arr((), NUMBER), SetOf(NUMBER))
_TEXTS = _or(STRING, _STRINGS, SetOf(STRING))
_TIME = _or(NUMBER, Arr((NUMBER, STRING)))
_NUMBER_OR_SET = _or(NUMBER, _SET)
_SETS = SetOf(_SET)

OPERATORS: Final[dict[str, Func]] = {
    **dict.fromkeys(("plus", "mul", "div", "rem"), Func((NUMBER, NUMBER), NUMBER)),
    "minus": Func((_NUMBER_OR_SET, _NUMBER_OR_SET), _NUMBER_OR_SET),
    **dict.fromkeys(("and", "or"), Func((_SET, _SET), _SET)),
    **dict.fromkeys(("lt", "lte", "gt", "gte", "equal", "neq"), Func((ANY, ANY), BOOLEAN)),
}

BUILTINS: Final[dict[str, Func]] = {
    **dict.fromkeys(("abs", "ceil", "floor", "round"), Func((NUMBER,), NUMBER)),
    "count": Func((_or(STRING, _ARRAY, _SET, _OBJECT),), NUMBER),
    **dict.fromkeys(("sum", "product"), Func((_NUMBERS,), NUMBER)),
    **dict.fromkeys(("max", "min"), Func((_LIST,), ANY)),
    "sort": Func((_LIST,), _ARRAY),
    "concat": Func((STRING, _or(_STRINGS, SetOf(STRING))), STRING),
    **dict.fromkeys(("contains", "startswith", "endswith"), Func((STRING, STRING), BOOLEAN)),
    **dict.fromkeys(("lower", "upper", "trim_space"), Func((STRING,), STRING)),
    "split": Func((STRING, STRING), _STRINGS),
    **dict.fromkeys(
        ("trim", "trim_left", "trim_right", "trim_prefix", "trim_suffix"),
        Func((STRING, STRING), STRING),
    ),
    "replace": Func((STRING, STRING, STRING), STRING),
    "substring": Func((STRING, NUMBER, NUMBER), STRING),
    "sprintf": Func((STRING, _ARRAY), STRING),
    "strings.any_prefix_match": Func((_TEXTS, _TEXTS), BOOLEAN),
    "strings.any_suffix_match": Func((_TEXTS, _TEXTS), BOOLEAN),
    "array.concat": Func((_ARRAY, _ARRAY), _ARRAY),
    "array.slice": Func((_ARRAY, NUMBER, NUMBER), _ARRAY),
    "array.reverse": Func((_ARRAY,), _ARRAY),
    "object.get": Func((_OBJECT, ANY, ANY), ANY),
    "object.keys": Func((_OBJECT,), _SET),
    "object.union": Func((_OBJECT, _OBJECT), _OBJECT),
    **dict.fromkeys(("object.remove", "object.filter"), Func((_OBJECT, _KEYS), _OBJECT)),
    **dict.fromkeys(("union", "intersection"), Func((_SETS,), _SET)),
    **dict.fromkeys(
        ("is_string", "is_number", "is_boolean", "is_array", "is_object", "is_set", "is_null"),
        Func((ANY,), BOOLEAN),
    ),
    "type_name": Func((ANY,), STRING),
    "to_number": Func((_or(NULL, BOOLEAN, NUMBER, STRING),), NUMBER),
    "glob.match": Func((STRING, _or(NULL, _STRINGS), STRING), BOOLEAN),
    "regex.match": Func((STRING, STRING), BOOLEAN),
    "time.parse_rfc3339_ns": Func((STRING,), NUMBER),
    **dict.fromkeys(("time.clock", "time.date"), Func((_TIME,), Arr((NUMBER, NUMBER, NUMBER)))),
    "time.weekday": Func((_TIME,), STRING),
}

REPLACED: Final = ("lower", "upper", "to_number", "sprintf", "glob.match", "time.parse_rfc3339_ns")

ARITHMETIC: Final = frozenset(
    ("plus", "minus", "mul", "rem", "sum", "product", "abs", "ceil", "floor", "round")
)
"""OPA computes with decimals, the embedded engine with doubles: whole numbers only (see admit)."""

ONE_WORD_BUILTINS: Final = frozenset((
    "abs", "all", "and", "any", "assign", "cast_array", "cast_boolean", "cast_null",
    "cast_object", "cast_set", "cast_string", "ceil", "concat", "contains", "count", "div",
    "endswith", "eq", "equal", "floor", "format_int", "gt", "gte", "indexof", "indexof_n",
    "intersection", "is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set",
    "is_string", "lower", "lt", "lte", "max", "min", "minus", "mul", "neq", "or", "plus",
    "print", "product", "re_match", "rem", "replace", "round", "set_diff", "sort", "split",
    "sprintf", "startswith", "substring", "sum", "to_number", "trace", "trim", "trim_left",
    "trim_prefix", "trim_right", "trim_space", "trim_suffix", "type_name", "union", "upper",
    "walk",
))  # fmt: skip
"""Every OPA builtin without a dot: OPA reads these names as functions wherever they stand."""

REASONS: Final[dict[str, str]] = {
    "http.send": "the embedded engine sends nothing over the network",
    "net.lookup_ip_addr": "the embedded engine asks nothing of the network",
    "opa.runtime": "the environment is no input of a decision",
    "rand.intn": "a decision must be reproducible",
    "uuid.rfc4122": "a decision must be reproducible",
    "time.now_ns": "use input.request.time, which the audit entry keeps",
    "print": "printing would put request data into logs",
    "trace": "printing would put request data into logs",
    "div": "fractions differ from OPA's; compare products instead",
    "numbers.range": "an evaluation cannot be interrupted, and this one can be long",
    "walk": "an evaluation cannot be interrupted, and this one can be long",
}
