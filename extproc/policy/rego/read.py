"""The parser's JSON -> `tree`. Refuses whatever is no node there.

The parser is laxer than OPA's in a few places (old set rules, blanks before brackets, a union that
OPA reads as a comprehension); those are refused here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from extproc.policy.rego.parse import parse
from extproc.policy.rego.tree import (
    Bind,
    Body,
    Branch,
    Call,
    Compr,
    Const,
    Every,
    Expr,
    Import,
    Items,
    Module,
    Obj,
    Path,
    Ref,
    Refused,
    Rule,
    Some,
    SomeIn,
    Stmt,
    Term,
    Var,
)  # fmt: skip

TEST_SUFFIX: Final = "_test.rego"

_BINARY = {
    "Add": "plus", "Sub": "minus", "Mul": "mul", "Div": "div", "Mod": "rem",
    "Union": "or", "Intersection": "and",
    "Lt": "lt", "Le": "lte", "Gt": "gt", "Ge": "gte", "Eq": "equal", "Ne": "neq",
}  # fmt: skip


def read_module(file: str, text: str) -> Module:
    """Parse and read one file. Raises Refused."""
    return _Reader(file, text.encode()).module(parse(file, text))


class _Reader:
    """Turns the parser's JSON into nodes, one method per kind of construct."""

    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.source = source
        self.is_test = file.endswith(TEST_SUFFIX)

    def refuse(self, line: int, message: str) -> Refused:
        return Refused(self.file, line, message)

    def text(self, span: dict[str, int]) -> str:
        return self.source[span["start"] : span["end"]].decode()

    def module(self, ast: dict[str, Any]) -> Module:
        package = self.path(ast["package"]["refr"])
        imports = tuple(self.import_(node) for node in ast["imports"])
        rules = tuple(self.rule(node, package) for node in ast["rules"])
        return Module(self.file, package, imports, rules)

    def path(self, node: dict[str, Any]) -> Path:
        """A dotted name; anything computed is refused."""
        kind, value = _only(node)
        match kind:
            case "Var":
                return (value["value"],)
            case "RefDot":
                return (*self.path(value["refr"]), value["field"][1])
            case "RefBrack" if "String" in value["index"]:
                return (*self.path(value["refr"]), value["index"]["String"]["value"])
        raise self.refuse(value["span"]["line"], "only a dotted name may stand here")

    def import_(self, node: dict[str, Any]) -> Import:
        path = self.path(node["refr"])
        alias = self.text(node["as"]) if node.get("as") else path[-1]
        return Import(path, alias, node["span"]["line"])

    # --- rules ---------------------------------------------------------------------------

    def rule(self, node: dict[str, Any], package: Path) -> Rule:
        kind, rule = _only(node)
        line = rule["span"]["line"]
        if kind == "Default":
            return self.default(rule, line, package)
        head_kind, head = _only(rule["head"])
        name, key = self.head_name(head["refr"], line)
        value = self.assigned(head.get("assign"), line)
        args = tuple(self.term(a) for a in head.get("args") or ())
        match head_kind:
            case "Func" if key is None:
                what = "function"
            case "Set" if key is None:
                self.check_contains(head, line)
                what, key = "set", self.term(head["key"])
            case "Compr" if key is not None and not head.get("assign") and not rule["bodies"]:
                raise self.refuse(line, "a key alone is no rule: give it a value or a body")
            case "Compr":
                what = "complete" if key is None else "object"
            case _:
                raise self.refuse(line, "this form of rule head is not supported")
        branches = tuple(self.branches(rule["bodies"], args, key, value, line))
        return Rule(name, what, branches, False, self.file, line, package)  # type: ignore[arg-type]

    def check_contains(self, head: dict[str, Any], line: int) -> None:
        """The parser also takes the old `name[key]` for a set; OPA wants `contains`."""
        start = _only(head["refr"])[1]["span"]["end"]
        end = _only(head["key"])[1]["span"]["start"]
        if not self.source[start:end].split()[:1] == [b"contains"]:
            raise self.refuse(line, "a set needs the word `contains`")

    def default(self, rule: dict[str, Any], line: int, package: Path) -> Rule:
        name, key = self.head_name(rule["refr"], line)
        if key is not None:
            raise self.refuse(line, "a default needs a plain rule name")
        args = tuple(self.term(a) for a in rule["args"])
        branch = Branch(args, None, self.term(rule["value"]), (), line)
        kind = "function" if args else "complete"
        return Rule(name, kind, (branch,), True, self.file, line, package)  # type: ignore[arg-type]

    def head_name(self, node: dict[str, Any], line: int) -> tuple[str, Term | None]:
        """`name`, `name.key` or `name[key]`; deeper heads are refused."""
        kind, value = _only(node)
        key: Term | None = None
        if kind == "RefDot":
            key, node = Const(value["field"][1], line), value["refr"]
        elif kind == "RefBrack":
            key, node = self.term(value["index"]), value["refr"]
        kind, value = _only(node)
        if kind != "Var":
            raise self.refuse(line, "a rule's name has at most one key, like name.key or name[key]")
        return value["value"], key

    def branches(self, bodies: list[dict[str, Any]], args: tuple[Term, ...], key: Term | None,
                 value: Term, line: int) -> list[Branch]:  # fmt: skip
        if not bodies:
            return [Branch(args, key, value, (), line)]
        found = []
        for index, node in enumerate(bodies):
            at = node["span"]["line"]
            if node["is_else"] and key is not None:
                raise self.refuse(at, "a rule with keys has no `else`")
            if node["is_else"] and args and not node["assign"]:
                raise self.refuse(at, "an `else` of a function needs a value: else := true if ...")
            own = self.assigned(node["assign"], at) if node["is_else"] else value
            followed = index + 1 < len(bodies) and bodies[index + 1]["is_else"]
            found.append(Branch(args, key, own, self.braced(node["query"]), at, followed))
        return found

    def assigned(self, node: dict[str, Any] | None, line: int) -> Term:
        return self.term(node["value"]) if node else Const(True, line)

    # --- statements ----------------------------------------------------------------------

    def body(self, query: dict[str, Any]) -> Body:
        return tuple(self.stmt(node) for node in query["stmts"])

    def braced(self, query: dict[str, Any]) -> Body:
        """`{ a | b ... }` is a union to this parser and a comprehension, always true, to OPA."""
        body = self.body(query)
        if body and isinstance(body[0], Expr) and _starts_with_union(body[0].term):
            raise self.refuse(body[0].line, "a body may not start with a union; bind it (x := ...)")
        return body

    def stmt(self, node: dict[str, Any]) -> Stmt:
        line = node["span"]["line"]
        kind, value = _only(node["literal"])
        replaced = self.replaced(node.get("with_mods") or (), line)
        if replaced and kind not in ("Expr", "NotExpr"):
            raise self.refuse(line, "`with` is not supported on this statement")
        match kind:
            case "Expr" | "NotExpr":
                term = self.statement_term(value["expr"])
                if isinstance(term, Items | Obj | Compr):
                    raise self.refuse(line, "a collection as a statement is always true")
                return Expr(term, line, kind == "NotExpr", replaced)
            case "SomeVars":
                return Some(tuple(self.text(span) for span in value["vars"]), line)
            case "SomeIn":
                key = self.term(value["key"]) if value["key"] else None
                found, source = self.term(value["value"]), self.term(value["collection"])
                return SomeIn(key, found, source, line)
            case "Every":
                key = Var(self.text(value["key"]), line) if value["key"] else None
                each = Var(self.text(value["value"]), line)
                domain, body = self.term(value["domain"]), self.braced(value["query"])
                return Every(key, each, domain, body, line)
        raise self.refuse(line, f"unsupported statement {kind}")

    def replaced(self, mods: Iterable[dict[str, Any]], line: int) -> tuple[tuple[Term, Term], ...]:
        found = tuple((self.term(mod["refr"]), self.term(mod["as"])) for mod in mods)
        if found and not self.is_test:
            raise self.refuse(line, "`with` belongs in tests; it is not supported here")
        return found

    def statement_term(self, node: dict[str, Any]) -> Term | Bind:
        kind, value = _only(node)
        if kind != "AssignExpr":
            return self.term(node)
        op = ":=" if value["op"] == "ColEq" else "="
        left, right = self.term(value["lhs"]), self.term(value["rhs"])
        return Bind(op, left, right, value["span"]["line"])  # type: ignore[arg-type]

    # --- terms ---------------------------------------------------------------------------

    def term(self, node: dict[str, Any]) -> Term:
        kind, value = _only(node)
        line = value["span"]["line"]
        make = _TERMS.get(kind)
        if make is None:
            raise self.refuse(line, f"unsupported expression {kind}")
        return make(self, value, line)

    def const(self, value: dict[str, Any], line: int) -> Term:
        return Const(value["value"], line, self.text(value["span"]))

    def var(self, value: dict[str, Any], line: int) -> Term:
        return Var(value["value"], line)

    def array(self, value: dict[str, Any], line: int) -> Term:
        return Items("array", tuple(self.term(i) for i in value["items"]), line)

    def set(self, value: dict[str, Any], line: int) -> Term:
        return Items("set", tuple(self.term(i) for i in value["items"]), line)

    def object(self, value: dict[str, Any], line: int) -> Term:
        return Obj(tuple((self.term(k), self.term(v)) for _, k, v in value["fields"]), line)

    def array_compr(self, value: dict[str, Any], line: int) -> Term:
        return Compr("array", (self.term(value["term"]),), self.body(value["query"]), line)

    def set_compr(self, value: dict[str, Any], line: int) -> Term:
        return Compr("set", (self.term(value["term"]),), self.body(value["query"]), line)

    def object_compr(self, value: dict[str, Any], line: int) -> Term:
        terms = (self.term(value["key"]), self.term(value["value"]))
        return Compr("object", terms, self.body(value["query"]), line)

    def call(self, value: dict[str, Any], line: int) -> Term:
        name = ".".join(self.path(value["fcn"]))
        end = _only(value["fcn"])[1]["span"]["end"]
        if self.source[end : end + 1] != b"(":
            raise self.refuse(line, f"no space may stand between {name} and its arguments")
        return Call(name, tuple(self.term(p) for p in value["params"]), line)

    def binary(self, value: dict[str, Any], line: int) -> Term:
        args = (self.term(value["lhs"]), self.term(value["rhs"]))
        return Call(_BINARY[value["op"]], args, line)

    def membership(self, value: dict[str, Any], line: int) -> Term:
        """`v in c` and `k, v in c`: all parts must be known, nothing is bound."""
        parts = [value["key"], value["value"], value["collection"]]
        args = tuple(self.term(p) for p in parts if p is not None)
        return Call("in", args, line)

    def dotted(self, value: dict[str, Any], line: int) -> Term:
        return _extend(self.term(value["refr"]), Const(value["field"][1], line), line)

    def bracket(self, value: dict[str, Any], line: int) -> Term:
        return _extend(self.term(value["refr"]), self.term(value["index"]), line)


