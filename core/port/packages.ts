/**
 * Packages that few servers need: loaded when they are first used. A build has each as one file of its own, so that
 * neither the server nor a module grows by it.
 */
/* eslint-disable @typescript-eslint/no-require-imports -- when they are needed, at once */
import type * as Ioredis from 'ioredis'
import type * as Memjs from 'memjs'

/** The client of redis. */
export const loadRedis = (): typeof Ioredis => require('ioredis') as typeof Ioredis

/** The client of memcached. */
export const loadMemcached = (): typeof Memjs => require('memjs') as typeof Memjs
