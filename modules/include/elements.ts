/* What each element does, by its name. Faults of a document are logged, and its error text stands where it failed. */
import { escapeHtml, type Wait } from 'httpd'
import { sizeText } from '../shared/size_text.ts'
import type { Document } from './document.ts'
import type { Argument } from './element_reader.ts'
import { elseIf, elseBranch, endIf, ifBranch } from './conditions.ts'
import { exec } from './exec.ts'
import { findFile, includePart } from './parts.ts'
import { bytesText, codingsOf, decodeEntities, decoders, encoders, timeText } from './text.ts'

/** Bytes of a variable: one that is set to itself twice has grown to gigabytes after some thirty lines. */
const LONGEST_VALUE = 1024 * 1024

export type Act = (document: Document, args: readonly Argument[]) => Promise<void> | Wait

/** Of an element whose arguments are taken one by one; false: it failed, and the rest is left. */
type Take = (document: Document, name: string, value: string) => Promise<boolean> | boolean

/** @param missing Apache's words for one without arguments @param least so many there must be */
function eachArgument(missing: string, take: () => Take, { least = 1, isRaw = false } = {}): Act {
  return async (document, args) => {
    const tooFew = args.length < least
    if (tooFew) document.log(missing, document.printing ? 'error' : 'warn')
    if (!document.printing) return
    if (tooFew) return document.fail()
    const one = take()
    for (const { name, value } of args) {
      if (value === undefined || document.cancelled) return
      if (!await one(document, name, isRaw ? value : decodeEntities(value))) return document.fail()
    }
  }
}

function config(document: Document, name: string, value: string): boolean {
  const text = document.expand(value)
  switch (name) {
    case 'errmsg': document.errorText = text; break
    case 'echomsg': document.echoText = text; break
    case 'timefmt':
      document.timeFormat = text
      document.scope.setTimes(text)
      break
    case 'sizefmt':
      if (text !== 'bytes' && text !== 'abbrev') {
        document.log(`AH01348: unknown value "${text}" to parameter "sizefmt" of tag config in`)
        return false
      }
      document.sizeInBytes = text === 'bytes'
      break
    default:
      document.log(`AH01349: unknown parameter "${name}" to tag config in`)
      return false
  }
  return true
}

interface Coded { decoding: string; encoding: string }

/** @param numbers of the messages about a decoding and an encoding that nobody knows */
function recode(
  document: Document, text: string, { decoding, encoding }: Coded, element: string, numbers: readonly [string, string],
): string | undefined {
  let coded = text
  const steps = [['decoding', decoding, decoders], ['encoding', encoding, encoders]] as const
  for (const [i, [what, list, known]] of steps.entries()) {
    const codings = codingsOf(list, known)
    if ('unknown' in codings) {
      document.log(`${numbers[i]!}: unknown value "${codings.unknown}" to parameter "${what}" of tag ${element} in`)
      return undefined
    }
    for (const coding of codings) coded = coding(coded)
  }
  return coded
}

function takeEcho(): Take {
  const coded: Coded = { decoding: 'none', encoding: 'entity' }
  return async (document, name, value) => {
    if (name === 'decoding' || name === 'encoding') {
      coded[name] = value
      return true
    }
    if (name !== 'var') {
      document.log(`AH01346: unknown parameter "${name}" in tag echo of`)
      return false
    }
    const text = document.variable(document.expand(value))
    const shown = text === undefined ? document.echoText : recode(document, text, coded, 'echo', ['AH01344', 'AH01345'])
    if (shown === undefined) return false
    await document.print(shown)
    return true
  }
}

function takeSet(): Take {
  const coded: Coded = { decoding: 'none', encoding: 'none' }
  let variable: string | undefined
  return (document, name, value) => {
    if (name === 'decoding' || name === 'encoding') coded[name] = value
    else if (name === 'var') variable = document.expand(value)
    else if (name !== 'value') {
      document.log('AH01366: Invalid tag for set directive in')
      return false
    } else if (variable === undefined) {
      document.log('AH01363: variable must precede value in set directive in')
      return false
    } else {
      const text = recode(document, document.expand(value), coded, 'set', ['AH01364', 'AH01365'])
      if (text === undefined) return false
      if (text.length > LONGEST_VALUE) {
        document.log(`SY00185: a value of more than ${LONGEST_VALUE} bytes was not set in`)
        return false
      }
      document.scope.set(variable, text)
    }
    return true
  }
}

const takeSize = (): Take => async (document, name, value) => {
  const info = await findFile(document, 'fsize', name, document.expand(value))
  if (info !== undefined) await document.print(document.sizeInBytes ? bytesText(info.size) : sizeText(info.size))
  return info !== undefined
}

const takeDate = (): Take => async (document, name, value) => {
  const info = await findFile(document, 'flastmod', name, document.expand(value))
  if (info !== undefined) await document.print(timeText(document.timeFormat, info.mtimeMs))
  return info !== undefined
}

const printEnvironment: Act = (document, args) => {
  if (args.length > 0) document.log('AH01367: printenv directive does not take tags in', document.printing ? 'error' : 'warn')
  if (!document.printing) return undefined
  if (args.length > 0) return document.fail()
  let text = ''
  for (const [name, value] of document.scope.entries()) text += `${escapeHtml(name)}=${escapeHtml(value)}\n`
  return document.print(text)
}

export const elements: ReadonlyMap<string, Act> = new Map<string, Act>([
  ['config', eachArgument('AH01347: missing argument for config element in', () => config, { isRaw: true })],
  ['echo', eachArgument('AH01343: missing argument for echo element in', takeEcho)],
  ['set', eachArgument('AH01362: missing argument for set element in', takeSet, { least: 2, isRaw: true })],
  ['fsize', eachArgument('AH01350: missing argument for fsize element in', takeSize)],
  ['flastmod', eachArgument('AH01351: missing argument for flastmod element in', takeDate)],
  ['printenv', printEnvironment],
  ['include', includePart],
  ['exec', exec],
  ['if', ifBranch],
  ['elif', elseIf],
  ['else', elseBranch],
  ['endif', endIf],
])
