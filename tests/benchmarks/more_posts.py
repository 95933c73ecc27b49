"""More posts than there are, by variation of real ones, so that cost can be measured by size.

Fewer than there are is a sample. More are all of them, and then variants until there are enough:

- A variant begins as a real post. Half of its sections, cut at headings, are those of other posts.
- Half of its names (words of Latin letters with a digit, a line below or a capital inside, words
  that few posts have, and numbers of several digits) become others, each the same everywhere in
  the variant. They become names of other posts, taken as often as these occur, so that what is
  frequent stays frequent and what is rare stays rare; or new ones:
- Real text never ends to bring new words: n characters have about K n^b different ones (Heaps'
  law). b is that of the posts given, between a quarter and all of them. A variant gets as many
  names that no post has as the law wants by then, each crossed from two real ones: the beginning
  of one and the end of another.
- The same for Chinese, whose words come out of a dictionary: neighbouring characters are counted
  in pairs, and a run of a variant is crossed with one of another post, which makes a new pair
  where they meet, until there are as many as the law wants.
- Its title is the beginning of one and the end of another. No variant equals another post.

What it does not keep: the order of thought, and which names stand together; costs do not depend on
these, quality does. The same seed makes the same posts.

usage: python -m benchmarks.more_posts POSTS
Says how the words grow: half of the posts varied to as many as there are, against the real ones.
"""

from __future__ import annotations

import bisect
import json
import math
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from benchmarks.folder import posts

Post = tuple[str, str]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+")
_SHAPED = re.compile(r"[0-9]|[A-Za-z0-9]_|[a-z][A-Z]")
_RUN = re.compile(r"[\u4e00-\u9fff]{2,}")
_HEADER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(\S.*)$", re.MULTILINE)
_FENCE, _HEADING = re.compile(r"\s*(```|~~~)"), re.compile(r"#{1,6} ")
# A word that at most so many posts have is a name, however it looks.
_FEW = 2


def more_posts(real: Sequence[Post], count: int, seed: int = 1) -> Iterator[Post]:
    """As many posts as asked for: a sample of the real ones, or these and variants of them."""
    chance = random.Random(seed)
    if count <= len(real):
        yield from sorted(chance.sample(real, count))
        return
    yield from real
    made = _Variation(real, chance)
    seen = {hash(text) for _, text in real}
    number = len(real)
    while number < count:
        path, text = made.variant(number)
        if hash(text) not in seen:
            seen.add(hash(text))
            number += 1
            yield path, text


# So often two runs are crossed, until they meet as none did before.
_TRIES = 4


def pairs(run: str) -> Iterator[str]:
    """The characters of a run with their right neighbours."""
    return map("".join, pairwise(run))


class Words:
    """The different words of texts: names and numbers, and pairs of Chinese characters."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.pairs: set[str] = set()

    def add(self, text: str) -> None:
        """Counts the words of a text in."""
        self.names.update(_NAME.findall(text))
        for run in _RUN.findall(text):
            self.pairs.update(pairs(run))

    def __str__(self) -> str:
        return f"{len(self.names)} names, {len(self.pairs)} pairs"


class _Growth:
    """How many words there are to be after so many characters, by Heaps' law."""

    def __init__(self, characters: Sequence[int], words: Sequence[int]) -> None:
        self._characters, self._words = characters[-1], words[-1]
        wider = math.log(characters[-1] / characters[0])
        self.exponent = math.log(max(words[-1], 1) / max(words[0], 1)) / wider if wider else 0.0

    def at(self, characters: int) -> float:
        return self._words * float((characters / self._characters) ** self.exponent)


class _Drawn:
    """Things drawn as often as they occur."""

    def __init__(self, counts: Counter[str], chance: random.Random) -> None:
        self._things = list(counts)
        self._sums = list(accumulate(counts.values()))
        self._chance = chance

    def __call__(self) -> str:
        place = self._chance.randrange(self._sums[-1])
        return self._things[bisect.bisect(self._sums, place)]


