"""A fit or a comparison as a document: one HTML file, or Markdown with its figures beside it.

A *section* (``section``, ``sections/``) gives *blocks* (``document``): paragraphs, tables, figures. Sections know
nothing of marks and *renderers* (``html``, ``markdown``, ``terminal``) nothing of statistics; ``render`` puts them
together, ``write_report`` writes. ``mathematics`` and ``addends`` write the model down, ``estimates``, ``numbers`` and
``phrases`` say what several sections say.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bayesdeep.compare.compared import Compared
from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.joint_fitted import JointFitted

from .section import Section, Subject

__all__ = ["Section", "Subject", "report", "subject_of"]


A_MAPPING = arguments.optional(arguments.instance(lambda: Mapping, "sections by name"))


@arguments.checked(
    "report",
    path=arguments.path,
    title=arguments.optional(arguments.text),
    overwrite=arguments.flag,
    main=arguments.optional(arguments.text),
    extra=A_MAPPING,
)
def report(
    fit_or_comparison: Fitted | JointFitted | Compared | Subject,
    path: str | Path,
    *,
    title: str | None = None,
    overwrite: bool = False,
    main: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write a report.

    Parameters
    ----------
    fit_or_comparison
        A fit, also of several responses, a comparison, or a :class:`~bayesdeep.report.section.Subject`.
    path
        Where to; ``.html`` gives one self-contained file, ``.md`` a text with a folder of figures beside it.
    title
        Its title; by default the response and the formula's kind.
    overwrite
        Replace a file that is there.
    main
        Name of the fit to look at closely; by default the comparison's first.
    extra
        What the report cannot know: ``question``, ``data`` (the data's name), ``card`` (text of a model card).

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FitError
        For another suffix, a file that exists, or a place that cannot be written.
    """
    from .render import document
    from .write_report import check_path, write

    path = check_path(path, overwrite)
    joint = getattr(fit_or_comparison, "record", fit_or_comparison)
    if isinstance(joint, JointFitted):
        from .joint_report import joint_document

        return write(joint_document(joint, title or f"A model of {len(joint.each)} responses", extra or {}), path, overwrite)
    subject = subject_of(joint, main, extra)
    return write(document(subject, title or default_title(subject)), path, overwrite)


def subject_of(given: Fitted | Compared | Subject, main: str | None = None, extra: Mapping[str, Any] | None = None) -> Subject:
    """Return what a report is about, from a fit, a comparison or a subject."""
    if isinstance(given, Subject):
        return given
    if isinstance(given, Fitted):
        return Subject({main or "model": given}, None, main or "model", extra or {})
    if not isinstance(given, Compared):
        said = getattr(given, "instead", "") or f"{type(given).__name__} is neither a fit nor a comparison of fits"
        raise FitError(f"report: {said}")
    fits = given.fits
    if not fits:
        raise FitError(
            "report: the comparison is of fits of several responses; compare one response of each fit, "
            "bd.compare({'a': a['y1'], 'b': b['y1']})"
        )
    best = next((str(name) for name in given.table.index if name in fits), next(iter(fits)))
    if main is not None and main not in fits:
        raise FitError(f"report: no fit '{main}' in the comparison; there are: {', '.join(fits)}")
    return Subject(fits, given, main or best, extra or {})


def default_title(subject: Subject) -> str:
    """Return a title: what is modelled, and how many ways."""
    response = subject.fit.spec.response.name
    count = len(subject.fits) + len(subject.baselines)
    return f"{response}: {count} models compared" if count > 1 else f"A model of {response}"
