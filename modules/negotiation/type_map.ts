/* Type maps: files that list variants, in blocks of header lines with blank lines between them. */
import { firstToken, readRanges, readType } from './accept.ts'
import type { Variant } from './variants.ts'

/** A map that cannot be understood, and Apache's words for it. */
export interface MapFault {
  readonly message: string
  /** What was read before it stands. */
  readonly fatal: boolean
}

/** A body may have so many bytes. */
const MOST_BODY = 8192

interface Block {
  name: string
  hasContent: boolean
  type: string
  sourceQuality: number
  level: number
  charset: string
  languages: readonly string[]
  encoding: string | undefined
  description: string
  body: number | undefined
  length: number | undefined
}

const newBlock = (): Block => ({
  name: '', hasContent: false, type: '', sourceQuality: 1, level: 0, charset: '', languages: [], encoding: undefined,
  description: '', body: undefined, length: undefined,
})

/**
 * @param text of the map, one character per byte
 * @param path of the map
 * @param sizeOf of a file named in it, in bytes
 */
export function readTypeMap(
  text: string, path: string, sizeOf: (name: string) => number | undefined,
): { variants: Variant[]; fault: MapFault | undefined } {
  const variants: Variant[] = []
  const lines: Lines = { text, at: 0 }
  let block = newBlock()
  for (;;) {
    const step = nextStep(lines)
    if (typeof step === 'object') {
      const fault = readHeader(block, step.header, lines, path)
      if (fault !== undefined) return { variants, fault }
      continue
    }
    if (block.name !== '' && block.hasContent) variants.push(variantOf(block, sizeOf))
    block = newBlock()
    if (step === 'end') return { variants, fault: undefined }
  }
}

const variantOf = ({ hasContent: _, length, ...block }: Block, sizeOf: (name: string) => number | undefined): Variant => ({
  ...block, found: undefined, length: () => length ?? sizeOf(block.name),
})

interface Lines { readonly text: string; at: number }

function nextLine(lines: Lines): string | undefined {
  if (lines.at >= lines.text.length) return undefined
  const end = lines.text.indexOf('\n', lines.at)
  const line = lines.text.slice(lines.at, end < 0 ? undefined : end)
  lines.at = end < 0 ? lines.text.length : end + 1
  return line
}

/** A header with the lines that continue it, the end of a block, or that of the map. */
function nextStep(lines: Lines): { readonly header: string } | 'blank' | 'end' {
  let line = nextLine(lines)
  while (line?.startsWith('#')) line = nextLine(lines)
  if (line === undefined) return 'end'
  if (line.trim() === '') return 'blank'
  let header = line
  while (!/^body:/i.test(header)) {
    const before = lines.at
    const next = nextLine(lines)
    if (next?.startsWith('#')) continue
    if (next === undefined || !/^\s+\S/.test(next)) {
      lines.at = before
      break
    }
    header += `\n${next.trimStart()}`
  }
  return { header }
}

const syntax = (message: string): MapFault => ({ message, fatal: true })

function readHeader(block: Block, header: string, lines: Lines, path: string): MapFault | undefined {
  const colon = header.indexOf(':')
  if (colon < 0) return syntax(`AH00681: Syntax error in type map, no ':' in ${path} for header ${header.toLowerCase()}\n`)
  const value = withoutComments(header.slice(colon + 1).trimStart())
  const name = header.slice(0, colon).toLowerCase()
  if (value === '') return syntax(`AH00682: Syntax error in type map --- no header body: ${path} for ${name}:\n`)
  if (name === 'body') return readBody(block, value.trimEnd(), lines, path)
  if (name === 'content-length') return readLength(block, firstToken(value), path)
  READERS[name]?.(block, value)
  return undefined
}

const READERS: Readonly<Record<string, (block: Block, value: string) => void>> = {
  'uri': (block, value) => { block.name = firstToken(value) },
  'content-type': (block, value) => {
    const { name, quality, level, charset } = readType(value)
    Object.assign(block, { type: name, sourceQuality: quality, level, charset, hasContent: true })
  },
  'content-language': (block, value) => {
    block.languages = readRanges(value)!.map(({ name }) => name)
    block.hasContent = true
  },
  'content-encoding': (block, value) => {
    block.encoding = firstToken(value)
    block.hasContent = true
  },
  'description': (block, value) => { block.description = value.replaceAll('\n', ' ') },
}

function readLength(block: Block, text: string, path: string): MapFault | undefined {
  const length = /^\+?\d+$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(length)) {
    return { message: `AH00684: Parse error in type map, Content-Length: '${text}' in ${path} is invalid.`, fatal: false }
  }
  block.length = length
  block.hasContent = true
  return undefined
}

/** `Body:TAG`, the text itself, and TAG again. */
function readBody(block: Block, tag: string, lines: Lines, path: string): MapFault | undefined {
  const end = lines.text.slice(lines.at, lines.at + MOST_BODY).indexOf(tag)
  if (end < 0) {
    return { message: `AH00685: Syntax error in type map, no end tag '${tag}' found in ${path} for Body: content.`, fatal: false }
  }
  block.body = lines.at
  block.length = end
  block.name = path.slice(path.lastIndexOf('/') + 1)
  lines.at += end + tag.length
  nextLine(lines)
  return undefined
}

/** Text in parentheses is none, outside of quotes. */
const withoutComments = (text: string): string =>
  text.replace(/"[^"]*"?|\([^)]*\)?/g, (part) => (part.startsWith('(') ? ' '.repeat(part.length) : part))
