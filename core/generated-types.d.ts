/*
 * Stand-ins for what configure generates, so that the sources can be checked without a build:
 * the lists behind the names #modules, #pollers and #build, and the constants that esbuild folds in.
 */
// Types are named in place: a file that imports is a module, and a module cannot declare these names.
/* eslint-disable @typescript-eslint/consistent-type-imports */
declare module '#modules' {
  /** Modules linked into the program, in load order; `core` first. */
  export const prelinked: readonly import('./server/build_info.ts').Prelinked[]
  /** Module of each directive that Apache httpd has, names in lower case. */
  export const directiveOwners: Readonly<Record<string, string>>
}

declare module '#pollers' {
  /** Ways to wait for descriptors, best first. */
  export const pollers: readonly ((calls: import('./port/poll/calls.ts').PollCalls) => import('./port/port.ts').PollProvider)[]
}

declare module '#build' {
  export const buildInfo: import('./server/build_info.ts').BuildInfo
}

/** True if some MPM of this build has threads. */
declare const MPM_THREADED: boolean
/** True if some MPM of this build waits for connections without holding a worker. */
declare const MPM_ASYNC: boolean
