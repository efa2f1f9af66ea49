"""The logs' own tables: one compare-and-swap row a log, and rows that say where things stand in it.

Tiles and leaves are files; this is the order and the index. Only `log_head` and `subject_head` are ever updated, and
a log's numbers only grow: the database says so.
"""

from django.db import migrations

TABLES = """
CREATE TABLE log_head (
    origin      text PRIMARY KEY CHECK (octet_length(origin) BETWEEN 1 AND 255),
    fence       bigint NOT NULL CHECK (fence >= 0),
    next_index  bigint NOT NULL CHECK (next_index >= 0),
    size        bigint NOT NULL CHECK (size BETWEEN 0 AND next_index),
    root        bytea  NOT NULL CHECK (octet_length(root) = 32),
    at_last     bigint NOT NULL
);
COMMENT ON COLUMN log_head.fence IS 'of the writer; the next one adds 1';
COMMENT ON COLUMN log_head.size IS 'what may be signed, with root';
COMMENT ON COLUMN log_head.at_last IS 'ms since the epoch of the last leaf';

CREATE TABLE checkpoint (
    origin       text   NOT NULL REFERENCES log_head,
    size         bigint NOT NULL CHECK (size >= 0),
    root         bytea  NOT NULL CHECK (octet_length(root) = 32),
    note         bytea  NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (origin, size)
);

CREATE TABLE batch (
    origin   text   NOT NULL REFERENCES log_head,
    first_ix bigint NOT NULL CHECK (first_ix >= 0),
    next_ix  bigint NOT NULL CHECK (next_ix > first_ix),
    object   text   NOT NULL,
    sha256   bytea  NOT NULL CHECK (octet_length(sha256) = 32),
    PRIMARY KEY (origin, first_ix),
    UNIQUE (origin, next_ix)
);

CREATE TABLE subject_head (
    subj      bytea  PRIMARY KEY CHECK (octet_length(subj) = 16),
    origin    text   NOT NULL,
    seq       bigint NOT NULL,
    ix        bigint NOT NULL,
    head_hash bytea  NOT NULL,
    at        bigint NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE subject_head IS 'the end of each subject''s chain; can be rebuilt from the batch objects';

CREATE TABLE leaf_ref (
    origin    text   NOT NULL,
    ix        bigint NOT NULL,
    subj      bytea  NOT NULL CHECK (octet_length(subj) = 16),
    seq       bigint NOT NULL,
    kind      text   NOT NULL,
    leaf_hash bytea  NOT NULL,
    event     bigint UNIQUE REFERENCES kernel_event,
    PRIMARY KEY (origin, ix)
);
CREATE INDEX leaf_ref_subject ON leaf_ref (subj, seq);
COMMENT ON COLUMN leaf_ref.event IS 'the event that this leaf is about; an event without a row waits to be logged';

CREATE TABLE shard_ref (
    root_origin text   NOT NULL,
    ix          bigint NOT NULL,
    origin      text   NOT NULL,
    size        bigint NOT NULL,
    PRIMARY KEY (root_origin, ix),
    UNIQUE (root_origin, origin, size)
);
COMMENT ON TABLE shard_ref IS 'which checkpoint of which log is which entry of the root log';
"""

TRIGGERS = """
CREATE FUNCTION log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION log_head_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.origin <> OLD.origin OR NEW.fence < OLD.fence OR NEW.next_index < OLD.next_index
        OR NEW.size < OLD.size OR NEW.at_last < OLD.at_last
        OR (NEW.size = OLD.size AND NEW.root <> OLD.root) THEN
        RAISE EXCEPTION 'log %: a log only grows', OLD.origin USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER grows BEFORE UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION log_head_grows();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON log_head FOR EACH STATEMENT EXECUTE FUNCTION log_append_only();
""" + "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION log_append_only();\n"
    for table in ("checkpoint", "batch", "leaf_ref", "shard_ref")
)

DOWN = """
DROP TABLE shard_ref, leaf_ref, subject_head, batch, checkpoint, log_head;
DROP FUNCTION log_append_only, log_head_grows;
"""


class Migration(migrations.Migration):
    """Tables by SQL: they are written by COPY on the hot path and have no model."""

    dependencies = [("kernel", "0002_append_only")]
    operations = [migrations.RunSQL(TABLES + TRIGGERS, DOWN)]
