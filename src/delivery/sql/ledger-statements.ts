/**
 * The statements of the ledger. Each takes a batch as parallel arrays and is one round trip; `ordinal` counts from 1 and
 * ties a row to its place in the batch. Bytes go as one parameter with offsets and lengths: an array of bytea would be
 * sent as escaped hexadecimal text, twice as long.
 */
import { addPerformance } from './performance-statements.ts'

/**
 * The claimant's own lease, locked so that nobody declares it dead while the claim is under way (rule 4). `$1` is its id.
 * The lock is shared: claims do not wait for each other, a renewal waits for the claims of its moment. A statement of an
 * earlier epoch finds no lease: see {@link nextEpoch}.
 */
const lease = (epoch: string) => `
  lease AS (
    SELECT 1 FROM workers
    WHERE id = $1 AND NOT dead AND expires_at > clock_timestamp() AND claim_epoch = ${epoch}::int FOR SHARE
  )`

/**
 * Begins an epoch of claims: waits for statements of this owner that still run, and shuts out those that have yet to begin. After it,
 * what a claim without an answer has done is final. Parameters: owner, epoch.
 */
export const nextEpoch = 'UPDATE workers SET claim_epoch = $2 WHERE id = $1 AND claim_epoch < $2'

/**
 * New requests. Rows come back only for what was inserted, and always at least one, which says whether the lease lived.
 * Parameters: owner, then arrays tenant, request id, hash, hash version, onUncertain, topic, partition, offset, retry, attempt
 * base, attempts; then the epoch.
 */
export const insertClaims = `
WITH ${lease('$13')}, inserted AS (
  INSERT INTO request_ledger
    (tenant, request_id, state, owner, token, attempt, payload_hash, payload_hash_version, on_uncertain,
     source_topic, source_partition, source_offset, retry, attempts, created_at, updated_at)
  SELECT i.tenant, i.request_id, 'CLAIMED', $1, 1, i.attempt, decode(i.hash, 'hex'), i.hash_version, i.on_uncertain,
         i.source_topic, i.source_partition, i.source_offset, i.retry, i.attempts, clock_timestamp(), clock_timestamp()
  FROM lease, unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::int[], $9::bigint[],
                     $10::int[], $11::int[], $12::text[])
    AS i(tenant, request_id, hash, hash_version, on_uncertain, source_topic, source_partition, source_offset,
         retry, attempt, attempts)
  ON CONFLICT DO NOTHING
  RETURNING tenant, request_id, updated_at
)
SELECT EXISTS (SELECT 1 FROM lease) AS lease_lives, i.tenant, i.request_id,
       (extract(epoch FROM i.updated_at) * 1000)::float8 AS claimed_at,
       c.tenant IS NOT NULL AS cancelled, c.reason AS cancel_reason
FROM (SELECT) AS always LEFT JOIN inserted i ON true
LEFT JOIN request_cancellations c ON c.tenant = i.tenant AND c.request_id = i.request_id`

/**
 * Requests that have a row already (rule 5): one read, and one conditional update of what is free to take. Free is
 * CLAIMED and: released, or its owner flagged dead or without a lease row, or ours by a claim whose answer was lost
 * (`adopt`); and RETRYING at just this retry (rule 22), or at any where the record is retried in place. A record of an earlier
 * try than the row is finished. A lapsed lease that nobody has flagged is not dead: its holder may still renew it and settle.
 * A row that changes between the two is reported as held, and looked at again later.
 * Parameters: owner, arrays tenant, request id, hash, hash version, adopt, retry, in place; then the attempts that a dead owner
 * may have made, and the epoch.
 */
