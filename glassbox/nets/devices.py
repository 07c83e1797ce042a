"""Where networks are trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def resolve_device(device: str) -> torch.device:
    """The device that a name stands for.

    Parameters
    ----------
    device : str
        "auto" (a CUDA device if there is one), "cpu", "cuda", "cuda:0" ...

    Raises
    ------
    ValueError
        If the name means nothing, or that device is not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as reason:
        raise ValueError(
            f"device={device!r} is not a device; use 'auto', 'cpu', 'cuda' or 'cuda:0'."
        ) from reason
    if found.type not in ("cpu", "cuda"):
        raise ValueError(f"device={device!r} is not supported; use 'auto', 'cpu' or 'cuda'.")
    if found.type == "cuda":
        n_found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (found.index or 0) >= n_found:
            raise ValueError(
                f"device={device!r} asks for a CUDA device, and torch {torch.__version__} finds "
                f"{n_found or 'none'} here. Use device='auto' or 'cpu'."
            )
    return found


@contextmanager
def suited_threads(device: torch.device) -> Iterator[None]:
    """One thread for the small products of a CPU; TF32 for those of CUDA.

    Two threads that wait for one another on a busy machine make small batched products up to ten
    times slower, and on an idle one they gain little.
    """
    threads = torch.get_num_threads()
    precision = torch.get_float32_matmul_precision()
    try:
        if device.type == "cpu":
            torch.set_num_threads(1)
        else:
            torch.set_float32_matmul_precision("high")
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
