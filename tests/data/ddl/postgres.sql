-- As pg_dump --schema-only --no-owner writes it.
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA shop;
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;

CREATE TABLE shop.orders (
    id integer NOT NULL,
    customer_id bigint,
    status character varying(20) DEFAULT 'new'::character varying NOT NULL,
    total numeric(10,2),
    weight numeric,
    tags text[],
    payload jsonb,
    "placedAt" timestamp(3) without time zone DEFAULT now(),
    shipped_at timestamp with time zone,
    CONSTRAINT positive CHECK ((total >= (0)::numeric))
);

COMMENT ON TABLE shop.orders IS 'one row; per order';
CREATE SEQUENCE shop.orders_id_seq AS integer START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE shop.orders_id_seq OWNED BY shop.orders.id;

CREATE TABLE shop.lines (
    order_id integer,
    line smallint,
    uid uuid,
    note text
);

ALTER TABLE ONLY shop.orders ALTER COLUMN id SET DEFAULT nextval('shop.orders_id_seq'::regclass);
ALTER TABLE ONLY shop.lines ADD CONSTRAINT lines_pkey PRIMARY KEY (order_id, line);
ALTER TABLE ONLY shop.lines
    ADD CONSTRAINT lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES shop.orders(id);
CREATE INDEX lines_note_idx ON shop.lines USING btree (lower(note));
GRANT SELECT ON TABLE shop.orders TO reporting;
