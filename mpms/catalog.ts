/*
 * The Multi-Processing Modules: one row per MPM, in the order in which configure speaks of them.
 * Data only: configure decides with it, the generated import list names what it chose.
 * A row without `source` is an MPM that Apache httpd has and this version has not.
 */
import type { Feature } from '../core/port/features.ts'

/** What configure must know of an MPM. */
export interface MpmRow {
  readonly name: string
  /** The name as configure prints it. */
  readonly printedName: string
  /** Symbol for LoadModule and IfModule. */
  readonly symbol: string
  /** File name for IfModule and `httpd -l`. */
  readonly file: string
  /** Path from the top of the source tree; absent: no implementation in this version. */
  readonly source?: string
  /** Connections are served by threads of a process. */
  readonly threaded: boolean
  /** Can wait for a connection without holding a worker. */
  readonly async: boolean
  /** Features without which it cannot run; the first one missing gives the reason. */
  readonly needs: readonly Feature[]
  /** Can be a loadable module (--enable-mpms-shared). */
  readonly loadable: boolean
  /** Host triplets it is for; absent: any. `*` matches any run of characters. */
  readonly hosts?: readonly string[]
  readonly summary: string
  /** Directives of its own, so that a server with another MPM can say whose they are. */
  readonly directives: readonly string[]
}

const PROCESSES = ['StartServers', 'ServerLimit', 'MaxRequestWorkers', 'MaxClients']
const THREADS = ['ThreadsPerChild', 'ThreadLimit']
const SPARE_THREADS = ['MinSpareThreads', 'MaxSpareThreads']

export const mpms: readonly MpmRow[] = [
  {
    name: 'event', printedName: 'event', symbol: 'mpm_event_module', file: 'event.c', source: 'mpms/event.ts',
    threaded: true, async: true, needs: ['forking', 'threads', 'threadsafe_pollset'], loadable: true,
    summary: 'processes with threads, and a listener that waits for idle connections',
    directives: [...PROCESSES, ...THREADS, ...SPARE_THREADS, 'AsyncRequestWorkerFactor'],
  },
  {
    name: 'mpmt_os2', printedName: 'mpmt_os2', symbol: 'mpm_mpmt_os2_module', file: 'mpmt_os2.c',
    threaded: true, async: false, needs: [], loadable: false, hosts: ['*os2-emx*'],
    summary: 'processes with threads for OS/2',
    directives: ['StartServers', ...SPARE_THREADS],
  },
  {
    name: 'netware', printedName: 'netware', symbol: 'mpm_netware_module', file: 'mpm_netware.c',
    threaded: true, async: false, needs: [], loadable: false, hosts: ['*netware*'],
    summary: 'one process with threads for NetWare',
    directives: ['StartThreads', 'MaxThreads', ...SPARE_THREADS],
  },
  {
    name: 'prefork', printedName: 'prefork', symbol: 'mpm_prefork_module', file: 'prefork.c',
    source: 'mpms/prefork.ts',
    threaded: false, async: false, needs: ['forking'], loadable: true,
    summary: 'one process per connection, no threads',
    directives: [...PROCESSES, 'MinSpareServers', 'MaxSpareServers'],
  },
  {
    name: 'winnt', printedName: 'WinNT', symbol: 'mpm_winnt_module', file: 'mpm_winnt.c',
    threaded: true, async: false, needs: [], loadable: false, hosts: ['*mingw32*'],
    summary: 'one child process with threads for Windows',
    directives: THREADS,
  },
  {
    name: 'worker', printedName: 'worker', symbol: 'mpm_worker_module', file: 'worker.c', source: 'mpms/worker.ts',
    threaded: true, async: false, needs: ['forking', 'threads'], loadable: true,
    summary: 'processes with threads, one thread per connection',
    directives: [...PROCESSES, ...THREADS, ...SPARE_THREADS],
  },
]
