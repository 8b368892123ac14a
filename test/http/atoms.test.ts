import t from 'tap'
import fc from 'fast-check'
import { Atoms } from '../../core/http/atoms.ts'

const at = (atoms: Atoms, text: string) => {
  const bytes = Buffer.from(`..${text}..`, 'latin1')
  return atoms.at(bytes, 2, bytes.length - 2)
}

t.test('the text of any bytes, and the same object when they come again', (t) => {
  const atoms = new Atoms(4096)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
    const text = Buffer.from(array).toString('latin1')
    const atom = at(atoms, text)
    return atom.text === text && (text.length > 256 || at(atoms, text) === atom)
  }))
  t.end()
})

t.test('in small letters', (t) => {
  const hosts = new Atoms(4096, true)
  t.equal(at(hosts, 'WWW.Example.com').text, 'www.example.com')
  t.equal(at(hosts, 'WWW.Example.com'), at(hosts, 'WWW.Example.com'))
  t.equal(at(hosts, 'www.example.com').text, 'www.example.com')
  t.not(at(hosts, 'www.example.org').text, 'www.example.com')
  t.end()
})

t.test('many texts get many places, but no more than there may be', (t) => {
  const most = 8192
  const atoms = new Atoms(most)
  const known = Array.from({ length: 50_000 }, (_, n) => at(atoms, `/file/${n}`))
  // From the last: each that is not known any more drives another one out.
  let still = 0
  for (let n = known.length - 1; n >= 0; n--) if (at(atoms, `/file/${n}`) === known[n]) still++
  t.ok(still > most / 8 && still <= most, String(still))
  t.end()
})
