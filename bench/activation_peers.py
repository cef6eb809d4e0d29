"""How do DuckDB and Polars hold duties against recordings? Islands by windows, then two ASOF joins, on one thread.

Both leave the same columns as `lapel.activation.match`: covered, late, early, gap, outcome. A duty that meets no island has
NULL on both sides; LEAST and GREATEST ignore NULL, so the CASE comes first (without it such a duty counted as wholly covered).
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

# 0 recorded, 1 late, 2 stopped early, 3 interrupted, 4 missing
_ISLANDS = """
CREATE TEMP TABLE islands AS
WITH marked AS (
    SELECT officer, starts, ends,
        max(ends) OVER (PARTITION BY officer ORDER BY starts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
    FROM recordings WHERE ends > starts
), numbered AS (
    SELECT officer, starts, ends,
        sum(CASE WHEN reached IS NULL OR starts > reached THEN 1 ELSE 0 END) OVER (PARTITION BY officer ORDER BY starts ROWS UNBOUNDED PRECEDING) AS island
    FROM marked
), islands AS (
    SELECT officer, min(starts) AS low, max(ends) AS high FROM numbered GROUP BY officer, island
)
SELECT officer, low, high,
    (sum(high - low) OVER lane)::BIGINT - (high - low) AS before,
    lead(low) OVER lane AS next_low,
    first_value(low) OVER lane AS first_low
FROM islands WINDOW lane AS (PARTITION BY officer ORDER BY low)
"""
_JOINED = """
CREATE TEMP TABLE came AS
WITH both_ends AS (
    SELECT d.row, d.begins, d.ends, d.ends - d.begins AS length,
        h.low AS h_low, h.high AS h_high, h.before AS h_before, h.next_low AS h_next,
        l.low AS l_low, l.high AS l_high, l.before AS l_before, l.first_low AS l_first
    FROM duties d
    ASOF LEFT JOIN islands h ON d.officer = h.officer AND d.begins >= h.low
    ASOF LEFT JOIN islands l ON d.officer = l.officer AND d.ends > l.low
), counted AS (
    SELECT row, begins, ends, length, h_low, h_high, h_next, l_high, l_first,
        CASE WHEN l_low IS NULL THEN 0
             ELSE l_before + least(ends, l_high) - l_low
                - CASE WHEN h_low IS NULL THEN 0 ELSE h_before + least(begins, h_high) - h_low END
        END AS covered
    FROM both_ends
), parts AS (
    SELECT row, length, covered,
        CASE WHEN covered = 0 THEN length
             WHEN h_low IS NULL THEN l_first - begins
             WHEN begins < h_high THEN 0
             ELSE h_next - begins END AS late,
        CASE WHEN covered = 0 THEN 0 ELSE greatest(ends - l_high, 0) END AS early
    FROM counted
)
SELECT row, covered, late, early, length - covered - late - early AS gap,
    CASE WHEN covered = 0 THEN 4 WHEN length - covered - late - early > 0 THEN 3 WHEN late > 0 THEN 1
         WHEN early > 0 THEN 2 ELSE 0 END::UTINYINT AS outcome
FROM parts
"""


def _columns(folder: Path, name: str) -> dict[str, np.ndarray]:
    return {
        "officer": np.fromfile(folder / f"{name}.officer", np.int32),
        "starts": np.fromfile(folder / f"{name}.begin", np.int64),
        "ends": np.fromfile(folder / f"{name}.end", np.int64),
    }


def by_duckdb(folder: Path, out: Path) -> float:
    """CPU seconds of islands and joins; the tables are loaded before."""
    import duckdb
    import pyarrow as pa

    from activation import write

    there = duckdb.connect(
        config={"threads": 1, "temp_directory": str(folder / "duckdb"), "preserve_insertion_order": False}
    )
    recordings = pa.table(_columns(folder, "recordings"))
    there.execute("CREATE TEMP TABLE recordings AS SELECT * FROM recordings")
    said = _columns(folder, "duties")
    duties = pa.table(
        {
            "row": np.arange(len(said["officer"])),
            "officer": said["officer"],
            "begins": said["starts"],
            "ends": said["ends"],
        }
    )
    there.execute("CREATE TEMP TABLE duties AS SELECT * FROM duties")
    del recordings, duties, said
    began = time.process_time()
    there.execute(_ISLANDS)
    there.execute(_JOINED)
    spent = time.process_time() - began
    reader = there.sql("SELECT * FROM came").to_arrow_reader(1 << 20)
    with out.open("ab") as file:
        for batch in reader:
            write(file.fileno(), *(batch.column(i).to_numpy(zero_copy_only=False) for i in range(6)))
    return spent


def by_polars(folder: Path, out: Path) -> float:
    """CPU seconds of islands and joins; the frames are made before."""
    import polars as pl

    from activation import write

    recordings = pl.DataFrame(_columns(folder, "recordings"))
    duties = pl.DataFrame(_columns(folder, "duties")).with_row_index("row")
    began = time.process_time()
    came = _joined(pl, duties, _islands(pl, recordings))
    spent = time.process_time() - began
    with out.open("ab") as file:
        write(
            file.fileno(),
            *(came[name].to_numpy() for name in ("row", "covered", "late", "early", "gap", "outcome")),
        )
    return spent


def _islands(pl, recordings):  # type: ignore[no-untyped-def]
    c = pl.col
    ordered = recordings.filter(c.ends > c.starts).sort("officer", "starts")
    reached = c.ends.cum_max().shift(1).over("officer")
    numbered = ordered.with_columns(opens=(reached.is_null() | (c.starts > reached)))
    numbered = numbered.with_columns(island=c.opens.cum_sum())
    islands = numbered.group_by("island", maintain_order=True).agg(
        c.officer.first(), low=c.starts.first(), high=c.ends.max()
    )
    return islands.select(
        "officer", "low", "high",
        before=(c.high - c.low).cum_sum().over("officer") - (c.high - c.low),
        next_low=c.low.shift(-1).over("officer"), first_low=c.low.first().over("officer"),
    ).sort("low")  # fmt: skip


def _joined(pl, duties, islands):  # type: ignore[no-untyped-def]
    c = pl.col
    here = duties.sort("starts").join_asof(
        islands.select("officer", "low", h_low="low", h_high="high", h_before="before", h_next="next_low"),
        left_on="starts", right_on="low", by="officer", strategy="backward",
    )  # fmt: skip
    both = here.sort("ends").join_asof(
        islands.select("officer", "low", l_low="low", l_high="high", l_before="before", l_first="first_low"),
        left_on="ends", right_on="low", by="officer", strategy="backward", allow_exact_matches=False,
    )  # fmt: skip
    length = c.ends - c.starts
    at_begin = (
        pl.when(c.h_low.is_null())
        .then(0)
        .otherwise(c.h_before + pl.min_horizontal("starts", "h_high") - c.h_low)
    )
    counted = both.with_columns(
        covered=pl.when(c.l_low.is_null())
        .then(0)
        .otherwise(c.l_before + pl.min_horizontal("ends", "l_high") - c.l_low - at_begin)
    )
    parts = counted.with_columns(
        late=pl.when(c.covered == 0).then(length).when(c.h_low.is_null()).then(c.l_first - c.starts)
        .when(c.starts < c.h_high).then(0).otherwise(c.h_next - c.starts),
        early=pl.when(c.covered == 0).then(0).otherwise(pl.max_horizontal(c.ends - c.l_high, 0)),
    ).with_columns(gap=length - c.covered - c.late - c.early)  # fmt: skip
    outcome = (
        pl.when(c.covered == 0)
        .then(4)
        .when(c.gap > 0)
        .then(3)
        .when(c.late > 0)
        .then(1)
        .when(c.early > 0)
        .then(2)
    )
    return parts.with_columns(outcome=outcome.otherwise(0))
