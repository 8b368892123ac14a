/**
 * Puts the virtual hosts together once the configuration has been carried out:
 * resolves the addresses of <VirtualHost>, and names servers without ServerName.
 */
import { serverCore } from './core_settings.ts'
import { localHost, type HostsFile } from './hosts_file.ts'
import type { TakeNote } from './notes.ts'
import { parseVhostAddress, type VhostAddress } from './vhost_address.ts'
import type { Configuration } from '../config/walk.ts'
import type { ServerConf } from '../config/server_conf.ts'

/** What is found out about this machine; children are told instead of finding out themselves. */
export interface Hosting {
  /** Addresses of each virtual host, in the order of the files. */
  readonly addresses: readonly (readonly VhostAddress[])[]
  /** The name of a main server without ServerName. */
  readonly localName: string
}

export interface HostingInput {
  readonly program: string
  readonly hosts: HostsFile
  readonly hostname: string
  readonly note: TakeNote
}

/** Where a virtual host's address is no address. */
export interface AddressFault {
  readonly conf: ServerConf
  readonly message: string
}

export function findHosting(
  configuration: Configuration, input: HostingInput,
): { readonly hosting: Hosting; readonly faults: readonly AddressFault[] } {
  const { program, hosts, hostname, note } = input
  const faults: AddressFault[] = []
  const addresses = configuration.virtual.map((conf) => conf.addresses.flatMap((text): readonly VhostAddress[] => {
    const answer = parseVhostAddress(text, hosts)
    if (answer.kind === 'addresses') return answer.list
    if (answer.kind === 'bad') faults.push({ conf, message: answer.message })
    else note('error', 'core', `AH00547: Could not resolve host name ${answer.host} -- ignoring!`)
    return []
  }))
  const { name, sure } = localHost(hostname, hosts)
  const named = configuration.main.vector.holds(serverCore).serverName !== undefined
  if (!named && !sure && faults.length === 0) note('alert', 'core',
    `AH00558: ${program}: Could not reliably determine the server's fully qualified domain name, using ${name}. `
    + "Set the 'ServerName' directive globally to suppress this message")
  return { hosting: { addresses, localName: name }, faults }
}

/**
 * Gives every server a name: virtual hosts have the main server's unless they say their own. With no name of its own one
 * goes by the port of its address, too, in redirects and pages for clients that name none.
 */
export function nameServers({ main, virtual }: Configuration, { localName, addresses }: Hosting): void {
  for (const [index, { vector }] of virtual.entries()) {
    const port = addresses[index]?.[0]?.port ?? 0
    if (port !== 0 && vector.holds(serverCore).serverName === undefined) vector.said(serverCore).serverPort = port
  }
  for (const { vector } of [main, ...virtual])
    if (vector.holds(serverCore).serverName === undefined) vector.said(serverCore).serverName = localName
}
