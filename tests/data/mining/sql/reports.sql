-- Turnover by city
SELECT c.city, SUM(o.total) AS turnover
FROM orders o JOIN customers c ON c.name = o.customer
GROUP BY c.city;

SELECT customer, COUNT(*) AS n FROM orders WHERE total > 100 GROUP BY 1 HAVING COUNT(*) > 1;

SELECT nothing FROM nowhere;
