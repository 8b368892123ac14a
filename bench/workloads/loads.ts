/*
 * The workloads that a driver makes: a row for each. The first contender is this server; targets are in ../targets.ts.
 * A workload of another kind (idle connections, time to start) has a file of its own.
 */
import type { Contender, Job, Load, ServerName } from '../contract.ts'
import { DEEP, MODIFIED, TREE, treeFiles } from './documents.ts'

const against = (...others: ServerName[]): Contender[] =>
  (['switchyard', ...others] as const).map((server) => ({ name: server, server }))

const FULL = against('nginx', 'apache2', 'bare')
const FILES = against('nginx', 'apache2')

const get = (path: string, connections = 64): Job => ({ path, connections, status: 200 })

/** As many connections as workers, so that the MPMs that hold one for each connection serve them all. */
const EQUAL = 16

export const LOADS: readonly Load[] = [
  { kind: 'load', name: 'small', asks: '1 KiB, 64 kept connections', job: get('/small.txt'), contenders: FULL },
  { kind: 'load', name: 'one', asks: '1 KiB, one kept connection', job: get('/small.txt', 1), contenders: FULL },
  { kind: 'load', name: 'many', asks: '1 KiB, 2,000 kept connections', job: get('/small.txt', 2000), contenders: FULL },
  { kind: 'load', name: 'medium', asks: '100 KiB, 64 kept connections', job: get('/medium.txt'), contenders: FILES },
  { kind: 'load', name: 'large', asks: '10 MiB, 16 kept connections', job: get('/large.txt', 16), contenders: FILES },
  { kind: 'load', name: 'new', asks: '1 KiB, a connection per request, 64 at once', job: { ...get('/small.txt'), close: true }, contenders: FILES },
  {
    kind: 'load', name: 'notmod', asks: '304 to If-Modified-Since, 64 kept connections', contenders: FILES,
    job: { ...get('/small.txt'), status: 304, headers: [`If-Modified-Since: ${MODIFIED.toUTCString()}`] },
  },
  { kind: 'load', name: 'missing', asks: '404, 64 kept connections', job: { ...get('/none.txt'), status: 404 }, contenders: FILES },
  { kind: 'load', name: 'log', asks: 'small, with an access log in combined format', job: get('/small.txt'), features: { log: true }, contenders: FILES },
  {
    kind: 'load', name: 'tree', asks: `${TREE} files of 1 KiB in turn, 64 kept connections`, contenders: FILES,
    job: { ...get(`/${treeFiles(1)[0]!}`), files: TREE },
  },
  {
    kind: 'load', name: 'tree100', asks: `what ${TREE} files cost, to 100`, job: { ...get(`/${treeFiles(1)[0]!}`), files: TREE },
    contenders: [
      { name: `${TREE} files`, server: 'switchyard' },
      { name: '100 files', server: 'switchyard', job: { files: 100 } },
    ],
  },
  {
    kind: 'load', name: 'connections', asks: 'what 2,000 and one kept connections cost, to 64', job: get('/small.txt', 2000),
    contenders: [
      { name: '2000 connections', server: 'switchyard' },
      { name: '64 connections', server: 'switchyard', job: { connections: 64 } },
      { name: '1 connection', server: 'switchyard', job: { connections: 1 } },
    ],
  },
  {
    kind: 'load', name: 'crew', asks: '1 KiB by a handler on a thread of the crew, to small', job: get('/crew'), features: { crew: true },
    contenders: [
      { name: 'crew', server: 'switchyard' },
      { name: 'small', server: 'switchyard', job: { path: '/small.txt' } },
    ],
  },
  {
    kind: 'load', name: 'htaccess', asks: '1 KiB in a tree of 5 levels, three with .htaccess', job: get(DEEP), features: { overrides: true },
    contenders: against('apache2'),
  },
  {
    kind: 'load', name: 'mpms', asks: `small, ${EQUAL} kept connections, ${EQUAL} workers`, job: get('/small.txt', EQUAL), features: { workers: EQUAL },
    // Sixteen processes each compile for themselves.
    warmUp: 10,
    contenders: [
      { name: 'event', server: 'switchyard' },
      { name: 'worker', server: 'switchyard', features: { mpm: 'worker' } },
      { name: 'prefork', server: 'switchyard', features: { mpm: 'prefork' } },
    ],
  },
]
