"""Says what Lighthouse finds on the search, post and chat pages of `kb/`, the median of five runs.

usage: python tests/lighthouse.py; npm has put Lighthouse into node_modules.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from conftest import CHROMIUM, ROOT, serving
from indexer import KnowledgeBase, Settings

PAGES = {
    "search": "/?q=second+RNNCell+weights",
    "post": "/posts/tensorflow/second-rnncell.md",
    "chat": "/chat",
}
LEAST = {"accessibility": 1.0, "best-practices": 1.0, "performance": 0.95}


def main() -> None:
    """Prints the scores; ends with 1 where one is too low."""
    low = []
    with tempfile.TemporaryDirectory() as place:
        settings = Settings(rate_limit="off")
        knowledge_base = KnowledgeBase(ROOT / "kb", Path(place) / "index", settings)
        knowledge_base.rebuild()
        with serving(knowledge_base) as address:
            for name, path in PAGES.items():
                runs = [scores(address + path, Path(place) / "report.json") for _ in range(5)]
                found = {kind: statistics.median(run[kind] for run in runs) for kind in LEAST}
                print(name, *(f"{kind} {score:.2f}" for kind, score in found.items()))
                low += [kind for kind, score in found.items() if score < LEAST[kind]]
    raise SystemExit(1 if low else 0)


def scores(url: str, report: Path) -> dict[str, float]:
    """What one run of Lighthouse gives a page, 0 to 1 by category."""
    command = [
        ROOT / "node_modules" / ".bin" / "lighthouse",
        url,
        "--quiet",
        "--chrome-flags=--headless --no-sandbox --disable-gpu",
        f"--only-categories={','.join(LEAST)}",
        "--output=json",
        f"--output-path={report}",
    ]
    subprocess.run(command, check=True, env={**os.environ, "CHROME_PATH": str(CHROMIUM)})
    categories = json.loads(report.read_text("utf-8"))["categories"]
    return {kind: categories[kind]["score"] for kind in LEAST}


if __name__ == "__main__":
    main()
