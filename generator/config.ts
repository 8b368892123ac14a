/*
 * The result of the plan: what is to be built and where it goes. Plain data, kept in build/config.json;
 * rendering, bundling and installing read nothing else.
 */
import type { Directories } from './layout.ts'

/** A module that is linked in or built as a loadable one. */
export interface BuiltModule {
  readonly name: string
  readonly symbol: string
  /** File name for IfModule and `httpd -l`. */
  readonly file: string
  /** Path from the top of the source tree. */
  readonly source: string
  /** The name under which the source exports it. */
  readonly exported: string
}

export interface LoadableModule extends BuiltModule {
  /** File name below the modules directory. */
  readonly product: string
  /** Loaded by the generated httpd.conf; else its line is commented out. */
  readonly active: boolean
}

export interface Config {
  readonly version: string
  readonly languageLevel: string
  readonly magic: number
  /** Source tree as configure was called: `.` in-tree, else a path from the build directory or an absolute one. */
  readonly srcdir: string
  readonly build: string
  readonly host: string
  readonly target: string
  readonly platform: string
  readonly layout: string
  readonly raw: Directories
  readonly paths: Directories
  readonly progname: string
  readonly port: string
  readonly sslport: string
  readonly mpms: readonly string[]
  /** Empty when --with-mpm= asked for none. */
  readonly defaultMpm: string
  readonly mpmsShared: boolean
  /** Any MPM of this build has threads, or can wait without a worker. */
  readonly threaded: boolean
  readonly async: boolean
  /** In the order of the server's list: core first. */
  readonly staticModules: readonly BuiltModule[]
  readonly loadableMpms: readonly LoadableModule[]
  readonly loadableModules: readonly LoadableModule[]
  readonly loadAll: boolean
  readonly pollers: readonly string[]
  readonly features: readonly string[]
  readonly cores: number
  /** Version of PCRE2; `no` without it. */
  readonly pcre: string
  readonly v4Mapped: boolean
  /** -DBIG_SECURITY_HOLE among CFLAGS or CPPFLAGS, as for Apache: requests may be served by root. */
  readonly bigSecurityHole: boolean
  /** Source maps, and no compression of syntax. */
  readonly debug: boolean
  /** The node that ran configure. */
  readonly node: string
  readonly arguments: readonly string[]
}
