"""Methods, with and without a state."""

import ibis

LEAST = 5


class Report:
    city = "Oslo"

    def __init__(self, connection):
        self.connection = connection

    def of_city(self, orders: ibis.Table) -> ibis.Table:
        return orders.filter(orders.city == self.city, orders.total > LEAST)

    def turnover(self, orders: ibis.Table) -> ibis.Table:
        return self.of_city(orders).agg(turnover=orders.total.sum())

    @staticmethod
    def newest(orders: ibis.Table) -> ibis.Table:
        return orders.order_by(orders.placed_on.desc(), orders.id).limit(2)

    def stored(self, orders: ibis.Table) -> ibis.Table:
        return orders.filter(orders.city == self.connection.city)
