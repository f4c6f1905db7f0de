"""Every skill by its name: a function that draws one lesson. `pipeline.mini.lessons` says how often each is taught."""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.mini.skills import (
    alpaca,
    bandits,
    commands,
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
    **commands.SKILLS,
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
