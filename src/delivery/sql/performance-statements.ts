/** The statements of `model_performance`: what requests and people say of models, summed up. */

/** Rows over which each sum is spread, so that workers wait less for each other: see docs/decisions/0007-performance.md. */
const slotCount = 8

/**
 * Adds what the rows of a query say: model, task type, day, currency, requests, successes, latency in ms, cost, priced requests,
 * quality, its weight; no column null. Rows are locked in the order of their key, so that two batches never wait for each other.
 */
export const addPerformance = (rows: string): string => `
  INSERT INTO model_performance AS p
    (model, task_type, day, currency, slot, requests, successes, latency_sum_ms, cost_sum, priced, quality_sum, quality_weight)
  SELECT s.model COLLATE "C", s.task_type COLLATE "C", s.day, s.currency COLLATE "C", pg_backend_pid() % ${slotCount},
         sum(s.requests), sum(s.successes), sum(s.latency_ms), sum(s.cost), sum(s.priced), sum(s.quality), sum(s.weight)
  FROM (${rows}
  ) AS s(model, task_type, day, currency, requests, successes, latency_ms, cost, priced, quality, weight)
  GROUP BY 1, 2, 3, 4
  ORDER BY 1, 2, 3, 4
  ON CONFLICT (model, task_type, day, currency, slot) DO UPDATE SET
    requests = p.requests + excluded.requests, successes = p.successes + excluded.successes,
    latency_sum_ms = p.latency_sum_ms + excluded.latency_sum_ms,
    cost_sum = p.cost_sum + excluded.cost_sum, priced = p.priced + excluded.priced,
    quality_sum = p.quality_sum + excluded.quality_sum, quality_weight = p.quality_weight + excluded.quality_weight,
    updated_at = clock_timestamp()`

/** Adds sums that were made elsewhere. Parameters: the arrays that the query names. */
export const addPerformanceSums = addPerformance(`
    SELECT * FROM unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::bigint[], $6::bigint[], $7::numeric[],
                         $8::numeric[], $9::bigint[], $10::numeric[], $11::bigint[])`)

/**
 * Sums by model and currency, over all slots. Parameters: models or null, task type or null, first and last day or null, whether
 * days and whether task types are kept apart, least weight of the quality.
 */
export const readPerformance = `
SELECT model, currency, CASE WHEN $5::boolean THEN to_char(day, 'YYYY-MM-DD') END AS day,
       CASE WHEN $6::boolean THEN task_type ELSE $2 END AS task_type,
       sum(requests)::float8 AS requests, sum(successes)::float8 AS successes, sum(latency_sum_ms)::float8 AS latency_ms,
       trim_scale(sum(cost_sum))::text AS cost, sum(priced)::float8 AS priced,
       sum(quality_sum)::float8 AS quality, sum(quality_weight)::float8 AS weight
FROM model_performance
WHERE ($1::text[] IS NULL OR model = ANY($1)) AND ($2::text IS NULL OR task_type = $2)
  AND ($3::date IS NULL OR day >= $3) AND ($4::date IS NULL OR day <= $4)
GROUP BY 1, 2, 3, 4
HAVING sum(quality_weight) >= $7::float8
ORDER BY 1, 3, 4, 2`
