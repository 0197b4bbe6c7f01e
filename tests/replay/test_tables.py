"""Table specs, and the arithmetic of their limiters."""

from __future__ import annotations

import pytest

from skill_train.replay.limiter import Limiter, table_limiter
from skill_train.replay.tables import Draw, queue, transitions, trials, windows
from tests.replay.streams import LAYOUT, schema_of


def test_a_per_task_table_is_one_for_each_task() -> None:
    specs = [windows("w", 4, 10), transitions("t", 5, per_task=True)]
    draws = {"some": Draw("w", 2), "each": Draw("t", 3)}
    schema = schema_of(specs, draws, tasks=(0, 1, 4))
    assert list(schema.limited(lambda batch: 0)) == ["w", "t/0", "t/1", "t/4"]
    assert schema.sources("some") == ("w",)
    assert schema.sources("each") == ("t/0", "t/1", "t/4")
    assert schema.table_bytes == (10 * 5 + 3 * 5 * 2) * LAYOUT.row_bytes
    assert schema.batch_bytes == (2 * 5 + 3 * 3 * 2) * LAYOUT.row_bytes


def test_a_limiter_counts_what_all_draws_of_its_table_take() -> None:
    draws = {"a": Draw("w", 2), "b": Draw("w", 5)}
    schema = schema_of([windows("w", 4, 100, samples_per_insert=1.0)], draws)
    ((_, limiter),) = schema.limited(lambda batch: 10 * batch).values()
    assert limiter == table_limiter(schema.tables[0], batch=7, ahead=70)


@pytest.mark.parametrize(
    ("tables", "draws", "message"),
    [
        ([], {}, "needs tables"),
        ([windows("w", 1, 9)] * 2, {}, "its own name"),
        ([windows("w", 1, 9)], {"d": Draw("v", 2)}, "'d' is from table 'v'"),
        ([windows("w", 1, 9)], {"d": Draw("w", 0)}, "batch_size must be at least 1"),
    ],
)
def test_impossible_schemas_are_refused(tables, draws, message) -> None:
    with pytest.raises(ValueError, match=message):
        schema_of(tables, draws)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: windows("w", 0, 10), "at least 1"),
        (lambda: windows("w", 1, 10, min_items=11), "min_items 11"),
        (lambda: windows("w", 1, 10, samples_per_insert=0.0), "samples_per_insert"),
        (
            lambda: table_limiter(trials("e", 3, 9, use_once=True, samples_per_insert=1.0), 1, 0),
            "once",
        ),
        (lambda: table_limiter(queue("q", 3, 9), 10, 0), "batch of 10"),
    ],
)
def test_impossible_specs_are_refused(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_limits_count_as_the_definition_says() -> None:
    limiter = Limiter(samples_per_insert=0.3, min_items=5, min_diff=-2.0, max_diff=4.0)
    for inserted in range(40):
        for sampled in range(20):
            size = inserted
            error = inserted * 0.3 - sampled
            takes = limiter.may_insert(size, inserted, sampled)
            gives = limiter.may_sample(size, inserted, sampled)
            for n in range(1, 20):
                allowed = size + n <= 5 or error + n * 0.3 <= 4.0 + 1e-6
                assert (n <= takes) == allowed
                assert (n <= gives) == (size >= 5 and error - n >= -2.0 - 1e-6)


@pytest.mark.parametrize("ratio", [0.01, 0.5, 1.0, 3.0, 64.0])
@pytest.mark.parametrize("batch", [1, 256])
@pytest.mark.parametrize("min_items", [1, 1000])
def test_a_writer_and_a_reader_never_wait_for_each_other(ratio, batch, min_items) -> None:
    spec = windows("w", 4, 100_000, min_items=min_items, samples_per_insert=ratio)
    limiter = table_limiter(spec, batch, ahead=0)
    inserted = sampled = 0
    for _ in range(20_000):
        if limiter.may_sample(inserted, inserted, sampled) >= batch:
            sampled += batch
        else:
            assert limiter.may_insert(inserted, inserted, sampled) >= 1
            inserted += 1
    slack = batch + 2 * max(1.0, ratio)
    if inserted >= min_items and sampled:
        assert abs((inserted - min_items) * ratio - sampled) <= slack + ratio
