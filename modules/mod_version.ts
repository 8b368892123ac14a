/*
 * mod_version: makes <IfVersion> available. The section itself is read with the other conditional
 * sections, before any module has a say; that this module is loaded is all it asks.
 */
import { ifVersionDirective, type Module } from 'httpd'

export const module = {
  name: 'version_module',
  file: 'mod_version.c',
  directives: [ifVersionDirective],
} satisfies Module
