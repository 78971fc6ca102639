MODEL (name shop.open, kind FULL
SELECT 1
