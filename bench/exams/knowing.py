"""Exams in what the mini world is like: entities, facts, pairs, events and bandits.

Facts are asked about in wordings that no lesson had, where the fact itself was taught; passages and games are new altogether.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from bench.exams.exam import Exam, Mark, Question, itemised, judged, unseen, unseen_item
from pipeline.answers.entities import as_objects, as_pairs, quoted, said_entities, span_f1
from pipeline.answers.final import final_answer
from pipeline.answers.grading import grade
from pipeline.answers.lists import numbered_items
from pipeline.answers.phrases import named_option
from pipeline.answers.rationale import rationale
from pipeline.answers.words import said_spans, said_truth
from pipeline.bandits import Telling, told
from pipeline.methods.knowledge_boundary import said_decision
from pipeline.mini.bandits import TELLINGS, Game, choosing, game
from pipeline.mini.entities import TYPES, Passage, passage
from pipeline.mini.events import RELATIONS, Event, event, plausible, tails, triple_item
from pipeline.mini.facts import Fact, Facts, drawn, fact_item, joined, passages, reply, so, stated
from pipeline.mini.item import Item
from pipeline.mini.pairs import LABELS, Pair, fillings, label_of, pair, pair_item, value_of
from pipeline.mini.skills.asking import put
from pipeline.mini.skills.bandits import LONGEST_RAW, is_decided
from pipeline.mini.skills.entities import demonstration as shown_passage
from pipeline.mini.skills.pairs import demonstration as shown_pair
from pipeline.sources.mini import to_task

ENOUGH_F1 = 0.8
"""What the mini recipes' filter asks for."""


def unseen_passage(rng: random.Random, longest: int = 3) -> Passage:
    return unseen(lambda: passage(rng, longest=longest), lambda made: Item("entities", "", made_of=made.text))


def finds(right: Passage) -> Callable[[str], Mark]:
    def mark(text: str) -> Mark:
        said = said_entities(text)
        return judged(None if said is None else span_f1(said, right.entities) >= ENOUGH_F1)

    return mark


def listed(rng: random.Random) -> Question:
    made = unseen_passage(rng)
    types = rng.sample(list(TYPES), len(TYPES)) if rng.random() < 0.5 else []
    return Question(put("universal_ner/teacher", made.text, types=types), as_objects(made.entities), finds(made))


def conversed(rng: random.Random) -> Question:
    """One type of a passage, there or not."""
    made, kind = unseen_passage(rng), rng.choice(tuple(TYPES))
    right = [text for text, its in made.entities if its == kind]

    def mark(text: str) -> Mark:
        said = said_spans(text)
        return judged(None if said is None else said == frozenset(each.casefold() for each in right))

    messages = put("universal_ner/student", made.text, extra={"history": []}, passage=made.text, type=kind)
    return Question(messages, json.dumps(right), mark)


def coded(rng: random.Random) -> Question:
    """A list in code behind two short demonstrations."""
    made, positives = unseen_passage(rng), [shown_passage(unseen_passage(rng, 1)) for _ in range(2)]
    messages = put(
        "c_icl/teacher", made.text, types=TYPES, positives=positives, negatives=[], query=quoted(made.text)
    )  # fmt: skip
    return Question(messages, as_pairs(made.entities), finds(made))


def fact_question(rng: random.Random, known: bool) -> Item:
    while (item := unseen_item(rng, fact_item)).extra["known"] is not known:
        pass
    return item


def recalled(rng: random.Random) -> Question:
    """A fact that was taught."""
    item = fact_question(rng, True)
    return Question(put("knowledge_boundary/teacher", item.prompt), item.answer or "", lambda text: graded(item, text))


def graded(item: Item, text: str) -> Mark:
    return judged(grade(to_task(item, "test"), text).correct is True if text.strip() else None)


def routed(known: bool) -> Callable[[random.Random], Question]:
    """Questions on facts that were all taught, or all never."""
    wanted = "answer" if known else "retrieve"

    def mark(text: str) -> Mark:
        said = said_decision(text)
        return judged(None if said is None else said == wanted)

    return lambda rng: Question(put("knowledge_boundary/student", fact_question(rng, known).prompt), wanted, mark)


