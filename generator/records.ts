/*
 * The records of a configure run: config.log (what was found and why), config.nice and config.status (how to run
 * it again), config.cache. They hold no dates, process ids or durations: the same run leaves the same text.
 */
import { readFileSync } from 'node:fs'
import type { Request } from './command_line.ts'
import type { Plan } from './plan.ts'
import { type Answers, probes } from './probes.ts'

const shellQuoted = (text: string): string => `"${text.replace(/[\\"$`]/g, '\\$&')}"`

/** The script that repeats this run; further arguments may be added to it. */
export function niceText(
  program: string, argv: readonly string[], request: Request, environment: readonly (readonly [string, string])[],
): string {
  const words = [...argv]
  for (const name of ['build', 'host', 'target']) {
    const value = request.values[name]
    if (value !== undefined) words.push(`${name}_alias=${value}`)
  }
  return [
    '#! /bin/sh', '#', '# Created by configure', '',
    ...environment.map(([name, value]) => `${name}=${shellQuoted(value)}; export ${name}`),
    `${shellQuoted(program)} \\`,
    ...words.map((word) => `${shellQuoted(word)} \\`),
    '"$@"', '',
  ].join('\n')
}

/** The script that makes the output files again. */
export function statusText(node: string, niceName: string): string {
  return `#! /bin/sh
# Created by configure. Makes the output files again from build/config.json; --recheck runs configure again.
cd "$(dirname "$0")" || exit 1
case $1 in
--recheck) exec ./${niceName} --no-create ;;
esac
node=${shellQuoted(node)}
test -x "$node" || node=node
exec "$node" build/make.mjs status "$@"
`
}

/** How an answer came about, in words. */
function origin(answers: Answers, feature: keyof Answers): string {
  const { from, reason } = answers[feature]
  return { probe: reason, cache: `told: ${reason}`, option: `told: ${reason}`, host: reason }[from]
}

/** The whole of config.log. */
export function logText(log: {
  program: string; argv: readonly string[]; machine: string; node: string; plan: Plan; answers: Answers; code: number
}): string {
  const { plan, answers } = log
  const rule = (title: string): string[] => ['', `## ${'-'.repeat(title.length)} ##`, `## ${title} ##`,
    `## ${'-'.repeat(title.length)} ##`, '']
  return [
    'This file contains any messages produced by configure, to help when something went wrong.', '',
    `  $ ${[log.program, ...log.argv].join(' ')}`,
    ...rule('Platform.'), `machine = ${log.machine}`, `node = ${log.node}`, `node version = ${process.version}`,
    ...rule('Core tests.'), ...plan.lines.flatMap(logLines),
    ...(plan.refusal === undefined ? [] : [`configure: error: ${plan.refusal.message}`, ...plan.refusal.hints]),
    ...rule('Reasons.'),
    ...probes.map(({ feature }) => `${feature}: ${answers[feature].value} (${origin(answers, feature)})`),
    ...rule('Cache variables.'), ...probes.map(({ cacheVar, feature }) => `${cacheVar}=${answers[feature].value}`),
    ...rule('Output variables.'), ...outputVariables(plan), '', `configure: exit ${log.code}`, '',
  ].join('\n')
}

/** A printed line as autoconf logs it: the question, then its result. */
function logLines(line: string): string[] {
  const match = /^(checking .*?)\.\.\. (.*)$/.exec(line)
  return match === null ? [line] : [`configure: ${match[1]!}`, `configure: result: ${match[2]!}`]
}

function outputVariables({ config }: Plan): string[] {
  if (config === undefined) return []
  return Object.entries(config)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => `${name}='${String(value)}'`)
}

/** The answers as a cache file, in the form that autoconf reads and writes. */
export function cacheText(answers: Answers): string {
  const lines = probes.map(({ cacheVar, feature }) => `${cacheVar}=\${${cacheVar}=${answers[feature].value}}`)
  return ['# Results of the tests that configure has run, for --cache-file.', ...lines.sort(), ''].join('\n')
}

/** The variables of a cache file; none when there is no such file. */
export function readCache(path: string): Record<string, string> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
  const found: Record<string, string> = {}
  for (const [, name, value] of text.matchAll(/^(\w+)=\$\{\w+=([^}]*)\}$/gm)) found[name!] = value!
  return found
}