class _Variation:
    def __init__(self, real: Sequence[Post], chance: random.Random) -> None:
        self._real, self._chance = real, chance
        self._cut = [_sections(text) for _, text in real]
        # What a post begins with stays; of the rest any may stand in for any, so that variants are
        # no longer than real posts.
        self._sections = [one for _, sections in self._cut for one in sections[1:]]
        self._words = Words()
        self._characters = 0
        seen_by: Counter[str] = Counter()
        names: Counter[str] = Counter()
        runs: Counter[str] = Counter()
        marks: list[tuple[int, int, int]] = []
        for number, (_, text) in enumerate(chance.sample(real, len(real)), 1):
            found = _NAME.findall(text)
            seen_by.update(set(found))
            names.update(found)
            runs.update(_RUN.findall(text))
            self._words.add(text)
            self._characters += len(text)
            if number in (max(1, len(real) // 4), len(real)):
                counted = self._characters, len(self._words.names), len(self._words.pairs)
                marks.append(counted)
        characters, by_names, by_pairs = zip(*marks, strict=True)
        self._names_wanted = _Growth(characters, by_names)
        self._pairs_wanted = _Growth(characters, by_pairs)
        kept = {
            name: times
            for name, times in names.items()
            if len(name) > 1 and (seen_by[name] <= _FEW or _SHAPED.search(name))
        }
        self._is_name = kept.keys()
        numbers = Counter({name: kept[name] for name in kept if name.isdigit()})
        letters = Counter({name: kept[name] for name in kept if not name.isdigit()})
        self._number = _Drawn(numbers or Counter({"10": 1}), chance)
        self._letters = _Drawn(letters or Counter({"name": 1}), chance)
        self._run = _Drawn(runs or Counter({"文字": 1}), chance)

    def variant(self, number: int) -> Post:
        """A post like the real ones; its file has its number."""
        place = self._chance.randrange(len(self._real))
        header, (first, *rest) = self._cut[place]
        told = [
            first,
            *(
                self._chance.choice(self._sections) if self._chance.random() < 0.5 else own
                for own in rest
            ),
        ]
        _, other = self._chance.choice(self._real)
        text = _retitled(header, other, self._chance) + self._renamed("".join(told))
        self._characters += len(text)
        file = Path("varied", self._real[place][0])
        return file.with_stem(f"{file.stem}-{number}").as_posix(), text

    def _renamed(self, text: str) -> str:
        """A text with other names, and with as many that no post has as the law wants."""
        characters = self._characters + len(text)
        own = sorted({name for name in _NAME.findall(text) if name in self._is_name})
        wanted = int(self._names_wanted.at(characters)) - len(self._words.names)
        changed = min(len(own), max(wanted, math.ceil(len(own) / 2)))
        others = {
            name: self._new(name) if place < wanted else self._like(name)
            for place, name in enumerate(self._chance.sample(own, changed))
        }
        text = _NAME.sub(lambda found: others.get(found[0], found[0]), text)
        own = sorted(set(_RUN.findall(text)))
        self._chance.shuffle(own)
        others = {}
        for run in own:
            if len(self._words.pairs) >= int(self._pairs_wanted.at(characters)):
                break
            for _ in range(_TRIES):
                others[run] = crossed(run, self._run(), self._chance)
                if not self._words.pairs.issuperset(pairs(others[run])):
                    break
            self._words.pairs.update(pairs(others[run]))
        return _RUN.sub(lambda found: others.get(found[0], found[0]), text)

    def _like(self, name: str) -> str:
        """A number for a number, and a name for a name."""
        return self._number() if name.isdigit() else self._letters()

    def _new(self, name: str) -> str:
        """A name that no post has, nor a variant before, for one of these."""
        new = crossed(self._like(name), self._like(name), self._chance)
        while new in self._words.names:
            new += str(self._chance.randrange(10))
        self._words.names.add(new)
        return new


def crossed(one: str, other: str, chance: random.Random) -> str:
    """The beginning of one word and the end of another, each at least a character."""
    return one[: chance.randint(1, len(one))] + other[chance.randrange(len(other)) :]


def _sections(text: str) -> tuple[str, list[str]]:
    """The header of a post, and the rest cut at headings outside of fences."""
    header = found[0] if (found := _HEADER.match(text)) else ""
    sections, fenced = [""], False
    for line in text[len(header) :].splitlines(keepends=True):
        fenced ^= bool(_FENCE.match(line))
        if not fenced and _HEADING.match(line) and sections[-1]:
            sections.append("")
        sections[-1] += line if line.endswith("\n") else line + "\n"
    return header, sections


def _retitled(header: str, other: str, chance: random.Random) -> str:
    """A header whose title ends as that of another post does."""
    found = _TITLE.search(other, 0, 2000)
    if not found:
        return header
    ending = _parts(found[1])
    ending = ending[chance.randrange(len(ending)) :]

    def cross(own: re.Match[str]) -> str:
        parts = _parts(own[1])
        title = "".join(parts[: math.ceil(len(parts) / 2)] + ending)
        return f"title: {json.dumps(title, ensure_ascii=False)}"

    return _TITLE.sub(cross, header, 1)


def _parts(title: str) -> list[str]:
    """A title cut where it may be parted: after blanks, and between Chinese characters."""
    return re.findall(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+\s*|\s+", title.strip("\"' "))


def write_posts(folder: Path, made: Iterable[Post]) -> Words:
    """Writes posts into a folder, and says how many different words they have."""
    words = Words()
    for path, text in made:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        words.add(text)
    return words


def main() -> None:
    """Prints the words of the real posts beside those of half of them, varied."""
    real = list(posts(Path(sys.argv[1])))
    half = sorted(random.Random(2).sample(real, len(real) // 2))
    counted = {}
    for name, some in (("half", half), ("varied", more_posts(half, len(real))), ("real", real)):
        words = Words()
        characters = 0
        for _, text in some:
            words.add(text)
            characters += len(text)
        counted[name] = f"{characters} characters, {words}"
    for name, told in counted.items():
        print(f"{name}: {told}")


if __name__ == "__main__":
    main()
