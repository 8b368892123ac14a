/*
 * What configure --version prints.
 */
import { LANGUAGE_LEVEL, VERSION } from '../core/base/version.ts'

/** The version of the product and of the configuration language it reads. */
export const versionText = (): string => `Switchyard configure ${VERSION}
builds a server for the configuration language of Apache httpd ${LANGUAGE_LEVEL}

Licensed under the Apache License, Version 2.0; there is NO WARRANTY, to the extent permitted by law.`
