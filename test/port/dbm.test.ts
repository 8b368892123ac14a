/** Files of the dbm family: beside a map, beside Apache's own programs, and files that are not what they say. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { lookUpDbm } from 'httpd'
import { DbmError, dbmKind, type WritableDbm } from '../../core/port/dbm/dbm.ts'

// Bundles of the server have it of their own.
Object.assign(globalThis, { require: createRequire(join(process.cwd(), 'package.json')) })

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
let files = 0

for (const name of ['SDBM', 'LMDB']) {
  t.test(`${name}: what is in it is what was put last`, (t) => {
    const directory = t.testdir({})
    const key = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 12 }).map((text) => `${text}\xe9`.slice(-10))
    const acts = fc.array(fc.record({ key, value: fc.option(fc.string({ maxLength: 300 })) }), { maxLength: 120 })
    fc.assert(fc.property(acts, fc.boolean(), (list, again) => {
      const path = join(directory, `db${files++}`)
      const kind = dbmKind(name, path)
      const model = new Map<string, string>()
      let dbm: WritableDbm = kind.write(path, true)
      for (const [i, one] of list.entries()) {
        if (one.value === null) {
          if (dbm.remove(bytes(one.key)) !== model.delete(one.key)) return false
        } else {
          dbm.put(bytes(one.key), bytes(one.value))
          model.set(one.key, one.value)
        }
        if (again && i % 40 === 39) {
          dbm.close()
          dbm = kind.write(path, false)
        }
      }
      dbm.close()
      const back = kind.read(path)
      const all = new Map([...back.entries()].map(([one, value]) => [one.toString('latin1'), value.toString('latin1')]))
      const same = all.size === model.size && [...model].every(([one, value]) => all.get(one) === value &&
        back.get(bytes(one))?.toString('latin1') === value)
      back.close()
      return same
    }), { numRuns: name === 'LMDB' ? 3 : 25 })
    t.end()
  })
}

t.test('who changes a database has it locked until it is closed', (t) => {
  const directory = t.testdir({})
  for (const [name, suffix] of [['SDBM', '.dir'], ['LMDB', '']] as const) {
    const path = join(directory, name)
    dbmKind(name, path).write(path, true).close()
    // Whose lock is whose: kernel, kind, process, device and inode.
    const isLocked = (): boolean =>
      new RegExp(`OFDLCK .* WRITE -1 \\S+:${statSync(path + suffix).ino} `).test(readFileSync('/proc/locks', 'latin1'))
    const dbm = dbmKind(name, path).write(path, false)
    t.ok(isLocked(), name)
    dbm.put(bytes('a'), bytes('b'))
    dbm.close()
    t.notOk(isLocked(), name)
  }
  t.end()
})

const HTTXT2DBM = '/usr/sbin/httxt2dbm'

t.test('SDBM: files of Apache\'s programs, and ours', { skip: existsSync(HTTXT2DBM) ? false : 'no apache2-utils' }, (t) => {
  const directory = t.testdir({ list: Array.from({ length: 1000 }, (_, i) => `key-${i} value-of-${i * 7}\n`).join('') })
  const path = join(directory, 'theirs')
  execFileSync(HTTXT2DBM, ['-f', 'SDBM', '-i', join(directory, 'list'), '-o', path])
  const theirs = dbmKind('SDBM', path).read(path)
  for (let i = 0; i < 1000; i++) if (String(theirs.get(bytes(`key-${i}`))) !== `value-of-${i * 7}`) t.fail(`key-${i}`)
  t.equal([...theirs.entries()].length, 1000)
  t.equal(theirs.get(bytes('key-1000')), undefined)
  theirs.close()
  const ours = join(directory, 'ours')
  const dbm = dbmKind('sdbm', ours).write(ours, true)
  for (let i = 0; i < 1000; i++) dbm.put(bytes(`key-${i}`), bytes(`value-of-${i * 7}`))
  dbm.close()
  t.same(readFileSync(`${ours}.dir`), readFileSync(`${path}.dir`))
  t.end()
})

t.test('SDBM: whatever is in the files, a look-up ends', (t) => {
  const directory = t.testdir({})
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 200 }), fc.string(), (pag, dir, key) => {
    const path = join(directory, `odd${files++ % 3}`)
    writeFileSync(`${path}.pag`, pag)
    writeFileSync(`${path}.dir`, dir)
    const dbm = dbmKind('SDBM', path).read(path)
    try {
      dbm.get(bytes(key))
    } catch (error) {
      return error instanceof DbmError
    } finally {
      dbm.close()
    }
    return true
  }), { numRuns: 40 })
  t.end()
})

t.test('LMDB: what is none, or cut off, is refused before the library sees it', (t) => {
  const directory = t.testdir({ empty: '', text: 'hello\n', long: 'x'.repeat(100_000) })
  for (const name of ['empty', 'text', 'long']) {
    const path = join(directory, name)
    t.throws(() => dbmKind('LMDB', path).read(path), /^it is not a database of type LMDB$/, name)
    t.throws(() => dbmKind('LMDB', path).write(path, false), /^it is not a database of type LMDB$/, name)
  }
  const path = join(directory, 'cut')
  const dbm = dbmKind('default', path).write(path, true)
  for (let i = 0; i < 2000; i++) dbm.put(bytes(`key${i}`), bytes(`value${i}`))
  dbm.close()
  truncateSync(path, 20_480)
  t.throws(() => dbmKind('default', path).read(path), /^it is cut off$/)
  t.throws(() => dbmKind('LMDB', 'x').read(join(directory, 'none')), { code: 'ENOENT' })
  t.end()
})

t.test('a look-up for a request sees a new file, and trusts .htaccess with SDBM only', (t) => {
  const directory = t.testdir({})
  for (const type of ['LMDB', 'SDBM']) {
    const path = join(directory, type)
    for (const value of ['one', 'two', 'three']) {
      const dbm = dbmKind(type, path).write(path, value !== 'three')
      dbm.put(bytes('key'), bytes(value))
      dbm.close()
      t.equal(lookUpDbm({ path, trusted: true }, 'default', 'key'), value)
    }
    t.equal(lookUpDbm({ path, trusted: true }, type.toLowerCase(), 'none'), undefined)
    t.equal(lookUpDbm({ path, trusted: true }, type, ''), undefined)
  }
  t.equal(lookUpDbm({ path: join(directory, 'SDBM'), trusted: false }, 'default', 'key'), 'three')
  t.throws(() => lookUpDbm({ path: join(directory, 'LMDB'), trusted: false }, 'default', 'key'),
    /^a file that .htaccess names may be of type SDBM only$/)
  for (const suffix of ['.pag', '.dir']) symlinkSync('/dev/null', join(directory, `device${suffix}`))
  t.throws(() => lookUpDbm({ path: join(directory, 'device'), trusted: false }, 'default', 'key'), /device.pag is no regular file$/)
  t.throws(() => lookUpDbm({ path: join(directory, 'x'), trusted: true }, 'GDBM', 'key'),
    /^there is no library for files of type GDBM: there are LMDB, SDBM, default$/)
  t.throws(() => lookUpDbm({ path: join(directory, 'x'), trusted: true }, 'foo', 'key'), /^type foo is none of LMDB, SDBM, default$/)
  t.end()
})
