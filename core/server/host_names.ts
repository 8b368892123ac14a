/**
 * Names of addresses: of the client (HostnameLookups) and of this end of the connection (UseCanonicalName DNS). They
 * are asked for where a configuration wants them and nowhere else, before a request's access is checked, without
 * holding up anybody; whoever reads one later waits for nothing.
 */
import { lookup, lookupService } from 'node:dns/promises'
import { after, OK, type Answer, type Status } from '../hook/hook.ts'
import type { Connection, Request } from '../hook/types.ts'
import { dirCore } from './core_settings.ts'

/** Of one address. undefined: not asked for yet; empty: there is none. */
interface Names {
  remote?: string
  /** The remote name leads back to the address (HostnameLookups Double). */
  proven?: boolean
  /** What provenHost found: not for the log. */
  checked?: Promise<string | undefined>
}

/** Of the addresses that a connection has to do with. */
interface Known {
  /** Of this end. */
  local?: string
  readonly peer: Names
  /** Whom a proxy at the other end spoke for last (mod_remoteip). */
  client?: { readonly address: string; readonly names: Names }
}

const known = new WeakMap<Connection, Known>()

function knownOf(connection: Connection): Known {
  let found = known.get(connection)
  if (found === undefined) known.set(connection, found = { peer: {} })
  return found
}

function namesOf({ connection, clientIp }: Request): Names {
  const found = knownOf(connection)
  if (clientIp === connection.clientIp) return found.peer
  if (found.client?.address !== clientIp) found.client = { address: clientIp, names: {} }
  return found.client.names
}

/** What a thread asks of DNS; tests have others. */
export interface NameService {
  nameOf(address: string): Promise<string>
  addressesOf(name: string): Promise<readonly string[]>
}

const system: NameService = {
  nameOf: async (address) => (await lookupService(address, 0)).hostname,
  addressesOf: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
}

/** The name of the client where HostnameLookups found one. */
export const remoteHost = (r: Request): string | undefined => known.has(r.connection) ? namesOf(r).remote || undefined : undefined

/** The name of the address that the client connected to, where UseCanonicalName DNS found one. */
export const localHost = (connection: Connection): string | undefined => known.get(connection)?.local || undefined

/** Whether a configuration wants names: asked once for each. */
export const wantsNames = (settings: { hostnameLookups: string; useCanonicalName: string }): boolean =>
  settings.hostnameLookups !== 'off' || settings.useCanonicalName === 'dns'

/** Finds the names that hold for a request, once for each connection and client in a row. */
export function findNames(r: Request, service = system): Answer<Status> {
  const { connection } = r
  const ends = knownOf(connection)
  const names = namesOf(r)
  const { hostnameLookups, useCanonicalName } = r.dir(dirCore)
  const double = hostnameLookups === 'double'
  const missing: Promise<void>[] = []
  if (hostnameLookups !== 'off' && (names.remote === undefined || (double && names.proven === undefined)))
    missing.push(findRemote(names, r.clientIp, double, service))
  if (useCanonicalName === 'dns' && ends.local === undefined)
    missing.push(nameOf(connection.localIp, service).then((name) => void (ends.local = name)))
  return missing.length === 0 ? OK : after(Promise.all(missing), () => OK)
}

/** The name of the client if it leads back to its address, whatever HostnameLookups says: for checks of access. */
export function provenHost(r: Request, service = system): Promise<string | undefined> {
  return namesOf(r).checked ??= findProven(r.clientIp, service)
}

async function findProven(address: string, service: NameService): Promise<string | undefined> {
  const name = await nameOf(address, service)
  return name !== '' && (await addressesOf(name, service)).includes(address) ? name : undefined
}

/** With Double, a name whose addresses do not include the client's does not count. */
async function findRemote(names: Names, address: string, double: boolean, service: NameService): Promise<void> {
  const name = names.remote ?? await nameOf(address, service)
  if (double) names.proven = name !== '' && (await addressesOf(name, service)).includes(address)
  names.remote = double && names.proven !== true ? '' : name
}

const nameOf = (address: string, service: NameService): Promise<string> =>
  service.nameOf(address).then((name) => (name === address ? '' : name.toLowerCase()), () => '')

const addressesOf = (name: string, service: NameService): Promise<readonly string[]> =>
  service.addressesOf(name).catch(() => [])
