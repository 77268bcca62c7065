/** Why an expression was not read. Never leaves this folder: whoever knows file and line makes an error of it. */

/**
 * `syntax`: the engine refuses the expression. `unsupported`: the engine reads it, but it is not modelled here, so no
 * other reading may be tried.
 */
export class RegexFault extends Error {
  readonly reason: 'syntax' | 'unsupported';

  constructor(reason: 'syntax' | 'unsupported', message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A fault of the expression. */
export function syntaxFault(message: string): RegexFault {
  return new RegexFault('syntax', message);
}

/** Something that is not modelled. */
export function unsupported(what: string): RegexFault {
  return new RegexFault('unsupported', `${what} is not supported`);
}