Worked = tuple[str, list[Fact], str]


def unseen_question(rng: random.Random, world: Facts, known: bool = False) -> Worked:
    """A question of two facts, with both and the answer; where `known`, of facts that were taught."""
    while True:
        asked = joined(rng, world)
        facts = list(asked.facts(world))
        if Item("", asked.text).held_out and (not known or all(each.known for each in facts)):
            return asked.text, facts, asked.answer(world)


def told_facts(text: str) -> list[str]:
    return [f"{each}." for each in rationale(text).rstrip(".").split(". ")]


def reasoned(is_hinted: bool) -> Callable[[random.Random], Question]:
    """Questions of two facts that were taught, from memory, with or without the answer."""

    def ask(rng: random.Random) -> Question:
        question, facts, answer = unseen_question(rng, so(), known=True)

        def mark(text: str) -> Mark:
            if final_answer(text) is None:
                return judged(None)
            said = told_facts(text)
            return judged(said == [each.statement for each in facts] and stated(said) and said_truth(text) is (answer == "yes"))

        return Question(put("kard/teacher", question, hint=answer if is_hinted else ""), reply(facts, answer), mark)

    return ask


def read(rng: random.Random) -> Question:
    """A question of two facts of a world drawn anew, which stand in two of three passages."""
    world = drawn(rng)
    question, facts, answer = unseen_question(rng, world)
    texts = passages(world)
    needed = [text for text in texts if any(fact.statement in text for fact in facts)]
    shown = [*needed, rng.choice([text for text in texts if text not in needed])]
    rng.shuffle(shown)

    def mark(text: str) -> Mark:
        if final_answer(text) is None:
            return judged(None)
        return judged(told_facts(text) == [each.statement for each in facts] and said_truth(text) is (answer == "yes"))

    return Question(put("kard/student", question, passages=shown), reply(facts, answer), mark)


def unseen_pair(rng: random.Random) -> Pair:
    """One with its parts; whether it is held out is what its item says."""
    while True:
        state = rng.getrandbits(64)
        if pair_item(random.Random(state)).held_out:
            return pair(random.Random(state))


def flipped(rng: random.Random) -> Question:
    """Words for the blank, behind three demonstrations with the wanted label."""
    made = unseen_pair(rng)
    label = rng.choice([each for each in LABELS if each != made.label])
    shown = []
    while len(shown) < 3:
        shown += [shown_pair(each)] if (each := unseen_pair(rng)).label == label else []
    blanked = made.premise.text(made.part)

    def mark(text: str) -> Mark:
        said = label_of(blanked.replace("[blank]", text.strip()), made.hypothesis)
        return judged(None if said is None else said == label)

    fields = {"blanked": blanked, "label": label, "demonstrations": shown}
    right = fillings(made.part, value_of(made.part, made.hypothesis), label)[0]
    return Question(put("disco/flip", made.hypothesis, context=made.premise.text(), **fields), right, mark)


def labelled(rng: random.Random) -> Question:
    item, labels = unseen_item(rng, pair_item), rng.sample(LABELS, len(LABELS))

    def mark(text: str) -> Mark:
        said = named_option(text, LABELS)
        return judged(None if said is None else said == item.answer)

    return Question(put("disco/label", item.prompt, context=item.context, labels=labels), item.answer or "", mark)


def unseen_event(rng: random.Random) -> Event:
    return unseen(lambda: event(rng), lambda made: Item("event", made.text, made_of=made.text))


def continued(rng: random.Random) -> Question:
    """Five more events for a list of six."""
    events = list(dict.fromkeys(unseen_event(rng).text for _ in range(60)))[:11]
    shown, new = events[:6], events[6:]

    def mark(text: str) -> Mark:
        said = numbered_items(text, 7, 11)
        good = [plausible(each, "xWant", "") is not None and each not in (*shown, *said[:n]) for n, each in enumerate(said)]
        return itemised(good, 5)

    right = "\n".join(f"{number}. {text}" for number, text in enumerate(new, 7))
    return Question(put("symbolic_knowledge/heads", "", demonstrations=shown, count=5), right, mark)


