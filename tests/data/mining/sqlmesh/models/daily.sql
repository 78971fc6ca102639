MODEL (name shop.daily, kind INCREMENTAL_BY_TIME_RANGE (time_column placed_on));

SELECT placed_on, COUNT(*) AS n
FROM shop.orders
WHERE placed_on BETWEEN @start_ds AND @end_ds
GROUP BY placed_on
