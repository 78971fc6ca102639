SELECT '{{ env_var("HOME") }}' AS home FROM {{ ref('stg_orders') }}
