/** Where nobody tells of changes to directories. Twin of inotify.ts. */
import { Errno, type Changes } from '../port.ts'

export const noChanges: Changes = {
  open: () => -Errno.nosys,
  attach: () => undefined,
}
