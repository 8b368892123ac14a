// What is known of files: it is never older than the turn, and never more than the budget.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { linux } from '../../core/port/linux.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import { FileCache, type FileEntry } from '../../core/server/file_cache.ts'

const port = linux(epoll)
const root = mkdtempSync(join(tmpdir(), 'files-'))
t.teardown(() => rmSync(root, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(root, name), text)
  return join(root, name)
}
/** A time at which nothing has changed just now. */
const later = (): number => Date.now() + 60_000
const text = (source: unknown): string => (source as Buffer).toString()

t.test('a look holds for a turn, and outside of turns for nobody', (t) => {
  const files = new FileCache(port, 1e6)
  const path = file('page', 'old')
  files.beginTurn()
  t.equal(files.look(path).size, 3)
  renameSync(file('page.new', 'brand new'), path)
  t.equal(files.look(path).size, 3, 'the same turn')
  files.beginTurn()
  t.equal(files.look(path).size, 9)
  files.endTurn()
  renameSync(file('page.new', 'newer'), path)
  t.equal(files.look(path).size, 5)
  rmSync(path)
  t.equal(files.look(path).type, 'none')
  t.end()
})

t.test('what is opened is what the entry tells, whatever has taken its place', (t) => {
  const files = new FileCache(port, 1e6)
  const path = file('replaced', 'old')
  files.beginTurn()
  const entry = files.look(path)
  renameSync(file('replaced.new', 'brand new'), path)
  t.equal(text(files.source(entry, later())), 'brand new')
  t.equal(entry.size, 9)
  t.end()
})

t.test('a small file is kept as content, one that changed just now is not', (t) => {
  const files = new FileCache(port, 1e6)
  files.beginTurn()
  const entry = files.look(file('small', 'content'))
  t.notOk(files.source(entry, Date.now()) instanceof Uint8Array)
  t.equal(entry.content, undefined)
  const settled = files.look(file('settled', 'content'))
  t.equal(text(files.source(settled, later())), 'content')
  t.equal(settled.content?.length, 7)
  t.equal(settled.file, undefined, 'and no descriptor')
  t.end()
})

t.test('the budget holds for contents that come later than their entries', (t) => {
  const budget = 100_000
  const files = new FileCache(port, budget)
  files.beginTurn()
  const entries: FileEntry[] = []
  for (let n = 0; n < 50; n++) entries.push(files.look(file(`n${n}`, 'x'.repeat(16_000))))
  for (const entry of entries) t.equal(text(files.source(entry, later())).length, 16_000)
  const kept = entries.reduce((sum, { content }) => sum + (content?.length ?? 0), 0)
  t.ok(kept <= budget && kept > 0, `${kept} bytes`)
  t.end()
})
