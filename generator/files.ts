/*
 * Writing what is generated: a file whose text is already there keeps its time stamp, so that a second identical
 * run makes nothing look new; and a configuration that someone has edited is not lost.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Permission bits; files that are programs are 0o755. */
const ORDINARY = 0o644

function textOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Writes a file unless it holds exactly this. Answers whether it wrote. The new text appears whole or not at all. */
export function writeIfChanged(path: string, content: string | Buffer, mode = ORDINARY): boolean {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const old = textOf(path)
  const same = old?.equals(bytes) ?? false
  if (same && (statSync(path).mode & 0o777) === mode) return false
  if (same) {
    chmodSync(path, mode)
    return false
  }
  mkdirSync(dirname(path), { recursive: true })
  const fresh = `${path}.new`
  writeFileSync(fresh, bytes, { mode })
  chmodSync(fresh, mode)
  renameSync(fresh, path)
  return true
}

/** Writes a file only if there is none. */
export function writeIfAbsent(path: string, content: string | Buffer, mode = ORDINARY): boolean {
  return existsSync(path) ? false : writeIfChanged(path, content, mode)
}

/**
 * Writes a file that people edit. `original` keeps what was generated last: as long as that is what would be
 * generated now, an edited file stays; otherwise it is kept as PATH.bak and the new text takes its place.
 * Answers a sentence when there is something to say.
 */
export function writeEditable(path: string, original: string, content: string): string | undefined {
  const [before, now] = [textOf(original)?.toString(), textOf(path)?.toString()]
  writeIfChanged(original, content)
  const edited = now !== undefined && now !== before && now !== content
  if (edited && before === content) return undefined
  if (edited) renameSync(path, `${path}.bak`)
  writeIfChanged(path, content)
  return edited ? `${path} had been edited: it is kept as ${path}.bak` : undefined
}
