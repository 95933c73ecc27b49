"""From a folder of posts to an answer."""

from indexer.answers.answers import (
    Alternative,
    Answer,
    Citation,
    Found,
    Hit,
    Hits,
    answer_json,
    hits_json,
)
from indexer.answers.colours import spans
from indexer.answers.conversation import Turn
from indexer.answers.reading import PostText
from indexer.asked import REASONS, Asked, AskedError, Reported
from indexer.fixes.fixes import Fix, Step
from indexer.index.rebuild import Report
from indexer.index.status import Status, age_seconds
from indexer.index.storage import IndexFault
from indexer.knowledge_base import KnowledgeBase, NoIndex, Suggestions
from indexer.logs import trace
from indexer.places import choose_folder, choose_place
from indexer.redaction import redact
from indexer.search.snippets import Snippet
from indexer.settings import Settings, SettingsError, load_settings
from indexer.text.pasted import understood

__all__ = [
    "REASONS",
    "Alternative",
    "Answer",
    "Asked",
    "AskedError",
    "Citation",
    "Fix",
    "Found",
    "Hit",
    "Hits",
    "IndexFault",
    "KnowledgeBase",
    "NoIndex",
    "PostText",
    "Report",
    "Reported",
    "Settings",
    "SettingsError",
    "Snippet",
    "Status",
    "Step",
    "Suggestions",
    "Turn",
    "age_seconds",
    "answer_json",
    "choose_folder",
    "choose_place",
    "hits_json",
    "load_settings",
    "redact",
    "spans",
    "trace",
    "understood",
]
