"""Tables of advisories, frozen populations and their moves.

The sum invariant of a population (identified = open + corrected + unreachable + returned + destroyed) is kept by the
database: a member has exactly one status of the five, members are written by one statement that must match the frozen
size, and are never removed. A status follows from a row in `fleet_move`, which states its cause.
"""

from django.db import migrations

ADVISORIES = """
CREATE TABLE fleet_advisory (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key text NOT NULL CHECK (key <> ''),
  aliases text[] NOT NULL,
  summary text NOT NULL,
  details text NOT NULL,
  severity jsonb NOT NULL,
  published_at bigint,
  modified_at bigint,
  withdrawn_at bigint,
  sha256 bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
  imported_at bigint NOT NULL,
  imported_by uuid REFERENCES kernel_person
);
CREATE INDEX fleet_advisory_key ON fleet_advisory (key, id DESC);
-- One row a version range or list of versions: the coarse keys narrow the candidates, the exact comparison decides.
CREATE TABLE fleet_advisory_range (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  advisory int NOT NULL REFERENCES fleet_advisory,
  pkg text NOT NULL,
  coarse_min text COLLATE "C",
  coarse_max text COLLATE "C",
  release text,
  affected int NOT NULL
);
CREATE INDEX fleet_advisory_range_advisory ON fleet_advisory_range (advisory);
CREATE INDEX fleet_advisory_range_pkg ON fleet_advisory_range (pkg);
"""

