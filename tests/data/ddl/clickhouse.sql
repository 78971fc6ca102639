CREATE DATABASE IF NOT EXISTS shop;
CREATE TABLE shop.orders ON CLUSTER main (
  `id` UInt64,
  `status` LowCardinality(String),
  `coupon` LowCardinality(Nullable(String)),
  `total` Nullable(Decimal(18, 4)),
  `price` Decimal64(2) CODEC(ZSTD(1)),
  `placed` DateTime64(3, 'UTC') DEFAULT now64(),
  `day` Date MATERIALIZED toDate(placed),
  `tags` Array(Nullable(String)),
  `attributes` Map(String, UInt8),
  `kind` Enum8('a' = 1, 'b' = 2),
  `uid` UUID NULL,
  INDEX by_status status TYPE set(10) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(placed)
PRIMARY KEY (id)
ORDER BY (id, placed)
TTL day + INTERVAL 1 MONTH
SETTINGS index_granularity = 8192;
