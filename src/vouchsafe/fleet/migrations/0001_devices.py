"""Tables of devices, keys, releases and measured states.

Times are whole milliseconds since the epoch, as in a leaf; an open interval ends at 9223372036854775807, so that
``t0 <= T AND T < t1`` needs no special case. Log indexes are those of the device's own log, except where a column says
otherwise. `-1` stands for "before the first leaf".
"""

from django.db import migrations

OPEN = 9223372036854775807

GUARD = """
CREATE FUNCTION fleet_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is history: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Only the columns named in the trigger's arguments may differ; everything else of the row is history.
CREATE FUNCTION fleet_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(OLD) - TG_ARGV IS DISTINCT FROM to_jsonb(NEW) - TG_ARGV THEN
    RAISE EXCEPTION '% may change only %', TG_TABLE_NAME, array_to_string(TG_ARGV, ', ')
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- An interval is closed once and superseded once; neither is ever undone.
CREATE FUNCTION fleet_interval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.sup_ix IS NOT NULL OR (OLD.t1 <> 9223372036854775807 AND NEW.t1 <> OLD.t1) THEN
    RAISE EXCEPTION '% %: a closed interval is corrected by new rows, not changed', TG_TABLE_NAME, OLD.id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""

UNITS = f"""
CREATE TABLE fleet_model (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  udi_di text NOT NULL UNIQUE CHECK (udi_di <> ''),
  name text NOT NULL CHECK (name <> '')
);
CREATE TABLE fleet_site (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key text NOT NULL UNIQUE CHECK (key <> ''),
  name text NOT NULL,
  city text NOT NULL,
  country text NOT NULL CHECK (country ~ '^[A-Z][A-Z]$')
);
CREATE TABLE fleet_gateway (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  site int REFERENCES fleet_site,
  pseudonym text NOT NULL UNIQUE,
  token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
  scopes text[] NOT NULL,
  made_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  revoked_at bigint
);
-- Line stations whose word binds a key to a UDI.
CREATE TABLE fleet_station (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name <> ''),
  alg text NOT NULL,
  public bytea NOT NULL UNIQUE,
  made_at bigint NOT NULL,
  revoked_at bigint
);
-- Nonces that were given out: evidence with one was made after `lb`.
CREATE TABLE fleet_nonce (
  nonce bytea PRIMARY KEY CHECK (length(nonce) = 32),
  lb bigint NOT NULL,
  source text NOT NULL
);
CREATE TABLE fleet_device (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid uuid NOT NULL UNIQUE,
  model int NOT NULL REFERENCES fleet_model,
  origin text NOT NULL,
  subj text NOT NULL UNIQUE CHECK (subj ~ '^[0-9a-f]{{32}}$')
);
CREATE INDEX fleet_device_model ON fleet_device (model);
-- The shipping list, from the manufacturer's own delivery records. Reconciliation compares populations with it.
CREATE TABLE fleet_shipment (
  device bigint PRIMARY KEY REFERENCES fleet_device,
  at bigint NOT NULL,
  site int REFERENCES fleet_site,
  reference text NOT NULL
);
-- A key belongs to one device for ever: UNIQUE here is what makes a copied key visible as a clone.
CREATE TABLE fleet_key (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device bigint NOT NULL REFERENCES fleet_device,
  generation int NOT NULL,
  ueid bytea NOT NULL UNIQUE CHECK (length(ueid) = 33),
  key_id bytea NOT NULL UNIQUE,
  alg text NOT NULL,
  public bytea NOT NULL UNIQUE,
  key_origin text NOT NULL,
  assurance text NOT NULL,
  statement_sha256 bytea NOT NULL CHECK (length(statement_sha256) = 32),
  enrol_ix bigint NOT NULL,
  UNIQUE (device, generation)
);
-- A unit's identity as a relation over time: UDI, key and hospital. `key` is empty until the unit has enrolled.
CREATE TABLE fleet_identity (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device bigint NOT NULL REFERENCES fleet_device,
  key bigint REFERENCES fleet_key,
  udi_di text NOT NULL,
  serial text NOT NULL CHECK (serial <> ''),
  lot text NOT NULL DEFAULT '',
  made date,
  expires date,
  site int REFERENCES fleet_site,
  t0 bigint NOT NULL,
  t1 bigint NOT NULL DEFAULT {OPEN},
  rec_ix bigint NOT NULL,
  sup_ix bigint,
  CHECK (t0 <= t1),
  CONSTRAINT fleet_identity_one_key EXCLUDE USING gist
    (int8range(device, device, '[]') WITH &&, int8range(t0, t1) WITH &&) WHERE (sup_ix IS NULL)
);
CREATE UNIQUE INDEX fleet_identity_udi ON fleet_identity (udi_di, serial) WHERE t1 = {OPEN} AND sup_ix IS NULL;
CREATE INDEX fleet_identity_open ON fleet_identity (device) INCLUDE (site) WHERE t1 = {OPEN} AND sup_ix IS NULL;
CREATE INDEX fleet_identity_site ON fleet_identity (site) INCLUDE (device) WHERE t1 = {OPEN} AND sup_ix IS NULL;
CREATE INDEX fleet_identity_serial ON fleet_identity (serial);
CREATE INDEX fleet_identity_lot ON fleet_identity (lot) WHERE lot <> '';
-- The same key or ueid presented under another unit.
CREATE TABLE fleet_clone (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device bigint NOT NULL REFERENCES fleet_device,
  udi_di text NOT NULL,
  serial text NOT NULL,
  site int REFERENCES fleet_site,
  at bigint NOT NULL,
  ix bigint NOT NULL,
  statement_sha256 bytea NOT NULL UNIQUE CHECK (length(statement_sha256) = 32)
);
"""

RELEASES = """
CREATE TABLE fleet_build (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid uuid NOT NULL UNIQUE,
  model int NOT NULL REFERENCES fleet_model,
  name text NOT NULL,
  version text NOT NULL,
  svn int NOT NULL CHECK (svn >= 0),
  image bytea NOT NULL UNIQUE CHECK (length(image) = 32),
  sbom_sha256 bytea NOT NULL CHECK (length(sbom_sha256) = 32),
  envelope_sha256 bytea NOT NULL CHECK (length(envelope_sha256) = 32),
  released_at bigint NOT NULL,
  released_by text NOT NULL,
  event bigint,
  UNIQUE (model, version)
);
CREATE TABLE fleet_build_digest (
  build int NOT NULL REFERENCES fleet_build,
  kind text NOT NULL CHECK (kind IN ('image', 'config', 'runtime')),
  digest bytea NOT NULL CHECK (length(digest) = 32),
  name text NOT NULL DEFAULT '',
  PRIMARY KEY (build, kind, digest)
);
CREATE INDEX fleet_build_digest_digest ON fleet_build_digest (digest);
-- Every change of the reference values is a new row with its whole content: an old verdict keeps its own set.
CREATE TABLE fleet_reference_set (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model int NOT NULL REFERENCES fleet_model,
  digest bytea NOT NULL CHECK (length(digest) = 32),
  body bytea NOT NULL,
  at bigint NOT NULL,
  event bigint
);
CREATE TABLE fleet_appraisal_policy (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL CHECK (length(digest) = 32),
  body bytea NOT NULL,
  at bigint NOT NULL,
  event bigint
);
CREATE TABLE fleet_component (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
  pkg text NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  ecosystem text NOT NULL,
  coarse text COLLATE "C",
  release text,
  purl text NOT NULL,
  cpe text NOT NULL
);
CREATE INDEX fleet_component_pkg ON fleet_component (pkg, coarse);
CREATE INDEX fleet_component_name ON fleet_component (lower(name));
CREATE TABLE fleet_build_component (
  component int NOT NULL REFERENCES fleet_component,
  build int NOT NULL REFERENCES fleet_build,
  PRIMARY KEY (component, build)
);
CREATE INDEX fleet_build_component_build ON fleet_build_component (build);
"""

STATES = f"""
CREATE TABLE fleet_state (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
  model int NOT NULL REFERENCES fleet_model,
  build int REFERENCES fleet_build,
  image bytea,
  config bytea,
  runtime bytea,
  tier smallint NOT NULL CHECK (tier IN (0, 2, 32, 96)),
  vec smallint[] NOT NULL CHECK (cardinality(vec) = 8),
  reasons text[] NOT NULL,
  attested boolean NOT NULL
);
CREATE INDEX fleet_state_build ON fleet_state (build);
-- `base`: the first proof is signed and continues the device's history; else it stands at the server's time.
-- b0, c0 and g0 are the boot count, counter and key generation of the interval's first proof: late evidence is put
-- into the device's own order with them, not into the order of arrival.
CREATE TABLE fleet_device_state (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device bigint NOT NULL REFERENCES fleet_device,
  state bigint NOT NULL REFERENCES fleet_state,
  t0 bigint NOT NULL,
  t1 bigint NOT NULL DEFAULT {OPEN},
  g0 int NOT NULL,
  b0 bigint NOT NULL,
  c0 bigint NOT NULL,
  base boolean NOT NULL,
  rec_ix bigint NOT NULL,
  first_ix bigint NOT NULL,
  last_ix bigint,
  closed_ix bigint,
  sup_ix bigint,
  CHECK (t0 <= t1),
  CHECK ((t1 = {OPEN}) = (closed_ix IS NULL)),
  CONSTRAINT fleet_device_state_one EXCLUDE USING gist
    (int8range(device, device, '[]') WITH &&, int8range(t0, t1) WITH &&) WHERE (sup_ix IS NULL)
);
CREATE INDEX fleet_device_state_now ON fleet_device_state (state) INCLUDE (device)
  WHERE t1 = {OPEN} AND sup_ix IS NULL;
