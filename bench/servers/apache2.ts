/* Apache's own, with event: one process, as this server has, with enough threads for what a workload does at once. */
import { existsSync } from 'node:fs'
import type { Features, Place, Server } from '../contract.ts'
import { directives, MODULES } from './directives.ts'
import { versionOf } from './programs.ts'

/** Debian links log_config and unixd in. */
const MODULE_DIRECTORIES = ['/usr/lib/apache2/modules']

/** Threads besides those that a workload's connections may keep busy. */
const SPARE = 36

/**
 * event ends kept connections, with requests on their way, when all threads of a process are busy, and when it ends a
 * process that it finds needless: there is a thread for each connection, and one process.
 */
function populationLines({ connections, workers }: Features): string[] {
  const threads = workers ?? connections + SPARE
  return ['ServerLimit 1', 'StartServers 1', `ThreadLimit ${threads}`, `ThreadsPerChild ${threads}`,
    `MaxRequestWorkers ${threads}`, 'MinSpareThreads 1', `MaxSpareThreads ${2 * threads}`,
    `AsyncRequestWorkerFactor ${2 * Math.ceil(connections / threads) + 2}`]
}

function configuration(place: Place, features: Features): string {
  const modules = ['mpm_event', ...MODULES].map((name) => `LoadModule ${name}_module ${place.home}/mod_${name}.so`)
  return [...modules, ...directives(place, features), ...populationLines(features), ''].join('\n')
}

const moduleDirectory = (): string | undefined => MODULE_DIRECTORIES.find((path) => existsSync(`${path}/mod_mpm_event.so`))

export const apache2: Server = {
  name: 'apache2',
  knows: ['connections', 'log', 'overrides', 'workers'],
  warmUp: 1,
  version: () => moduleDirectory() && versionOf('apache2', ['-v'], /Apache\/(\S+)/),
  home: () => Promise.resolve(moduleDirectory() ?? ''),
  configuration,
  command: (_, file) => ['apache2', '-f', file, '-D', 'FOREGROUND'],
}
