/**
 * What the configuration says of one server: the main server or a <VirtualHost>.
 * Filled by the walk over the directive tree; complete after `merge`.
 */
import type { Regex } from './regex.ts'
import { ConfigVector } from './settings.ts'

export interface Position {
  readonly file: string
  readonly line: number
}

export type SectionKind =
  'Directory' | 'DirectoryMatch' | 'Files' | 'FilesMatch' | 'Location' | 'LocationMatch' | 'If' | 'Limit'

/** One section that holds for some requests. */
export interface Section {
  readonly kind: SectionKind
  /** As written: path, pattern, or regular expression. */
  readonly pattern: string
  readonly at: Position
  /** What the section says. */
  readonly vector: ConfigVector
  /** For Directory: how many directories its path names, 0 for the root. */
  readonly components?: number
  /** Of a regular expression with named groups: what they match is there for the request, as MATCH_NAME. */
  readonly named?: Regex
  /** <Files> and <If> inside of it, in the order of the file. */
  readonly inner: Section[]
  /** True if the section holds for a path (Directory), a file name (Files), or a URL path (Location). */
  matches(subject: string): boolean
}

export class ServerConf {
  /** True for a <VirtualHost>. */
  readonly virtual: boolean
  readonly at: Position
  /** Arguments of <VirtualHost>; empty for the main server. */
  readonly addresses: readonly string[]
  /** Settings of scope `server`. */
  vector = new ConfigVector()
  /** Settings of scope `directory` said outside of sections. */
  defaults = new ConfigVector()
  /** Sections in the order of the file; the main server's stand first after merging. */
  sections: Section[] = []

  constructor(virtual: boolean, at: Position, addresses: readonly string[] = []) {
    this.virtual = virtual
    this.at = at
    this.addresses = addresses
  }
}
