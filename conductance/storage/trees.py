"""Nested plain data with tensors in one safetensors file: tensors as tensors, the rest as JSON in the file's header."""

from typing import Any

from torch import Tensor


def encode_tree(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """JSON data for nested plain values; tensors go to `tensors` under their path.

    Raises:
        TypeError: a value that is neither plain nor a tensor.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, encode_tree(entry, f"{name}.{key}", tensors)] for key, entry in value.items()]}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode_tree(entry, f"{name}.{place}", tensors) for place, entry in enumerate(value)]}
    raise TypeError(f"checkpoint: {name} is a {type(value).__name__}, which has no form in the file")


def decode_tree(data: Any, tensors: dict[str, Tensor]) -> Any:
    """What `encode_tree` was given.

    Raises:
        ValueError, KeyError: data of another form, or a tensor that is missing.
    """
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: decode_tree(entry, tensors) for key, entry in content}
    if kind == "tuple":
        return tuple(decode_tree(entry, tensors) for entry in content)
    if kind == "list":
        return [decode_tree(entry, tensors) for entry in content]
    raise ValueError(f"unknown kind {kind!r}")
