/** The functions of expressions. One rule: texts are bytes, one character each. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { osEscapePath } from '../base/escape.ts'
import { tableValue } from '../base/table.ts'
import { byteString, fsPath } from '../config/include.ts'
import { EvaluationError, type Evaluation } from './evaluation.ts'
import type { FunctionRow } from './lookup.ts'

// Not imported: node takes 2 ms to load it, in every process and thread.
const hash = (algorithm: string, text: string): string =>
  process.getBuiltinModule('node:crypto').createHash(algorithm).update(text, 'latin1').digest('hex')

/** Only letters of ASCII have a case. */
export const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
const upper = (text: string): string => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())

function osenv(name: string): string | undefined {
  const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined
  return value === undefined ? undefined : byteString(value)
}

const requestHeader = ({ request }: Evaluation, name: string) => request.headersIn.get(name)

function requestHeaderVary(evaluation: Evaluation, name: string): string | undefined {
  evaluation.dependsOn(name)
  return requestHeader(evaluation, name)
}

/**
 * Up to the first character that is none of base64's, as APR does, and of the result what stands before a NUL: Apache
 * decides on no more, and whoever writes `!= 'x'` means `x` with anything behind a NUL as well.
 */
function unbase64(text: string): string {
  const [digits] = /^[A-Za-z0-9+/]*/.exec(text)!
  const decoded = Buffer.from(digits, 'base64')
  const nul = decoded.indexOf(0)
  return decoded.toString('latin1', 0, nul < 0 ? decoded.length : nul)
}

/** `%2f` stays; a bad escape, or one for NUL, makes the result empty. */
function unescape(evaluation: Evaluation, text: string): string {
  const bad = /%(?![0-9A-Fa-f]{2})/.test(text)
  if (!bad && !text.includes('%00')) {
    return text.replace(/%([0-9A-Fa-f]{2})/g, (whole, hex: string) =>
      /^2f$/i.test(hex) ? whole : String.fromCharCode(Number.parseInt(hex, 16)))
  }
  const { request, written } = evaluation
  request.log('debug', 'core',
    `AH00538: ${bad ? 'Bad' : 'Forbidden'} % escape in unescape('${text}') at ${written.file}:${written.line}`)
  return ''
}

const MAX_FILE_SIZE = 10 * 1024 * 1024

function contents(name: string): string {
  let fd
  try {
    // Without O_NONBLOCK a pipe would wait for its other end.
    fd = openSync(fsPath(name), constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    throw new EvaluationError(`Cannot open file ${name}`)
  }
  try {
    const stat = fstatSync(fd)
    if (stat.size > MAX_FILE_SIZE) throw new EvaluationError(`File ${name} too large`)
    if (stat.isDirectory()) throw new EvaluationError(`Cannot read from file ${name}`)
    // A pipe or a device is not read: it might have no end. Nor is what has no size, as much of /proc.
    return stat.isFile() && stat.size > 0 ? readFileSync(fd, 'latin1') : ''
  } catch (error) {
    throw error instanceof EvaluationError ? error : new EvaluationError(`Cannot read from file ${name}`)
  } finally {
    closeSync(fd)
  }
}

/** Where a relative path would begin is nobody's to know, and what follows a NUL the system would not see. */
export const isPath = (text: string): boolean => text.startsWith('/') && !text.includes('\0')

function fileSize({ request }: Evaluation, name: string): string {
  const info = isPath(name) ? request.stat(name) : undefined
  return info?.type === 'file' ? String(info.size) : '0'
}

/** For a filter of LDAP (RFC 4515 section 3). */
const ldap = (text: string): string =>
  text.replace(/[\0()*\\]/g, (char) => `\\${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

const pure = (name: string, help: string, of: (text: string) => string): FunctionRow =>
  ({ name, help, pure: true, call: (_, text) => of(text!) })

export const functions: readonly FunctionRow[] = [
  { name: 'req', help: 'A request header; the response gets a Vary header that names it',
    call: (evaluation, name) => requestHeaderVary(evaluation, name!) },
  { name: 'http', help: 'The same as `req`', call: (evaluation, name) => requestHeaderVary(evaluation, name!) },
  { name: 'req_novary', help: 'A request header, without a Vary header',
    call: (evaluation, name) => requestHeader(evaluation, name!) },
  { name: 'resp', help: 'A response header', call: ({ request }, name) =>
    // What the core adds is there once the answer is out: for whoever logs it.
    request.headersOut.get(name!) ?? request.errHeadersOut.get(name!) ??
      (request.begun === true ? request.sentHeader?.(name!) : undefined) },
  { name: 'reqenv', help: "A variable of the request's environment",
    call: ({ request }, name) => tableValue(request.env, name!) },
  { name: 'osenv', help: "A variable of the server's environment", call: (_, name) => osenv(name!) },
  { name: 'note', help: 'A note that modules left about the request',
    call: ({ request }, name) => tableValue(request.notes, name!) },
  { name: 'env', help: 'The first there is of `note`, `reqenv` and `osenv`', call: ({ request }, name) =>
    tableValue(request.notes, name!) ?? tableValue(request.env, name!) ?? osenv(name!) },
  pure('tolower', 'Letters of ASCII in lower case', lower),
  pure('toupper', 'Letters of ASCII in upper case', upper),
  pure('escape', 'Special characters as `%hh`', (text) => osEscapePath(text)),
  { name: 'unescape', help: 'Decodes `%hh`; encoded slashes stay; empty if a `%` is no escape, or one for NUL',
    call: (evaluation, text) => unescape(evaluation, text!) },
  pure('base64', 'Encodes in base64', (text) => Buffer.from(text, 'latin1').toString('base64')),
  pure('unbase64', 'Decodes base64; what stands behind a NUL is left out', unbase64),
  pure('md5', 'MD5 in hexadecimal digits', (text) => hash('md5', text)),
  pure('sha1', 'SHA1 in hexadecimal digits', (text) => hash('sha1', text)),
  pure('ldap', 'Escapes for an LDAP filter', ldap),
  { name: 'replace', help: 'Of `replace(text, from, to)`: the text with every `from` made a `to`', arity: 3, pure: true,
    call: (_, text, from, to) => from === '' ? text : text!.replaceAll(from!, () => to!) },
  { name: 'file', help: 'What a file of up to 10 MB holds; of a pipe or a device, nothing', restricted: true, quick: false,
    call: (_, name) => contents(name!) },
  { name: 'filesize', help: 'The size of a file in bytes; 0 for what is none', restricted: true,
    call: (evaluation, name) => fileSize(evaluation, name!) },
]
