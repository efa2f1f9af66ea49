"""History can only be added to, and a record moves only forward with an event of its own. The database says so.

The application's role owns none of these tables, so it can't disable the triggers; `privileges.py` doesn't even give it
the statements that they refuse. The triggers are for everyone else, the owner's own slips included.
"""

from django.db import migrations

HISTORY = (
    "grant",
    "revocation",
    "personkey",
    "keyrevocation",
    "version",
    "signature",
    "link",
    "event",
    "file",
    "personalvalue",
)
KEPT = ("person", "record", "counter", "ceremony", "keyuse")

FUNCTIONS = """
CREATE FUNCTION kernel_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: it is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION kernel_record_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.process, NEW.number, NEW.opened, NEW.site, NEW.product)
        IS DISTINCT FROM (OLD.id, OLD.process, OLD.number, OLD.opened, OLD.site, OLD.product) THEN
        RAISE EXCEPTION 'record %: identity never changes', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.version < OLD.version OR NEW.trail < OLD.trail OR NEW.revision < OLD.revision
        OR NEW.entered < OLD.entered OR NEW.changed < OLD.changed THEN
        RAISE EXCEPTION 'record %: version, revision and trail only grow', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.state, NEW.version, NEW.title, NEW.closed, NEW.entered, NEW.facts)
        IS DISTINCT FROM (OLD.state, OLD.version, OLD.title, OLD.closed, OLD.entered, OLD.facts)
        AND NOT (NEW.trail > OLD.trail AND NEW.revision > OLD.revision)
        OR (NEW.owner_id, NEW.story) IS DISTINCT FROM (OLD.owner_id, OLD.story) AND NOT NEW.trail > OLD.trail THEN
        RAISE EXCEPTION 'record %: no change without an event', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION kernel_record_has_its_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE now_is kernel_record%ROWTYPE; said text;
BEGIN
    SELECT * INTO now_is FROM kernel_record WHERE id = NEW.id;
    SELECT convert_from(body, 'UTF8')::jsonb ->> 'state' INTO said
        FROM kernel_event WHERE subject = NEW.id AND seq = now_is.trail - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'record %: event % is missing', NEW.number, now_is.trail - 1
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF said IS DISTINCT FROM now_is.state THEN
        RAISE EXCEPTION 'record %: its last event says state %, not %', NEW.number, said, now_is.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION kernel_event_next() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last integer;
BEGIN
    SELECT max(seq) INTO last FROM kernel_event WHERE subject = NEW.subject;
    IF NEW.seq <> coalesce(last + 1, 0) THEN
        RAISE EXCEPTION 'event % of %: expected seq %', NEW.seq, NEW.subject, coalesce(last + 1, 0)
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF octet_length(NEW.salt) <> 32 THEN
        RAISE EXCEPTION 'event % of %: a salt has 32 bytes', NEW.seq, NEW.subject USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION kernel_counter_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name <> OLD.name OR NEW.value <= OLD.value THEN
        RAISE EXCEPTION 'counter %: only grows', OLD.name USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION kernel_ceremony_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.used IS NOT NULL OR NEW.used IS NULL OR NEW.statement <> OLD.statement OR NEW.id <> OLD.id
        OR NEW.person_id <> OLD.person_id OR NEW.expires <> OLD.expires THEN
        RAISE EXCEPTION 'ceremony %: used once, never changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION kernel_secret_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on kernel_subjectkey refused: a key is deleted, never changed', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
"""

TRIGGERS = (
    "".join(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kernel_{t} "
        "FOR EACH STATEMENT EXECUTE FUNCTION kernel_append_only();\n"
        for t in HISTORY
    )
    + "".join(
        f"CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON kernel_{t} "
        "FOR EACH STATEMENT EXECUTE FUNCTION kernel_append_only();\n"
        for t in KEPT
    )
    + """
CREATE TRIGGER forward BEFORE UPDATE ON kernel_record
    FOR EACH ROW EXECUTE FUNCTION kernel_record_moves_forward();
CREATE CONSTRAINT TRIGGER has_its_events AFTER INSERT OR UPDATE ON kernel_record
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION kernel_record_has_its_events();
CREATE TRIGGER next BEFORE INSERT ON kernel_event FOR EACH ROW EXECUTE FUNCTION kernel_event_next();
CREATE TRIGGER grows BEFORE UPDATE ON kernel_counter FOR EACH ROW EXECUTE FUNCTION kernel_counter_grows();
CREATE TRIGGER once BEFORE UPDATE ON kernel_ceremony FOR EACH ROW EXECUTE FUNCTION kernel_ceremony_once();
CREATE TRIGGER fixed BEFORE UPDATE OR TRUNCATE ON kernel_subjectkey
    FOR EACH STATEMENT EXECUTE FUNCTION kernel_secret_fixed();
"""
)


class Migration(migrations.Migration):
    """Triggers on every table of history."""

    dependencies = [("kernel", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, migrations.RunSQL.noop)]
