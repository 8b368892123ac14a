/*
 * .htaccess follows the disk: whatever is done to files, directories and links, the next look must see it. The same
 * steps with the three ways of knowing: by watching, by looking (where nothing can be watched), and by looking because
 * another thread holds the queue.
 */
import {
  appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync, type Stats,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { setEnvironmentData } from 'node:worker_threads'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { HtaccessInput } from '../../core/config/htaccess.ts'
import { Resolver } from '../../core/config/resolve.ts'
import type { TreeNode } from '../../core/config/reader.ts'
import { carryOut } from '../../core/config/walk.ts'
import { noChanges } from '../../core/port/changes/none.ts'
import { linux } from '../../core/port/linux.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import { Change, type Port, type Stat } from '../../core/port/port.ts'
import { FileCache } from '../../core/server/file_cache.ts'
import { htaccessAccess, HtaccessFiles, shareWatches } from '../../core/server/htaccess_source.ts'
import { toyDir, toyModules } from '../config/support.ts'
import { STEPS, write } from '../support/htaccess_steps.ts'

const real = linux(epoll)
const modules = toyModules()
const at = { file: 'test', line: 1 }
const BOARD = 'httpd: changes of directories'

/** A port that counts looks at files. */
function counting(port: Port): { port: Port; looks: () => number } {
  let looks = 0
  const stat = (path: string, into: Stat, follow: boolean): number => {
    looks++
    return port.files.stat(path, into, follow)
  }
  return { port: { ...port, changes: port.changes, files: { ...port.files, stat } }, looks: () => looks }
}

interface Subject {
  readonly looks: () => number
  readonly notes: string[]
  /** What holds for a file: the marks of the .htaccess files on its way, or the fault. */
  ask(filename: string): string
}

/** One thread, on the memory that threads made after `shareWatches` have in common. */
function subject(under: string, given: Port, names: readonly string[] = ['.htaccess']): Subject {
  const { port, looks } = counting(given)
  const tree: TreeNode[] = [{ ...at, name: '<Directory', args: `"${under}">`, body: [] }]
  const { main } = carryOut(tree, { table: modules, serverRoot: '/', checking: true, note: () => undefined })
  const files = new FileCache(port, 1e6)
  const notes: string[] = []
  const note: HtaccessInput['note'] = (_, text) => void notes.push(text)
  const input: HtaccessInput = {
    table: modules, serverRoot: '/', checking: false, note, server: main, env: {}, languageLevel: '2.4.66',
  }
  const access = htaccessAccess(new HtaccessFiles(port, files, note), names, input)
  const resolver = new Resolver({
    conf: main, settings: modules.settings(),
    htaccess: { ...access, rights: () => ({ overrides: ['FileInfo'], list: [] }) },
  })
  return {
    looks, notes,
    ask(filename) {
      files.beginTurn()
      const answer = resolver.forFile(filename, '/')
      if ('fault' in answer && answer.first !== undefined) return REFUSED
      return 'fault' in answer ? answer.fault : answer.vector.holds(toyDir).mark.join(' ')
    },
  }
}

const freshBoard = (): void => {
  setEnvironmentData(BOARD, undefined)
  shareWatches()
}

type Queue = ReturnType<Port['changes']['attach']> & object

/** A port whose queues are others. */
const queued = (change: (queue: Queue) => Partial<Queue>): Port => ({
  ...real,
  changes: {
    open: () => real.changes.open(),
    attach(fd) {
      const queue = real.changes.attach(fd)
      return queue && { ...queue, ...change(queue) }
    },
  },
})

/** Who may pass through this directory may not read it. */
const closed = queued((queue) => ({
  add: (path) => path.toString('latin1').endsWith('fixtures\0') ? -13 : queue.add(path),
}))

/** The queue is always too short. */
const flooded = queued((queue) => ({ take: (each) => queue.take((watch) => each(watch, Change.all, '')) }))

/** Whoever asks whether the queue holds something finds it taken: another thread is at it. */
const busy = queued(() => ({ look: () => -4 }))

/** As an older kernel has it: what changes twice in a moment has the same time stamps. */
const coarse = (port: Port): Port => ({
  ...port,
  changes: noChanges,
  files: {
    ...port.files,
    stat(path, into, follow) {
      const result = port.files.stat(path, into, follow)
      into.mtimeMs = Math.floor(into.mtimeMs / 1000) * 1000
      into.ctimeMs = Math.floor(into.ctimeMs / 1000) * 1000
      return result
    },
  },
})

const WAYS: readonly (readonly [name: string, port: Port])[] = [
  ['watched', { ...real, changes: real.changes }],
  ['looked at', { ...real, changes: noChanges }],
  ['looked at, with coarse time stamps', coarse(real)],
  ['taken by another', busy],
  ['watched below a directory that may not be read', closed],
  ['watched with a queue that overflows', flooded],
]

/** Undefined for what is not there, whatever stands in the way. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

const REFUSED = 'refused: no file'

/** What the files say, read from the outside inwards. */
function said(filename: string, names: readonly string[] = ['.htaccess']): string {
  const marks: string[] = []
  for (let slash = filename.indexOf('/'); slash >= 0; slash = filename.indexOf('/', slash + 1)) {
    for (const name of names) {
      const path = filename.slice(0, slash + 1) + name
      const found = statOf(path)
      if (found === undefined) continue
      if (!found.isFile()) return REFUSED
      marks.push(...[...readFileSync(path, 'latin1').matchAll(/^Mark (\S+)$/gm)].map(([, mark]) => mark!))
      break
    }
  }
  return marks.join(' ')
}

for (const [way, port] of WAYS) {
  t.test(`${way}: each step is seen by the next request`, (t) => {
    const root = t.testdir({ a: { b: { c: {} } } })
    freshBoard()
    const one = subject(root, port)
    const two = subject(root, port)
    const path = join(root, 'a/b/c/f')
    const check = (what: string): void => {
      const expected = said(path)
      // Twice: what was learnt must be right as well; and another thread, with the same queue.
      t.same([one.ask(path), one.ask(path), two.ask(path), two.ask(join(root, 'a/f'))],
        [expected, expected, expected, said(join(root, 'a/f'))], what)
    }
    check('nothing')
    for (const [what, act] of STEPS) {
      act(root)
      check(what)
    }
    t.end()
  })
}

t.test('watched: nothing is looked at where nothing is, and only the file where one is', (t) => {
  const root = t.testdir({ a: { b: { c: { d: { e: {} } } } } })
  freshBoard()
  const one = subject(root, { ...real, changes: real.changes })
  const path = join(root, 'a/b/c/d/e/f')
  const cost = (): number => {
    const before = one.looks()
    one.ask(path)
    return one.looks() - before
  }
  t.ok(cost() > 6, 'once')
  t.equal(cost(), 0)
  write('a/b/c/stranger', '')(root)
  mkdirSync(join(root, 'a/stranger'))
  t.equal(cost(), 0, 'others come and go')
  write('a/b/.htaccess', 'Mark b')(root)
  t.ok(cost() > 0)
  t.equal(cost(), 1)
  t.equal(cost(), 1)
  unlinkSync(join(root, 'a/b/.htaccess'))
  cost()
  t.equal(cost(), 0)
  t.end()
})

t.test('below a directory that may not be read one look vouches for the rest', (t) => {
  const root = t.testdir({ a: { b: { c: {} } } })
  freshBoard()
  const one = subject(root, closed)
  const cost = (): number => {
    const before = one.looks()
    one.ask(join(root, 'a/b/c/f'))
    return one.looks() - before
  }
  cost()
  t.equal(cost(), 2, 'one for the directory that cannot be watched, one for the next')
  t.end()
})

t.test('without a queue files are looked at, and it is said once', (t) => {
  const root = t.testdir({ a: {} })
  freshBoard()
  const none: Port = { ...real, changes: { open: () => -24, attach: () => undefined } }
  const [one, two] = [subject(root, none), subject(root, none)]
  t.equal(one.ask(join(root, 'a/f')), '')
  write('a/.htaccess', 'Mark a')(root)
  t.same([one.ask(join(root, 'a/f')), two.ask(join(root, 'a/f'))], ['a', 'a'])
  t.match(one.notes.join('|'), /^SY00079: \(24\) Too many open files: [^|]+$/)
  t.same(two.notes, [])
  t.end()
})

t.test('watched: a link that leads elsewhere is seen where nothing was', (t) => {
  const root = t.testdir({ a: {}, empty: {}, full: { '.htaccess': 'Mark full' } })
  freshBoard()
  const one = subject(root, { ...real, changes: real.changes })
  const link = join(root, 'a/link')
  const path = join(link, 'f')
  symlinkSync('../empty', link)
  t.equal(one.ask(path), '')
  t.equal(one.ask(path), '')
  unlinkSync(link)
  symlinkSync('../full', link)
  t.equal(one.ask(path), 'full')
  t.equal(one.ask(path), 'full')
  t.end()
})

t.test('the first name that exists is read', (t) => {
  const root = t.testdir({ a: {} })
  const names = ['.first', '.second']
  for (const [way, port] of WAYS) {
    freshBoard()
    const one = subject(root, port, names)
    const path = join(root, 'a/f')
    const ask = (): string => {
      t.equal(one.ask(path), said(path, names), way)
      return one.ask(path)
    }
    t.equal(ask(), '')
    write('a/.second', 'Mark second')(root)
    t.equal(ask(), 'second')
    write('a/.first', 'Mark first')(root)
    t.equal(ask(), 'first')
    unlinkSync(join(root, 'a/.first'))
    t.equal(ask(), 'second')
    unlinkSync(join(root, 'a/.second'))
  }
  t.end()
})

t.test('any steps in any order', (t) => {
  const names = ['a', 'b', 'c'] as const
  const place = fc.array(fc.constantFrom(...names), { maxLength: 3 })
  const step = fc.record({ kind: fc.constantFrom('file', 'gone', 'mkdir', 'link', 'move', 'rewrite'), at: place, to: place })
  const act = (root: string, { kind, at, to }: { kind: string; at: string[]; to: string[] }, n: number): void => {
    const here = join(root, ...at)
    const there = join(root, ...to)
    try {
      if (kind === 'file') writeFileSync(join(here, '.htaccess'), `Mark m${n}\n`)
      else if (kind === 'rewrite') appendFileSync(join(here, '.htaccess'), `Mark m${n}\n`)
      else if (kind === 'gone') rmSync(at.length % 2 === 0 ? join(here, '.htaccess') : here, { recursive: true })
      else if (kind === 'mkdir') mkdirSync(here, { recursive: true })
      else if (kind === 'link') symlinkSync(n % 2 === 0 ? there : `../${to.join('/')}`, here)
      else renameSync(here, there)
    } catch {
      // It cannot be done there.
    }
  }
  let count = 0
  const base = t.testdir({})
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), fc.array(place, { minLength: 1, maxLength: 3 }),
    (steps, places) => {
      const root = join(base, `${count++}`)
      mkdirSync(join(root, 'a/b'), { recursive: true })
      freshBoard()
      const one = subject(root, { ...real, changes: real.changes })
      const two = subject(root, { ...real, changes: real.changes })
      for (const [n, each] of steps.entries()) {
        act(root, each, n)
        for (const at of places) {
          const path = join(root, ...at, 'f')
          const expected = statOf(dirname(path))?.isDirectory() ? said(path) : undefined
          if (expected === undefined) continue
          for (const thread of n % 3 === 0 ? [one, two] : [one]) {
            const got = thread.ask(path)
            if (got !== expected) throw new Error(`${each.kind} ${each.at.join('/')} ${each.to.join('/')}: ${path}: "${got}", not "${expected}"`)
          }
        }
      }
      rmSync(root, { recursive: true, force: true })
    }), { numRuns: 150 })
  t.end()
})


