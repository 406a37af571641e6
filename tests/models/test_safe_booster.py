from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
import xgboost

from rule_id.errors import InputError
from rule_id.models import BoostedClassifier
from rule_id.models.safe_booster import checked_booster, read_booster

N_FEATURES, N_CLASSES = 8, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, N_FEATURES)).astype(np.float32)


@pytest.fixture(scope="module")
def document() -> bytes:
    codes = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    classifier = BoostedClassifier(4, max_depth=3).fit(X, np.array(["a", "b", "c"])[codes])
    return bytes(classifier.booster_.save_raw("json"))


def paths(node: Any, path: tuple = ()) -> list[tuple]:
    """Where everything in a JSON document stands."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    found = []
    for key, value in items:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += paths(value, (*path, key))
    return found


def changed(document: bytes, path: tuple, value: Any) -> bytes:
    parsed = json.loads(document)
    node = parsed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return json.dumps(parsed).encode()


def mutant(parsed: Any, where: list[tuple], rng: np.random.Generator) -> bytes:
    mutated = copy.deepcopy(parsed)
    path = where[rng.integers(len(where))]
    node = mutated
    for key in path[:-1]:
        node = node[key]
    values = [-1, 0, 1, 7, 2**31, -(2**31), 2**63, 10**30, 1.5, -1e30, 1e300, "", "3", None,
              True, [], [0], {}, "multi:softmax", [[1, 2], [3]]]  # fmt: skip
    if rng.random() < 0.2:
        del node[path[-1]]
    else:
        node[path[-1]] = values[rng.integers(len(values))]
    return json.dumps(mutated).encode()


def test_what_is_undamaged_predicts_the_same_to_the_bit(document):
    original = xgboost.Booster()
    original.load_model(bytearray(document))
    read = read_booster(document, N_FEATURES, N_CLASSES, "model.json")
    np.testing.assert_array_equal(read.inplace_predict(X), original.inplace_predict(X))
    assert bytes(read.save_raw("json")) == document


def test_what_is_damaged_is_refused_or_works(document):
    rng = np.random.default_rng(1)
    parsed = json.loads(document)
    where = paths(parsed)
    top = [path for path in where if "trees" not in path[:4]]
    refused = 0
    for trial in range(600):
        try:
            mutated = mutant(parsed, where if trial % 3 else top, rng)
            booster = read_booster(mutated, N_FEATURES, N_CLASSES, "model.json")
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            assert booster.inplace_predict(X).shape == (len(X), N_CLASSES)
            contributions = booster.predict(xgboost.DMatrix(X[:3]), pred_contribs=True)
            assert contributions.shape == (3, N_CLASSES, N_FEATURES + 1)
    assert 300 < refused < 600


def test_flipped_bytes_are_refused_or_work(document):
    rng = np.random.default_rng(2)
    for _ in range(200):
        mutated = bytearray(document)
        mutated[rng.integers(len(mutated))] = rng.integers(256)
        try:
            booster = read_booster(bytes(mutated), N_FEATURES, N_CLASSES, "model.json")
        except InputError:
            continue
        assert booster.inplace_predict(X).shape == (len(X), N_CLASSES)


MODEL = ("learner", "gradient_booster", "model")
TREE = (*MODEL, "trees", 0)
SIZES = ("learner", "learner_model_param")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((*SIZES, "num_feature"), "9", "num_feature must be 8"),
        ((*SIZES, "num_class"), "4", "num_class must be 3"),
        ((*SIZES, "num_target"), "2", "num_target must be 1"),
        ((*SIZES, "base_score"), "[0.5,0.5]", "base_score is damaged"),
        ((*SIZES, "base_score"), "[NaN]", "numbers must be finite; got NaN"),
        (("learner", "objective", "name"), "reg:squarederror", "objective must be multi:softprob"),
        (("learner", "gradient_booster", "name"), "gblinear", "booster must be gbtree"),
        ((*MODEL, "trees"), {}, "trees must be a list"),
        ((*MODEL, "trees"), [], "there must be one tree a class a round"),
        ((*MODEL, "gbtree_model_param", "num_trees"), "11", "num_trees must be 12"),
        ((*MODEL, "gbtree_model_param", "num_parallel_tree"), "2", "num_parallel_tree must be 1"),
        ((*MODEL, "tree_info", 0), 7, "tree_info must name the classes in turn"),
        ((*MODEL, "iteration_indptr", 1), 900, "iteration_indptr must count the rounds"),
        ((*TREE, "left_children"), [], "tree 0: there must be 1 to 1023 nodes"),
        ((*TREE, "tree_param", "num_nodes"), "9999", "tree 0: tree_param must be"),
        ((*TREE, "categories"), [1], "tree 0: categories must be empty"),
        ((*TREE, "split_type", 0), 1, "tree 0: split_type must lie in 0 to 0"),
        ((*TREE, "left_children", 0), 900, "tree 0: left_children must lie in -1 to"),
        ((*TREE, "left_children", 0), -1, "tree 0: a node must have 0 or 2 children"),
        ((*TREE, "left_children", 0), 0, "tree 0: each node must be reached once from the root"),
        ((*TREE, "parents", 1), 2, "tree 0: parents and children must agree"),
        ((*TREE, "split_indices", 0), 8, "tree 0: split_indices must lie in 0 to 7"),
        ((*TREE, "split_indices", 0), 0.5, "tree 0: split_indices must hold whole numbers"),
        ((*TREE, "split_indices"), [[0]], "tree 0: split_indices must be [0-9]+ long"),
        ((*TREE, "split_conditions", 0), 1e300, "tree 0: split_conditions must be finite"),
        ((*TREE, "split_conditions", 0), "x", "tree 0: split_conditions must hold numbers"),
        ((*TREE, "sum_hessian", 0), 0.0, "tree 0: sum_hessian must be positive"),
        (("version",), [[3], [2], [0]], "version must be a list of numbers"),
        (("learner",), 3, "not subscriptable"),
    ],
)  # fmt: skip
def test_each_damage_is_named(document, path, value, message):
    pattern = f"model.json must be an undamaged XGBoost model: .*{message}"
    with pytest.raises(InputError, match=pattern):
        checked_booster(changed(document, path, value), N_FEATURES, N_CLASSES, "model.json")


def test_a_missing_key_is_named(document):
    parsed = json.loads(document)
    del parsed["learner"]["objective"]
    with pytest.raises(InputError, match="undamaged XGBoost model: objective is missing"):
        checked_booster(json.dumps(parsed).encode(), N_FEATURES, N_CLASSES, "model.json")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"learner": 1}'])
def test_what_is_not_a_booster_is_refused(text):
    with pytest.raises(InputError, match="must be an undamaged XGBoost model"):
        checked_booster(text, N_FEATURES, N_CLASSES, "model.json")


def test_a_cycle_apart_from_the_root_is_refused(document):
    parsed = json.loads(document)
    tree = parsed["learner"]["gradient_booster"]["model"]["trees"][0]
    left, right = tree["left_children"], tree["right_children"]
    inner = [node for node in range(1, len(left)) if left[node] != -1]
    # A node that is its own child: every index is in range, and every node is a child once.
    node = inner[0]
    parent = tree["parents"][node]
    side = left if left[parent] == node else right
    side[parent], left[node] = left[node], node
    with pytest.raises(InputError, match="each node must be reached once from the root"):
        checked_booster(json.dumps(parsed).encode(), N_FEATURES, N_CLASSES, "model.json")
