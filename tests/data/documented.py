"""Functions over tables as people write them; their docstrings are made in the tests."""

import datetime
from typing import Literal

import ibis
import ibis.expr.types as ir
import ibis.selectors as s
from ibis import _

PAID = "paid"
REGIONS = ["north", "south"]
VAT = 0.19


@ibis.udf.scalar.builtin
def jaccard(a: str, b: str) -> float: ...


def with_net(t):
    return t.mutate(net=t.gross / (1 + VAT))


def is_recent(column, days):
    return column >= ibis.date("2024-03-01") - ibis.interval(days=days)


def paid_per_country(orders: ir.Table, users: ir.Table, minimum: float = 10) -> ir.Table:
    paid = orders.filter(orders.status == PAID, _.total > minimum)
    return (
        paid.join(users, paid.user_id == users.id)
        .group_by("country")
        .agg(n=_.count(), total=_.total.sum())
        .order_by(ibis.desc("total"))
    )


def paid_orders(orders: ir.Table) -> ir.Table:
    return orders.filter(_.status == "paid")


def daily_active_users(events: ibis.Table) -> ibis.Table:
    return events.group_by(day=_.ts.date()).agg(users=_.user_id.nunique()).order_by("day")


def top_rows(t, n, column):
    return t.order_by(t[column].desc()).limit(n)


def users_without_orders(users: ir.Table, orders: ir.Table) -> ir.Table:
    return users.anti_join(orders, users.id == orders.user_id)


def with_order_counts(users: ir.Table, orders: ir.Table) -> ir.Table:
    counts = orders.group_by("user_id").agg(orders=_.count())
    return users.left_join(counts, users.id == counts.user_id).drop("user_id")


def latest_per_user(events: ir.Table) -> ir.Table:
    ranked = events.mutate(
        rank=ibis.row_number().over(group_by="user_id", order_by=ibis.desc("ts"))
    )
    return ranked.filter(_.rank == 0).drop("rank")


def running_total(sales: ir.Table) -> ir.Table:
    window = ibis.cumulative_window(group_by="shop", order_by="day")
    return sales.mutate(running=sales.amount.sum().over(window))


def previous_amount(sales: ir.Table):
    return sales.mutate(previous=_.amount.lag().over(group_by="shop", order_by="day"))


def monthly(sales: ir.Table, unit: Literal["M", "Y"] = "M") -> ir.Table:
    return sales.group_by(period=_.day.truncate(unit)).agg(amount=_.amount.sum())


def revenue_by(sales: ir.Table, by: str, *, statistic: str = "sum") -> ir.Table:
    if statistic == "sum":
        figure = sales.amount.sum()
    elif statistic == "mean":
        figure = sales.amount.mean()
    else:
        raise ValueError(f"unknown statistic {statistic!r}")
    return sales.group_by(by).agg(revenue=figure)


def between_days(events: ir.Table, start: datetime.date, end: datetime.date) -> ir.Table:
    return events.filter(events.day.between(start, end))


def in_regions(shops: ir.Table) -> ir.Table:
    return shops.filter(shops.region.isin(REGIONS)).select("id", "region", "name")


def clean_names(people: ir.Table) -> ir.Table:
    return people.mutate(name=_.name.strip().lower(), email=_.email.fill_null("")).distinct()


def net_amounts(invoices: ir.Table) -> ir.Table:
    return with_net(invoices).filter(_.net > 0)


def recent(events: ir.Table, days: int = 30) -> ir.Table:
    return events.filter(is_recent(events.day, days))


def sum_of_numbers(t: ir.Table) -> ir.Table:
    return t.agg(s.across(s.numeric(), _.sum()))


def all_orders(current: ir.Table, archived: ir.Table) -> ir.Table:
    return ibis.union(current, archived)


def tags_of(posts: ir.Table) -> ir.Table:
    return posts.select("id", tag=_.tags.unnest())


def size_classes(parcels: ir.Table) -> ir.Table:
    size = ibis.cases((_.weight < 1, "small"), (_.weight < 10, "medium"), else_="large")
    return parcels.mutate(size=size)


def conversion_rate(events: ir.Table) -> ir.Scalar:
    return events.count(where=events.kind == "purchase") / events.count()


def latest_day(events: ir.Table):
    return events.day.max()


def similar_names(people: ir.Table, name: str, least: float = 0.8) -> ir.Table:
    return people.mutate(similarity=jaccard(people.name, name)).filter(_.similarity >= least)


def optional_country(users: ir.Table, country: str | None = None) -> ir.Table:
    if country is not None:
        users = users.filter(users.country == country)
    return users.select("id", "country")


def above_average(products: ir.Table) -> ir.Table:
    return products.filter(products.price > products.price.mean())


def price_spread(products: ir.Table) -> ir.Table:
    return products.group_by("category").agg(
        lowest=_.price.min(), highest=_.price.max(), spread=_.price.max() - _.price.min()
    )


def big_categories(products: ir.Table, least: int) -> ir.Table:
    return products.group_by("category").agg(n=_.count()).filter(_.n >= least)


def pick(t: ir.Table, columns: list[str]) -> ir.Table:
    return t.select(columns)


def with_ratio(t, numerator, denominator):
    return t.mutate(ratio=t[numerator] / t[denominator])


def column_totals(t: ir.Table, columns: list[str]) -> ir.Table:
    return t.agg(**{f"{column}_total": t[column].sum() for column in columns})


def managers(staff: ir.Table) -> ir.Table:
    boss = staff.view()
    return staff.join(boss, staff.manager_id == boss.id).select(staff.name, manager=boss.name)


def complete_rows(t: ir.Table) -> ir.Table:
    return t.drop_null(["email", "phone"])


def page(t: ir.Table, skip: int, size: int = 20) -> ir.Table:
    return t.order_by("id").limit(size, offset=skip)


def in_both(left: ir.Table, right: ir.Table):
    return left.intersect(right)


def order_lines(orders: ir.Table, items: ir.Table, products: ir.Table) -> ir.Table:
    return (
        orders.join(items, orders.id == items.order_id)
        .join(products, items.product_id == products.id)
        .select(orders.id, "quantity", products.title, line=items.quantity * products.price)
    )


def hourly_load(metrics: ir.Table) -> ir.Table:
    return (
        metrics.mutate(hour=metrics.at.hour())
        .group_by("hour")
        .agg(load=_.load.mean(), peak=_.load.max())
        .order_by("hour")
    )


def first_word(texts: ir.Table) -> ir.Table:
    return texts.mutate(first=_.body.split(" ")[0], length=_.body.length())
