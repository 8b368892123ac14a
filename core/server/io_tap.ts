/**
 * What connections receive and send, told to modules (hook io_tap). The thread's calls of the network are exchanged for
 * ones that tell; where no server asks for it, nothing here is made.
 */
import type { Hooks } from '../hook/hooks.ts'
import type { Connection, IoTap, Server } from '../hook/types.ts'
import type { Fd, Memory, Net, Port, Result } from '../port/port.ts'

/** Bytes of a file that are read at a time to be told. */
const FILE_PIECE = 64 * 1024

export class IoTaps {
  /** The same system, but its network tells what passes. */
  readonly port: Port
  readonly #taps: ReadonlyMap<Server, IoTap>
  /** By descriptor. */
  readonly #connections: ({ readonly connection: Connection; readonly tap: IoTap } | undefined)[] = []

  constructor(port: Port, taps: ReadonlyMap<Server, IoTap>) {
    this.port = { ...port, net: this.#telling(port, port.net) }
    this.#taps = taps
  }

  /** A connection begins, or comes from another thread: its descriptor is this one's. */
  meets(connection: Connection & { readonly fd: Fd }, server: Server): void {
    const tap = this.#taps.get(server)
    this.#connections[connection.fd] = tap && { connection, tap }
  }

  #telling(port: Port, net: Net): Net {
    const told = (tell: 'received' | 'sent', fd: Fd, memory: Memory, at: number, result: Result): Result => {
      if (result > 0) this.#tell(tell, fd, memory.bytes.subarray(at, at + result))
      return result
    }
    return {
      ...net,
      recv: (fd, into, at, length) => told('received', fd, into, at, net.recv(fd, into, at, length)),
      send: (fd, from, at, length, more) => told('sent', fd, from, at, net.send(fd, from, at, length, more)),
      sendfile: (fd, file, offset, length) => {
        const took = net.sendfile(fd, file, offset, length)
        if (took > 0) this.#tellFile(port, fd, file, offset, took)
        return took
      },
    }
  }

  #tell(tell: 'received' | 'sent', fd: Fd, bytes: Uint8Array): void {
    const met = this.#connections[fd]
    if (met !== undefined) met.tap[tell]?.(met.connection, bytes)
  }

  // The kernel has sent it: it is read once more.
  #tellFile({ files, host }: Port, fd: Fd, file: Fd, offset: number, length: number): void {
    const memory = host.memory(Math.min(length, FILE_PIECE))
    for (let done = 0; done < length;) {
      const got = files.pread(file, memory, 0, Math.min(memory.bytes.length, length - done), offset + done)
      if (got <= 0) return
      this.#tell('sent', fd, memory.bytes.subarray(0, got))
      done += got
    }
  }
}

/** Undefined where no server asks for it. */
export function ioTaps(port: Port, hooks: Hooks, servers: readonly Server[]): IoTaps | undefined {
  const taps = new Map<Server, IoTap>()
  for (const server of servers) {
    const tap = hooks.ioTap.run(server) as IoTap | undefined
    if (tap !== undefined) taps.set(server, tap)
  }
  return taps.size === 0 ? undefined : new IoTaps(port, taps)
}
