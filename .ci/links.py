#!/usr/bin/env python3
"""Checks the documentation's links: each local one leads to an existing page and, with a `#`, to an anchor on it.

    python3 .ci/links.py target/doc/zoom_livestream
"""

import html.parser
import pathlib
import sys
from urllib.parse import unquote, urlsplit

# The first two are pages that rustdoc writes one folder above; the last is a relative link in tracing's own documentation,
# which rustdoc repeats on each page.
SKIPPED = {"settings.html", "help.html", "dispatcher"}


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if attributes.get("id"):
            self.places.add(attributes["id"])
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    pages = {path: Page(path) for path in sorted(folder.rglob("*.html"))}
    dead = []
    for path, page in pages.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or pathlib.PurePosixPath(address.path).name in SKIPPED:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            if target.is_dir():
                target /= "index.html"
            places = pages[target].places if address.fragment and target in pages else {address.fragment}
            if not target.exists() or not places & {address.fragment, unquote(address.fragment)}:
                dead.append(f"{path.relative_to(folder)}: {link}")
    print(f"{len(pages)} pages, {sum(len(page.links) for page in pages.values())} links, {len(dead)} dead")
    if dead or not pages:
        sys.exit("\n".join(dead[:20]) or "no pages")


main()
