"""The one exception a user's wrong input raises."""


class InputError(ValueError):
    """A wrong input: its message is one line that says what was given, what is allowed and what to do.

    The scripts print the message and exit with code 2; nothing has been written when it is raised.
    """


class OwnInputError(InputError):
    """A wrong input that perhaps only one process of a job has come upon: each that has says so."""


class Interrupted(KeyboardInterrupt):
    """A signal ended the work; the text is one line.

    Attributes:
        code: what the process exits with: 143 after SIGTERM, 130 after SIGINT.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.code = 128 + number
