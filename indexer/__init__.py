"""From a folder of posts to an answer."""

from indexer.answers import (
    Alternative,
    Answer,
    Citation,
    Found,
    Hit,
    Hits,
    answer_json,
    hits_json,
)
from indexer.asked import REASONS, Asked, AskedError, Reported
from indexer.colours import spans
from indexer.conversation import Turn
from indexer.fixes import Fix, Step
from indexer.knowledge_base import KnowledgeBase, NoIndex, Suggestions
from indexer.logs import trace
from indexer.pasted import understood
from indexer.places import choose_folder, choose_place
from indexer.reading import PostText
from indexer.rebuild import Report
from indexer.redaction import redact
from indexer.settings import Settings, SettingsError, load_settings
from indexer.snippets import Snippet
from indexer.status import Status, age_seconds
from indexer.storage import IndexFault

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
