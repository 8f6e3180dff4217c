"""The command line: the same verbs as in Python, over model cards and files of data.

Nothing heavy is imported before a command is known; ``bayesdeep --help`` answers at once.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from bayesdeep.core.errors import BayesdeepError

from .command_parser import make_parser

DONE, WRONG, INTERRUPTED, CLOSED = 0, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Returns
    -------
    int
        0 when all went well, 2 for what the user can mend (the message is on stderr), 130 after Ctrl-C, 141 when
        whoever read the output stopped reading.
    """
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else WRONG
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _note
        try:
            import_module(f"bayesdeep.cli.{arguments.verb}").run(arguments)
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:
            _close_output()
            return CLOSED
        except BayesdeepError as error:
            return _refuse("\n".join([str(error), *getattr(error, "__notes__", ())]))
        except OSError as error:
            if not error.filename:
                _close_output()  # it was the terminal, or what stands in for it
            return _refuse(f"{error.filename or 'output'}: {error.strerror or error}")
        except KeyboardInterrupt:
            print("\nbayesdeep: interrupted", file=sys.stderr)
            return INTERRUPTED
    return DONE


def _refuse(text: str) -> int:
    """Say what is wrong; a column's or a file's name in it may be a stranger's."""
    from .command_phrases import visible

    print(f"bayesdeep: {visible(text)}", file=sys.stderr)
    return WRONG


def _note(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Show a warning as one line, without the place in our code it came from."""
    if issubclass(category, UserWarning):
        from .command_phrases import visible

        print(f"note: {visible(str(message))}", file=sys.stderr)


def _close_output() -> None:
    """Point stdout at nothing, so that Python's own flush at the end does not fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
