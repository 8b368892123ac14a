/*
 * mod_socache_dbm: small objects in a file that all processes of the server share (`dbm`, `dbm:PATH`): an LMDB database.
 * The control process makes it anew at each start, for the user who serves. See ADR 32.
 */
import { chownSync, closeSync, openSync, rmSync } from 'node:fs'
import {
  fsPath, globalCore, MOST_KEY, openStore, registerSocache, unixd, type Module, type Server, type Socache, type Startup,
  type Store,
} from 'httpd'

/** A value begins with the time when it is over, ms since the epoch. */
const TIME_BYTES = 8
/** With each object that is kept so many others are looked at, and thrown away if their time is over. */
const LOOKED_AT = 8
/** Bytes of the file that are in use before all goes; how often (objects) that is looked at. */
const MOST_BYTES = 256 * 1024 * 1024
const MEASURE_EVERY = 256

const timeOf = (value: Uint8Array): number => Buffer.from(value.buffer, value.byteOffset, TIME_BYTES).readDoubleLE(0)

class DbmCache implements Socache {
  // Who waits for another process to finish its change waits.
  readonly quick = false
  #path: string | undefined
  #store: Store | undefined
  #looked: Buffer = Buffer.of(0)
  #kept = 0

  constructor(path: string | undefined) {
    this.#path = path
  }

  open(name: string, _hints: unknown, startup: Startup): void {
    const directory = startup.server.main.get(globalCore).defaultRuntimeDir ?? 'logs'
    const path = fsPath(this.#path ?? startup.serverRootRelative(`${directory}/socache-dbm-${name}`)).toString()
    startup.descriptor(`socache-dbm:${name}`, () => create(path, startup.server))
    this.#path = path
  }

  async store(id: Uint8Array, value: Uint8Array, expires: number, server: Server): Promise<boolean> {
    if (id.length === 0 || id.length > MOST_KEY) return false
    const bytes = Buffer.allocUnsafe(TIME_BYTES + value.length)
    bytes.writeDoubleLE(expires, 0)
    bytes.set(value, TIME_BYTES)
    return this.#guarded(server, false, async (store) => {
      await this.#makeRoom(store)
      return store.put(Buffer.from(id), bytes)
    })
  }

  retrieve(id: Uint8Array, server: Server): Promise<Uint8Array | undefined> {
    return this.#guarded(server, undefined, (store) => {
      const found = id.length === 0 || id.length > MOST_KEY ? undefined : store.get(Buffer.from(id))
      return found !== undefined && timeOf(found) > Date.now() ? Buffer.from(found.subarray(TIME_BYTES)) : undefined
    })
  }

  remove(id: Uint8Array, server: Server): Promise<boolean> {
    return this.#guarded(server, false, (store) => store.remove(Buffer.from(id)))
  }

  async iterate(
    each: (id: Uint8Array, value: Uint8Array, expires: number) => boolean | void, server: Server,
  ): Promise<void> {
    await this.#guarded(server, undefined, (store) => {
      const now = Date.now()
      for (const { key, value } of store.getRange()) {
        const expires = timeOf(value)
        if (expires > now && each(Buffer.from(key), Buffer.from(value.subarray(TIME_BYTES)), expires) === false) return
      }
    })
  }

  // What is over its time goes bit by bit, so that no request does it for all.
  async #makeRoom(store: Store): Promise<void> {
    const now = Date.now()
    let last: Buffer | undefined
    for (const { key, value } of store.getRange({ start: this.#looked, limit: LOOKED_AT })) {
      last = Buffer.from(key)
      if (timeOf(value) <= now) void store.remove(last)
    }
    this.#looked = last === undefined ? Buffer.of(0) : Buffer.concat([last, Buffer.of(0)])
    if (++this.#kept % MEASURE_EVERY === 0 && bytesOf(store) > MOST_BYTES) await store.clearAsync()
  }

  async #guarded<T>(server: Server, otherwise: T, act: (store: Store) => T | Promise<T>): Promise<T> {
    try {
      return await act(this.#store ??= openStore(this.#path!))
    } catch (error) {
      server.log('error', 'socache_dbm', `SY00177: Cannot use socache DBM file \`${this.#path}': ${(error as Error).message}`)
      return otherwise
    }
  }
}

/** Of the tree: what is free does not count. */
function bytesOf(store: Store): number {
  const stats = store.getStats() as Readonly<Record<string, number>>
  const pages = ['treeBranchPageCount', 'treeLeafPageCount', 'overflowPages'].map((name) => stats[name] ?? 0)
  return pages.reduce((sum, count) => sum + count, 0) * (stats['pageSize'] ?? 0)
}

/** @returns a descriptor, which children get and nobody needs: it tells who makes the file @throws Error */
function create(path: string, server: Server): number {
  const files = [path, `${path}-lock`]
  try {
    for (const file of files) rmSync(file, { force: true })
    // The library would make its directory, too.
    closeSync(openSync(path, 'wx', 0o600))
    void openStore(path).close()
  } catch (error) {
    throw new Error(`AH00804: Cannot create socache DBM file \`${path}': ${(error as Error).message}`, { cause: error })
  }
  const { userId, groupId } = server.get(unixd)
  if (process.getuid?.() === 0) for (const file of files) chownSync(file, userId, groupId)
  return openSync(path, 'r')
}

registerSocache('dbm', (argument, command) =>
  new DbmCache(argument === undefined || argument === '' ? undefined : command!.serverRootRelative(argument)))

export const module = {
  name: 'socache_dbm_module',
  file: 'mod_socache_dbm.c',
} satisfies Module
