// logresolve: order, what is asked, statistics; and as Debian's on what needs no name service but /etc/hosts.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { linesOf, NameResolver, resolveAll, statisticsText, type NameService } from '../../support/logresolve/resolver.ts'
import { variantDirectory } from '../support/variants.ts'

const OURS = join(variantDirectory('event'), 'dist/bin/logresolve')
const APACHES = '/usr/bin/logresolve'

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Promise.resolve(Buffer.from(text, 'latin1'))
}

/** Answers later the sooner it is asked. */
function service(names: Readonly<Record<string, string>>, addresses: Readonly<Record<string, readonly string[]>> = {}) {
  const asked: string[] = []
  const answer = async <T>(found: T | undefined): Promise<T> => {
    await new Promise((done) => setTimeout(done, 10 - asked.length))
    if (found === undefined) throw new Error('ENOTFOUND')
    return found
  }
  const service: NameService = {
    nameOf: (address) => (asked.push(address), answer(names[address])),
    addressesOf: (name) => (asked.push(name), answer(addresses[name])),
  }
  return { service, asked }
}

async function resolved(resolver: NameResolver, ...texts: readonly string[]): Promise<string> {
  let out = ''
  await resolveAll(linesOf(chunks(...texts)), resolver, (text) => void (out += text))
  return out
}

t.test('lines keep their order and all but their address, and each address is asked for once', async (t) => {
  const { service: names, asked } = service({ '192.0.2.1': 'a.example', '2001:db8::1': 'b.example' })
  const resolver = new NameResolver(names, false)
  const text = '192.0.2.1 - x\xff\n2001:db8::1 y\nhost.example z\n192.0.2.9 -\n\n192.0.2.1  two  blanks\n192.0.2.1\n192.0.2.1 end'
  t.equal(await resolved(resolver, text.slice(0, 5), text.slice(5, 20), text.slice(20)),
    'a.example - x\xff\nb.example y\nhost.example z\n192.0.2.9 -\n\na.example  two  blanks\n192.0.2.1\na.example end')
  t.strictSame(asked, ['192.0.2.1', '2001:db8::1', '192.0.2.9'])
  t.equal(statisticsText(resolver), 'logresolve Statistics:\nEntries: 8\n    With name   : 3\n    Resolves    : 3\n' +
    '    - No reverse : 1\nCache hits      : 2\nCache size      : 3\n')
})

t.test('-c believes only names that lead back', async (t) => {
  const { service: names } = service({ '192.0.2.1': 'a.example', '192.0.2.2': 'a.example', '2001:db8::1': 'b.example', '192.0.2.3': 'none' },
    { 'a.example': ['192.0.2.7', '192.0.2.1'], 'b.example': ['2001:DB8:0:0::1'] })
  const resolver = new NameResolver(names, true)
  t.equal(await resolved(resolver, '192.0.2.1 1\n192.0.2.2 2\n2001:db8::1 3\n192.0.2.3 4\n'), 'a.example 1\n192.0.2.2 2\nb.example 3\n192.0.2.3 4\n')
  t.equal(resolver.statistics.doubleFailed, 2)
})

t.test('a name that is none does not get into the log', async (t) => {
  const { service: names } = service({ '192.0.2.1': 'evil\n192.0.2.7 - forged' })
  t.equal(await resolved(new NameResolver(names, false), '192.0.2.1 x\n'), '192.0.2.1 x\n')
})

t.test('linesOf() cuts what is too long, and loses nothing', async (t) => {
  const got: string[] = []
  for await (const line of linesOf(chunks('abc', 'def\ng', 'hijklmnop', 'q\n', 'r'), 8)) got.push(line)
  t.strictSame(got, ['abcdef\n', 'ghijklmnop', 'q\n', 'r'])
})

t.test('logresolve does as that of Apache', { skip: !existsSync(APACHES) }, (t) => {
  const root = mkdtempSync(join(tmpdir(), 'httpd-logresolve-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const input = '127.0.0.1 - - x\nhost.example - x\n\n999.1.1.1 x\n127.0.0.1\n 127.0.0.1 x\nabc\n127.0.0.1 no newline'
  for (const words of ['-s stats more', '-s none/stats', '-x']) {
    const [own, theirs] = [OURS, APACHES].map((program) => {
      const { status, stdout, stderr } = spawnSync('env', ['-u', 'NODE_OPTIONS', program, ...words.split(' ')], { cwd: root, input, encoding: 'utf8' })
      const stats = join(root, 'stats')
      const said = /^logresolve: .*/.exec(stderr)?.[0]
      const result = { status, stdout, said, stats: existsSync(stats) ? readFileSync(stats, 'utf8') : '' }
      rmSync(stats, { force: true })
      return result
    })
    t.strictSame(own, theirs, words)
  }
  t.end()
})
