// Request targets: what they are spelled like does not change where they lead, and none leads out.

import { posix } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { mergeUnder, tidyPath } from '../../core/base/path.ts'
import { M_GET } from '../../core/http/methods.ts'
import { normalisePath, parseTarget, type EncodedSlashes, type TargetOptions } from '../../core/http/target.ts'
import { byteStrings, holds, same } from '../support/property.ts'

const options: fc.Arbitrary<TargetOptions> = fc.record({
  methodNumber: fc.constant(M_GET), allowEncodedSlashes: fc.constantFrom<EncodedSlashes>('Off', 'On', 'NoDecode'), mergeSlashes: fc.boolean(),
})

/** The path, or the status of the refusal. */
function found(target: string, options: TargetOptions): string | number {
  const result = parseTarget(target, options)
  return 'fault' in result ? result.fault.status : result.path
}

/** Bytes that cannot stand for themselves in a path. */
const MUST = /[^\x21-\x7e\x80-\xff]|[?#%]/

/** Spells a path: a byte is escaped where it must be or where the list of choices says so; a slash never is. */
function spelled(path: string, choices: readonly number[]): string {
  return [...path].map((char, i) => {
    const choice = choices[i % choices.length] ?? 0
    if (char === '/' || (choice === 0 && !MUST.test(char))) return char
    const hex = char.charCodeAt(0).toString(16).padStart(2, '0')
    return `%${choice === 2 ? hex.toUpperCase() : hex}`
  }).join('')
}

const segment = fc.oneof(fc.constantFrom('.', '..', '', '...', 'a', '..a', 'a..', '..;', '..\\', '\\', '%', '%2e', '\xc0\xae', ' '), byteStrings(4))
const paths = fc.array(segment, { maxLength: 8 }).map((list) => `/${list.map((text) => text.replaceAll('/', '')).join('/')}`)
const choices = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 9 })

t.test('spelling', (t) => {
  holds(t, 'any spelling of the same bytes leads to the same place', fc.tuple(paths, choices, choices, options), ([path, one, other, how]) => {
    same(found(spelled(path, one), how), found(spelled(path, other), how))
  }, 3000)
  holds(t, 'an absolute target leads where its path does', fc.tuple(paths, choices, options), ([path, one, how]) => {
    const text = spelled(path, one)
    same(found(`http://h${text}`, how), found(text, how))
  })
  t.end()
})

t.test('the way', (t) => {
  holds(t, 'leads to what the parts name, one after the other', fc.tuple(paths, choices, options), ([path, one, how]) => {
    // Where slashes are not merged, an empty name is a name, which the library does not know.
    if (!how.mergeSlashes && path.includes('//')) return
    const wanted = leaves(path) ? 400 : walked(path).includes('\0') ? 404 : walked(path)
    same(found(spelled(path, one), how), wanted)
  }, 3000)
  const anything = fc.tuple(fc.array(fc.oneof(segment, fc.constantFrom('%2f', '%2F', '%5c', '%2e%2e', '%2e', '%00', '%252e', '%', '%2', '%u002e'))
    , { maxLength: 9 }), fc.constantFrom('', '/', '//', 'http://h/', '?', '\\', '%2f'))
  holds(t, 'never leaves the root', fc.tuple(anything, options), ([[parts, start], how]) => {
    const path = found(start + parts.join('/'), how)
    if (typeof path === 'number') return
    const place = posix.normalize(`/srv/htdocs${path}`)
    if (!path.startsWith('/') || path.includes('\0') || !`${place}/`.startsWith('/srv/htdocs/')) throw new Error(`it leads to ${place}`)
    same(normalisePath(path, how.mergeSlashes), path, 'normalised once more it')
    if (how.allowEncodedSlashes !== 'NoDecode' && path.split('/').some((name) => name === '..' || name === '.')) throw new Error(path)
  }, 5000)
  t.end()
})

/** Whether a step on the way is above the root. */
function leaves(path: string): boolean {
  let depth = 0
  return path.split('/').slice(1).some((name) => {
    if (name === '..') depth--
    else if (name !== '.' && name !== '') depth++
    return depth < 0
  })
}

/** Every step taken, by the library; a slash at the end where the last step names a directory. */
function walked(path: string): string {
  const place = posix.normalize(path)
  return /\/\.{0,2}$/.test(path) && !place.endsWith('/') ? `${place}/` : place
}

t.test('paths of the configuration', (t) => {
  const parts = fc.array(fc.constantFrom('a', 'b', '.', '..', '', '...', 'c d'), { maxLength: 8 }).map((list) => list.join('/'))
  holds(t, 'tidyPath() is what the library makes of it', parts, (path) => {
    same(tidyPath(`/${path}`).replace(/(.)\/$/, '$1'), posix.normalize(`/${path}`).replace(/(.)\/$/, '$1'))
    same(tidyPath(tidyPath(`/${path}`)), tidyPath(`/${path}`), 'done twice it')
  })
  holds(t, 'mergeUnder() stays under the root', parts, (path) => {
    const merged = mergeUnder('/srv/x', path)
    return merged === undefined ? path.includes('..') : `${merged}/`.startsWith('/srv/x/')
  })
  t.end()
})
