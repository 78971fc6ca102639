SELECT city, total FROM {{ ref('turnover') }} WHERE total > 100 ORDER BY total DESC, city