t.test('a mount over a directory is seen, and its end', { skip: !mayMount(t) && 'needs the right to mount' }, (t) => {
  const root = t.testdir({ a: { b: {} } })
  freshBoard()
  const one = subject(root, { ...real, changes: real.changes })
  const path = join(root, 'a/b/f')
  t.equal(one.ask(path), '')
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(root, 'a')])
  try {
    write('a/b/.htaccess', 'Mark mounted')(root)
    t.equal(one.ask(path), 'mounted')
    unlinkSync(join(root, 'a/b/.htaccess'))
    t.equal(one.ask(path), '')
    t.equal(one.ask(path), '')
  } finally {
    execFileSync('umount', [join(root, 'a')])
  }
  t.equal(one.ask(path), '')
  write('a/b/.htaccess', 'Mark below')(root)
  t.equal(one.ask(path), 'below')
  t.end()
})

function mayMount(t: Test): boolean {
  const at = join(t.testdir({ try: {} }), 'try')
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', at], { stdio: 'ignore' })
    execFileSync('umount', [at], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

t.test('what may not be read', { skip: process.getuid?.() === 0 && 'root may read everything' }, (t) => {
  const root = t.testdir({ a: { '.htaccess': 'Mark secret', b: {} } })
  for (const [way, port] of WAYS) {
    freshBoard()
    const one = subject(root, port)
    chmodSync(join(root, 'a/.htaccess'), 0)
    t.match(one.ask(join(root, 'a/b/f')), /^AH00529: .*\/a\/\.htaccess pcfg_openfile/, way)
    chmodSync(join(root, 'a/.htaccess'), 0o644)
    t.equal(one.ask(join(root, 'a/b/f')), 'secret')
  }
  t.end()
})
