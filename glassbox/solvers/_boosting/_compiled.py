"""How the loops of the engine are compiled: once per machine, kept on disk, without the GIL."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

#: Sums may be reordered and fused, and no number is not-a-number: callers check that.
_REORDER = {"reassoc", "contract", "nsz", "arcp", "nnan"}

_OPTIONS = {"nogil": True, "error_model": "numpy"}

#: Called from Python.
entry = numba.njit(cache=True, fastmath=_REORDER, **_OPTIONS)

#: Called from other compiled functions only: nothing is built that Python could call.
inner = numba.njit(fastmath=_REORDER, no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)

#: As `inner`, for arithmetic whose order must be kept.
exact_inner = numba.njit(
    fastmath={"contract", "nsz"}, no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS
)

#: Written into the function that calls it: there the compiler sees which arrays overlap, without
#: which it does not vectorise loops.
spliced = numba.njit(inline="always", fastmath=_REORDER, **_OPTIONS)


@intrinsic
def larger(typing_context, a, b):
    """The larger of two numbers, in words that compilers vectorise: loops find maxima by it."""
    if a != types.float64 or b != types.float64:
        return None

    def generate(context, builder, signature, args):
        number = args[0].type
        function = ir.FunctionType(number, [number, number])
        maximum = builder.module.declare_intrinsic("llvm.maxnum", [number], function)
        return builder.call(maximum, args, fastmath=("nnan", "nsz"))

    return types.float64(types.float64, types.float64), generate


def drop_stale(folder: Path) -> None:
    """Forget what was compiled before any of the sources in a folder changed.

    numba keeps a compiled function until the file that it stands in changes; but it contains the
    functions that it calls from other files, too.
    """
    newest = max(path.stat().st_mtime for path in folder.glob("*.py"))
    for index in (folder / "__pycache__").glob("*.nbi"):
        # Another process may be doing the same.
        with suppress(OSError):
            if index.stat().st_mtime < newest:
                index.unlink()


drop_stale(Path(__file__).parent)
