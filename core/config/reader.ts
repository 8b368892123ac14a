/**
 * Reads the configuration: the lines of -C, the files, the lines of -c. One
 * rule: what comes out is plain data, complete; no process but this one reads
 * a file, and no directive but the early ones has run.
 */
import { constants, openSync, closeSync, fstatSync, readFileSync } from 'node:fs'
import { serverRootRelative } from '../base/path.ts'
import { BlockReader, type Include, type Source } from './block_reader.ts'
import { ConfigError } from './errors.ts'
import { conditionalDirectives, readingDirectives } from './early.ts'
import { readFault, type Fault } from './faults.ts'
import { byteString, fsPath, includedFiles, reasonOf } from './include.ts'
import { logicalLines, MAX_LINE, trimBlanks, type LogicalLine } from './lexer.ts'
import { Reading, type ReadingInput, type TreeNode } from './reading.ts'

export type { TreeNode } from './reading.ts'
export type { Fault } from './faults.ts'
export { ifVersionDirective } from './early.ts'

/** How deep Includes may nest. */
const MAX_INCLUDE_DEPTH = 128

export interface ReadInput extends ReadingInput {
  /** What messages call the program; `httpd` if absent. */
  readonly program?: string
  /** As -f gives it, or the default; relative to ServerRoot. */
  readonly file: string
  /** The file is the default one, and may be missing when there are -C or -c. */
  readonly fileIsDefault?: boolean
  /** Lines of -C, in order. */
  readonly pre: readonly string[]
  /** Lines of -c, in order. */
  readonly post: readonly string[]
}

export interface ReadResult {
  readonly tree: TreeNode[]
  /** After ServerRoot directives; absolute. */
  readonly serverRoot: string
  /** DefaultRuntimeDir, absolute, if it was given. */
  readonly runtimeDir: string | undefined
  readonly defines: Map<string, string | undefined>
  readonly faults: Fault[]
  /**
   * False if faults would follow from the ones there are: sections do not fit together, or a module could not be
   * loaded. Otherwise the tree may be carried out to find the faults of its directives as well.
   */
  readonly walkable: boolean
}

/** For the core module's table: rows that the reader carries out. */
export const earlyDirectives = [...conditionalDirectives, ...readingDirectives] as const

/** Includes go round in circles: nothing more is read. */
class TooDeep extends Error {}

export function readConfig(input: ReadInput): ReadResult {
  const reading = new Reading(input)
  const tree: TreeNode[] = []
  const program = `${input.program ?? 'httpd'}: `
  try {
    readLines(reading, input.pre, tree, program)
    const path = serverRootRelative(reading.serverRoot, byteString(input.file))
    readMain(reading, path, tree, program, mayBeMissing(input))
    readLines(reading, input.post, tree, program)
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error
    reading.walkable = false
  }
  const { serverRoot, runtimeDir, defines, faults, walkable } = reading
  return { tree, serverRoot, runtimeDir, defines, faults, walkable }
}

const mayBeMissing = (input: ReadInput): boolean =>
  (input.fileIsDefault ?? false) && input.pre.length + input.post.length > 0

function readLines(reading: Reading, lines: readonly string[], out: TreeNode[], program: string): void {
  read(reading, {
    file: '-c/-C directives', origin: `${program}Syntax error in -C/-c directive: `, located: false, depth: 0,
    lines: numbered(lines),
  }, out)
}

// Each -C or -c is a line, whatever is in it.
function* numbered(lines: readonly string[]): Generator<LogicalLine> {
  for (const [index, text] of lines.entries()) yield { text: trimBlanks(byteString(text)), line: index + 1 }
}

function readMain(reading: Reading, path: string, out: TreeNode[], program: string, optional: boolean): void {
  try {
    const lines = openFile(path, optional)
    if (lines === undefined) return
    reading.input.onInclude?.(1, undefined, path)
    read(reading, { file: path, origin: program, located: true, depth: 1, lines }, out)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    reading.faults.push(readFault(path, 0, error.message, program))
    reading.walkable = false
  }
}

function read(reading: Reading, source: Source, out: TreeNode[]): void {
  const include: Include = (pattern, optional, from) => {
    if (from.depth > MAX_INCLUDE_DEPTH + 1) {
      from.fault(`Exceeded maximum include depth of ${MAX_INCLUDE_DEPTH}, There appears to be a recursion.`)
      throw new TooDeep()
    }
    for (const file of includedFiles(serverRootRelative(reading.serverRoot, pattern), optional)) {
      const lines = openIncluded(file, optional, from.fault)
      if (lines === undefined) continue
      reading.input.onInclude?.(from.depth, from.line, file)
      read(reading, { file, origin: from.origin, located: true, depth: from.depth, lines }, from.out)
    }
  }
  new BlockReader(reading, source, out, include).run()
}

/** One of several files that cannot be opened does not keep the others from being read. */
function openIncluded(
  file: string, optional: boolean, fault: (message: string) => void,
): Iterable<LogicalLine> | undefined {
  try {
    return openFile(file, optional)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    fault(error.message)
    return undefined
  }
}

/** @returns undefined if the file is optional and does not exist @throws ConfigError */
function openFile(path: string, optional: boolean): Iterable<LogicalLine> | undefined {
  let fd
  try {
    // Without waiting for a writer, if it is a named pipe.
    fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NONBLOCK)
    if (!fstatSync(fd).isFile() && path !== '/dev/null')
      throw new ConfigError(`Could not open configuration file ${path}: Bad file descriptor`)
    return logicalLines(readFileSync(fd, 'latin1'), MAX_LINE)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    if (optional && isMissing(error)) return undefined
    throw new ConfigError(`Could not open configuration file ${path}: ${reasonOf(error)}`)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
