"""The exponential function in a form that compilers turn into vector instructions.

Nearly all time of a pass over the rows of a 0/1 outcome would be spent in the C library's `exp`,
one number at a time.
"""

from __future__ import annotations

import math

import numpy as np

from glassbox.solvers._boosting._compiled import exact_inner

_LOG2_E = 1.4426950408889634
# ln 2 in two parts: the first has few enough digits that multiples of it are exact.
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
#: Beyond these the result would overflow, or be subnormal.
_LARGEST = 708.0
_TAYLOR = tuple(1.0 / math.factorial(k) for k in range(14))


@exact_inner
def exponentials(x, bits, powers, out):
    """Write ``exp(x)`` to `out`; `powers` is `bits`, read as float64.

    The arguments are clipped at plus and minus 708.
    """
    for i in range(len(x)):
        clipped = min(max(x[i], -_LARGEST), _LARGEST)
        whole = np.floor(clipped * _LOG2_E + 0.5)
        rest = (clipped - whole * _LN2_HIGH) - whole * _LN2_LOW
        total = _TAYLOR[13]
        total = total * rest + _TAYLOR[12]
        total = total * rest + _TAYLOR[11]
        total = total * rest + _TAYLOR[10]
        total = total * rest + _TAYLOR[9]
        total = total * rest + _TAYLOR[8]
        total = total * rest + _TAYLOR[7]
        total = total * rest + _TAYLOR[6]
        total = total * rest + _TAYLOR[5]
        total = total * rest + _TAYLOR[4]
        total = total * rest + _TAYLOR[3]
        total = total * rest + _TAYLOR[2]
        total = total * rest + 1.0
        total = total * rest + 1.0
        bits[i] = (np.int64(whole) + 1023) << 52
        out[i] = total
    for i in range(len(x)):
        out[i] *= powers[i]
