import type { Role } from '../../../store/schema/access.ts';

export type { Role } from '../../../store/schema/access.ts';

/** Each role includes those before it. */
export const ROLES = ['viewer', 'operator', 'approver'] as const satisfies readonly Role[];

export function allows(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Authenticated sender of a request. */
export interface Identity {
  readonly name: string;
  readonly role: Role;
  readonly via: 'session' | 'token';
  /** Id of the token, or hash of the session. */
  readonly id: string;
}
