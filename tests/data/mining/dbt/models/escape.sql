SELECT {{ ''.__class__.__mro__ }} AS x FROM {{ ref('stg_orders') }}
