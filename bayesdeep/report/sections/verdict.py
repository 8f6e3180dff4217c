"""The question and the answer, in words and with its uncertainty, before anything else."""

from bayesdeep.compare.compared import Compared
from bayesdeep.diagnostics.predictive_checks import missed_sentence
from bayesdeep.plot.parts import family_words, group_terms
from bayesdeep.results.fitted import Fitted

from ..document import Block, Callout, Listing, Paragraph
from ..estimates import estimates_of
from ..phrases import capital, certainty_sentence, comparison_sentence, estimate, joined, named
from ..section import Section, Subject
from ..sound import scored_names, without

KIND = {"trust": "good", "caution": "caution", "do not trust": "bad"}


def applies(subject: Subject) -> bool:
    """Every report answers something."""
    return bool(subject.fits)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return question, answer, what it rests on, and whether the draws can be trusted."""
    question = subject.extra.get("question")
    found: list[Block] = [Paragraph(str(question))] if question else []
    if subject.comparison is not None:
        found += _compared(subject, subject.comparison)
    found += [
        Callout("bad", f"{named(n)} could not be fitted: {why}") for n, why in subject.extra.get("failed", {}).items()
    ]
    if subject.trusted():
        told = tuple(s for s in (_effects(subject.fit), *_groups(subject.fit)) if s)
        if told:
            of = named(subject.main) if len(subject.fits) > 1 else "the model"
            found += [Paragraph(f"What {of} says, with 90 % intervals:"), Listing(told)]
    return (*found, *_diagnoses(subject), *_missed(subject))


def _missed(subject: Subject) -> list[Block]:
    """Return what the models' predicted data sets do not have, and the data do."""
    found: list[Block] = []
    for name, fit in subject.fits.items():
        checks = subject.checks(name)
        text = "" if checks is None else missed_sentence(checks, fit.spec.response.name)
        if text:
            found.append(Callout("caution", (f"{named(name)}: {text}" if len(subject.fits) > 1 else text) + "."))
    return found


def _compared(subject: Subject, comparison: Compared) -> list[Block]:
    """Return which model predicts best and how sure that is, of the fits that can be trusted."""
    bad = subject.untrusted()
    sound = without(comparison, bad)
    not_used = f"the draws of {joined([named(n) for n in bad])} do not represent the posterior" if bad else ""
    if sound is None:
        return [Paragraph(f"The models cannot be compared yet: {not_used}.")]
    aside = [Paragraph(f"This leaves out what cannot be trusted: {not_used}.")] if bad else []
    failed = [named(n) for n in comparison.table.index if str(n) not in scored_names(comparison)]
    aside += (
        [Paragraph(f"Without a score, since it failed: {joined(failed)}; the comparison says why.")] if failed else []
    )
    sure = certainty_sentence(sound)
    return [Paragraph(comparison_sentence(sound), lead=True), *([Paragraph(sure)] if sure else []), *aside]


def _effects(fit: Fitted) -> str:
    table = estimates_of(fit, ("coefficient",))
    if table.empty:
        return ""
    if len(table) > 6:
        clear = table[(table["lower"] > 0) | (table["upper"] < 0)]
        return f"Of {len(table)} population-level coefficients, {len(clear)} have an interval on one side of zero."
    return "; ".join(f"`{name}`: {estimate(row)}" for name, row in table.iterrows()) + "."


def _groups(fit: Fitted) -> list[str]:
    said = []
    sds = estimates_of(fit, ("sd",))
    noise = estimates_of(fit, ("parameter",))
    for term in group_terms(fit):
        name = f"1|{term.factor}_sigma"
        strata = None if term.law is None else term.law.strata
        each = {label: f"{name}[{label}]" for label in (strata.labels if strata is not None else ())}
        if strata is not None and set(each.values()) <= set(sds.index):
            own = "; ".join(f"{estimate(sds.loc[row])} where `{strata.name}` is {label}" for label, row in each.items())
        elif name in sds.index:
            own = estimate(sds.loc[name])
        else:
            continue
        text = f"Levels of `{term.factor}` differ with a standard deviation of {own}"
        if term.related:
            text += " where the diagonal of their known covariance is 1"
        if "sigma" in noise.index and "gaussian" in family_words(fit):
            text += f"; within a level, rows differ by {estimate(noise.loc['sigma'])}"
        said.append(text + ".")
    return said


def _diagnoses(subject: Subject) -> list[Block]:
    """Return one callout where all verdicts agree, else one a fit."""
    found = subject.diagnoses
    if len(found) > 1 and all(d.verdict == "trust" for d in found.values()):
        return [Callout("good", f"All {len(found)} fits: {next(iter(found.values())).sentence}.")]
    many = len(found) > 1
    return [
        Callout(KIND.get(d.verdict, "note"), f"{f'{named(name)}: {d.sentence}' if many else capital(d.sentence)}.")
        for name, d in found.items()
    ]


SECTION = Section("Question and answer", 10, applies, blocks, "fit")
