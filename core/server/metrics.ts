/** Figures of modules for whoever shows the state of the server (mod_status). */

export interface ModuleMetric {
  /** As Prometheus has it: `httpd_limits_refused_total`. */
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  /** Asked by any thread that serves, when somebody wants to see it; nothing: it is left out. */
  samples(): readonly (readonly [labels: Readonly<Record<string, string | number>>, value: number])[]
}

const metrics = new Map<string, ModuleMetric>()

/** Makes a figure known; a later registration of the same name counts. */
export function registerMetric(metric: ModuleMetric): void {
  metrics.set(metric.name, metric)
}

export const registeredMetrics = (): Iterable<ModuleMetric> => metrics.values()
