/* All workloads, in the order in which they are run. */
import type { Workload } from '../contract.ts'
import { build } from './build.ts'
import { idle } from './idle.ts'
import { LOADS } from './loads.ts'
import { defaultServer, start } from './start.ts'

export const WORKLOADS: readonly Workload[] = [...LOADS, idle, start, defaultServer, build]
