"""All filters there are, chosen in a recipe by name; a name alone stands for the filter with its defaults."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.filters.answer_follows import AnswerFollows
from pipeline.filters.answer_matches import AnswerMatches
from pipeline.filters.answer_recovered import AnswerRecovered
from pipeline.filters.arithmetic import Arithmetic
from pipeline.filters.balanced import Balanced
from pipeline.filters.best_of_n import BestOfN
from pipeline.filters.code_runs import CodeRuns
from pipeline.filters.complexity import Complexity
from pipeline.filters.constraints_met import ConstraintsMet
from pipeline.filters.critic import Critic
from pipeline.filters.diverse import Diverse
from pipeline.filters.entities_match import EntitiesMatch
from pipeline.filters.finished import Finished
from pipeline.filters.fits_schema import FitsSchema
from pipeline.filters.ifd import InstructionFollowingDifficulty
from pipeline.filters.judge import Judge
from pipeline.filters.language import Language
from pipeline.filters.length import Length
from pipeline.filters.no_duplicates import NoDuplicates
from pipeline.filters.no_near_duplicates import NoNearDuplicates
from pipeline.filters.no_pii import NoPii
from pipeline.filters.no_semantic_duplicates import NoSemanticDuplicates
from pipeline.filters.no_template_words import NoTemplateWords
from pipeline.filters.not_boilerplate import NotBoilerplate
from pipeline.filters.not_contaminated import NotContaminated
from pipeline.filters.not_echo import NotEcho
from pipeline.filters.not_empty import NotEmpty
from pipeline.filters.not_refusal import NotRefusal
from pipeline.filters.not_repetitive import NotRepetitive
from pipeline.filters.novel import Novel
from pipeline.filters.paired import Paired
from pipeline.filters.pass_rate import PassRate
from pipeline.filters.perplexity import Perplexity
from pipeline.filters.plausible import Plausible
from pipeline.filters.preferred import Preferred
from pipeline.filters.program_answer import ProgramAnswer
from pipeline.filters.quality import Quality
from pipeline.filters.readable import Readable
from pipeline.filters.reversed_ifd import ReversedInstructionFollowingDifficulty
from pipeline.filters.reward import Reward
from pipeline.filters.self_consistency import SelfConsistency
from pipeline.filters.tests_pass import TestsPass
from pipeline.filters.thinks import Thinks


def _by_name(value: Any) -> Any:
    """`finished` is short for `{filter: finished}`."""
    return {"filter": value} if isinstance(value, str) else value


OfRows = (
    Finished
    | NotEmpty
    | NotRefusal
    | Length
    | AnswerMatches
    | AnswerFollows
    | Arithmetic
    | ConstraintsMet
    | EntitiesMatch
    | ProgramAnswer
    | CodeRuns
    | TestsPass
    | FitsSchema
    | Thinks
    | Language
    | NotBoilerplate
    | NotEcho
    | NotRepetitive
    | NoTemplateWords
    | NoPii
    | Readable
)
"""Those that judge each sample by itself."""
OfGroups = SelfConsistency | PassRate | BestOfN | Diverse | Paired
"""Those that judge the samples of a task together."""
OfTables = NoDuplicates | NoNearDuplicates | NoSemanticDuplicates | NotContaminated | Novel | Balanced | Critic
"""Those that judge all samples together."""
Asking = (
    Judge
    | Preferred
    | InstructionFollowingDifficulty
    | ReversedInstructionFollowingDifficulty
    | Perplexity
    | Complexity
    | Quality
    | Reward
    | AnswerRecovered
    | Plausible
)
"""Those that ask a model."""
Filter = Annotated[
    Annotated[OfRows | OfGroups | OfTables | Asking, Field(discriminator="filter")],
    BeforeValidator(_by_name),
]