CREATE INDEX fleet_device_state_device ON fleet_device_state (device, t0 DESC);
CREATE INDEX fleet_device_state_then ON fleet_device_state (state, t0, t1) INCLUDE (device);
CREATE UNIQUE INDEX fleet_device_state_open ON fleet_device_state (device) WHERE t1 = {OPEN} AND sup_ix IS NULL;
-- One hot row a device: what the next evidence is compared with. No indexed column changes, so updates stay in the page.
CREATE TABLE fleet_head (
  device bigint PRIMARY KEY REFERENCES fleet_device,
  seq bigint NOT NULL,
  ix bigint NOT NULL,
  proof_ix bigint NOT NULL,
  v bigint NOT NULL,
  at bigint NOT NULL,
  generation int NOT NULL,
  boot bigint NOT NULL,
  ctr bigint NOT NULL,
  base_v bigint NOT NULL,
  dlog_size bigint NOT NULL,
  dlog_root bytea NOT NULL,
  svn int,
  last_sha256 bytea NOT NULL,
  recent bytea NOT NULL,
  disorder boolean NOT NULL,
  forked boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
-- Every 64th leaf of a device, so that a walk along its chain to an instant starts near it.
CREATE TABLE fleet_anchor (
  device bigint NOT NULL REFERENCES fleet_device,
  seq bigint NOT NULL,
  ix bigint NOT NULL,
  v bigint NOT NULL,
  PRIMARY KEY (device, seq)
);
CREATE TABLE fleet_gap (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device bigint NOT NULL REFERENCES fleet_device,
  reason text NOT NULL,
  t0 bigint NOT NULL,
  t1 bigint NOT NULL,
  first_entry bigint NOT NULL,
  next_entry bigint NOT NULL,
  ix bigint NOT NULL,
  rec_ix bigint NOT NULL,
  sup_ix bigint
);
CREATE INDEX fleet_gap_device ON fleet_gap (device, t0);
-- Items that name no enrolled device. They are kept where their pack lies, and are in no log.
CREATE TABLE fleet_quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL,
  gateway int NOT NULL REFERENCES fleet_gateway,
  reason text NOT NULL,
  ueid bytea,
  pack bytea NOT NULL CHECK (length(pack) = 32),
  offset_bytes bigint NOT NULL,
  length_bytes bigint NOT NULL
);
"""

HISTORY = [
    "model",
    "site",
    "device",
    "shipment",
    "key",
    "clone",
    "build",
    "build_digest",
    "reference_set",
    "appraisal_policy",
    "component",
    "build_component",
    "state",
    "anchor",
    "quarantine",
    "nonce",
]
CHANGES = {
    "gateway": ("revoked_at",),
    "station": ("revoked_at",),
    "gap": ("sup_ix",),
    "identity": ("t1", "sup_ix"),
    "device_state": ("t1", "last_ix", "closed_ix", "sup_ix"),
}


def guards() -> str:
    """SQL of the triggers: history refuses changes, intervals may only be closed or superseded."""
    lines = []
    for name in HISTORY:
        lines.append(
            f"CREATE TRIGGER fleet_{name}_history BEFORE UPDATE OR DELETE ON fleet_{name}"
            " FOR EACH ROW EXECUTE FUNCTION fleet_refuse();"
        )
    for name, columns in CHANGES.items():
        listed = ", ".join(f"'{column}'" for column in columns)
        lines.append(
            f"CREATE TRIGGER fleet_{name}_history BEFORE DELETE ON fleet_{name}"
            " FOR EACH ROW EXECUTE FUNCTION fleet_refuse();"
            f"CREATE TRIGGER fleet_{name}_only BEFORE UPDATE ON fleet_{name}"
            f" FOR EACH ROW EXECUTE FUNCTION fleet_only({listed});"
        )
    for name in ("identity", "device_state"):
        lines.append(
            f"CREATE TRIGGER fleet_{name}_interval BEFORE UPDATE ON fleet_{name}"
            " FOR EACH ROW EXECUTE FUNCTION fleet_interval();"
        )
    for name in (*HISTORY, *CHANGES):
        lines.append(
            f"CREATE TRIGGER fleet_{name}_truncate BEFORE TRUNCATE ON fleet_{name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION fleet_refuse();"
        )
    return "\n".join(lines)


class Migration(migrations.Migration):
    """Devices, releases and states."""

    dependencies = [("kernel", "0003_logs")]

    operations = [
        migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop)
        for sql in (GUARD, UNITS, RELEASES, STATES, guards())
    ]
