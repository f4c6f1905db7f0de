"""All that methods ask of a teacher beside answering tasks, as lessons by name; a file each for what goes together.

Every lesson is put by the very template a method asks with, so that the small teacher answers the methods as they ship.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.mini.skills import (
    alpaca,
    bandits,
    commanding,
    entities,
    events,
    evol_instruct,
    facts,
    judge,
    lion,
    multi_view,
    negative_aware,
    pairs,
    program_of_thought,
    prompt_search,
    rationalisation,
    selective_reflection,
    self_instruct,
    socratic,
)
from pipeline.mini.skills.asking import Lesson

SKILLS: dict[str, Callable[[random.Random], Lesson]] = {
    **alpaca.SKILLS,
    **bandits.SKILLS,
    **commanding.SKILLS,
    **entities.SKILLS,
    **events.SKILLS,
    **evol_instruct.SKILLS,
    **facts.SKILLS,
    **judge.SKILLS,
    **lion.SKILLS,
    **multi_view.SKILLS,
    **negative_aware.SKILLS,
    **pairs.SKILLS,
    **program_of_thought.SKILLS,
    **prompt_search.SKILLS,
    **rationalisation.SKILLS,
    **selective_reflection.SKILLS,
    **self_instruct.SKILLS,
    **socratic.SKILLS,
}
