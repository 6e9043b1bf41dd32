"""One embeddings request and one answer in nobody's dialect.

Promises: as in `conversation.py`: what cannot be carried over is refused by the caller's own name
for it, or reported in `left_out` where no vector changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NoReturn

from extproc.llm.translate.not_carried import NotCarried, Unreadable
from extproc.usage.usage import Usage

Task = Literal[
    "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
    "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY",
]  # fmt: skip
"""What the vectors are for, in Gemini's words; the others' are fewer."""


@dataclass(slots=True)
class Item:
    """One text. `path`: where it stands in the caller's body. `title`: Gemini's, '' for none."""

    text: str
    path: str
    task: Task | None = None
    title: str = ""


@dataclass(slots=True)
class EmbedRequest:
    """`dimensions` None: as many as the model has. `paths`, `left_out`: as in `ChatRequest`."""

    items: list[Item]
    dimensions: int | None = None
    stream: bool = False
    paths: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def refuse(self, name: str, what: str = "cannot be carried over to this provider") -> NoReturn:
        raise NotCarried(self.paths.get(name, name), what)

    def leave_out(self, name_or_path: str) -> None:
        path = self.paths.get(name_or_path, name_or_path)
        if path not in self.left_out:
            self.left_out.append(path)

    def one_task(self) -> Task | None:
        """For those that say it once: of different tasks none can be picked."""
        tasks = {item.task for item in self.items}
        if len(tasks) > 1:
            self.refuse("task", "must be the same for all texts at this provider")
        return self.items[0].task

    def refuse_titles(self) -> None:
        """A title changes a vector."""
        for item in self.items:
            if item.title:
                raise NotCarried(self.paths.get("title", "title"))


@dataclass(slots=True)
class EmbedAnswer:
    """`vectors` in the order of the request. `usage` None: the provider told none."""

    vectors: list[list[float]]
    usage: Usage | None = None
    left_out: list[str] = field(default_factory=list)

    def of(self, texts: int) -> list[list[float]]:
        """The vectors of so many texts. Raises Unreadable: one too few belongs to who knows which
        text."""
        if len(self.vectors) != texts:
            raise Unreadable("the number of vectors")
        return self.vectors
