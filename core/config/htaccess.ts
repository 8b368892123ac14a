/**
 * .htaccess: the same language, inside of one directory. One rule: what a file
 * means depends on its text and on the rights that its directory gives it, so
 * it is parsed once for each of both.
 */
import { parentDirectory } from '../base/path.ts'
import { BlockReader } from './block_reader.ts'
import { logicalLines, MAX_HTACCESS_LINE } from './lexer.ts'
import { Reading, type TreeNode } from './reading.ts'
import { allows, keyOf, type Rights } from './rights.ts'
import type { Section, ServerConf } from './server_conf.ts'
import { ConfigVector } from './settings.ts'
import { Walker, type WalkInput } from './walker.ts'

export interface HtaccessInput extends WalkInput {
  /** The server whose request it is read for. */
  readonly server: ServerConf
  readonly env: NodeJS.ProcessEnv
  readonly languageLevel: string
}

export interface ParsedHtaccess {
  /** Holds for the directory; its <Files> and <If> are in `inner`. */
  readonly section: Section
  /** Messages as they are logged: `FILE: MESSAGE`. The first one is Apache's. */
  readonly faults: readonly string[]
}

/** The request is refused, and this is logged. */
export interface HtaccessFault {
  readonly fault: string
  /** 500 for what is written in the file, 403 for a file that cannot be read; 500 if absent. */
  readonly status?: number
  /** alert for what is written in the file, crit for a file that cannot be read; alert if absent. */
  readonly level?: 'alert' | 'crit'
  readonly errno?: number
  /** Logged before it, as an error. */
  readonly first?: string
  /** The directory, with a slash at its end, once it was met on the way to a file. */
  readonly directory?: string
}

/** Parses the text of a file. @param path of the file; it holds for the directory that it lies in */
export function parseHtaccess(text: string, path: string, rights: Rights, input: HtaccessInput): ParsedHtaccess {
  const vector = new ConfigVector()
  const directory = parentDirectory(path)
  const section: Section = {
    kind: 'Directory', pattern: directory, at: { file: path, line: 0 }, vector, inner: [],
    matches: (subject) => subject === directory,
  }
  const faults: string[] = []
  const tree = readTree(text, path, rights, input, faults)
  // As Apache: with faults of nesting nothing is carried out.
  if (faults.length === 0) {
    const walker = new Walker(input, (_, message) => faults.push(`${path}: ${message}`))
    const { server } = input
    walker.walk(tree, { server, serverVector: new ConfigVector(), vector, section, within: [], rights })
  }
  return { section, faults }
}

function readTree(text: string, path: string, rights: Rights, input: HtaccessInput, faults: string[]): TreeNode[] {
  const { table, env, languageLevel, note, serverRoot } = input
  const reading = new Reading({
    table, env, languageLevel, note, serverRoot, defines: [],
    allows: (directive) => allows(rights, directive),
    loadModule: () => undefined,
  })
  for (const [name, value] of input.defines ?? []) reading.define(name, value)
  const tree: TreeNode[] = []
  // `allows` lets no Include through: its row has no override class. AllowOverrideList may name it all the same.
  const noInclude = (_path: string, _optional: boolean, from: { fault(message: string): void }) =>
    from.fault('Include not allowed here')
  const source = {
    file: path, origin: '', located: true, depth: 1, lines: logicalLines(text, MAX_HTACCESS_LINE),
  }
  new BlockReader(reading, source, tree, noInclude).run()
  faults.push(...reading.faults.map(({ message }) => `${path}: ${message}`))
  return tree
}

/** One version of a file, for whoever keeps files: `under` parses it when rights are new. */
export class HtaccessFile {
  readonly #path: string
  readonly #text: string
  readonly #input: HtaccessInput
  readonly #parsed = new Map<string, Section | HtaccessFault>()

  /** @param text bytes, one character each */
  constructor(path: string, text: string, input: HtaccessInput) {
    this.#path = path
    this.#text = text
    this.#input = input
  }

  under(rights: Rights): Section | HtaccessFault {
    const key = keyOf(rights)
    let answer = this.#parsed.get(key)
    if (answer === undefined) {
      const { section, faults } = parseHtaccess(this.#text, this.#path, rights, this.#input)
      answer = faults.length > 0 ? { fault: faults[0]! } : section
      this.#parsed.set(key, answer)
    }
    return answer
  }
}
