/*
 * What the parts of the benchmark know of each other. A workload is a row that says what is asked of whom; a server
 * says how it is configured for what a workload means; a driver asks. None knows another's names but through here.
 */
import type { Metric } from './measure/metrics.ts'

/** Figures of one round, or their medians. What was not measured is not there. */
export type Figures = Readonly<Partial<Record<Metric, number>>>

export type ServerName = 'switchyard' | 'nginx' | 'apache2' | 'bare'
export type MpmName = 'event' | 'worker' | 'prefork'

/** What a workload means for a server's configuration, in no server's words. */
export interface Features {
  /** Connections at the same time, at most. */
  readonly connections: number
  /** An access log in combined format. */
  readonly log?: boolean
  /** .htaccess files hold. */
  readonly overrides?: boolean
  /** /crew is answered by a handler that may block. */
  readonly crew?: boolean
  /** /collect has the garbage collected of the thread that holds the connections. */
  readonly collect?: boolean
  /** Who waits where; event if it is not said. */
  readonly mpm?: MpmName
  /** Processes (prefork) or threads of the one process (worker, event) that run handlers. */
  readonly workers?: number
}

/** Where a server runs: everything that its configuration names. */
export interface Place {
  /** The server's own directory: configuration, logs, pid file. */
  readonly directory: string
  readonly documents: string
  /** On 127.0.0.1. */
  readonly port: number
  /** Who serves, if root starts it. */
  readonly user: { readonly name: string; readonly group: string } | undefined
  /** Where the program and its modules are. */
  readonly home: string
}

export interface Server {
  readonly name: ServerName
  /** The features that it has a configuration for. */
  readonly knows: readonly (keyof Features)[]
  /** Whole seconds that it is asked before it is measured: code is compiled, files are in memory. */
  readonly warmUp: number
  /** Its version, or undefined: it is not installed. */
  version(): string | undefined
  /** Makes the program, where that is needed, and answers its home. `directory` is kept for the whole run. */
  home(directory: string, features: Features): Promise<string>
  /** The text of its configuration. */
  configuration(place: Place, features: Features): string
  /** The words that start it in the foreground. */
  command(place: Place, configurationFile: string): readonly string[]
}

/** What is asked in one measurement. */
export interface Job {
  readonly path: string
  /** Asked for in turn instead of `path`: so many files of the tree. */
  readonly files?: number
  readonly connections: number
  readonly headers?: readonly string[]
  /** A connection for each request. */
  readonly close?: boolean
  readonly status: number
}

/** A job, and where and how long. */
export interface Order extends Job {
  readonly port: number
  /** Whole seconds. */
  readonly seconds: number
  /** A directory for the driver's own files. */
  readonly directory: string
}

/** What a driver saw. */
export interface Seen {
  readonly requests: number
  /** Of the measurement itself. */
  readonly seconds: number
  /** All bytes received, with heads; undefined where a driver does not ask as the others do. */
  readonly bytes: number | undefined
  /** Answers below 400, and from 400 up. */
  readonly good: number
  readonly bad: number
  /** How many connections, reads and writes failed, by the driver's words for it; time-outs, answers cut short. */
  readonly faults: Readonly<Record<string, number>>
  /** Microseconds. */
  readonly p50: number | undefined
  readonly p99: number | undefined
}

export interface Driver {
  readonly name: string
  version(): string | undefined
  /** True if it can ask that. */
  can(job: Job): boolean
  /** @throws Error if its output cannot be read */
  run(order: Order): Promise<Seen>
}

/** One column of a workload: a server with what is special about it there. The first is the one that targets judge. */
export interface Contender {
  readonly name: string
  readonly server: ServerName
  readonly features?: Partial<Features>
  readonly job?: Partial<Job>
}

interface Row {
  readonly name: string
  /** What is asked, in some words. */
  readonly asks: string
  readonly contenders: readonly Contender[]
}

/** A workload that a driver makes, in rounds. */
export interface Load extends Row {
  readonly kind: 'load'
  readonly job: Job
  readonly features?: Omit<Features, 'connections'>
  /** Instead of the servers' own, where that is not enough. */
  readonly warmUp?: number
}

/** A workload with a way of its own to measure. */
export interface Trial extends Row {
  readonly kind: 'trial'
  /** Seconds that it takes, about. */
  readonly takes: number
  run(lab: Lab): Promise<readonly Measured[]>
}

export type Workload = Load | Trial

/** A server that runs. */
export interface Instance {
  readonly pid: number
  readonly place: Place
  readonly configuration: string
  end(): Promise<void>
}

/** What workloads are run with. */
export interface Lab {
  readonly rounds: number
  readonly seconds: number
  /** Is gone when the run ends. */
  readonly directory: string
  readonly documents: string
  /** A server for a contender, ended with the workload at the latest; undefined: not installed, which has been noted. */
  start(contender: Contender, features: Features): Promise<Instance | undefined>
  note(text: string): void
}

/** What a contender showed in a workload. */
export interface Measured {
  readonly contender: string
  readonly configuration: string
  readonly rounds: readonly Figures[]
}

/** A workload that has been run. */
export interface Outcome {
  readonly workload: string
  readonly asks: string
  readonly measured: readonly (Measured & { readonly median: Figures })[]
  readonly notes: readonly string[]
}
