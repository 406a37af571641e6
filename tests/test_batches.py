from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.batches import read_batches
from rule_id.content import ContentHash, content_hash
from rule_id.errors import InputError
from rule_id.trajectories import (
    ROW_ORDER,
    Trajectories,
    read_corpus,
    write_manifest,
    write_part,
)

N_PARTS = 5


@pytest.fixture(scope="module")
def small() -> Trajectories:
    return synthetic_trajectories(n_blocks=3, networks_per_rule=1, n_checkpoints=5)


@pytest.fixture
def corpus(small, tmp_path):
    """The networks dealt to parts, so that no part holds a stretch of the sorted rows."""
    folder = tmp_path / "corpus"
    write_manifest(folder, {})
    for k in range(N_PARTS):
        networks, rows = part(small, k)
        shuffled = rows.sample(frac=1, random_state=k)
        write_part(folder, str(k), networks.iloc[::-1], shuffled)
    return folder


def part(small, k):
    some = small.select(small.networks["network"].iloc[k::N_PARTS])
    return some.networks, some.rows


@pytest.mark.parametrize(("most_rows", "n_batches"), [(1, N_PARTS), (150, 2), (10**6, 1)])
def test_batches_are_whole_parts_and_together_the_corpus(corpus, small, most_rows, n_batches):
    batches = list(read_batches(corpus, most_rows))
    assert len(batches) == n_batches
    found = pd.concat([batch.rows for batch in batches])
    whole = read_corpus(corpus)
    pd.testing.assert_frame_equal(found.sort_values(ROW_ORDER, ignore_index=True), whole.rows)
    networks = pd.concat([batch.networks for batch in batches])
    pd.testing.assert_frame_equal(networks.sort_values("network", ignore_index=True),
                                  whole.networks)  # fmt: skip
    for batch in batches:
        assert batch.rows[ROW_ORDER].equals(batch.rows[ROW_ORDER].sort_values(ROW_ORDER))


@pytest.mark.parametrize("most_rows", [1, 150])
def test_the_hash_is_the_same_batch_by_batch(corpus, small, most_rows):
    content = ContentHash()
    for batch in read_batches(corpus, most_rows):
        content.update(batch)
    assert content.hexdigest() == content_hash(small)


def test_the_hash_covers_networks_and_their_rows(small):
    networks = small.networks.copy()
    networks.loc[0, "learning_rate"] *= 2
    assert content_hash(Trajectories(networks, small.rows)) != content_hash(small)
    names = small.networks["network"]
    swapped = small.rows["network"].replace({names[0]: names[1], names[1]: names[0]})
    rows = small.rows.assign(network=swapped)
    assert content_hash(Trajectories(small.networks, rows)) != content_hash(small)


def messages(corpus):
    """What `read_batches` and `read_corpus` say."""
    for read in (read_batches, read_corpus):
        with pytest.raises(InputError) as error:
            read(corpus)
        yield str(error.value)


def without_last(networks, rows):
    return networks, rows.iloc[:-1]


def without_checkpoints(networks, rows):
    return networks, rows[(rows["network"] != networks["network"].iloc[0]) | (rows.checkpoint < 1)]


def twice(networks, rows):
    return networks, pd.concat([rows, rows.iloc[:1]])


def network_twice(networks, rows):
    return pd.concat([networks, networks.iloc[:1]]), rows


def without_rows(networks, rows):
    return networks, rows[rows["network"] != networks["network"].iloc[0]]


def without_column(networks, rows):
    return networks, rows.drop(columns=["layer", "weight_raw_mean"])


def with_text(networks, rows):
    return networks, rows.astype({"checkpoint": str})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_last, "must have a row for each layer, measurement and checkpoint"),
        (without_checkpoints, "must have a row for each layer, measurement and checkpoint"),
        (twice, "trajectories: each network, measurement, layer, checkpoint must stand once"),
        (network_twice, "networks: each network must stand once"),
        (without_rows, "must hold the same networks; 1 stand in only one of them"),
        (with_text, "column checkpoint must hold numbers"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_batch(corpus, small, spoil, message):
    write_part(corpus, "3", *spoil(*part(small, 3)))
    batches, whole = messages(corpus)
    assert message in batches
    assert batches == whole


def test_a_missing_column_is_named(corpus, small):
    write_part(corpus, "3", *without_column(*part(small, 3)))
    with pytest.raises(InputError, match="part-3.parquet: column layer is missing"):
        read_batches(corpus)


def test_a_network_in_two_parts_is_refused(corpus, small):
    write_part(corpus, "again", *part(small, 3))
    assert len(set(messages(corpus))) == 1


def test_a_column_of_two_types_is_refused(corpus, small):
    networks, rows = part(small, 3)
    write_part(corpus, "3", networks, rows.assign(step=rows["step"].astype(np.float64) + 0.5))
    with pytest.raises(InputError, match="part-3.parquet: column step must be of one type in all"):
        list(read_batches(corpus))


def test_a_damaged_part_is_named(corpus):
    (corpus / "trajectories" / "part-3.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="part-3.parquet must be a complete Parquet file"):
        read_batches(corpus)
