from __future__ import annotations

import numpy as np

from rule_id.features import FeatureTable
from rule_id.models import Bundle, name_networks
from rule_id.models.evidence import DEPTH, evidence_of
from rule_id.models.patterns import feature_matrix


def test_what_is_added_moves_the_log_odds_of_the_network(
    bundle: Bundle, table: FeatureTable
) -> None:
    """Between two networks the constant falls out, and what is left are the log odds."""
    first, second = bundle.classes[:2]
    found = []
    for network in table.meta["network"].unique()[:2]:
        rows = table.rows(table.meta["network"] == network)
        values = feature_matrix(rows, bundle.feature_names)
        (whole,) = name_networks(bundle.classifier, values, np.zeros(len(values)))[1]
        added = evidence_of(bundle, values, first, second)
        sums = [value for _, value in added.groups]
        assert np.all(np.diff(np.abs(sums)) <= 1e-12)
        found.append((np.log(whole[0] / whole[1]), sum(sums)))
    (odds, added_here), (other_odds, added_there) = found
    np.testing.assert_allclose(odds - other_odds, added_here - added_there, atol=1e-3)


def test_for_and_against_change_places_with_the_classes(
    bundle: Bundle, table: FeatureTable
) -> None:
    values = feature_matrix(table, bundle.feature_names)[:3]
    first, second = bundle.classes[:2]
    one, other = (
        dict(evidence_of(bundle, values, *pair).groups)
        for pair in ((first, second), (second, first))
    )
    assert set(one) == set(other) and DEPTH in one
    np.testing.assert_allclose([one[k] + other[k] for k in one], 0, atol=1e-6)
