from __future__ import annotations

import pandas as pd
import pytest

from rule_id.evaluation import PROTOCOLS
from rule_id.evaluation.apart import Leak, require_apart

NETWORKS = pd.DataFrame({"block": [0, 0, 1, 2], "network": list("aabc")})
BY_BLOCK = sorted(set(PROTOCOLS) - {"paper", "network"})


@pytest.mark.parametrize("protocol", BY_BLOCK)
def test_no_block_may_be_on_both_sides(protocol: str) -> None:
    other = NETWORKS.assign(network=list("defg"))  # other networks of the same blocks
    require_apart(protocol, NETWORKS[:2], other[2:])
    message = f"protocol {protocol} must have no block on both sides; 2 are, such as 1"
    with pytest.raises(Leak, match=message):
        require_apart(protocol, NETWORKS, other[2:])


def test_networks_may_share_a_block_where_the_protocol_says_so_and_no_more() -> None:
    require_apart("network", NETWORKS[:2], NETWORKS[2:].assign(block=0))
    with pytest.raises(Leak, match="protocol network must have no network on both sides; 1 are"):
        require_apart("network", NETWORKS[:1], NETWORKS[1:].assign(block=5))
    require_apart("paper", NETWORKS, NETWORKS)


def test_a_leak_is_a_defect_and_no_bad_input() -> None:
    assert not issubclass(Leak, ValueError)
