"""Functions over tables, as a repository might have them."""

import ibis
from ibis import _

LEAST = 10


def large(orders: ibis.Table) -> ibis.Table:
    """Keep what is worth looking at."""
    return orders.filter(orders.total > LEAST)


def per_customer(orders, customers):
    joined = large(orders).join(customers, "customer_id")
    return joined.group_by("city").agg(n=_.count(), spent=_.total.sum()).order_by("city")


def helper(number):
    return number + 1
