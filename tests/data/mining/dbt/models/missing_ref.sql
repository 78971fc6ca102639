
SELECT *
FROM {{ ref("nowhere") }}
