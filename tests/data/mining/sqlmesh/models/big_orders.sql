MODEL (name shop.big_orders, kind FULL, dialect postgres, cron '@daily');

SELECT id, customer, total::numeric(12, 2) AS total FROM shop.orders WHERE total > 100;
