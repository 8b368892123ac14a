// The code cache: code goes with one text under one name, and what is damaged is nobody's.
import fc from 'fast-check'
import t from 'tap'
import {
  compileWith, fileOf, isWhole, packCode, scriptOfCode, unpackCode, wrapped, type Code, type Wrapper,
} from '../../core/base/code_cache.ts'
import { holds, same } from '../support/property.ts'

const NAME = '/somewhere/one.cjs'
const TEXT = wrapped('exports.trace = () => new Error("é").stack\nexports.sum = (a, b) => a + b')

function codeOf(text: string, name: string): Code {
  const script = compileWith([])(text, name)
  script.runInThisContext()
  return { name, text: Buffer.from(text), code: script.createCachedData() }
}

const codes: Code[] = [codeOf(wrapped('exports.other = 1'), '/somewhere/other.cjs'), codeOf(TEXT, NAME)]
const file = packCode(codes)
/** Whether V8 took code: undefined means that it was given none. */
const taken = (text: string, name: string, from = unpackCode(file)): boolean | undefined => {
  const { cachedDataRejected } = compileWith(from)(text, name)
  return cachedDataRejected === undefined ? undefined : !cachedDataRejected
}

t.test('code is used for its own text under its own name', (t) => {
  t.ok(isWhole(file))
  t.same(unpackCode(file).map(({ name }) => name), ['/somewhere/other.cjs', NAME])
  t.equal(taken(TEXT, NAME), true)
  t.equal(scriptOfCode(unpackCode(file)[1]!).cachedDataRejected, false)
  t.equal(wrapped(Buffer.from(fileOf(codes[1]!)).toString()), TEXT)
  t.end()
})

t.test('another text of the same length, another name: compiled as ever', (t) => {
  const other = TEXT.replace('a + b', 'a - b')
  t.equal(other.length, TEXT.length)
  t.equal(taken(other, NAME), undefined)
  t.equal(taken(TEXT, '/elsewhere/one.cjs'), undefined, 'traces would name the wrong file')
  t.equal(taken(TEXT, NAME, []), undefined)
  const module = { exports: {} as { sum(a: number, b: number): number } }
  ;(compileWith(unpackCode(file))(other, NAME).runInThisContext() as Wrapper)(module, module.exports, () => undefined)
  t.equal(module.exports.sum(5, 3), 2, 'what runs is the text')
  t.end()
})

t.test('traces are those of the file', (t) => {
  const traceOf = (from: readonly Code[]): string => {
    const exports: { trace?: () => string } = {}
    ;(compileWith(from)(TEXT, NAME).runInThisContext() as Wrapper)({}, exports, () => undefined)
    return exports.trace!().split('\n')[1]!.trim()
  }
  t.match(traceOf(unpackCode(file)), /^at .*\/somewhere\/one\.cjs:1:\d+\)?$/)
  t.equal(traceOf(unpackCode(file)), traceOf([]))
  t.end()
})

t.test('code that V8 does not know is rejected, and the script runs', (t) => {
  // What this process has compiled before V8 would find by itself.
  const text = wrapped('exports.never = "compiled before"')
  const foreign = { name: NAME, text: Buffer.from(text), code: Buffer.alloc(codes[1]!.code.length, 7) }
  t.equal(taken(text, NAME, [foreign]), false)
  t.equal(typeof compileWith([foreign])(text, NAME).runInThisContext(), 'function')
  t.end()
})

t.test('a file is whole or nothing', (t) => {
  holds(t, 'no byte may change', fc.tuple(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 })), ([at, change]) => {
    const damaged = Uint8Array.from(file)
    damaged[at]! ^= change
    return !isWhole(damaged)
  })
  holds(t, 'none may be missing', fc.nat(file.length - 1), (length) => !isWhole(file.subarray(0, length)))
  t.notOk(isWhole(Buffer.from('something else, which is long enough to have a first line')))
  t.end()
})

t.test('packing keeps names, texts and code', (t) => {
  const bytes = fc.uint8Array({ maxLength: 40 })
  holds(t, 'whatever they are', fc.array(fc.record({ name: fc.string(), text: bytes, code: bytes }), { maxLength: 5 }), (made) => {
    const packed = packCode(made)
    same(isWhole(packed), true)
    same(unpackCode(packed).map(({ name, text, code }) => [name, [...text], [...code]]),
      made.map(({ name, text, code }) => [name, [...text], [...code]]))
    same(unpackCode(packed).every(({ text, code }) => text.byteOffset % 8 === packed.byteOffset % 8 && code.byteOffset % 8 === packed.byteOffset % 8), true)
  }, 200)
  t.end()
})
