"""All rules in the order of their codes, and the page that documents them."""

from __future__ import annotations

from ibert.checker import relations, truth, values, windows
from ibert.checker.rule import Rule
from ibert.diagnostics import CODES

RULES: tuple[Rule, ...] = (
    truth.identity_of_a_column,
    truth.uncalled_method,
    truth.text_of_an_expression,
    truth.order_with_null,
    truth.null_in_a_list,
    truth.comparison_with_itself,
    truth.reversed_bounds,
    truth.impossible_part,
    truth.contradiction,
    relations.dropped_expression,
    relations.lost_order,
    relations.join_without_predicate,
    relations.one_sided_join,
    relations.key_of_one_side,
    relations.columns_in_another_order,
    relations.limit_of_another_table,
    relations.mixed_rows,
    relations.page_without_order,
    windows.order_without_frame,
    windows.open_frame,
    windows.window_without_order,
    windows.first_of_no_order,
    windows.ignored_in_a_window,
    windows.reduction_of_an_earlier_table,
    windows.count_of_a_condition,
    windows.rank_from_one,
    windows.limit_before_reduction,
    windows.group_order_of_reduction,
    values.rounded_mean,
    values.decimal_without_type,
    values.format_without_percent,
    values.month_for_minute,
    values.pattern_of_another_language,
    values.padding_of_several,
    values.time_against_date,
    values.unreachable_branch,
)

_HEAD = """\
# Rules of `ibert check`

Written by `./just rules` from the rules themselves. Each is proved: a test runs the code that it
finds and the code that is right, and the results differ. `# noqa: IB701` at the end of a line
silences a rule there.

## IB700: {raises}

Reading the code, Ibis raises an exception: an unknown column or method, operands that do not go
together, `and` between two conditions.

Bad: `t.filter(t.nothing > 1)`
Good: `t.filter(t.x > 1)`
"""


def documentation() -> str:
    """Write the page of the rules, in Markdown.

    Examples
    --------
    >>> documentation().splitlines()[0]
    '# Rules of `ibert check`'
    """
    sections = [_HEAD.format(raises=CODES["IB700"])]
    for rule in RULES:
        title, _, text = rule.documentation.partition("\n\n")
        sections.append(f"## {rule.code}: {rule.name}\n\n{title}\n\n{text}\n")
    return _broken_lines("\n".join(sections))


def _broken_lines(text: str) -> str:
    """Keep `Bad:` and `Good:` on lines of their own."""
    return text.replace("`\nGood: ", "`  \nGood: ")
