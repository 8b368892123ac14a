/** A server that is being served: the main server or a virtual host, its configuration complete. */
import type { Settings } from '../config/settings.ts'
import type { ServerConf } from '../config/server_conf.ts'
import type { LogLevel, Server } from '../hook/types.ts'

/** Where log messages go; core/server/log.ts has the real one. */
export type ServerLog = (server: Server, level: LogLevel, module: string, message: string) => void

export class ServerRec implements Server {
  readonly conf: ServerConf
  readonly virtual: boolean
  readonly all: Server[]
  readonly #log: ServerLog

  constructor(conf: ServerConf, all: Server[], log: ServerLog) {
    this.conf = conf
    this.virtual = conf.virtual
    this.all = all
    this.#log = log
  }

  get main(): Server {
    return this.all[0]!
  }

  get<T extends object>(settings: Settings<T>): Readonly<T> {
    return this.conf.vector.holds(settings)
  }

  log(level: LogLevel, module: string, message: string): void {
    this.#log(this, level, module, message)
  }
}

/** Main server first, then the virtual hosts in the order of the files. */
export function buildServers(configuration: { main: ServerConf; virtual: readonly ServerConf[] }, log: ServerLog): Server[] {
  const all: Server[] = []
  for (const conf of [configuration.main, ...configuration.virtual]) all.push(new ServerRec(conf, all, log))
  return all
}
