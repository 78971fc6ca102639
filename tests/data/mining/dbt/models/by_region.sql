SELECT r.region, COUNT(*) AS n
FROM {{ source('raw', 'customers') }} c JOIN {{ ref('regions') }} r ON r.city = c.city
GROUP BY r.region
