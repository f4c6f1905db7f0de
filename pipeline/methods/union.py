"""All methods there are, chosen in a recipe by name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.methods.algorithm_distillation import AlgorithmDistillation
from pipeline.methods.alpaca import Alpaca
from pipeline.methods.c_icl import CIcl
from pipeline.methods.chain_of_thought import ChainOfThought
from pipeline.methods.demo_retriever import DemoRetriever
from pipeline.methods.disco import Disco
from pipeline.methods.evol_instruct import EvolInstruct
from pipeline.methods.in_context import InContext
from pipeline.methods.instruction_following import InstructionFollowing
from pipeline.methods.kard import Kard
from pipeline.methods.knowledge_boundary import KnowledgeBoundary
from pipeline.methods.lion import Lion
from pipeline.methods.mcc_kd import MccKd
from pipeline.methods.mixed import Mixed
from pipeline.methods.multi_view import MultiView
from pipeline.methods.negative_aware import NegativeAware
from pipeline.methods.program_of_thought import ProgramOfThought
from pipeline.methods.rationalisation import Rationalisation
from pipeline.methods.scott import Scott
from pipeline.methods.selective_reflection import SelectiveReflection
from pipeline.methods.self_consistency import SelfConsistency
from pipeline.methods.self_instruct import SelfInstruct
from pipeline.methods.socratic import Socratic
from pipeline.methods.step_by_step import StepByStep
from pipeline.methods.symbolic_knowledge import SymbolicKnowledge
from pipeline.methods.universal_ner import UniversalNer

Method = Annotated[
    AlgorithmDistillation
    | Alpaca
    | CIcl
    | ChainOfThought
    | DemoRetriever
    | Disco
    | EvolInstruct
    | InContext
    | InstructionFollowing
    | Kard
    | KnowledgeBoundary
    | Lion
    | MccKd
    | Mixed
    | MultiView
    | NegativeAware
    | ProgramOfThought
    | Rationalisation
    | Scott
    | SelectiveReflection
    | SelfConsistency
    | SelfInstruct
    | Socratic
    | StepByStep
    | SymbolicKnowledge
    | UniversalNer,
    Field(discriminator="method"),
]  # fmt: skip
