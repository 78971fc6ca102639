"""What has to become a variable in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ibert.translator.relations import (
    Join,
    Relation,
    TableRelation,
)
from ibert.translator.values import (
    ColumnNode,
    FieldNode,
    RelationNode,
    Slot,
)


class Survey:
    """What has to become a variable, and which steps have to call their input by its name."""

    def __init__(self) -> None:
        self.named: set[Relation] = set()
        self.explicit: set[Relation] = set()
        self.seen: dict[Relation, None] = {}  # in the order in which they are met

    def visit(self, relation: Relation, outer: dict[Slot, tuple[Relation, Relation]]) -> None:
        """Read a relation, within others that are around it."""
        chain: list[Relation] = []
        while relation not in self.seen:
            self.seen[relation] = None
            if relation.named or isinstance(relation, TableRelation):
                self.named.add(relation)
            chain.append(relation)
            if not relation.inputs:
                break
            relation = relation.inputs[0]
        else:
            self.named.add(relation)
        for item in reversed(chain):
            for part in item.inputs[1:]:
                self.visit(part, outer)
            self._read(item, outer)

    def _read(self, relation: Relation, outer: dict[Slot, tuple[Relation, Relation]]) -> None:
        here = {part.slot: (part, relation) for part in relation.inputs}
        if isinstance(relation, Join) and (relation.predicates or relation.on):
            self._name(here.values())
        for value in relation.values:
            eager = [here[slot] for slot in value.eager if slot in here]
            self._name(eager)
            self._walk(value.node, here, outer)

    def _name(self, found: Iterable[tuple[Relation, Relation]]) -> None:
        for part, owner in found:
            self.named.add(part)
            self.explicit.add(owner)

    def _walk(
        self,
        node: ast.AST,
        here: dict[Slot, tuple[Relation, Relation]],
        outer: dict[Slot, tuple[Relation, Relation]],
    ) -> None:
        if isinstance(node, FieldNode):
            if node.slot not in here and node.slot in outer:
                self._name([outer[node.slot]])
        elif isinstance(node, RelationNode | ColumnNode):
            self.visit(node.relation, outer | here)
        else:
            for child in ast.iter_child_nodes(node):
                self._walk(child, here, outer)