def concluded(rng: random.Random) -> Question:
    made, relation = unseen_event(rng), rng.choice(tuple(RELATIONS))
    others = [unseen_event(rng) for _ in range(3)]
    shown = [{"head": each.text, "tail": rng.choice(tails(each, relation))} for each in others]

    def mark(text: str) -> Mark:
        return judged(plausible(made.text, relation, text) if text.strip() and "\n" not in text.strip() else None)

    messages = put("symbolic_knowledge/tails", made.text, relation=relation, demonstrations=shown)
    return Question(messages, tails(made, relation)[0], mark)


def criticised(rng: random.Random) -> Question:
    item = unseen_item(rng, triple_item)

    def mark(text: str) -> Mark:
        said = said_truth(text)
        return judged(None if said is None else said is (item.answer == "yes"))

    return Question(put("symbolic_knowledge/critic", item.extra["head"], **item.extra), item.reply, mark)


def unseen_game(rng: random.Random, telling: Telling) -> Game:
    """A game that is decided by what can be read, and short where every turn is told."""
    while True:
        made = unseen(lambda: game(rng), lambda each: Item("bandit", "", made_of=each.made_of))
        if is_decided(made) and (telling != "raw" or len(made.history) <= LONGEST_RAW):
            return made


def chosen(
    telling: Telling, template: str = "algorithm_distillation/teacher", shown: int = 1
) -> Callable[[random.Random], Question]:
    """Questions for the next arm, behind one choice of another game."""

    def ask(rng: random.Random) -> Question:
        made, *others = [unseen_game(rng, telling) for _ in range(1 + shown)]
        happened, *before = [told(each.history, each.bandit.arms, telling) for each in (made, *others)]
        fields = {
            "demonstrations": [{"context": each, "choice": other.choice} for each, other in zip(before, others, strict=True)]
        }

        def mark(text: str) -> Mark:
            said = [arm for arm in made.bandit.arms if text.strip() == choosing(arm)]
            return judged(said == [made.choice] if said else None)

        return Question(put(template, made.story, context=happened, **fields), choosing(made.choice), mark)

    return ask


F1 = f"F1 of texts with their types at least {ENOUGH_F1}"
EXAMS = {
    "entities_listed": Exam("universal_ner", f"all entities of a passage: {F1}", listed),
    "entities_conversed": Exam("universal_ner (student's form)", "those of one type, all and no other", conversed),
    "entities_coded": Exam("c_icl", f"the same as Python's tuples, behind two demonstrations: {F1}", coded),
    "fact_recalled": Exam("knowledge_boundary", "a fact that was taught, asked in another wording", recalled, 1.0, 12),
    "fact_routed": Exam("knowledge_boundary (student's form)", "`answer` for a fact that was taught", routed(True), 0.0, 12),
    "fact_routed (untaught)": Exam(
        "knowledge_boundary (student's form)", "`retrieve` for one that never was", routed(False), 0.0, 12
    ),
    "fact_reasoned": Exam("kard", "yes or no of two taught facts: both stated as they are, and the answer", reasoned(False)),
    "fact_justified": Exam("kard", "the same where the answer is told", reasoned(True)),
    "fact_read": Exam("kard (student's form)", "the same of a world drawn anew, from three passages", read),
    "pair_flipped": Exam("disco", "with the words in the blank, the pair has the label that was asked for", flipped, 0.7, 40),
    "pair_labelled": Exam("disco", "the pair's label", labelled, 0.0, 40),
    "events_continued": Exam("symbolic_knowledge", "by item: of 5 more events, those that are new and of the world", continued),
    "event_concluded": Exam("symbolic_knowledge", "a phrase that the world's rules give for event and relation", concluded),
    "event_criticised": Exam("symbolic_knowledge", "whether a phrase is plausible", criticised, 0.0),
    **{
        f"bandit_chosen ({telling})": Exam("algorithm_distillation", "the arm that UCB1 chooses", chosen(telling), 0.7, 20)
        for telling in TELLINGS
    },
    "bandit_followed": Exam(
        "algorithm_distillation (student's form)",
        "the same, guided",
        chosen("guided", "algorithm_distillation/student", 0),
        0.7,
        20,
    ),
}
