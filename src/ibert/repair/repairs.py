"""The repairs by their names, as the table of error shapes uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ibert.repair import arguments, names, operators, relations, types
from ibert.repair.fault import Candidate, Fault
from ibert.repair.idioms import idiom

REPAIRS: dict[str, Callable[[Fault], Iterator[Candidate]]] = {
    repair.__name__: repair
    for repair in (
        idiom,
        arguments.allowed_value,
        arguments.fewer_arguments,
        arguments.nearest_keyword,
        arguments.positional,
        arguments.split_argument,
        arguments.swapped_arguments,
        arguments.without_keyword,
        arguments.wrapped_arguments,
        names.alias,
        names.called_column,
        names.column_of_scope,
        names.comparison_text,
        names.grouped_filter,
        names.imported,
        names.nearest_attribute,
        names.nearest_column,
        names.nearest_column_attribute,
        names.nearest_import,
        names.nearest_name,
        names.nearest_table,
        names.of_ibis,
        names.owner_of_method,
        names.qualified,
        names.separated_texts,
        names.sort_text,
        names.uncalled_method,
        operators.bitwise,
        operators.chained,
        operators.conditional,
        operators.inverted,
        operators.membership,
        operators.none_comparison,
        operators.regrouped,
        operators.regrouped_unary,
        relations.kept_apart,
        relations.keyed_join,
        relations.ordered_window,
        relations.rebased,
        relations.renamed_duplicate,
        relations.restored_column,
        relations.same_columns,
        relations.viewed,
        relations.without_renaming,
        relations.without_view,
        types.as_scalar,
        types.cast_argument,
        types.cast_for_method,
        types.cast_operand,
        types.column_of_table,
        types.grouped_by,
        types.interval,
        types.lenient_cast,
        types.literal_of_type,
        types.reduced,
        types.without_reduction,
    )
}
