"""What goes wrong in a way that the person at the keyboard can mend."""


class Problem(Exception):
    """The message says what is wrong and what to do about it."""
