/* The drivers, best first: the first that is there and can ask makes the load; DRIVER=name forces one. */
import type { Driver, Job } from '../contract.ts'
import { ab } from './ab.ts'
import { h2load } from './h2load.ts'
import { wrk } from './wrk.ts'

export const DRIVERS: readonly Driver[] = [wrk, h2load, ab]

export interface Driving { readonly driver: Driver; readonly version: string }

/** The drivers that are there. @throws Error if one is forced that is not */
export function installedDrivers(forced?: string): Driving[] {
  const there = DRIVERS.map((driver) => ({ driver, version: driver.version() }))
    .filter((one): one is Driving => one.version !== undefined)
  if (forced === undefined || forced === '') return there
  const only = there.filter(({ driver }) => driver.name === forced)
  const names = there.map(({ driver }) => driver.name).join(', ') || 'none'
  if (only.length === 0) throw new Error(`Cannot drive with "${forced}": installed are ${names}`)
  return only
}

export const driverFor = (drivers: readonly Driving[], job: Job): Driver | undefined =>
  drivers.find(({ driver }) => driver.can(job))?.driver
