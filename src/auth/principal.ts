export const SCOPES = ['admin', 'user', 'agent'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who is calling, taken from the API key alone. */
export interface Principal {
  readonly userId: number;
  readonly apiKeyId: string;
  readonly scopes: readonly Scope[];
}

/** An admin may do what a user may; an agent key opens nothing but agents' routes. */
export function grants(principal: Principal, required: readonly Scope[]): boolean {
  return required.some(
    (scope) => principal.scopes.includes(scope) || (scope === 'user' && principal.scopes.includes('admin')),
  );
}
