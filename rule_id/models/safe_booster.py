"""Read a stored booster without trusting it.

XGBoost follows the indices in a file unchecked, so that a damaged or a crafted file ends the
process by a signal. Here the file is parsed by the standard library, every array of every tree
is checked, and XGBoost is handed a document written anew from nothing but what was checked.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rule_id.errors import InputError

__all__ = ["checked_booster", "read_booster"]

# Far more than a tree of depth 9 has; bounds the recursion of what walks the trees.
_MOST_NODES = 1023
_ROOT_PARENT = 2**31 - 1
_LEAST_COVER = 1e-12
_LARGEST = float(np.finfo(np.float32).max)

_NODE_INTEGERS = ("left_children", "right_children", "parents", "split_indices", "default_left")
_NODE_NUMBERS = ("split_conditions", "base_weights", "loss_changes", "sum_hessian")
_CATEGORIES = (
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
)


def read_booster(document: bytes, n_features: int, n_classes: int, source: str) -> Any:
    """Return the `xgboost.Booster` that a JSON document describes.

    Args:
        document: What `Booster.save_raw("json")` gave.
        n_features: Number of features the booster must take.
        n_classes: Number of classes it must tell apart.
        source: Name of the file, for messages.

    Raises:
        InputError: The document is not that of an undamaged multi:softprob booster of this size.
    """
    checked = checked_booster(document, n_features, n_classes, source)
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(checked))
    return booster


def checked_booster(document: bytes, n_features: int, n_classes: int, source: str) -> bytes:
    """Check a JSON document and return one that holds only what was checked.

    Args, Raises: as in `read_booster`.
    """
    try:
        parsed = json.loads(document, parse_constant=_refuse_constant)
        return json.dumps(_booster(parsed, n_features, n_classes)).encode()
    except KeyError as error:
        reason = f"{error.args[0]} is missing"
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())
    raise InputError(f"{source} must be an undamaged XGBoost model: {reason}")


def _booster(parsed: dict[str, Any], n_features: int, n_classes: int) -> dict[str, Any]:
    learner = parsed["learner"]
    sizes = learner["learner_model_param"]
    _require(sizes["num_feature"] == str(n_features), f"num_feature must be {n_features}")
    _require(sizes["num_class"] == str(n_classes), f"num_class must be {n_classes}")
    _require(sizes["num_target"] == "1", "num_target must be 1")
    _require(learner["objective"]["name"] == "multi:softprob", "objective must be multi:softprob")
    classes = str(n_classes)
    return {
        "learner": {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": _trees(learner["gradient_booster"], n_features, n_classes),
            "learner_model_param": {
                "base_score": _base_score(sizes["base_score"], n_classes),
                "boost_from_average": "1",
                "num_class": classes,
                "num_feature": str(n_features),
                "num_target": "1",
            },
            "objective": {
                "name": "multi:softprob",
                "softmax_multiclass_param": {"num_class": classes},
            },
        },
        "version": _integers(parsed["version"], 3, 0, 999, "version").tolist(),
    }


def _trees(stored: dict[str, Any], n_features: int, n_classes: int) -> dict[str, Any]:
    _require(stored["name"] == "gbtree", "booster must be gbtree")
    model = stored["model"]
    trees = model["trees"]
    _require(isinstance(trees, list), "trees must be a list")
    count = len(trees)
    _require(count > 0 and count % n_classes == 0, "there must be one tree a class a round")
    parameters = model["gbtree_model_param"]
    _require(parameters["num_trees"] == str(count), f"num_trees must be {count}")
    _require(parameters["num_parallel_tree"] == "1", "num_parallel_tree must be 1")
    info = [tree % n_classes for tree in range(count)]
    _require(model["tree_info"] == info, "tree_info must name the classes in turn")
    rounds = list(range(0, count + 1, n_classes))
    _require(model["iteration_indptr"] == rounds, "iteration_indptr must count the rounds")
    return {
        "model": {
            "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(count)},
            "iteration_indptr": rounds,
            "tree_info": info,
            "trees": [_tree(tree, place, n_features) for place, tree in enumerate(trees)],
        },
        "name": "gbtree",
    }


def _tree(tree: dict[str, Any], place: int, n_features: int) -> dict[str, Any]:
    where = f"tree {place}"
    sizes = tree["tree_param"]
    nodes = len(tree["left_children"])
    _require(0 < nodes <= _MOST_NODES, f"{where}: there must be 1 to {_MOST_NODES} nodes")
    expected = {
        "num_deleted": "0",
        "num_feature": str(n_features),
        "num_nodes": str(nodes),
        "size_leaf_vector": "1",
    }
    held = {name: sizes[name] for name in expected}
    _require(held == expected, f"{where}: tree_param must be {expected}")
    _require(not any(tree[name] for name in _CATEGORIES), f"{where}: categories must be empty")
    highest = (nodes - 1, nodes - 1, _ROOT_PARENT, n_features - 1, 1)
    checked = {
        name: _integers(
            tree[name], nodes, -1 if "children" in name else 0, most, f"{where}: {name}"
        )
        for name, most in zip(_NODE_INTEGERS, highest, strict=True)
    }
    _check_links(checked["left_children"], checked["right_children"], checked["parents"], where)
    numbers = {name: _numbers(tree[name], nodes, f"{where}: {name}") for name in _NODE_NUMBERS}
    # Contributions divide by it.
    covered = bool((numbers["sum_hessian"] >= _LEAST_COVER).all())
    _require(covered, f"{where}: sum_hessian must be positive")
    return {
        **{name: values.tolist() for name, values in (checked | numbers).items()},
        "split_type": _integers(tree["split_type"], nodes, 0, 0, f"{where}: split_type").tolist(),
        **{name: [] for name in _CATEGORIES},
        "id": place,
        "tree_param": expected,
    }


def _check_links(left: np.ndarray, right: np.ndarray, parents: np.ndarray, where: str) -> None:
    """Require that every node is reached from the root in exactly one way."""
    _require(
        bool(np.array_equal(left == -1, right == -1)), f"{where}: a node must have 0 or 2 children"
    )
    inner = np.flatnonzero(left != -1)
    children = np.concatenate([left[inner], right[inner]])
    # Each node but the root is a child once, of a node before it: so there are no cycles, and
    # going up from any node ends at the root.
    once = np.array_equal(np.sort(children), np.arange(1, len(left)))
    after = bool((left[inner] > inner).all() and (right[inner] > inner).all())
    _require(once and after, f"{where}: each node must be reached once from the root")
    expected = np.full(len(left), _ROOT_PARENT)
    expected[children] = np.concatenate([inner, inner])
    _require(bool(np.array_equal(parents, expected)), f"{where}: parents and children must agree")


def _base_score(text: str, n_classes: int) -> str:
    scores = json.loads(text, parse_constant=_refuse_constant)
    _require(isinstance(scores, list) and len(scores) in (1, n_classes), "base_score is damaged")
    return json.dumps(_numbers(scores, len(scores), "base_score").tolist())


def _integers(values: Any, length: int, least: int, most: int, name: str) -> np.ndarray:
    array = _array(values, length, name)
    _require(array.dtype.kind == "i", f"{name} must hold whole numbers")
    inside = bool(((array >= least) & (array <= most)).all())
    _require(inside, f"{name} must lie in {least} to {most}")
    return array


def _numbers(values: Any, length: int, name: str) -> np.ndarray:
    array = _array(values, length, name)
    _require(array.dtype.kind in "if", f"{name} must hold numbers")
    finite = bool((np.abs(array.astype(np.float64)) <= _LARGEST).all())
    _require(finite, f"{name} must be finite")
    return array.astype(np.float64)


def _array(values: Any, length: int, name: str) -> np.ndarray:
    _require(isinstance(values, list) and len(values) == length, f"{name} must be {length} long")
    array = np.array(values)
    _require(array.ndim == 1, f"{name} must be a list of numbers")
    return array


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"numbers must be finite; got {constant}")
