/* The servers, by name. */
import type { Server, ServerName } from '../contract.ts'
import { apache2 } from './apache2.ts'
import { bare } from './bare.ts'
import { nginx } from './nginx.ts'
import { switchyard } from './switchyard.ts'

export const SERVERS: Readonly<Record<ServerName, Server>> = { switchyard, nginx, apache2, bare }
