"""Measures how long a search takes from the request to the painted answer, in a browser.

usage: python tests/paint.py POSTS QUESTIONS.jsonl [--index PLACE] [--every N]

Asks every Nth question by typing it into the search page of `fixdex serve`; prints the median and
the 95th percentile in milliseconds, from the request's leaving to the frame that shows what came.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from playwright.sync_api import sync_playwright

from conftest import CHROMIUM, CHROMIUM_OPTIONS, serving
from indexer import KnowledgeBase, Settings

# When the last request left, and when the frame after its answer was painted.
WATCH = """() => {
  const ask = window.fetch;
  window.fetch = (...all) => { window.left = performance.now(); return ask(...all); };
  const painted = new MessageChannel();
  painted.port1.onmessage = () => { window.painted = performance.now(); };
  new MutationObserver(() => requestAnimationFrame(() => painted.port2.postMessage(0)))
    .observe(document.querySelector("#found"), { childList: true });
}"""


def main() -> None:
    """Asks, and prints the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("posts", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--index", type=Path, default=Path.home() / ".cache" / "fixdex-paint")
    parser.add_argument("--every", type=int, default=5)
    options = parser.parse_args()
    lines = options.questions.read_text("utf-8").splitlines()
    questions = [json.loads(line)["query"] for line in lines][:: options.every]
    knowledge_base = KnowledgeBase(options.posts, options.index, Settings(rate_limit="off"))
    knowledge_base.rebuild()
    knowledge_base.warm_up()
    times = []
    print(f"{knowledge_base.info().posts} posts in {options.posts}")
    with serving(knowledge_base) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_OPTIONS)
        page = browser.new_page(bypass_csp=True)
        page.goto(address)
        page.evaluate(WATCH)
        for question in questions:
            page.evaluate("window.painted = 0")
            page.locator("#question").fill(question)
            page.wait_for_function("window.painted > window.left")
            times.append(page.evaluate("window.painted - window.left"))
        browser.close()
    times.sort()
    worst = times[int(0.95 * len(times))]
    print(f"{len(times)} questions: median {statistics.median(times):.0f} ms, 95th {worst:.0f} ms")


if __name__ == "__main__":
    main()
