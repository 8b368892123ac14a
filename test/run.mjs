/*
 * Runs the tests: bundles test/**\/*.test.ts, builds the servers that tests start from outside, and runs the
 * bundles, each of which is a program that speaks TAP. The last line is always `N passed, N failed`, counted over assertions.
 *
 *   node test/run.mjs [WORD...]     only the files whose path contains one of the words
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { clearTimeout, setTimeout } from 'node:timers'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

// Makes that tests run are not parts of the one that runs the tests.
for (const name of ['MAKEFLAGS', 'MAKELEVEL', 'MFLAGS']) delete process.env[name]

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))

/** What a built server is made of; a server is built again when any of it has changed. */
const SOURCES = [
  'core', 'mpms', 'modules', 'support', 'generator', 'templates', 'configure', 'configure.ts', 'package-lock.json',
]
/** The servers that tests start, by name, with what configure is told. */
const VARIANTS = {
  // With every module that there is.
  event: ['--with-mpm=event', '--enable-mods-shared=reallyall'],
  worker: ['--with-mpm=worker'],
  prefork: ['--with-mpm=prefork'],
  shared: ['--enable-mpms-shared=all'],
  private: ['--enable-mpms-shared=all'],
}
/** All but this one let root serve, so that the tests of root run in any directory. */
const REFUSES_ROOT = 'private'
for (const [name, words] of Object.entries(VARIANTS))
  if (name !== REFUSES_ROOT) words.push('CFLAGS=-DBIG_SECURITY_HOLE')
const BUILT_AT_ONCE = 2
/** Files at a time: most of them wait for servers. */
const JOBS = 3
/** Seconds for one file. */
const TIMEOUT = Number(process.env.TAP_TIMEOUT ?? 300)
/** A test that imports this file needs the built servers. */
const SERVER_SUPPORT = 'test/support/variants.ts'

const say = (text) => void process.stdout.write(`${text}\n`)

function filesBelow(path) {
  if (!existsSync(path)) return []
  const entries = readdirSync(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort()
}

const bundleOf = (file) => join('build', file.replace(/\.ts$/, '.mjs'))

function bundle(files) {
  return build({
    entryPoints: files, outbase: '.', outdir: 'build', outExtension: { '.js': '.mjs' }, bundle: true,
    platform: 'node', format: 'esm', packages: 'external', metafile: true, logLevel: 'silent',
    sourcemap: 'inline', sourcesContent: false,
  })
}

/** Bundles all in one call; if that fails, one by one, so that a broken file does not hide the others. */
async function bundleAll(files) {
  try {
    return { bundled: files, broken: [], inputs: Object.keys((await bundle(files)).metafile.inputs) }
  } catch {
    const [bundled, broken, inputs] = [[], [], []]
    for (const file of files) {
      try {
        inputs.push(...Object.keys((await bundle([file])).metafile.inputs))
        bundled.push(file)
      } catch (error) {
        broken.push(file)
        say(`not ok - ${file} cannot be bundled: ${error.message}`)
      }
    }
    return { bundled, broken, inputs }
  }
}

function sourcesSum() {
  const sum = createHash('sha256')
  for (const source of SOURCES) {
    const files = source.includes('.') || source === 'configure' ? [source] : filesBelow(source)
    for (const file of files) sum.update(`${file}\0`).update(readFileSync(file)).update('\0')
  }
  return sum.digest('hex')
}

/** Runs a command and answers its exit code and everything it said. */
function run(command, words, cwd) {
  return new Promise((done) => {
    let said = ''
    const child = spawn(command, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
    child.on('error', (error) => done({ code: 1, said: error.message }))
    child.on('close', (code) => done({ code: code ?? 1, said }))
  })
}

async function buildVariant(name, sum) {
  const directory = resolve('build/variants', name)
  const stamp = join(directory, 'sources.sum')
  const wanted = `${sum} ${VARIANTS[name].join(' ')} ${process.version}\n`
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true
  // In place: configure and make leave what has not changed, and a test run beside this one goes on.
  mkdirSync(directory, { recursive: true })
  for (const [command, words] of [
    [resolve('configure'), ['-q', ...VARIANTS[name], `--prefix=${join(directory, 'installed')}`]],
    ['make', ['-s']],
  ]) {
    const { code, said } = await run(command, words, directory)
    if (code === 0) continue
    say(`not ok - cannot build the server ${name}: ${command} ended with ${code}\n${said}`)
    return false
  }
  writeFileSync(stamp, wanted)
  say(`built the server build/variants/${name}`)
  return true
}

/** Answers how many servers could not be built. */
async function buildVariants() {
  const sum = sourcesSum()
  const names = Object.keys(VARIANTS)
  let failed = 0
  const builder = async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      if (!(await buildVariant(name, sum))) failed++
    }
  }
  await Promise.all(Array.from({ length: BUILT_AT_ONCE }, builder))
  return failed
}

