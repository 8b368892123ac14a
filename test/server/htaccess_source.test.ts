/*
 * .htaccess follows the disk: whatever is done to files, directories and links, the next look must see it. The same
 * steps with the three ways of knowing: by watching, by looking (where nothing can be watched), and by looking because
 * another thread holds the queue.
 */
import {
  appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync,
  utimesSync, writeFileSync, type Stats,
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
import type { Port, Stat } from '../../core/port/port.ts'
import { FileCache } from '../../core/server/file_cache.ts'
import { htaccessAccess, HtaccessFiles, shareWatches } from '../../core/server/htaccess_source.ts'
import { toyDir, toyModules } from '../config/support.ts'

const real = linux(epoll)
const modules = toyModules()
const at = { file: 'test', line: 1 }
const BOARD = 'httpd: changes of directories'

/** A port that counts looks at files. */
function counting(port: Port): { port: Port; looks: () => number } {
  let looks = 0
  const stat = (path: Buffer, into: Stat, follow: boolean): number => {
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
  const files = new FileCache(port)
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

/** Whoever asks whether the queue holds something finds it taken: another thread is at it. */
const busy = (port: Port): Port => ({
  ...port,
  changes: {
    open: () => port.changes.open(),
    attach(queue) {
      const mine = port.changes.attach(queue)
      return mine && { ...mine, look: () => -4 }
    },
  },
})

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
  ['taken by another', busy(real)],
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

type Step = readonly [what: string, act: (root: string) => void]

const write = (path: string, text: string) => (root: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** Each is followed by a question at once. */
const STEPS: readonly Step[] = [
  ['creates one', write('a/b/c/.htaccess', 'Mark one\n')],
  ['writes it in place, of the same length', (root) => writeFileSync(join(root, 'a/b/c/.htaccess'), 'Mark two\n', { flag: 'r+' })],
  ['and again, in the same tick', (root) => writeFileSync(join(root, 'a/b/c/.htaccess'), 'Mark six\n', { flag: 'r+' })],
  ['appends', (root) => appendFileSync(join(root, 'a/b/c/.htaccess'), 'Mark more\n')],
  ['truncates', (root) => truncateSync(join(root, 'a/b/c/.htaccess'), 9)],
  ['empties', (root) => truncateSync(join(root, 'a/b/c/.htaccess'), 0)],
  ['replaces by rename', (root) => {
    write('a/b/new', 'Mark new\n')(root)
    renameSync(join(root, 'a/b/new'), join(root, 'a/b/c/.htaccess'))
  }],
  ['replaces it with another of the same size and times', (root) => {
    const old = statSync(join(root, 'a/b/c/.htaccess'))
    write('a/b/new', 'Mark old\n')(root)
    utimesSync(join(root, 'a/b/new'), old.atime, old.mtime)
    renameSync(join(root, 'a/b/new'), join(root, 'a/b/c/.htaccess'))
  }],
  ['deletes it', (root) => unlinkSync(join(root, 'a/b/c/.htaccess'))],
  ['creates two further out', (root) => {
    write('a/.htaccess', 'Mark outer\n')(root)
    write('.htaccess', 'Mark root\n')(root)
  }],
  ['renames a directory on the way', (root) => renameSync(join(root, 'a/b'), join(root, 'a/gone'))],
  ['puts another in its place', write('a/b/c/.htaccess', 'Mark other\n')],
  ['deletes that one whole', (root) => rmSync(join(root, 'a/b'), { recursive: true })],
  ['brings the first one back', (root) => renameSync(join(root, 'a/gone'), join(root, 'a/b'))],
  ['makes a link of it', (root) => {
    renameSync(join(root, 'a/b'), join(root, 'x'))
    symlinkSync('../x', join(root, 'a/b'))
  }],
  ['creates one behind the link', write('x/.htaccess', 'Mark linked\n')],
  ['and one deeper behind it', write('x/c/.htaccess', 'Mark deep\n')],
  ['retargets the link', (root) => {
    write('y/c/.htaccess', 'Mark elsewhere\n')(root)
    unlinkSync(join(root, 'a/b'))
    symlinkSync(join(root, 'y'), join(root, 'a/b'))
  }],
  ['retargets it by rename', (root) => {
    symlinkSync('../x', join(root, 'a/next'))
    renameSync(join(root, 'a/next'), join(root, 'a/b'))
  }],
  ['makes it a link to a link', (root) => {
    symlinkSync('y', join(root, 'current'))
    unlinkSync(join(root, 'a/b'))
    symlinkSync('../current', join(root, 'a/b'))
  }],
  ['retargets the link in the middle', (root) => {
    unlinkSync(join(root, 'current'))
    symlinkSync('x', join(root, 'current'))
  }],
  ['renames what it leads to', (root) => renameSync(join(root, 'x'), join(root, 'z'))],
  ['and has it back', (root) => renameSync(join(root, 'z'), join(root, 'x'))],
  ['a link leads to where nothing is', (root) => {
    unlinkSync(join(root, 'a/b'))
    mkdirSync(join(root, 'far/away/empty/c'), { recursive: true })
    write('far/other/empty/c/.htaccess', 'Mark beyond\n')(root)
    symlinkSync('../far/away/empty', join(root, 'a/b'))
  }],
  ['a directory on the way of the link is exchanged', (root) => {
    renameSync(join(root, 'far/away'), join(root, 'far/old'))
    renameSync(join(root, 'far/other'), join(root, 'far/away'))
  }],
  ['and back', (root) => {
    renameSync(join(root, 'far/away'), join(root, 'far/other'))
    renameSync(join(root, 'far/old'), join(root, 'far/away'))
  }],
  ['the link leads to where something is', (root) => {
    unlinkSync(join(root, 'a/b'))
    symlinkSync('../far/other/empty', join(root, 'a/b'))
  }],
  ['a link with .. behind a name', (root) => {
    unlinkSync(join(root, 'a/b'))
    symlinkSync('../current/../y', join(root, 'a/b'))
  }],
  ['deletes behind that', (root) => unlinkSync(join(root, 'y/c/.htaccess'))],
  ['creates behind that', write('y/c/.htaccess', 'Mark again\n')],
  ['.htaccess is a link to nothing', (root) => {
    unlinkSync(join(root, 'y/c/.htaccess'))
    symlinkSync(join(root, 'common'), join(root, 'y/c/.htaccess'))
  }],
  ['which then comes', write('common', 'Mark common\n')],
  ['and changes', write('common', 'Mark uncommon\n')],
  ['and goes', (root) => unlinkSync(join(root, 'common'))],
  ['.htaccess is a directory', (root) => {
    unlinkSync(join(root, 'y/c/.htaccess'))
    mkdirSync(join(root, 'y/c/.htaccess'))
  }],
  ['and then a FIFO', (root) => {
    rmSync(join(root, 'y/c/.htaccess'), { recursive: true })
    execFileSync('mkfifo', [join(root, 'y/c/.htaccess')])
  }],
  ['and then a file', (root) => {
    rmSync(join(root, 'y/c/.htaccess'), { recursive: true })
    write('y/c/.htaccess', 'Mark file\n')(root)
  }],
  ['a directory on the way is a file', (root) => {
    rmSync(join(root, 'a'), { recursive: true })
    write('a', '')(root)
  }],
  ['and comes back', (root) => {
    unlinkSync(join(root, 'a'))
    write('a/b/c/.htaccess', 'Mark last\n')(root)
  }],
]

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
