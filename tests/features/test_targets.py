from __future__ import annotations

from rule_id.features import TARGETS, WITH_FAMILIES, wording
from rule_id.trajectories import NETWORK_COLUMNS


def test_every_target_is_a_column_of_every_simulated_network() -> None:
    assert set(WITH_FAMILIES) < set(TARGETS) < set(NETWORK_COLUMNS)


def test_every_target_has_words_of_its_own() -> None:
    words = [wording(target) for target in TARGETS]
    for told in ("one", "many", "subject", "subjects"):
        assert len({getattr(word, told) for word in words}) == len(TARGETS)
    assert [word.one.replace(" ", "_") for word in words] == list(TARGETS)
