/* Asking for a password: without an echo at a terminal, else by lines of standard input. */
import { readFileSync, readSync } from 'node:fs'
import { EXIT, Fault } from './fault.ts'

const END = 0x04, INTERRUPT = 0x03, BACKSPACE = 0x08, DELETE = 0x7f, FEED = 0x0a, RETURN = 0x0d

/** All of standard input, one character per byte. */
export const input = (): string => readFileSync(0, 'latin1')

let lines: string[] | undefined

/** @returns what was typed, one character per byte */
export function ask(prompt: string): string {
  process.stderr.write(prompt)
  if (process.stdin.isTTY) return typed()
  lines ??= input().split(/\r?\n/)
  return lines.shift() ?? ''
}

/** A terminal in this mode does not wait by itself. */
function readOne(into: Buffer): boolean {
  for (;;) {
    try {
      return readSync(0, into, 0, 1, null) === 1
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(PAUSE, 0, 0, 20)
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))

function typed(): string {
  process.stdin.setRawMode(true)
  try {
    const bytes: number[] = []
    const one = Buffer.alloc(1)
    while (readOne(one)) {
      const byte = one[0]!
      if (byte === FEED || byte === RETURN || byte === END) break
      if (byte === INTERRUPT) throw new Fault(EXIT.interrupted, 'interrupted')
      if (byte === BACKSPACE || byte === DELETE) bytes.pop()
      else bytes.push(byte)
    }
    return Buffer.from(bytes).toString('latin1')
  } finally {
    process.stdin.setRawMode(false)
    process.stderr.write('\n')
  }
}
