/* What is measured: a row for each figure, with its unit. All of them are better when they are smaller, but `rate`. */

export interface MetricRow {
  /** The head of its column. */
  readonly title: string
  /** Decimal places that are shown. */
  readonly places: number
  /** How a target is said: `client CPU per request 1.25 ms`. */
  readonly says: string
  readonly unit: string
}

export const METRICS = {
  /** All processes of the server, user and system, over all requests. */
  cpu: { title: 'us CPU/req', places: 1, says: 'CPU per request', unit: 'us' },
  rate: { title: 'req/s', places: 0, says: 'requests per second', unit: '/s' },
  p50: { title: 'p50 us', places: 0, says: 'latency p50', unit: 'us' },
  p99: { title: 'p99 us', places: 0, says: 'latency p99', unit: 'us' },
  pss: { title: 'PSS MiB', places: 1, says: 'PSS', unit: 'MiB' },
  private: { title: 'private MiB', places: 1, says: 'private memory', unit: 'MiB' },
  alone: { title: 'alone MiB', places: 1, says: 'memory if nothing else ran', unit: 'MiB' },
  connection: { title: 'B/connection', places: 0, says: 'private memory per connection', unit: 'B' },
  first: { title: 'first ms', places: 0, says: 'first answer', unit: 'ms' },
  replaced: { title: 'replaced ms', places: 0, says: 'child replaced', unit: 'ms' },
  configure: { title: 'configure s', places: 2, says: 'configure', unit: 's' },
  make: { title: 'make s', places: 2, says: 'make', unit: 's' },
  total: { title: 'both s', places: 2, says: 'configure and make', unit: 's' },
} as const satisfies Readonly<Record<string, MetricRow>>

export type Metric = keyof typeof METRICS

export const metricNames = Object.keys(METRICS) as Metric[]
