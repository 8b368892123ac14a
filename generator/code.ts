/*
 * The code cache of a server (core/base/code_cache.ts): what V8 has compiled when the server, made and not yet used by
 * anybody, has started, answered and ended. Each such run begins with the code of the one before, so that in the end
 * there is what a control process needs and what its children need. A server that cannot be run here, or now, is
 * complete without.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compile, compileWith, isWhole, packCode, runWrapped, setCompile, unpackCode, wrapped, type Code } from '../core/base/code_cache.ts'
import { confFiles, placesOfBuild } from './conf.ts'
import type { Config } from './config.ts'
import { writeIfChanged } from './files.ts'

/** Where the files will be when they run: traces name them so. */
export interface Place {
  readonly lib: string
  readonly modules: string
}

export const placeOfBuild = (): Place => ({ lib: resolve('dist/lib'), modules: resolve('dist/modules') })

export const placeOfInstallation = ({ paths }: Config): Place =>
  ({ lib: join(paths.libdir, 'switchyard'), modules: paths.libexecdir })

/** A server that has not answered after this long (ms) will not. */
const TO_ANSWER = 15_000
/** How often (ms) it is asked, and how long it is given to end. */
const EVERY = 20, TO_END = 5000

interface Lesson {
  /** The MPM, where that is loaded. */
  readonly mpm: string
  /** Loads every module, and not those alone that the configuration of this build loads. */
  readonly allModules: boolean
  readonly words: readonly string[]
  readonly serves: boolean
}

/** The control process, then what a child does; of other MPMs what is done when they are loaded. */
function lessonsOf({ defaultMpm, mpmsShared, mpms }: Config): Lesson[] {
  const own = { mpm: defaultMpm, allModules: false, serves: true }
  const others = mpmsShared ? mpms.filter((mpm) => mpm !== defaultMpm) : []
  return [
    { ...own, words: ['-D', 'FOREGROUND'] },
    { ...own, words: ['-X'] },
    ...[defaultMpm, ...others].map((mpm) => ({ mpm, allModules: true, words: ['-t'], serves: false })),
  ]
}

/**
 * The code cache for a server that will stand in `place`, made at most once for the same files.
 * @param directory what is kept for the next time, and all that the server writes meanwhile
 * @returns undefined if there is none, with a sentence to `say` when that has just turned out
 */
export async function codeOf(
  config: Config, place: Place, directory: string, say: (line: string) => void,
): Promise<Buffer | undefined> {
  // Node finds the way back to the sources only for what it loads by itself.
  if (config.debug) return undefined
  const [record, file] = [join(directory, 'sum'), join(directory, 'httpd.cache')]
  try {
    const sum = `${sumOf(config, place)}\n`
    if (textOf(record) === sum) return bytesOf(file)
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true })
    for (const lesson of lessonsOf(config)) await teach(config, place, directory, lesson)
    writeFileSync(record, sum)
    const code = bytesOf(file)
    if (code === undefined) say(`note: the server starts without compiled code: see ${join(directory, 'output')}`)
    return code
  } catch (error) {
    say(`note: the server starts without compiled code: ${(error as Error).message}`)
    return undefined
  }
}

/** What the code depends on. */
function sumOf(config: Config, place: Place): string {
  const sum = createHash('sha256')
  const products = [...config.loadableMpms, ...config.loadableModules].map(({ product }) => join('dist/modules', product))
  for (const path of ['dist/lib/httpd.cjs', 'build/make.mjs', ...products]) sum.update(readFileSync(path)).update('\0')
  return sum.update(JSON.stringify([process.versions, process.arch, place])).digest('hex')
}

function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

const textOf = (path: string): string | undefined => bytesOf(path)?.toString()