/** Of what a failed file said: without what passed, and without what is said again about the tests around a failure. */
function failuresOf(lines) {
  const passed = /^ +(ok \d+|\d+\.\.\d+$|# time=|$)/
  let around = false
  const kept = lines.filter((line) => {
    if (/^ +not ok \d+ .*# time=/.test(line)) around = true
    else if (around && /^ +\.\.\.$/.test(line)) around = false
    else return !around && !passed.test(line) && line.trim() !== ''
    return around
  })
  const heading = /^( *)# Subtest: /
  return kept.filter((line, i) => {
    const depth = heading.exec(line)?.[1].length
    // A heading stays if something deeper follows it.
    return depth === undefined || (/^ */.exec(kept[i + 1] ?? '')[0].length > depth)
  })
}

/**
 * Runs one bundle; answers what it says, its assertions and whether all is well. tap's own runner would load a compiler in
 * front of each file, which costs more than most of them.
 */
function runFile(file) {
  return new Promise((done) => {
    const begun = performance.now()
    const child = spawn(process.execPath, ['--enable-source-maps', bundleOf(file)], {
      stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TAP_TIMEOUT: String(TIMEOUT) },
    })
    // tap itself ends a test that takes too long, and tells which; this is for one that does not let it.
    const last = setTimeout(() => child.kill('SIGKILL'), (TIMEOUT + 30) * 1000)
    const lines = []
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
    child.on('close', (code, signal) => {
      clearTimeout(last)
      const totals = lines.findLast((line) => line.startsWith('# {')) ?? ''
      const count = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0)
      if (code !== 0) lines.push(`not ok - the file ended with ${signal ?? code}`)
      const failed = code === 0 && totals !== '' ? count('fail') : Math.max(1, count('fail'))
      done({ lines, passed: count('pass'), failed, time: performance.now() - begun })
    })
  })
}

/** Runs the bundles, shows a line per file and all of each failure; answers the assertions counted. */
async function runAll(files) {
  const waiting = [...files]
  const sum = { passed: 0, failed: 0 }
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { lines, passed, failed, time } = await runFile(file)
      if (failed > 0) say(failuresOf(lines.map((line) => `    ${line}`)).join('\n'))
      say(`${failed > 0 ? 'not ok' : 'ok'} - ${file} # time=${time.toFixed(0)}ms`)
      sum.passed += passed
      sum.failed += failed
    }
  }
  await Promise.all(Array.from({ length: JOBS }, worker))
  return sum
}

const words = process.argv.slice(2)
const files = filesBelow('test').filter((file) => file.endsWith('.test.ts'))
const chosen = files.filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
const { bundled, broken, inputs } = await bundleAll(chosen)
const unbuilt = inputs.includes(SERVER_SUPPORT) ? await buildVariants() : 0
if (chosen.length === 0) say(`not ok - no test file has ${words.join(' or ')} in its path`)
const nothing = { passed: 0, failed: chosen.length === 0 ? 1 : 0 }
const { passed, failed } = bundled.length > 0 ? await runAll(bundled) : nothing
const wrong = failed + broken.length + unbuilt
say(`${passed} passed, ${wrong} failed`)
process.exitCode = wrong === 0 ? 0 : 1
