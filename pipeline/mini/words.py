"""The vocabulary of the mini world: who, what and where its stories speak of.

Lists named `OOD_…` are kept for evaluation only: no model of this project ever trained on them.
"""

NAMES = (
    ("Tom", "he", "him"), ("Anna", "she", "her"), ("Ben", "he", "him"), ("Mia", "she", "her"),
    ("Sam", "he", "him"), ("Lucy", "she", "her"), ("Max", "he", "him"), ("Ella", "she", "her"),
    ("Leo", "he", "him"), ("Nora", "she", "her"), ("Paul", "he", "him"), ("Rosa", "she", "her"),
    ("Finn", "he", "him"), ("Ivy", "she", "her"), ("Carl", "he", "him"), ("Jane", "she", "her"),
)  # fmt: skip
OOD_NAMES = (
    ("Omar", "he", "him"), ("Priya", "she", "her"), ("Kenji", "he", "him"), ("Zoe", "she", "her"),
    ("Diego", "he", "him"), ("Wanda", "she", "her"),
)  # fmt: skip

TOPICS = (
    "dog", "cat", "horse", "bird", "fish", "farmer", "teacher", "baker", "driver", "doctor",
    "king", "child", "boat", "train", "tree", "cake",
)  # fmt: skip
OOD_TOPICS = ("robot", "pirate", "piano", "wizard")

ADJECTIVES = ("old", "young", "happy", "small", "brave", "quiet", "kind", "red", "blue", "proud")
VERBS = ("waits", "rests", "sings", "stands", "stays", "smiles", "shines", "works")
PLACES = ("park", "river", "house", "school", "market", "garden", "bridge", "forest", "harbor")

LIST_WORDS = (
    "sun", "cup", "hat", "pen", "map", "box", "key", "bell", "leaf", "moon",
    "rose", "sand", "door", "lamp", "coin", "ship",
)  # fmt: skip
OOD_LIST_WORDS = ("guitar", "ladder", "bucket", "pillow", "mirror")
