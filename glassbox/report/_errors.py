"""The one kind of error that is the user's to mend."""

from __future__ import annotations


class InputError(ValueError):
    """What was given cannot be used; the message is one line: what, which value, what to do."""

    def __init__(self, message: object):
        super().__init__(" ".join(str(message).split()))