_TERMS: dict[str, Callable[[_Reader, dict[str, Any], int], Term]] = {
    "String": _Reader.const, "RawString": _Reader.const, "Number": _Reader.const,
    "Bool": _Reader.const, "Null": _Reader.const, "Var": _Reader.var, "Array": _Reader.array,
    "Set": _Reader.set, "Object": _Reader.object, "ArrayCompr": _Reader.array_compr,
    "SetCompr": _Reader.set_compr, "ObjectCompr": _Reader.object_compr, "Call": _Reader.call,
    "BinExpr": _Reader.binary, "BoolExpr": _Reader.binary, "ArithExpr": _Reader.binary,
    "Membership": _Reader.membership, "RefDot": _Reader.dotted, "RefBrack": _Reader.bracket,
}  # fmt: skip


def _starts_with_union(term: Term | Bind) -> bool:
    match term:
        case Bind(_, left, _):
            return _starts_with_union(left)
        case Call("or"):
            return True
        case Call(name, (first, *_)) if name in _BINARY.values() or name == "in":
            return _starts_with_union(first)
        case Ref(base):
            return _starts_with_union(base)
    return False


def _extend(base: Term, key: Term, line: int) -> Ref:
    if isinstance(base, Ref):
        return Ref(base.base, (*base.keys, key), line)
    return Ref(base, (key,), line)


def _only(node: dict[str, Any]) -> tuple[str, Any]:
    ((kind, value),) = node.items()
    return kind, value
