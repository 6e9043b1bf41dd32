"""A bundle: the Rego files and data documents that decide, and the digest that names them.

Promises: the digest changes with every byte that can change a decision (P6); a bundle that cannot
be enforced is refused whole, with every mistake at once (P7). `*_test.rego` files are read for
`envelope policy test` only; dot files and dot folders are never read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from extproc.config.mistake import Mistake
from extproc.policy.documents import SUFFIXES, NotData, merge, parse
from extproc.policy.rego.admit import Admission, admit
from extproc.policy.rego.read import TEST_SUFFIX

PACKAGE: Final = ("envelope", "authz")
ENTRY: Final = "envelope_entry"
"""Package of the embedded engine's own entry rule; no bundle may use it."""
FILE_BYTES_MAX: Final = 4 * 1024 * 1024


class BundleRefused(Exception):
    """The bundle must not load. `mistakes` is never empty."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(str(m) for m in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was read. `files` and `tests`: relative name -> Rego text; `data`: merged documents.

    `shown`: relative name -> the path to print. `digest`: SHA-256 (hex) over `texts`: the names and
    contents of files and documents, tests excluded.
    """

    files: Mapping[str, str]
    tests: Mapping[str, str]
    data: Mapping[str, Any]
    digest: str
    shown: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def placed(self, mistakes: Iterable[Mistake]) -> list[Mistake]:
        """The mistakes under the paths that the operator knows."""
        return [Mistake(self.shown.get(m.file, m.file), m.line, m.message) for m in mistakes]


def shipped() -> Path:
    """The bundle that holds when the operator named none: the wheel's, or the checkout's."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_assets" / "opa-policies" / "default"
    return installed if installed.is_dir() else package.parent / "opa-policies" / "default"


def read(paths: Sequence[str | Path]) -> Bundle:
    """Read files and folders. Raises BundleRefused for what cannot be read or merged."""
    texts: dict[str, str] = {}
    shown: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for name, path in _named(paths, mistakes):
        if name in texts:
            mistakes.append(Mistake(str(path), 1, f"two files are called {name}"))
            continue
        try:
            texts[name], shown[name] = _text(path), str(path)
        except (OSError, ValueError) as error:
            mistakes.append(Mistake(str(path), 1, f"cannot be read: {_reason(error)}"))
    return _made_of(texts, shown, mistakes)


def of_texts(texts: Mapping[str, str]) -> Bundle:
    """A bundle of texts by relative name, as `Bundle.texts` has them. Raises BundleRefused."""
    return _made_of(texts, {name: name for name in texts}, [])


def _made_of(texts: Mapping[str, str], shown: Mapping[str, str], mistakes: list[Mistake]) -> Bundle:
    data: dict[str, Any] = {}
    for name in sorted(n for n in texts if n.endswith(SUFFIXES)):
        try:
            merge(data, tuple(name.split("/")[1:-1]), parse(name, texts[name]))
        except NotData as error:
            mistakes.append(Mistake(shown[name], 1, str(error)))
    if mistakes:
        raise BundleRefused(mistakes)
    rego = {n: t for n, t in texts.items() if n.endswith(".rego")}
    tests = {n: t for n, t in rego.items() if n.endswith(TEST_SUFFIX)}
    files = {n: t for n, t in rego.items() if n not in tests}
    deciding = {n: t for n, t in texts.items() if n not in tests}
    return Bundle(files, tests, data, digest_of(deciding), shown, deciding)


def digest_of(texts: Mapping[str, str]) -> str:
    """SHA-256 (hex) over sorted names and contents, each with its length in front."""
    found = hashlib.sha256()
    for name in sorted(texts):
        for part in (name.encode(), texts[name].encode()):
            found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


def judge(bundle: Bundle, *, with_tests: bool = False) -> Admission:
    """Whether the embedded engine may enforce it; mistakes carry printable paths."""
    files = {**bundle.files, **(bundle.tests if with_tests else {})}
    admission = admit(files, bundle.data)
    mistakes = [*admission.mistakes]
    if not mistakes:
        mistakes += _entry_mistakes(bundle, admission)
    return Admission(tuple(bundle.placed(mistakes)), admission.modules, admission.whole_only)


def _entry_mistakes(bundle: Bundle, admission: Admission) -> Iterator[Mistake]:
    first = next(iter(bundle.files), "bundle")
    rules = [r for m in admission.modules for r in m.rules if not m.file.endswith(TEST_SUFFIX)]
    for module in admission.modules:
        if module.package[0] == ENTRY:
            yield Mistake(module.file, 1, f"package {ENTRY} is the gateway's own")
    own = [rule for rule in rules if rule.package == PACKAGE]
    if not own:
        yield Mistake(first, 1, "no rule in package envelope.authz: nothing could be decided")
    elif not any(rule.name == "allow" for rule in own):
        yield Mistake(own[0].file, 1, "package envelope.authz defines no rule `allow`")
    for rule in own:
        if rule.name == "allow" and rule.kind != "complete":
            yield Mistake(rule.file, rule.line, "`allow` must be a boolean rule")


def _named(paths: Sequence[str | Path], mistakes: list[Mistake]) -> Iterator[tuple[str, Path]]:
    """Relative name and path of every file, folders walked in the order of their names."""
    if not paths:
        mistakes.append(Mistake("policy", 1, "no policy path is named"))
    for root in map(Path, paths):
        if root.is_dir():
            for path in _walk(root):
                yield f"{root.name}/{path.relative_to(root).as_posix()}", path
        elif root.suffix == ".rego" or root.suffix in SUFFIXES:
            yield f"/{root.name}", root
        else:
            mistakes.append(Mistake(str(root), 1, "not a folder, *.rego, *.json or *.yaml"))


def _walk(folder: Path) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        if child.name.startswith("."):
            continue
        if child.is_dir():
            yield from _walk(child)
        elif child.suffix == ".rego" or child.suffix in SUFFIXES:
            yield child


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise ValueError(f"larger than {FILE_BYTES_MAX} bytes")
    return content.decode("utf-8")


def _reason(error: Exception) -> str:
    match error:
        case OSError():
            return error.strerror or "input/output error"
        case UnicodeDecodeError():
            return "not UTF-8"
        case _:
            return str(error)
