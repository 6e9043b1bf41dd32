"""Rules that can never be reached where the first match counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.config.limit_model import LimitWhen
from extproc.config.match import compile_when
from extproc.config.reach import Earlier

SUBJECTS = ["*", "team:everyone", "team:ml", "user:ann", "user:ben", "virtualaccount:bot"]
MODELS = ["*", "a/*", "a/b*", "*/mini", "a/big", "a/bmini", "c/mini", "v"]
CALLERS = [
    {"*", "team:everyone", "user:ann"}, {"*", "team:everyone", "user:ben", "team:ml"},
    {"*", "virtualaccount:bot"}, {"*", "virtualaccount:other", "team:ml"},
]  # fmt: skip
PAIRS = {"a": st.sampled_from(["1", "2"]), "b": st.just("1")}


def some(values):
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple)


whens = st.builds(
    LimitWhen,
    subjects=some(SUBJECTS),
    models=some(MODELS),
    metadata=st.none() | st.fixed_dictionaries({}, optional=PAIRS).filter(bool),
    operations=some(["chat", "embeddings"]),
)
calls = st.tuples(
    st.sampled_from(CALLERS),
    st.lists(st.sampled_from(["a/big", "a/bmini", "c/mini", "v", "x/y"]), min_size=1, max_size=2),
    st.fixed_dictionaries({}, optional=PAIRS),
    st.sampled_from(["chat", "embeddings"]),
)


def matches(when, call):
    subjects, models, metadata, operation = call
    of_kind = when.operations is None or operation in when.operations
    return of_kind and compile_when(when).matches(frozenset(subjects), models, metadata)


@settings(max_examples=300, deadline=None)
@given(st.lists(whens, min_size=1, max_size=4), whens, st.lists(calls, max_size=12))
def test_what_is_said_never_to_run_never_runs(wide, narrow, seen):
    """Contract, section 1 (`check`): every call of a covered rule meets the one before it."""
    earlier = Earlier()
    for number, when in enumerate(wide):
        earlier.add(str(number), when)
    before = earlier.covering(narrow)
    if before is not None:
        for call in seen:
            assert not matches(narrow, call) or matches(wide[int(before)], call)


def when(**parts):
    return LimitWhen(**{k: tuple(v) if isinstance(v, list) else v for k, v in parts.items()})


COVERED = [
    (when(), when(subjects=["user:ann"], models=["a/big"])),
    (when(), when()),
    (when(subjects=["*"]), when()),
    (when(subjects=["team:everyone"]), when(subjects=["user:ann", "user:ben"])),
    (when(subjects=["user:ann", "team:ml"]), when(subjects=["team:ml"])),
    (when(models=["a/*"]), when(models=["a/b*", "a/big"])),
    (when(models=["a/*", "v"]), when(models=["v"])),
    (when(metadata={"a": "1"}), when(metadata={"b": "2", "a": "1"})),
    (when(operations=["chat", "embeddings"]), when(operations=["chat"], models=["a/big"])),
]
NOT_COVERED = [
    (when(subjects=["user:ann"]), when()),
    (when(subjects=["user:ann"]), when(subjects=["user:ann", "user:ben"])),
    (when(subjects=["team:everyone"]), when(subjects=["virtualaccount:bot"])),
    (when(subjects=["team:everyone"]), when(subjects=["user:ann", "virtualaccount:bot"])),
    (when(models=["a/b*"]), when(models=["a/*"])),
    (when(models=["a/big"]), when()),
    (when(metadata={"a": "1"}), when(metadata={"a": "2"})),
    (when(metadata={"a": "1"}), when()),
    (when(operations=["chat"]), when()),
    (when(operations=["chat"]), when(operations=["chat", "embeddings"])),
]


@pytest.mark.parametrize(("wide", "narrow"), COVERED)
def test_covered(wide, narrow):
    """Contract, section 1 (`check`): the plain cases are seen."""
    earlier = Earlier()
    earlier.add("wide", wide)
    assert earlier.covering(narrow) == "wide"


@pytest.mark.parametrize(("wide", "narrow"), NOT_COVERED)
def test_not_covered(wide, narrow):
    """Contract, section 1 (`check`): a rule that some call still reaches is not spoken of."""
    earlier = Earlier()
    earlier.add("wide", wide)
    assert earlier.covering(narrow) is None


def test_many_rules_that_say_different_things_are_hardly_compared():
    """P8: ten thousand rules are judged by looking at few of them."""
    earlier, looked_at = Earlier(), 0
    for number in range(10_000):
        one = when(subjects=[f"user:u{number}"], models=[f"a/m{number % 100}"])
        looked_at += sum(1 for _ in earlier.near(one))
        earlier.add(str(number), one)
    assert looked_at == 0
    earlier.add("all", when(models=["a/*"]))
    assert earlier.covering(when(subjects=["user:new"], models=["a/m1"])) == "all"
