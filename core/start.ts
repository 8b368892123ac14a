/**
 * The entry of every process and thread: runs the server, httpd.cjs beside it, with the compiled code that make has left
 * there. Without usable code Node loads the server by itself, which takes longer and is all the difference.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'
import { compileWith, fileOf, isWhole, runWrapped, scriptOfCode, setCompile, unpackCode, type Code } from './base/code_cache.ts'

const server = join(__dirname, 'httpd.cjs')

/** Under this name the threads of a process find what its main thread has read and checked. */
const SHARED = 'switchyard code'

/** All there is for this very server; nothing if there is none for it. */
function readCode(): Code[] {
  const file = readFileSync(join(__dirname, 'httpd.cache'))
  if (!isWhole(file)) return []
  const shared = new Uint8Array(new SharedArrayBuffer(file.length))
  shared.set(file)
  const codes = unpackCode(shared)
  const own = codes.find(({ name }) => name === server)
  if (own === undefined || !readFileSync(server).equals(fileOf(own))) return []
  setEnvironmentData(SHARED, shared)
  return codes
}

function usableCode(): Code[] {
  try {
    if (isMainThread) return readCode()
    const shared = getEnvironmentData(SHARED)
    return shared instanceof Uint8Array ? unpackCode(shared) : []
  } catch {
    // There is none, or this user may not read it.
    return []
  }
}

const codes = usableCode()
const own = codes.find(({ name }) => name === server)
if (own === undefined) createRequire(server)(server)
else {
  setCompile(compileWith(codes))
  runWrapped(scriptOfCode(own), server)
}
