/* What the directives of mod_limits write. */
import { Settings, type Subnet } from 'httpd'
import type { ConnectionRule, RateRule } from './rules.ts'

/** What is said further in stands for what is said further out, but who is exempt stays so. */
export const limits = new Settings('directory', {
  rates: [] as readonly RateRule[],
  connections: [] as readonly ConnectionRule[],
  /** Of what is refused. */
  status: 429,
  /** Everything is counted and logged, nothing refused. */
  dryRun: false,
  exempt: [] as readonly Subnet[],
}, { exempt: (outer, inner) => [...outer, ...inner] })

export const limitsServer = new Settings('server', {
  /** Somewhere in this server there is a limit. */
  used: false,
  /** Entries of each table, a power of two. */
  capacity: 65_536,
})
