MODEL (name shop.per_customer, kind VIEW);

SELECT customer, COUNT(*) AS n, SUM(total) AS total FROM shop.big_orders GROUP BY customer