/** Lets the server run once. Of one that fails nothing is kept. */
async function teach(config: Config, place: Place, directory: string, lesson: Lesson): Promise<void> {
  const port = await freePort()
  const conf = join(resolve(directory), 'httpd.conf')
  writeFileSync(conf, confOf(config, resolve(directory), lesson, port))
  const file = join(directory, 'httpd.cache')
  const output = openSync(join(directory, 'output'), 'a')
  const child = spawn(config.node, ['build/make.mjs', 'record', file, place.lib, place.modules,
    resolve(config.progname), resolve('dist'), '-f', conf, ...lesson.words], {
    stdio: ['ignore', output, output], env: environment(),
  })
  const ended = new Promise<boolean>((done) => {
    child.on('error', () => done(false)).on('exit', (code) => done(code === 0))
  })
  const answered = lesson.serves ? await firstAnswer(port, ended) : true
  if (lesson.serves) child.kill('SIGTERM')
  const killing = setTimeout(() => child.kill('SIGKILL'), TO_END)
  const well = await ended
  clearTimeout(killing)
  if (answered && well) renameSync(`${file}.new`, file)
}

// What is set for the shell's own node or server is not meant for this one.
function environment(): NodeJS.ProcessEnv {
  const own = /^(NODE_|HTTPD_|LISTEN_|NOTIFY_SOCKET|WATCHDOG_)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)))
}

/** The configuration of the build, with a port of its own and its files in `directory`. */
function confOf(config: Config, directory: string, { mpm, allModules }: Lesson, port: number): string {
  const places = placesOfBuild(process.cwd(), config.bigSecurityHole)
  const own: Config = {
    ...config, port: `127.0.0.1:${port}`,
    loadableMpms: config.loadableMpms.map((each) => ({ ...each, active: each.name === `mpm_${mpm}` })),
    loadableModules: config.loadableModules.map((each) => ({ ...each, active: each.active || allModules })),
  }
  const files = confFiles(own, config.srcdir, { ...places, logs: directory, pidFile: join(directory, 'pid') })
  return `${files.get(`${config.progname}.conf`)!}\nServerName localhost\n`
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().on('error', failed).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => done(port))
    })
  })
}

/** Asks until there is an answer. False: the server has ended, or takes too long. */
async function firstAnswer(port: number, ended: Promise<boolean>): Promise<boolean> {
  let over = false
  void ended.then(() => (over = true))
  for (const begun = Date.now(); !over && Date.now() - begun < TO_ANSWER; await sleep(EVERY))
    if (await answers(port)) return true
  return false
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))
    socket.setTimeout(TO_ANSWER, () => socket.destroy())
    socket.on('data', () => done(true)).on('error', () => done(false)).on('close', () => done(false))
  })
}

/**
 * Runs the server of the build in this very process, and leaves in `FILE.new` what has been compiled at its end.
 * @param words file; its place: lib, modules; then the server's own arguments
 */
export function record([file = '', lib = '', modules = '', ...words]: readonly string[]): void {
  const [place, build] = [{ lib, modules }, placeOfBuild()]
  const known = codeIn(file)
  const nameOf = (path: string): string | undefined =>
    dirname(path) === build.lib ? join(place.lib, basename(path))
      : dirname(path) === build.modules ? join(place.modules, basename(path)) : undefined
  const made = new Map(known.map((code) => [code.name, () => code]))
  setCompile((text, path) => {
    const name = nameOf(path) ?? path
    const script = compileWith(known)(text, name)
    if (nameOf(path) !== undefined) made.set(name, () => ({ name, text: Buffer.from(text), code: script.createCachedData() }))
    return script
  })
  // Opened now: at its end the process may be another user.
  const fd = openSync(`${file}.new`, 'w', 0o644)
  process.on('exit', () => writeFileSync(fd, packCode([...made.values()].map((code) => code()))))
  process.argv = [process.execPath, join(build.lib, 'start.cjs'), ...words]
  const server = join(build.lib, 'httpd.cjs')
  runWrapped(compile(wrapped(readFileSync(server, 'utf8')), server), server)
}

function codeIn(path: string): Code[] {
  const bytes = bytesOf(path)
  return bytes !== undefined && isWhole(bytes) ? unpackCode(bytes) : []
}

/** Puts the cache beside the server, or takes away one that is not for it. Answers whether there is another one now. */
export function placeCode(code: Buffer | undefined, path: string): boolean {
  if (code !== undefined) return writeIfChanged(path, code)
  rmSync(path, { force: true })
  return false
}
