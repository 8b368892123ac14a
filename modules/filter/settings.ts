/** What mod_filter's directives say: filters made of providers, and chains of them. Data only. */
import { FilterType, Settings, type Expression } from 'httpd'

/** FilterProtocol: what a filter does to a response besides its bytes. */
export interface Protocol {
  /** `no`: bytes stay as they are; `1:1`: other bytes, the same number; `yes`: other bytes, another number. */
  readonly change?: 'yes' | 'no' | '1:1'
  readonly byteranges?: false
  readonly cache?: false
  /** For responses that are passed on from another server. */
  readonly proxy?: 'no' | 'transform'
}

/** A filter that does the work if its condition holds. */
export interface Provider {
  readonly filter: string
  readonly type: number
  /** One of both: an expression, or media types without parameters. */
  readonly condition: Expression<boolean> | undefined
  readonly types: readonly string[] | undefined
  readonly protocol: Protocol
}

/** A filter by the name that FilterDeclare or FilterProvider gave it. */
export interface Declared {
  readonly name: string
  readonly type: number
  readonly providers: readonly Provider[]
  readonly protocol: Protocol
  /** 0: none, 1: what passes, 2: with the bytes. */
  readonly trace: number
}

export const filtering = new Settings('directory', {
  /** By name, lower case. */
  declared: {} as Readonly<Record<string, Declared>>,
  /** FilterChain. `fresh`: what lies outside is forgotten. */
  chain: { fresh: false, names: [] as readonly string[] },
}, {
  declared: (outer, inner) => ({ ...outer, ...inner }),
  chain: (outer, inner) => inner.fresh ? inner : { fresh: outer.fresh, names: [...outer.names, ...inner.names] },
})

export type Said = Partial<typeof filtering extends Settings<infer T> ? T : never>

export const TYPES: Readonly<Record<string, number>> = {
  RESOURCE: FilterType.resource, CONTENT_SET: FilterType.contentSet, PROTOCOL: FilterType.protocol,
  TRANSCODE: FilterType.transcode, CONNECTION: FilterType.connection, NETWORK: FilterType.network,
}

export const newFilter = (name: string, type: number = FilterType.resource): Declared =>
  ({ name, type, providers: [], protocol: {}, trace: 0 })
