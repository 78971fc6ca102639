"""Code to put faults into: its columns, texts and methods, and the dice that choose among them."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from typing import Any

from ibert.catalog import Catalog
from ibert.interpreter import Interpreter
from ibert.repair.fault import Fault, table_of
from ibert.repair.source import Source


class Sample:
    """Code that is right, with what is known of its values, and the dice that choose."""

    def __init__(self, text: str, catalog: Catalog, seed: str) -> None:
        self.source = Source(text, ast.parse(text))
        self.reading = Interpreter(catalog).read(self.source.module)
        self.known = Fault(self.source, self.reading, self.source.module, "", "")
        self.dice = random.Random(seed)

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[Any]:
        """Yield the nodes of some kinds."""
        yield from self.known.nodes(*kinds)

    def methods(self, *names: str) -> Iterator[ast.Call]:
        """Yield the calls of methods of some names, or of any."""
        for node in self.nodes(ast.Call):
            if isinstance(node.func, ast.Attribute) and (not names or node.func.attr in names):
                yield node

    def columns(self) -> Iterator[ast.Attribute]:
        """Yield the attributes that are columns."""
        for node in self.nodes(ast.Attribute):
            if isinstance(node.value, ast.Name) and not self.is_called(node):
                table = table_of(self.reading.values.get(node.value))
                columns = list(table.columns) if table is not None else self.known.columns(node)
                if node.attr in columns:
                    yield node

    def texts(self) -> Iterator[tuple[ast.Constant, str]]:
        """Yield the texts that name columns."""
        for node in self.nodes(ast.Constant):
            if isinstance(node.value, str) and node.value in self.known.columns(node):
                yield node, node.value

    def is_called(self, node: ast.AST) -> bool:
        """Whether a node is what is called."""
        parent = self.source.parents.get(node)
        return isinstance(parent, ast.Call) and parent.func is node

    def with_attribute(self, node: ast.Attribute, name: str) -> str:
        """Give the code with another attribute."""
        end = self.source.end(node)
        return self.source.replaced((end - len(node.attr), end, name))

    def typo(self, name: str) -> str:
        """Misspell a name as fingers do."""
        place = self.dice.randrange(max(len(name) - 1, 1))
        letter = self.dice.choice("aeinrst")
        return self.dice.choice(
            [
                name[:place]
                + name[place + 1 : place + 2]
                + name[place : place + 1]
                + name[place + 2 :],
                name[:place] + name[place + 1 :],
                name[: place + 1] + name[place : place + 1] + name[place + 1 :],
                name[: place + 1] + letter + name[place + 2 :],
            ]
        )