POPULATIONS = """
CREATE TABLE fleet_population (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid uuid NOT NULL UNIQUE,
  number text NOT NULL UNIQUE CHECK (number <> ''),
  advisory int REFERENCES fleet_advisory,
  criteria jsonb NOT NULL,
  models int[] NOT NULL,
  size int NOT NULL CHECK (size >= 0),
  excluded int NOT NULL CHECK (excluded >= 0),
  digest bytea NOT NULL CHECK (length(digest) = 32),
  frozen_at bigint NOT NULL,
  frozen_ix jsonb NOT NULL,
  frozen_by uuid REFERENCES kernel_person,
  event bigint
);
-- Whether a build is affected, per population. A build released after the freeze is judged when it is first measured.
CREATE TABLE fleet_population_build (
  population int NOT NULL REFERENCES fleet_population,
  build int NOT NULL REFERENCES fleet_build,
  certainty text NOT NULL CHECK (certainty IN ('confirmed', 'possible', 'none')),
  PRIMARY KEY (population, build)
);
CREATE TABLE fleet_reply (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  population int NOT NULL REFERENCES fleet_population,
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  signed_by text NOT NULL CHECK (signed_by <> ''),
  signed_on date NOT NULL,
  site int REFERENCES fleet_site,
  at bigint NOT NULL,
  by uuid REFERENCES kernel_person,
  UNIQUE (population, sha256)
);
CREATE TABLE fleet_move (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  population int NOT NULL REFERENCES fleet_population,
  device bigint NOT NULL REFERENCES fleet_device,
  status_from text NOT NULL,
  status_to text NOT NULL CHECK (status_to IN ('open', 'corrected', 'unreachable', 'returned', 'destroyed')),
  at bigint NOT NULL,
  ix bigint,
  build int REFERENCES fleet_build,
  reply bigint REFERENCES fleet_reply,
  event bigint,
  UNIQUE (id, population, device, status_to),
  CHECK (status_from <> status_to),
  -- Only a measurement or a signed reply moves a unit, and only a measurement calls it corrected.
  CHECK ((ix IS NULL) <> (reply IS NULL)),
  CHECK (status_to <> 'corrected' OR ix IS NOT NULL),
  CHECK (status_to NOT IN ('unreachable', 'returned', 'destroyed') OR reply IS NOT NULL)
);
CREATE INDEX fleet_move_member ON fleet_move (population, device, id);
CREATE TABLE fleet_member (
  population int NOT NULL REFERENCES fleet_population,
  device bigint NOT NULL REFERENCES fleet_device,
  udi_di text NOT NULL,
  serial text NOT NULL,
  freshness text NOT NULL CHECK (freshness IN ('confirmed', 'last_known', 'unknown')),
  certainty text NOT NULL CHECK (certainty IN ('confirmed', 'possible', 'unknown')),
  build int REFERENCES fleet_build,
  ix bigint NOT NULL,
  status text NOT NULL DEFAULT 'open'
    CHECK (status IN ('open', 'corrected', 'unreachable', 'returned', 'destroyed')),
  move bigint,
  PRIMARY KEY (population, device),
  CHECK (move IS NOT NULL OR status = 'open'),
  FOREIGN KEY (move, population, device, status) REFERENCES fleet_move (id, population, device, status_to)
);
CREATE INDEX fleet_member_device ON fleet_member (device);
CREATE INDEX fleet_member_status ON fleet_member (population, status);
-- "Scheduled" and "reported" are said about an open unit; they never move it.
CREATE TABLE fleet_annotation (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  population int NOT NULL,
  device bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('scheduled', 'reported')),
  day date NOT NULL,
  at bigint NOT NULL,
  by uuid REFERENCES kernel_person,
  FOREIGN KEY (population, device) REFERENCES fleet_member
);
CREATE INDEX fleet_annotation_member ON fleet_annotation (population, device, id DESC);

CREATE FUNCTION fleet_members_complete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT p.number, p.size, (SELECT count(*) FROM fleet_member m WHERE m.population = p.id) AS found INTO bad
    FROM fleet_population p
   WHERE p.id IN (SELECT population FROM added)
     AND p.size <> (SELECT count(*) FROM fleet_member m WHERE m.population = p.id)
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'population % is frozen with % units, not %', bad.number, bad.size, bad.found
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER fleet_member_complete AFTER INSERT ON fleet_member REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION fleet_members_complete();

CREATE FUNCTION fleet_population_filled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size <> (SELECT count(*) FROM fleet_member WHERE population = NEW.id) THEN
    RAISE EXCEPTION 'population % says % units and lists others', NEW.number, NEW.size
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fleet_population_filled AFTER INSERT ON fleet_population
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fleet_population_filled();

-- A move starts where the unit stands; the row lock keeps two movers apart.
CREATE FUNCTION fleet_move_starts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE stands text;
BEGIN
  SELECT status INTO stands FROM fleet_member WHERE population = NEW.population AND device = NEW.device FOR UPDATE;
  IF NOT FOUND OR stands <> NEW.status_from THEN
    RAISE EXCEPTION 'device % of population % stands at %, not %', NEW.device, NEW.population, stands, NEW.status_from
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fleet_move_starts BEFORE INSERT ON fleet_move FOR EACH ROW EXECUTE FUNCTION fleet_move_starts();
"""

HISTORY = ("advisory", "advisory_range", "population", "population_build", "reply", "move", "annotation")


def guards() -> str:
    """SQL of the triggers that refuse changes of history; of a member only status and move may change."""
    lines = []
    for name in HISTORY:
        lines.append(
            f"CREATE TRIGGER fleet_{name}_history BEFORE UPDATE OR DELETE ON fleet_{name}"
            " FOR EACH ROW EXECUTE FUNCTION fleet_refuse();"
        )
    lines.append(
        "CREATE TRIGGER fleet_member_history BEFORE DELETE ON fleet_member"
        " FOR EACH ROW EXECUTE FUNCTION fleet_refuse();"
        "CREATE TRIGGER fleet_member_only BEFORE UPDATE ON fleet_member"
        " FOR EACH ROW EXECUTE FUNCTION fleet_only('status', 'move');"
    )
    for name in (*HISTORY, "member"):
        lines.append(
            f"CREATE TRIGGER fleet_{name}_truncate BEFORE TRUNCATE ON fleet_{name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION fleet_refuse();"
        )
    return "\n".join(lines)


class Migration(migrations.Migration):
    """Advisories and populations."""

    dependencies = [("fleet", "0001_devices")]

    operations = [
        migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop)
        for sql in (ADVISORIES, POPULATIONS, guards())
    ]
