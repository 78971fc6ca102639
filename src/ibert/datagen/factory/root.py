"""Roots: pairs of SQL and Ibis code that were proved, from which other examples are derived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

import ibis.expr.operations as ops
from sqlglot import exp

from ibert.backends import COMPILER_ERRORS
from ibert.catalog import Catalog
from ibert.compilation import Program
from ibert.datagen.factory.databases import Prover
from ibert.datagen.factory.row import Content, Origin, Row, Table, hashed, row, tables_of
from ibert.datagen.structure import ibis_structure, sql_structure
from ibert.diagnostics import IbertError
from ibert.sandbox import Execution, Failure
from ibert.sql import parse_query
from ibert.verdict import Verdict
from ibert.verifier.reference import in_duckdb
from ibert.verifier.verify import combined

_BY_CHANCE = (" at 0x", "_memtable_")  # in what Ibis and Python say
EASY, MEDIUM = 25, 60  # nodes of a query
_PLAIN = (exp.Identifier, exp.Literal, exp.Column, exp.Table, exp.TableAlias, exp.From, exp.Paren)


@dataclass
class Tally:
    """What a shard gives: its rows, and why others are not among them."""

    rows: list[Row] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)

    def reject(self, task: str, reason: str) -> None:
        """Count what was not proved."""
        self.rejected[f"{task}: {reason}"] += 1


@dataclass(frozen=True)
class Root:
    """A proved pair.

    Attributes
    ----------
    sql, dialect, code
        The pair; the code is a module that defines `expr`.
    catalog
        The tables that it uses.
    source, name, licence
        Where it comes from; see `Origin`.
    prover
        The rows that it was proved on.
    execution
        What the code gave on the first of them.
    verdict
        What is known of it.
    program
        The code and its expression.
    difficulty
        None: told from the size of the query.
    """

    sql: str
    dialect: str
    code: str
    catalog: Catalog
    source: str
    name: str
    licence: str
    prover: Prover
    execution: Execution
    verdict: Verdict
    program: Program
    difficulty: str | None = None

    @cached_property
    def query(self) -> exp.Expr:
        """The tree of the query."""
        return parse_query(self.sql, self.dialect)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables, for rows."""
        return tables_of(self.catalog)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The constructs of the query."""
        found = {node.key for node in self.query.walk() if not isinstance(node, _PLAIN)}
        return tuple(sorted(found))

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """The operations of the code."""
        return tuple(
            sorted({type(node).__name__ for node in self.program.expr.op().find(ops.Node)})
        )

    @cached_property
    def origin(self) -> Origin:
        """Where it comes from, for rows."""
        size = sum(1 for _ in self.query.walk())
        level = "easy" if size <= EASY else "medium" if size <= MEDIUM else "hard"
        content = Content(task="root", dialect=self.dialect, input=self.sql, target=self.code)
        return Origin(
            source=self.source,
            name=self.name,
            licence=self.licence,
            root=content.id,
            structure=hashed(sql_structure(self.sql, self.dialect)),
            code_structure=hashed(ibis_structure(self.code)),
            schema=hashed(repr(self.prover.kin.to_dict())),
            database=self.prover.name,
            sql=in_duckdb(self.sql, self.dialect, self.catalog.to_sql_types()),
            features=self.features,
            operations=self.operations,
            difficulty=self.difficulty or level,
            rows=self.verdict.evidence.rows,
        )

    def row(self, content: Content) -> Row:
        """Make a row of what was derived."""
        return row(content, self.origin)

    def verify(self, sql: str, dialect: str) -> Verdict:
        """Judge the code against other SQL."""
        return combined(self.prover.verdicts(sql, self.code, dialect=dialect, first=self.execution))

    def chance(self, purpose: str) -> Random:
        """Give what decides by chance for a purpose; it depends on the root alone."""
        return Random(f"{self.origin.root}:{purpose}")


@dataclass(frozen=True)
class Draft:
    """A pair that is not yet proved; the other fields are those of `Root`."""

    sql: str
    dialect: str
    code: str
    catalog: Catalog
    source: str
    name: str
    licence: str
    difficulty: str | None = None


def proved(drafts: Iterator[Draft], prover: Prover, tally: Tally) -> Iterator[Root]:
    """Run drafts; yield those that are proved, and count the others."""
    for draft in drafts:
        execution = prover.execute(draft.code)
        if isinstance(execution, Failure):
            tally.reject("root", f"the code fails ({execution.exception or execution.kind.value})")
            continue
        try:
            verdict = combined(
                prover.verdicts(draft.sql, draft.code, dialect=draft.dialect, first=execution)
            )
            program = Program(draft.code, draft.catalog)
        except IbertError as error:
            tally.reject("root", f"{error.diagnostics[0].code} {draft.source}")
            continue
        except COMPILER_ERRORS as error:
            tally.reject("root", f"broke down ({type(error).__name__})")
            continue
        if verdict.verified:
            yield Root(
                **vars(draft),
                prover=prover,
                execution=execution,
                verdict=verdict,
                program=program,
            )
        else:
            tally.reject("root", reason_of(verdict))


def is_lasting(text: str) -> bool:
    """Tell whether a text would be the same tomorrow: it has no address, and no name by chance.

    Examples
    --------
    >>> is_lasting("<Table at 0x7f43>"), is_lasting("ibis_pandas_memtable_3qqb"), is_lasting("t.a")
    (False, False, True)
    """
    return not any(sign in text for sign in _BY_CHANCE)


def reason_of(verdict: Verdict) -> str:
    """Say in a few words why a verdict is not VERIFIED."""
    first = verdict.diagnostics[0]
    return f"{verdict.status.value} {first.code}"
