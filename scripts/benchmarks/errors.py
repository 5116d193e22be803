"""What ends a measurement without figures."""


class NothingToMeasure(Exception):
    """The machine lacks what is to be measured; the message says what."""
