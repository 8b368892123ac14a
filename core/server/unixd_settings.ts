/** User and group that children run as (mod_unixd). In the core, because the control process starts them. */
import { Settings } from '../config/settings.ts'

export const unixd = new Settings('server', {
  /** As written. */
  userName: '#-1',
  groupName: '#-1',
  /** -1: none was named; children keep what they have. */
  userId: -1,
  groupId: -1,
  suexec: false,
})
