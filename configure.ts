/*
 * configure: looks at the platform and at what was asked for, decides what server to build, and leaves the files
 * that make reads. This file is the table of contents; the parts are in generator/.
 * Called by the script of the same name as: configure.mjs PROGRAM SRCDIR ARGUMENTS…
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { helpText, readCommandLine, type Request } from './generator/command_line.ts'
import { UserError } from './generator/error.ts'
import { writeIfChanged } from './generator/files.ts'
import { recordedVariables } from './generator/options.ts'
import { shortPath, writeEarly, writeOutputs } from './generator/outputs.ts'
import { closedTreeNotice } from './generator/closed_tree.ts'
import { answersOf, machine } from './generator/platform.ts'
import { plan } from './generator/plan.ts'
import { cacheText, logText, niceText, readCache, statusText } from './generator/records.ts'
import { summary } from './generator/summary.ts'
import { versionText } from './generator/version_text.ts'

/** Runs configure; answers its exit code. */
async function configure(program: string, sources: string, argv: readonly string[]): Promise<number> {
  const request = readCommandLine(argv, program)
  const { values } = request
  const say = values['quiet'] === 'yes' ? () => {} : (line: string) => void process.stdout.write(`${line}\n`)
  if (values['help'] === 'yes') return print(await helpText(program))
  if (values['version'] === 'yes') return print(versionText())
  const srcdir = sourceTree(values['srcdir'] ?? sources)
  for (const warning of request.warnings) process.stderr.write(`configure: WARNING: ${warning}\n`)
  for (const notice of request.notices) say(`configure: ${notice}`)
  writeIfChanged('config.nice', niceText(program, argv, request, environment()), 0o755)

  const presets = presetsOf(request)
  const answers = await answersOf(request, presets, srcdir)
  const made = plan({ request, answers, presets, machine: machine(), srcdir, node: process.execPath, arguments: argv })
  for (const line of made.lines) say(line)

  const only = values['no-create'] === 'yes'
  const refused = made.refusal !== undefined && !(only && made.config !== undefined)
  const code = refused ? 1 : 0
  writeIfChanged('config.log', logText({
    program, argv, machine: machine(), node: process.execPath, plan: made, answers, code,
  }))
  const cache = cacheFile(request)
  if (cache !== undefined) writeIfChanged(cache, cacheText(answers))
  if (made.config === undefined || refused) throw made.refusal!
  if (made.refusal === undefined) {
    writeIfChanged('build/config.json', `${JSON.stringify(made.config, undefined, 2)}\n`)
    writeIfChanged('config.status', statusText(process.execPath, 'config.nice'), 0o755)
    writeEarly(made.config)
    if (!only) writeOutputs(made.config, say)
  }
  say(summary(made.config))
  if (process.geteuid?.() === 0) for (const line of closedTreeNotice(made.config, process.cwd())) say(line)
  return 0
}

function print(text: string): number {
  process.stdout.write(`${text.trimEnd()}\n`)
  return 0
}

function sourceTree(path: string): string {
  if (existsSync(join(path, 'configure.ts'))) return shortPath(path)
  throw new UserError(`cannot find sources (configure.ts) in ${path}`)
}

function environment(): [string, string][] {
  return recordedVariables.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as [string, string]]
  })
}

function cacheFile(request: Request): string | undefined {
  const named = request.values['cache-file']
  return named ?? (request.values['config-cache'] === 'yes' ? 'config.cache' : undefined)
}

/** Answers that are given: by a cache file, by the environment, by VAR=VALUE; the later goes first. */
function presetsOf(request: Request): Record<string, string> {
  const file = cacheFile(request)
  const presets = file === undefined || file === '/dev/null' ? {} : readCache(file)
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(a[cp]_cv_.*|CFLAGS|CPPFLAGS)$/.test(name) && value !== undefined) presets[name] = value
  }
  return { ...presets, ...Object.fromEntries(request.variables) }
}

const [program = './configure', srcdir = '.', ...argv] = process.argv.slice(2)
// Whoever reads the messages may stop reading: the work goes on.
process.stdout.on('error', () => {})
try {
  process.exitCode = await configure(program, srcdir, argv)
} catch (error) {
  if (!(error instanceof UserError)) throw error
  process.stderr.write([`configure: error: ${error.message}`, ...error.hints, ''].join('\n'))
  process.exitCode = 1
}
