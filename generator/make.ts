/*
 * The program that make and config.status run in the build directory, with what configure decided:
 *   make.mjs all | install | status [--file=F]
 * and by itself, as a process of its own, to run the server that it has made: make.mjs record …
 */
import { readFileSync } from 'node:fs'
import { programs } from '../support/catalog.ts'
import { bundle } from './bundle.ts'
import { codeOf, placeCode, placeOfBuild, record } from './code.ts'
import type { Config } from './config.ts'
import { UserError } from './error.ts'
import { writeIfChanged } from './files.ts'
import { install } from './install.ts'
import { controlScript, launcherOfBuild, launcherOfProgram } from './launcher.ts'
import { writeOutputs } from './outputs.ts'
import { versionText } from './version_text.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function readConfig(): Config {
  try {
    return JSON.parse(readFileSync('build/config.json', 'utf8')) as Config
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new UserError('there is no build/config.json: run configure first')
  }
}

async function all(): Promise<void> {
  const config = readConfig()
  const changed = await bundle(config)
  if (writeIfChanged(config.progname, launcherOfBuild(config), 0o755)) changed.push(config.progname)
  for (const { name } of programs) {
    const path = `dist/bin/${name}`
    if (writeIfChanged(path, launcherOfProgram(config, name), 0o755)) changed.push(path)
  }
  if (writeIfChanged('dist/bin/apachectl', controlScript(config, '../..'), 0o755)) changed.push('dist/bin/apachectl')
  const code = await codeOf(config, placeOfBuild(), 'build/code', say)
  if (placeCode(code, 'dist/lib/httpd.cache')) changed.push('dist/lib/httpd.cache')
  for (const path of changed) say(`made ${path}`)
  if (changed.length === 0) say('Nothing to be done: the server is up to date')
}

const statusHelp = `config.status makes the files of a configure run again.
Usage: ./config.status [OPTION]...

  -h, --help      print this help
  -V, --version   print the version
      --config    print the arguments of configure
  -q, --quiet     do not print messages
  -d, --debug     accepted
      --recheck   run configure again with the same arguments
      --file=F    make only the file F
`

/** config.status. */
function status(words: readonly string[]): void {
  const has = (...names: string[]): boolean => names.some((name) => words.includes(name))
  const known = /^(-[hVqd]|--(help|version|config|quiet|silent|debug|file=.+))$/
  const odd = words.find((word) => !known.test(word))
  if (odd !== undefined) {
    throw new UserError(`unrecognized option: \`${odd}'`, ["Try `./config.status --help' for more information"])
  }
  if (has('-h', '--help')) return say(statusHelp.trimEnd())
  if (has('-V', '--version')) return say(versionText())
  const config = readConfig()
  if (has('--config')) return say(config.arguments.map((word) => `'${word}'`).join(' '))
  const file = words.find((word) => word.startsWith('--file='))?.slice(7)
  writeOutputs(config, has('-q', '--quiet', '--silent') ? () => {} : say, file)
}

const isBuildFailure = (error: unknown): boolean => error instanceof Error && 'errors' in error && 'warnings' in error

const [what = 'all', ...words] = process.argv.slice(2)
// Whoever reads the messages may stop reading: the work goes on.
process.stdout.on('error', () => {})
try {
  if (what === 'all') await all()
  else if (what === 'install') await install(readConfig(), process.env['DESTDIR'] ?? '', say)
  else if (what === 'record') record(words)
  else if (what === 'status') status(words)
  else throw new UserError(`nothing is called ${what} here: all, install, status`)
} catch (error) {
  // esbuild has said what is wrong with the sources, with file and line.
  if (isBuildFailure(error)) process.exit(1)
  if (!(error instanceof UserError)) throw error
  process.stderr.write([`make: error: ${error.message}`, ...error.hints, ''].join('\n'))
  process.exitCode = 1
}
