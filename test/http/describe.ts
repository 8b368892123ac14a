// Writes what the parser found as text, for comparing with a case's expected result.

import { HTTP_09 } from '../../core/http/request_head.ts'
import type { RequestHead } from '../../core/http/request_head.ts'
import { M_INVALID } from '../../core/http/methods.ts'

const MAX_SHOWN = 60

/** One line for the verdict, then the request line, the fields and the facts. */
export function describe(head: RequestHead, used: number): string {
  if (used === 0) return 'more'
  if (used < 0) {
    const fault = head.fault!
    const note = fault.note === '' ? '' : `\nnote: ${fault.note}`
    return `bad ${fault.status} ${fault.aplogno} ${fault.level}: ${visible(fault.message)}${note}`
  }
  const lines = [`ok ${used}`, `${head.method()} ${shown(head.target())} ${head.protocolText()}`]
  const fields = [...head.fields()].map(([name, value]) => `${name}: ${shown(value)}`)
  const most = 8
  lines.push(...fields.slice(0, most))
  if (fields.length > most) lines.push(`and ${fields.length - most} more fields`)
  lines.push(facts(head))
  return lines.join('\n')
}

function facts(head: RequestHead): string {
  const words: string[] = []
  if (head.methodNumber === M_INVALID) words.push('unknown-method')
  if (head.isHead) words.push('head')
  words.push(head.protocol === HTTP_09 ? 'simple' : head.wantsKeepAlive() ? 'persistent' : 'closing')
  const host = head.hostname()
  if (host !== undefined) words.push(`host=${host}`)
  if (head.hostPort >= 0) words.push(`port=${head.hostPort}`)
  if (head.contentLength >= 0) words.push(`length=${head.contentLength}`)
  if (head.chunked) words.push('chunked')
  if (head.expectContinue) words.push('expect=100-continue')
  if (head.expectUnknown) words.push('expect=unknown')
  if (head.connectionUpgrade) words.push('upgrade')
  return `= ${words.join(' ')}`
}

function shown(text: string): string {
  const short = text.length > MAX_SHOWN ? `${text.slice(0, 20)}[${text.length} bytes]` : text
  return visible(short)
}

function visible(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