export const takeOverClaims = `
WITH ${lease('$10')}, seen AS MATERIALIZED (
  SELECT i.ordinal, l.tenant, l.request_id, l.state, l.owner, l.token, l.on_uncertain, l.retry, l.attempts,
         l.payload_hash_version = i.hash_version AND l.payload_hash <> decode(i.hash, 'hex') AS mismatch,
         NOT i.in_place AND l.retry > i.retry AS outrun,
         CASE l.state
           WHEN 'CLAIMED' THEN l.owner IS NULL OR COALESCE(w.dead, true) OR (l.owner = $1 AND i.adopt)
           WHEN 'RETRYING' THEN i.in_place OR l.retry = i.retry
           ELSE false
         END AS free,
         l.state = 'CLAIMED' AND l.owner IS NOT NULL AND COALESCE(w.dead, true) AS owner_dead,
         c.tenant IS NOT NULL AS cancelled, c.reason AS cancel_reason
  FROM unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::boolean[], $7::int[], $8::boolean[])
    WITH ORDINALITY AS i(tenant, request_id, hash, hash_version, adopt, retry, in_place, ordinal)
  JOIN request_ledger l USING (tenant, request_id)
  LEFT JOIN workers w ON w.id = l.owner
  LEFT JOIN request_cancellations c USING (tenant, request_id)
), taken AS (
  UPDATE request_ledger l
  SET state = 'CLAIMED', owner = $1, token = l.token + 1, updated_at = clock_timestamp(),
      attempt = l.attempt + CASE WHEN s.owner_dead THEN $9::int ELSE 0 END,
      unknown_count = l.unknown_count + CASE WHEN s.owner_dead THEN 1 ELSE 0 END
  FROM seen s, lease
  WHERE l.tenant = s.tenant AND l.request_id = s.request_id
    AND l.state = s.state AND l.owner IS NOT DISTINCT FROM s.owner AND l.token = s.token AND l.retry = s.retry
    AND s.free AND NOT s.mismatch AND NOT s.outrun
  RETURNING s.ordinal, l.token, l.attempt, l.unknown_count, l.updated_at
)
SELECT EXISTS (SELECT 1 FROM lease) AS lease_lives, s.ordinal::int, s.state, s.owner, s.mismatch, s.outrun, s.on_uncertain,
       s.retry, s.attempts, s.cancelled, s.cancel_reason,
       t.token, t.attempt, t.unknown_count, (extract(epoch FROM t.updated_at) * 1000)::float8 AS claimed_at
FROM (SELECT) AS always LEFT JOIN seen s ON true LEFT JOIN taken t ON t.ordinal = s.ordinal`

/**
 * Outcomes under their claims, fenced by owner and token (rule 8), and in the same statement the rows of the request log
 * for those that were settled, and what these say of the models that were called: a row is logged once, so it is counted once. A
 * retry in place publishes nothing, so it is RETRYING at once. Parameters: owner, bytes, then the arrays that `input` names, and
 * those that `sample` names.
 */
export const settleClaims = `
WITH input AS MATERIALIZED (
  SELECT * FROM unnest(
    $3::text[], $4::text[], $5::int[], $6::text[], $7::int[], $8::int[], $9::int[], $10::int[], $11::int[], $12::int[],
    $13::float8[], $14::float8[], $15::float8[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::int[],
    $22::bigint[], $23::text[], $24::numeric[], $25::text[], $26::text[], $27::text[], $28::text[],
    $29::text[], $30::int[], $31::bigint[], $32::float8[], $33::boolean[], $34::boolean[], $35::int[], $36::int[], $37::text[]
  ) WITH ORDINALITY AS i(
    tenant, request_id, token, status, outcome_at, outcome_length, request_at, request_length, completion_at, completion_length,
    started_at, finished_at, duration_ms, request_type, task_type, model, provider, error_code, attempt_count,
    registry_version, usage, cost, currency, cost_reason, price_source, price_card,
    source_topic, source_partition, source_offset, confidence, has_log, has_hashes, retry, attempt, attempts, ordinal
  )
), settled AS (
  UPDATE request_ledger l
  SET state = CASE WHEN i.outcome_at IS NULL THEN 'RETRYING' ELSE 'SETTLED' END,
      owner = CASE WHEN i.outcome_at IS NULL THEN NULL ELSE l.owner END,
      retry = CASE WHEN i.outcome_at IS NULL THEN i.retry ELSE l.retry END,
      next_retry = CASE WHEN i.outcome_at IS NULL THEN NULL ELSE i.retry END,
      unknown_count = CASE WHEN i.retry IS NULL THEN l.unknown_count ELSE 0 END,
      attempt = i.attempt, attempts = i.attempts,
      status = i.status, outcome = substring($2::bytea FROM i.outcome_at FOR i.outcome_length),
      updated_at = clock_timestamp()
  FROM input i
  WHERE l.tenant = i.tenant AND l.request_id = i.request_id
    AND l.state = 'CLAIMED' AND l.owner = $1 AND l.token = i.token
  RETURNING i.ordinal
), logged AS (
  INSERT INTO request_log
    (tenant, request_id, finished_at, started_at, duration_ms, request_type, task_type, model, provider, status, error_code,
     attempt_count, registry_version, usage, cost, currency, cost_reason, price_source, price_card,
     source_topic, source_partition, source_offset, confidence, request_body, completion_body, request_hash, completion_hash)
  SELECT i.tenant, i.request_id, to_timestamp(i.finished_at / 1000), to_timestamp(i.started_at / 1000), i.duration_ms,
         i.request_type, i.task_type, i.model, i.provider, i.status, i.error_code,
         i.attempt_count, i.registry_version, i.usage::jsonb, i.cost, i.currency, i.cost_reason, i.price_source, i.price_card,
         i.source_topic, i.source_partition, i.source_offset, i.confidence,
         CASE WHEN NOT i.has_hashes THEN substring($2::bytea FROM i.request_at FOR i.request_length) END,
         CASE WHEN NOT i.has_hashes THEN substring($2::bytea FROM i.completion_at FOR i.completion_length) END,
         CASE WHEN i.has_hashes THEN substring($2::bytea FROM i.request_at FOR i.request_length) END,
         CASE WHEN i.has_hashes THEN substring($2::bytea FROM i.completion_at FOR i.completion_length) END
  FROM settled JOIN input i USING (ordinal)
  WHERE i.has_log
  ON CONFLICT DO NOTHING
  RETURNING tenant, request_id
), counted AS (${addPerformance(`
    SELECT s.model, s.task_type, (to_timestamp(i.finished_at / 1000) AT TIME ZONE 'UTC')::date,
           s.currency, 1, s.succeeded::int, CASE WHEN s.succeeded THEN i.duration_ms::numeric ELSE 0 END,
           COALESCE(s.cost, 0), (s.cost IS NOT NULL)::int,
           CASE WHEN s.succeeded THEN COALESCE(i.confidence::numeric, 0) ELSE 0 END, (s.succeeded AND i.confidence IS NOT NULL)::int
    FROM logged JOIN input i USING (tenant, request_id)
    JOIN unnest($38::int[], $39::text[], $40::text[], $41::text[], $42::numeric[], $43::boolean[])
      AS s(ordinal, model, task_type, currency, cost, succeeded) ON s.ordinal = i.ordinal`)}
)
SELECT ordinal::int FROM settled`

