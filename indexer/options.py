"""Options that several commands share, and how words that look like options are told from them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click


class Asking(click.Command):
    """A command whose arguments are words to look for: what is none of its options is a word.

    So `fixdex ask --no-cache-dir has no effect` is a question. After `--` all are words.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Sorts the options that it knows before the words."""
        known = {
            name: not option.is_flag
            for option in self.get_params(ctx)
            if isinstance(option, click.Option)
            for name in option.opts + option.secondary_opts
        }
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for word in rest:
            name, given, _ = word.partition("=")
            # `--kb=FOLDER` and `-n5`.
            joined = (bool(given) and name.startswith("--")) or word[2:].isdecimal()
            if word == "--":
                words += rest
            elif word in known or (joined and known.get(name if given else word[:2])):
                values = [*itertools.islice(rest, 1 if known.get(word) else 0)]
                if known.get(word) and not values:
                    raise click.UsageError(f"Option '{word}' requires an argument", ctx)
                options += [word, *values]
            else:
                words.append(word)
        return super().parse_args(ctx, [*options, "--", *words])


@dataclass(frozen=True, slots=True)
class Named:
    """Which posts and which index the options name."""

    kb: str | None
    index: str | None
    trust_index: bool | None


def knowledge_base_options(command: Callable[..., Any]) -> Any:
    """The options that say which posts and which index; the command gets them as `named`."""

    @click.option("--kb", metavar="FOLDER", help="Folder of posts.")
    @click.option("--index", metavar="PLACE", help="Folder that holds the index.")
    @click.option(
        "--trust-index",
        is_flag=True,
        default=None,
        help="Open an index that others may have written.",
    )
    @functools.wraps(command)
    def gathered(
        *, kb: str | None, index: str | None, trust_index: bool | None, **rest: Any
    ) -> Any:
        return command(named=Named(kb, index, trust_index), **rest)

    return gathered
