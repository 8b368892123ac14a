/**
 * What configure and make knew: the shape of the generated build information.
 * Paths under HTTPD_ROOT are as configured, relative ones relative to ServerRoot.
 */
import type { Module } from '../hook/module.ts'

export interface BuildInfo {
  /** The installation prefix. */
  readonly httpdRoot: string
  readonly serverConfigFile: string
  readonly defaultPidLog: string
  readonly defaultScoreboard: string
  readonly defaultErrorLog: string
  readonly typesConfigFile: string
  /** Date of the make, as `-v` shows it. */
  readonly builtOn: string
  /** Features of the platform that were found; see core/port/features.ts. */
  readonly features?: readonly string[]
  /** Directories of an installation, absolute. */
  readonly directories?: { readonly libexecdir: string }
  /** Symbols of the modules that were made loadable. */
  readonly loadableModules?: readonly string[]
  /** False if an IPv6 socket for all addresses takes no IPv4 connections. */
  readonly v4Mapped?: boolean
  /** Built with -DBIG_SECURITY_HOLE: requests may be served by root. */
  readonly bigSecurityHole?: boolean
}

/** A module that is linked into the program, as the generated list has it. */
export interface Prelinked {
  readonly symbol: string
  readonly file: string
  readonly module: Module
}
