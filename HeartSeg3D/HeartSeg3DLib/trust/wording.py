"""The words of a judgment that the command line, the report and the panel share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from HeartSeg3DLib.anatomy import BY_ID

NOT_JUDGED = "How often this model is wrong was not measured, so its results are not judged."
NOT_JUDGED_FAST = ("A fast result is not judged, because how often it is wrong was not measured. Segment at standard "
                   "quality to know more.")
NOTHING_TO_JUDGE = "Nothing was found that could be judged."


def not_judged_because(state: str) -> str:
    """Return why results of a model are not judged whose trust file cannot be used.

    Args:
        state: What is the matter with the file.

    Example:
        >>> not_judged_because("is damaged")
        'The file that says how often this model is wrong is damaged, so its results are not judged.'
    """
    return f"The file that says how often this model is wrong {state}, so its results are not judged."


def wrong_words(risk: float) -> str:
    """Return how likely a structure is wrong: probably above 50 %, as people see the number.

    Example:
        >>> wrong_words(0.56), wrong_words(0.501)
        ('probably wrong (56 % risk)', 'possibly wrong (50 % risk)')
    """
    return f"{'probably' if _is_probable(risk) else 'possibly'} wrong ({percent(risk)} risk)"


def wrong_structures(risks: Mapping[str, float]) -> str:
    """Return a sentence on the structures that are probably or possibly wrong, from their risks by id; at least one.

    Example:
        >>> wrong_structures({"LV": 0.2, "AO": 0.8, "PA": 0.6})
        '2 structures are probably wrong: Aorta, Pulmonary artery; 1 is possibly wrong: Left ventricle cavity.'
    """
    probable = [id for id, risk in risks.items() if _is_probable(risk)]
    possible = [id for id in risks if id not in probable]
    parts: list[str] = []
    for ids, likely in ((probable, "probably"), (possible, "possibly")):
        if ids:
            noun = "" if parts else " structures" if len(ids) > 1 else " structure"
            parts.append(f"{len(ids)}{noun} {'are' if len(ids) > 1 else 'is'} {likely} wrong: {listed(ids)}")
    return f"{'; '.join(parts)}."


def listed(ids: Iterable[str]) -> str:
    """Return the names of structures, separated by commas."""
    return ", ".join(BY_ID[id].name for id in ids)


def percent(risk: float) -> str:
    """Return a risk in words that never promise certainty.

    Example:
        >>> percent(0.001), percent(0.56)
        ('less than 1 %', '56 %')
    """
    return "less than 1 %" if risk < 0.01 else "more than 99 %" if risk > 0.99 else f"{100 * risk:.0f} %"


def _is_probable(risk: float) -> bool:
    return round(100 * risk) > 50
