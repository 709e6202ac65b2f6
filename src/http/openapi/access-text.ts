import type { Scope } from '../../auth/principal.js';

/** Who may call, for the description of an operation. An admin may do what a user may. */
export function grantsText(scopes: readonly Scope[]): string {
  const granting = scopes.includes('user') && !scopes.includes('admin') ? [...scopes, 'admin'] : scopes;
  return `Needs a key with the scope ${granting.map((scope) => `\`${scope}\``).join(' or ')}.`;
}