/**
 * What an earlier settle has done whose answer was lost; a retry in place is known by its token, as it has no owner any more.
 * Parameters: owner, arrays tenant, request id, token, retry in place.
 */
export const findSettled = `
SELECT i.ordinal::int
FROM unnest($2::text[], $3::text[], $4::int[], $5::int[])
  WITH ORDINALITY AS i(tenant, request_id, token, retry_in_place, ordinal)
JOIN request_ledger l USING (tenant, request_id)
WHERE l.token = i.token
  AND (l.state = 'SETTLED' AND l.owner = $1 OR l.state = 'RETRYING' AND l.retry = i.retry_in_place)`

/**
 * Outcomes that are in Kafka (rule 15): PUBLISHED, or RETRYING as settled. The log or the retry topic has them, so their bytes go.
 * Fenced by the token: a late mark of an earlier try must not mark what is not published yet. Parameters: arrays tenant, request
 * id, token.
 */
export const markPublished = `
UPDATE request_ledger l
SET state = CASE WHEN l.next_retry IS NULL THEN 'PUBLISHED' ELSE 'RETRYING' END,
    owner = CASE WHEN l.next_retry IS NULL THEN l.owner END,
    retry = COALESCE(l.next_retry, l.retry), next_retry = NULL, outcome = NULL, updated_at = clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::int[]) AS i(tenant, request_id, token)
WHERE l.tenant = i.tenant AND l.request_id = i.request_id AND l.state = 'SETTLED' AND l.token = i.token`

/**
 * Claims given up (rule 6); calls made under them, of which nothing is stored, count on as unknown.
 * Parameters: owner, arrays tenant, request id, token, calls made.
 */
export const releaseClaims = `
UPDATE request_ledger l
SET owner = NULL, token = l.token + 1, attempt = l.attempt + i.attempts, unknown_count = l.unknown_count + i.attempts,
    updated_at = clock_timestamp()
FROM unnest($2::text[], $3::text[], $4::int[], $5::int[]) AS i(tenant, request_id, token, attempts)
WHERE l.tenant = i.tenant AND l.request_id = i.request_id
  AND l.state = 'CLAIMED' AND l.owner = $1 AND l.token = i.token`

/** Claims of ours that a lost answer left without a job (rule 6). Parameters: owner, arrays tenant, request id, then the epoch. */
export const releaseForgotten = `
WITH epoch AS (SELECT 1 FROM workers WHERE id = $1 AND claim_epoch = $4::int FOR SHARE)
UPDATE request_ledger l
SET owner = NULL, token = l.token + 1, updated_at = clock_timestamp()
FROM epoch, unnest($2::text[], $3::text[]) AS i(tenant, request_id)
WHERE l.tenant = i.tenant AND l.request_id = i.request_id AND l.state = 'CLAIMED' AND l.owner = $1`

/** Claims of ours whose cancellation was asked for. Parameter: owner. */
export const cancelledClaims = `
SELECT c.tenant, c.request_id, c.reason
FROM request_ledger l JOIN request_cancellations c USING (tenant, request_id)
WHERE l.owner = $1 AND l.state = 'CLAIMED'`
