"""The one exception a user's wrong input raises."""


class InputError(ValueError):
    """A wrong input: its message is one line that says what was given, what is allowed and what to do.

    The scripts print the message and exit with code 2; nothing has been written when it is raised.
    """
