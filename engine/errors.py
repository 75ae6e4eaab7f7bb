"""The errors that the engine raises for what a caller or a damaged bundle caused."""


class EngineError(Exception):
    """Something a caller can mend: the message names the file, field or row and the way out."""


class BundleError(EngineError):
    """The bundle folder is incomplete, altered, or was made for another runtime."""


class InputError(EngineError):
    """A request cannot be answered; the message names the position in the request."""
