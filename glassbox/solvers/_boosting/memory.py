"""What boosting will need is refused before it is taken."""

from __future__ import annotations

import os

#: Of the memory of the machine, what boosting may ask for.
_MOST = 0.7
#: Numbers for each cell, bag and output: tables, pulls, masses, and the sums of every task of a
#: pass over the rows.
_PER_CELL = 24


def bytes_of_rows(
    n_rows: int, n_columns: int, n_pairs: int, n_bags: int, n_outputs: int, codes_bytes: int
) -> int:
    """What the rows take while they are boosted, beside the table itself.

    Parameters
    ----------
    n_rows, n_columns, n_pairs, n_bags, n_outputs : int
    codes_bytes : int
        Of the number of a bin or cell.
    """
    codes = (2 * n_columns + n_pairs) * codes_bytes
    scores = 2 * n_bags * n_outputs * 8
    return n_rows * (codes + scores + n_bags + 16)


def bytes_of_cells(n_cells: int, n_bags: int, n_outputs: int) -> int:
    """What the tables of a stage take while they are boosted.

    Parameters
    ----------
    n_cells, n_bags, n_outputs : int
    """
    return _PER_CELL * n_cells * n_bags * n_outputs * 8


def check_memory(needed: int) -> None:
    """Refuse what does not fit.

    Raises
    ------
    MemoryError
        If it is more than 70 % of the memory of the machine, where that is known.
    """
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return
    if needed > _MOST * found:
        raise MemoryError(
            f"Boosting would take {needed / 1e9:.1f} GB, and {_MOST:.0%} of this machine's memory "
            f"are {_MOST * found / 1e9:.1f} GB. Lower n_bags, interactions or max_bins, or give "
            "fewer rows."
        )
