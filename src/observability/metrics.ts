import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type LabelsOf, type MetricDefinition, type MetricName, metricTable } from './metric-table.ts'

/** Asked at each scrape: sets gauges. May fail; then its gauges are left out of that scrape. */
export type MetricSource = (metrics: Metrics) => void | Promise<void>

/** What {@link Metrics} may be given. */
export interface MetricsOptions {
  /** How long one source may take, in ms; default 1,000. */
  sourceTimeoutMs?: number
  /** Whether metrics of the process (CPU, memory, event loop, garbage collection) are told too; default true. */
  process?: boolean
}

interface NamedSource {
  gauges: readonly MetricName[]
  read: MetricSource
}

/**
 * The metrics of one worker, in a registry of their own. Whatever is wrong with a metric is swallowed and counted: it never
 * breaks the message in hand.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #metrics = new Map<MetricName, Counter | Gauge | Histogram>()
  readonly #sources = new Map<string, NamedSource>()
  readonly #sourceTimeoutMs: number
  #rendering: Promise<string> | undefined

  constructor({ sourceTimeoutMs = 1_000, process = true }: MetricsOptions = {}) {
    this.#sourceTimeoutMs = sourceTimeoutMs
    for (const [key, definition] of Object.entries<MetricDefinition>(metricTable)) {
      const metric = build(definition, this.#registry)
      this.#metrics.set(key as MetricName, metric)
      if (metric instanceof Gauge) forget(metric, definition)
    }
    this.set('lastAlarm', {}, 0)
    if (process) collectDefaultMetrics({ register: this.#registry })
  }

  /** Media type of {@link render}. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** Adds to a counter; nothing for amounts that are not above 0. */
  count<TName extends MetricName>(name: TName, labels: LabelsOf<TName>, amount = 1): void {
    if (!(amount > 0)) return
    this.#touch(name, (metric) => metric instanceof Counter && metric.inc(labels, amount))
  }

  /** Notes a value in a histogram. */
  observe<TName extends MetricName>(name: TName, labels: LabelsOf<TName>, value: number): void {
    this.#touch(name, (metric) => metric instanceof Histogram && metric.observe(labels, value))
  }

  /** Sets a gauge; null leaves it out. */
  set<TName extends MetricName>(name: TName, labels: LabelsOf<TName>, value: number | boolean | null): void {
    if (value !== null) this.#touch(name, (metric) => metric instanceof Gauge && metric.set(labels, Number(value)))
  }

  /** Sets a counter that is kept elsewhere to what it has come to. */
  total<TName extends MetricName>(name: TName, labels: LabelsOf<TName>, value: number): void {
    this.#touch(name, (metric) => {
      if (!(metric instanceof Counter)) return
      metric.remove(labels)
      metric.inc(labels, value)
    })
  }

  /** Adds a source, which is asked at each scrape and sets these gauges and no others. */
  addSource(name: string, gauges: readonly MetricName[], read: MetricSource): void {
    this.#sources.set(name, { gauges, read })
  }

  /** The text format of Prometheus. Scrapes that come meanwhile get the same answer. */
  render(): Promise<string> {
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined
    })
    return this.#rendering
  }

  async #render(): Promise<string> {
    await Promise.all([...this.#sources].map(([name, source]) => this.#ask(name, source)))
    return this.#registry.metrics()
  }

  async #ask(name: string, { gauges, read }: NamedSource): Promise<void> {
    // Partitions come and go, and what cannot be asked must not look as it was.
    for (const gauge of gauges) this.#touch(gauge, (metric) => forget(metric, metricTable[gauge]))
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), this.#sourceTimeoutMs)
    })
    try {
      await Promise.race([Promise.resolve().then(() => read(this)), limit])
    } catch {
      this.count('scrapeFailures', { source: name })
    } finally {
      clearTimeout(timer)
    }
  }

  #touch(name: MetricName, run: (metric: Counter | Gauge | Histogram) => unknown): void {
    try {
      const metric = this.#metrics.get(name)
      if (metric !== undefined) run(metric)
    } catch {
      // A label that does not fit, say; the tests find it, a request must not.
    }
  }
}

/** Leaves the metric out until it is set again; `reset` alone would tell 0 for one without labels. */
function forget(metric: Counter | Gauge | Histogram, { labels }: MetricDefinition): void {
  if (labels.length === 0 && !(metric instanceof Histogram)) metric.remove()
  else metric.reset()
}

function build(definition: MetricDefinition, registry: Registry): Counter | Gauge | Histogram {
  const { name, help, type, labels, buckets } = definition
  const common = { name, help, labelNames: [...labels], registers: [registry] }
  switch (type) {
    case 'counter':
      return new Counter(common)
    case 'gauge':
      return new Gauge(common)
    case 'histogram':
      return new Histogram({ ...common, ...(buckets === undefined ? {} : { buckets: [...buckets] }) })
    default:
      return type satisfies never
  }
}
