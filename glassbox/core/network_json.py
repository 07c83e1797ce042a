"""The network part of a model as JSON, and back, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassbox.core.model_json import (
    constructed,
    model_from_json,
    model_to_json,
    terms_from_json,
    terms_to_json,
)
from glassbox.core.network import JointPart, Layer, MonotoneNetwork
from glassbox.core.storage import ModelFileError
from glassbox.core.value_json import as_list, decode_value, encode_value, with_fields

_LAYER = ("up", "free", "bias")
_NETWORK = ("directed", "others", "branch_weights", "branch_bias", "layers")


def joint_to_json(joint: JointPart) -> dict[str, Any]:
    """A joint part as plain JSON values."""
    network = joint.network
    return {
        "network": {
            "directed": terms_to_json(network.directed),
            "others": terms_to_json(network.others),
            "branch_weights": encode_value(network.branch_weights),
            "branch_bias": encode_value(network.branch_bias),
            "layers": [
                {name: encode_value(getattr(layer, name)) for name in _LAYER}
                for layer in network.layers
            ],
        },
        "shown": model_to_json(joint.shown),
    }


def joint_from_json(document: Any) -> JointPart:
    """The joint part that :func:`joint_to_json` was given.

    Raises
    ------
    ModelFileError
        If it was given none: with the reason.
    """
    fields = with_fields(document, ("network", "shown"), "a joint part")
    network = with_fields(fields["network"], _NETWORK, "a network")
    layers = [_layer(layer) for layer in as_list(network["layers"], "the list of layers")]
    found = constructed(
        MonotoneNetwork,
        terms_from_json(network["directed"]),
        terms_from_json(network["others"]),
        _weights(network["branch_weights"], 3),
        _weights(network["branch_bias"], 2),
        tuple(layers),
    )
    return constructed(JointPart, found, model_from_json(fields["shown"]))


def _layer(document: Any) -> Layer:
    fields = with_fields(document, _LAYER, "a layer")
    return Layer(
        _weights(fields["up"], 3), _weights(fields["free"], 3), _weights(fields["bias"], 2)
    )


def _weights(document: Any, n_dimensions: int) -> np.ndarray:
    weights = decode_value(document)
    if type(weights) is not np.ndarray or weights.dtype != np.float64:
        raise ModelFileError("the weights of a network are not an array of numbers")
    if weights.ndim != n_dimensions:
        raise ModelFileError("the weights of a network have the wrong number of dimensions")
    return weights
