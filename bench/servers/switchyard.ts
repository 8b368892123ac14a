/*
 * This server: configured, made and installed in a directory of the run, an MPM linked in. One process answers, as one
 * of nginx's workers does.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import type { Features, MpmName, Place, Server } from '../contract.ts'
import { directives, MODULES } from './directives.ts'
import { run } from './processes.ts'

/** Threads (or processes) that run handlers where a workload does not say. */
const WORKERS = 4

const mpmOf = ({ mpm = 'event' }: Features): MpmName => mpm

/** The words that configure is given. */
export const configureWords = (mpm: MpmName, prefix: string): string[] =>
  ['--quiet', `--with-mpm=${mpm}`, `--prefix=${prefix}`]

/** Where the sources are: the benchmark is run in their directory. */
export const sourcesOf = (): string => resolve('.')

/** The magic number that loadable modules of a build carry. */
function magicOf(directory: string): number {
  return (JSON.parse(readFileSync(join(directory, 'build/config.json'), 'utf8')) as { magic: number }).magic
}

/** Compiles the benchmark's own module as make compiles modules. */
async function compileModule(built: string, home: string): Promise<void> {
  await build({
    entryPoints: [join(sourcesOf(), 'bench/modules/mod_bench.ts')], outfile: join(home, 'modules/mod_bench.so'),
    bundle: true, platform: 'node', format: 'cjs', target: 'node20', external: ['httpd'], logLevel: 'silent',
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    banner: { js: `/* switchyard module: AP24 ${magicOf(built)} */` },
  })
}

async function makeServer(directory: string, mpm: MpmName): Promise<string> {
  const [built, home] = [join(directory, `build-${mpm}`), join(directory, `switchyard-${mpm}`)]
  if (existsSync(home)) return home
  mkdirSync(built, { recursive: true })
  await run(join(sourcesOf(), 'configure'), configureWords(mpm, home), built)
  await run('make', ['-s', 'install'], built)
  await compileModule(built, home)
  return home
}

function populationLines(features: Features): string[] {
  const { workers = WORKERS, connections } = features
  if (mpmOf(features) === 'prefork') {
    return [`ServerLimit ${workers}`, `StartServers ${workers}`, `MaxRequestWorkers ${workers}`,
      'MinSpareServers 1', `MaxSpareServers ${workers + 1}`]
  }
  const lines = ['ServerLimit 1', 'StartServers 1', `ThreadsPerChild ${workers}`, `MaxRequestWorkers ${workers}`,
    'MinSpareThreads 1', `MaxSpareThreads ${2 * workers}`]
  // One connection for each thread, and so many more for each one that is idle.
  return mpmOf(features) === 'event' ? [...lines, `AsyncRequestWorkerFactor ${connections}`] : lines
}

const location = (path: string, handler: string): string[] => [`<Location ${path}>`, `SetHandler ${handler}`, '</Location>']

function handlerLines({ crew = false, collect = false }: Features): string[] {
  const locations = [...(crew ? location('/crew', 'bench-hello') : []), ...(collect ? location('/collect', 'bench-collect') : [])]
  return locations.length === 0 ? [] : ['LoadModule bench_module modules/mod_bench.so', ...locations]
}

function configuration(place: Place, features: Features): string {
  const modules = [...MODULES, 'unixd', 'log_config'].map((name) => `LoadModule ${name}_module modules/mod_${name}.so`)
  const absolute = (line: string): string => line.replace(/ modules\//, ` ${place.home}/modules/`)
  return [...modules.map(absolute), ...directives(place, features), ...populationLines(features),
    ...handlerLines(features).map(absolute), ''].join('\n')
}

export const switchyard: Server = {
  name: 'switchyard',
  knows: ['connections', 'log', 'overrides', 'crew', 'collect', 'mpm', 'workers'],
  // V8 compiles what is called often, and again with what it has learnt.
  warmUp: 4,
  version: () => /"version": "(.*)"/.exec(readFileSync(join(sourcesOf(), 'package.json'), 'utf8'))?.[1] ?? 'unknown',
  home: (directory, features) => makeServer(directory, mpmOf(features)),
  configuration,
  command: ({ home }, file) => [join(home, 'bin/httpd'), '-f', file, '-D', 'FOREGROUND'],
}
